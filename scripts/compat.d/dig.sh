# dig (bind9-dnsutils) against dnsmasq on the peer: its event loop is libuv's.
KIND=client
PACKAGES="bind9-dnsutils dnsmasq-base"
TRIED="UDP and TCP, a reverse name, a long TXT that is cut and asked again by TCP, 200 names from a file, a server that is not there"

trial() {
	local i text
	text=$(printf 'x%.0s' $(seq 200))
	printf 'address=/www.alpine.test/%s\nptr-record=1.12.11.10.in-addr.arpa,www.alpine.test\n' $PEER >"$TMP/conf"
	for i in $(seq 1 30); do echo "txt-record=long.alpine.test,$i-$text"; done >>"$TMP/conf"
	for i in $(seq 200); do echo "address=/n$i.alpine.test/10.99.0.$i"; echo "n$i.alpine.test" >>"$TMP/names"; done >>"$TMP/conf"
	bg dns peer dnsmasq --no-daemon --no-resolv --no-hosts --conf-file="$TMP/conf" --user=root --bind-interfaces --listen-address=$PEER
	wait_for 5 grep -q started "$TMP/dns.log"
	d() { stack timeout 30 dig @$PEER +tries=1 +time=5 "$@"; }
	is "UDP" "$(d +short www.alpine.test)" $PEER
	is "TCP" "$(d +tcp +short www.alpine.test)" $PEER
	is "reverse" "$(d +short -x $PEER)" www.alpine.test.
	is "a long answer is asked again by TCP" "$(d +short +bufsize=512 TXT long.alpine.test | wc -l)" 30
	like "... and it says so" "$(d +bufsize=512 TXT long.alpine.test)" "Truncated, retrying in TCP"
	is "200 names" "$(d +short -f "$TMP/names" | sort -u | wc -l)" 200
	is "no server: 9" "$(stack timeout 30 dig @$PEER -p 54 +tries=1 +time=1 x >/dev/null 2>&1; echo $?)" 9
}
