# curl against nginx on the peer.
KIND=client
PACKAGES="curl nginx-light dnsmasq-base"
ALPINED_ARGS="--dns 10.11.12.1"
TRIED="1 GiB down and 256 MiB up by checksum; 50 URLs over one connection; 50 in parallel; byte ranges; by name; a limited rate; refused, timed out"

trial() {
	local i
	mkdir -p "$TMP/w/root/put" "$TMP/w/root/many" "$TMP/out"
	random w/root/big 1024
	random up 256
	for i in $(seq 50); do head -c $((i * 1999)) /dev/urandom >"$TMP/w/root/many/$i"; done
	nginx_at peer $PEER "$TMP/w"
	stack curl -sS --max-time 120 -o "$TMP/got" http://$PEER/big
	same "1 GiB down" "$TMP/got" "$TMP/w/root/big"
	stack curl -sS --max-time 60 -T "$TMP/up" http://$PEER/put/up
	same "256 MiB up" "$TMP/w/root/put/up" "$TMP/up"
	is "50 URLs, one connection" "$(stack curl -sS --max-time 60 -o "$TMP/out/#1" -w '%{num_connects}\n' "http://$PEER/many/[1-50]" | awk '{ n += $1 } END { print n }')" 1
	ok "... all of them right" diff -r "$TMP/out" "$TMP/w/root/many"
	rm -f "$TMP"/out/*
	stack curl -sS --parallel --parallel-max 50 --max-time 60 -o "$TMP/out/#1" "http://$PEER/many/[1-50]"
	ok "50 in parallel" diff -r "$TMP/out" "$TMP/w/root/many"
	is "a range" "$(stack curl -sS --max-time 10 -r 1000000-1999999 http://$PEER/big | sha256sum)" \
		"$(tail -c +1000001 "$TMP/w/root/big" | head -c 1000000 | sha256sum)"
	stack curl -sS --max-time 30 --limit-rate 20M -r 0-40000000 -o "$TMP/got" -w '%{time_total}' http://$PEER/big >"$TMP/time"
	ok "a limited rate takes its time ($(cat "$TMP/time") s)" awk '{ exit !($1 > 1 && $1 < 6) }' "$TMP/time"
	bg dns peer dnsmasq --no-daemon --no-resolv --no-hosts --conf-file=/dev/null --user=root --bind-interfaces \
		--listen-address=$PEER --address=/www.alpine.test/$PEER
	wait_for 5 grep -q started "$TMP/dns.log"
	is "by name" "$(stack curl -sS --max-time 10 -o /dev/null -w '%{http_code} %{remote_ip} %{local_ip}' http://www.alpine.test/many/1)" "200 $PEER $US"
	is "refused" "$(stack curl -sS --max-time 10 http://$PEER:81/ 2>/dev/null; echo $?)" 7
	is "a silent address times out" "$(peer ip route add blackhole 192.0.2.0/24; stack curl -sS --connect-timeout 1 http://192.0.2.1/ 2>/dev/null; echo $?)" 28
}
