# hping3: raw sockets out, packet capture in.
KIND=client
PACKAGES="hping3 nginx-light"
TRIED="SYN to an open and to a closed port, ICMP, UDP, a flood of 200"

trial() {
	mkdir -p "$TMP/w"
	nginx_at peer $PEER "$TMP/w"
	h() { stack timeout 30 hping3 -n "$@" 2>&1; }
	like "SYN, an open port" "$(h -S -c 3 -i u100000 -p 80 $PEER)" "flags=SA"
	like "SYN, a closed port" "$(h -S -c 3 -i u100000 -p 81 $PEER)" "flags=RA"
	like "ICMP" "$(h -1 -c 3 -i u100000 $PEER)" "3 packets received"
	like "UDP, a closed port" "$(h -2 -c 3 -i u100000 -p 81 $PEER)" "ICMP Port Unreachable"
	like "200 at 1,000 a second" "$(h -S -c 200 -i u1000 -p 80 -q $PEER)" "200 packets received"
}
