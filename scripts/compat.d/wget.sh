# wget against nginx on the peer.
KIND=client
PACKAGES="wget nginx-light"
TRIED="256 MiB by checksum; a tree of 60 files (-r); going on where a download broke off (-c); a missing page, refused"

trial() {
	local i
	mkdir -p "$TMP/w/root/tree"
	random w/root/big 256
	for i in $(seq 60); do head -c $((i * 999)) /dev/urandom >"$TMP/w/root/tree/$i"; done
	nginx_at peer $PEER "$TMP/w"
	stack wget -q -T 30 -t 1 -O "$TMP/got" http://$PEER/big
	same "256 MiB" "$TMP/got" "$TMP/w/root/big"
	stack wget -q -T 30 -t 1 -r -np -nH -R 'index.html*' -P "$TMP/copy" http://$PEER/tree/
	ok "a tree of 60 files" diff -r "$TMP/copy/tree" "$TMP/w/root/tree"
	truncate -s 100000001 "$TMP/got"
	stack wget -q -T 30 -t 1 -c -O "$TMP/got" http://$PEER/big
	same "-c goes on at byte 100,000,001" "$TMP/got" "$TMP/w/root/big"
	is "a missing page" "$(stack wget -q -T 10 -t 1 -O /dev/null http://$PEER/none; echo $?)" 8
	is "refused" "$(stack wget -q -T 10 -t 1 -O /dev/null http://$PEER:81/; echo $?)" 4
}
