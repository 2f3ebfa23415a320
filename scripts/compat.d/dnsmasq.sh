# dnsmasq as a server: UDP with IP_PKTINFO, TCP by a process per connection; forwarding to the peer.
KIND=server
PACKAGES="dnsmasq-base bind9-dnsutils"
TRIED="3,000 names by UDP and 300 by TCP, a long answer, forwarding to a server on the peer (UDP and TCP), the cache; asleep when idle"

trial() {
	local main i text
	text=$(printf 'x%.0s' $(seq 200))
	for i in $(seq 3000); do
		echo "host-record=n$i.alpine.test,10.$((i / 250)).$((i % 250)).9" >>"$TMP/conf"
		echo "n$i.alpine.test" >>"$TMP/names"
	done
	for i in $(seq 20); do echo "txt-record=long.alpine.test,$i-$text"; done | tee -a "$TMP/conf" >"$TMP/conf.up"
	sed -i 's/long/up/' "$TMP/conf.up"
	echo "address=/www.up.test/10.9.8.7" >>"$TMP/conf.up"
	bg up peer dnsmasq --no-daemon --no-resolv --no-hosts --conf-file="$TMP/conf.up" --user=root --bind-interfaces --listen-address=$PEER
	bg dnsmasq stack dnsmasq --no-daemon --no-hosts --no-resolv --conf-file="$TMP/conf" --user=nobody --group=nogroup --server=$PEER --listen-address=$US ${BIND:-}
	main=$BG
	port_open peer $US 53
	d() { peer timeout 60 dig @$US +tries=2 +time=5 "$@"; }
	is "UDP" "$(d +short n7.alpine.test)" 10.0.7.9
	is "3,000 names by UDP" "$(d +short -f "$TMP/names" | sort -u | wc -l)" 3000
	head -n 300 "$TMP/names" >"$TMP/some"
	is "300 names by TCP" "$(d +tcp +short -f "$TMP/some" | sort -u | wc -l)" 300
	is "a long answer comes by TCP" "$(d +short +bufsize=512 TXT long.alpine.test | wc -l)" 20
	is "forwarded to the peer" "$(d +short www.up.test)" 10.9.8.7
	is "forwarded, a long one" "$(d +short +tcp TXT up.alpine.test | wc -l)" 20
	is "refused where nobody listens" "$(peer dig @$US -p 54 +tries=1 +time=1 x >/dev/null 2>&1; echo $?)" 9
	sleep 1
	asleep dnsmasq $main dnsmasq
	[ "$FAILED" = 0 ] || diag "$(tail -n 5 "$TMP/dnsmasq.log")"
}
