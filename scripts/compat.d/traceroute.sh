# traceroute: UDP with the error queue, ICMP by raw or ping socket, TCP by raw socket.
KIND=client
PACKAGES="traceroute iproute2"
TRIED="UDP, ICMP (-I), TCP (-T) over a router of two hops; to the peer itself"

trial() {
	# the peer is a router to a host behind it, 10.99.0.2
	peer sh -c 'sysctl -qw net.ipv4.ip_forward=1 net.ipv4.icmp_ratelimit=0 && ip link add far0 type veth peer name far1 && ip addr add 10.99.0.1/24 dev far0 && ip link set far0 up' ||
		diag "no second network"
	peer unshare --net sh -c 'echo $$ >'"$TMP/far.pid"'; sleep 600' &
	wait_for 5 test -s "$TMP/far.pid"
	peer ip link set far1 netns "$(cat "$TMP/far.pid")"
	nsenter -t "$(cat "$TMP/far.pid")" --net sh -c 'echo 0 >/proc/sys/net/ipv4/icmp_ratelimit; ip link set lo up; ip addr add 10.99.0.2/24 dev far1; ip link set far1 up; ip route add default via 10.99.0.1'
	t() { stack timeout 60 traceroute -n -w 2 -q 2 "$@" 2>&1; }
	hops() { grep -E '^ *[0-9]+ ' | awk '{ printf "%s ", $2 }'; }
	is "UDP: router, host" "$(t 10.99.0.2 | hops)" "$PEER 10.99.0.2 "
	is "ICMP: router, host" "$(t -I 10.99.0.2 | hops)" "$PEER 10.99.0.2 "
	is "TCP: router, host" "$(t -T -p 80 10.99.0.2 | hops)" "$PEER 10.99.0.2 "
	is "UDP to one port (-U)" "$(t -U -p 53 10.99.0.2 | hops)" "$PEER 10.99.0.2 "
	is "the peer itself" "$(t $PEER | hops)" "$PEER "
}
