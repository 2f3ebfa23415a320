# ping (iputils), by raw socket as root and by ping socket as an ordinary user.
KIND=client
PACKAGES="iputils-ping"
TRIED="as root and as an ordinary user; 1,000 by flood; 20,000 bytes; too large for -M do; record route, timestamps; a burst; a host that is not there"

trial() {
	p() { stack timeout 30 ping "$@"; }
	like "root" "$(p -c 3 -i 0.2 $PEER)" "3 packets transmitted, 3 received, 0% packet loss"
	like "its replies say who and when" "$(p -c 1 $PEER)" "64 bytes from $PEER: icmp_seq=1 ttl=64 time=[0-9.]+ ms"
	like "a flood of 1,000" "$(p -q -f -c 1000 $PEER)" "1000 packets transmitted, 1000 received"
	like "20,000 bytes" "$(p -c 2 -i 0.2 -s 20000 $PEER)" "20008 bytes from $PEER.*"
	like "too large for a -M do" "$(p -c 1 -W 1 -M do -s 3000 $PEER 2>&1)" "[Mm]essage too long|Frag needed"
	like "not there" "$(p -c 1 -W 5 10.11.12.99 2>&1)" "Destination Host Unreachable|Host is down|100% packet loss"
	like "record route" "$(p -c 1 -R $PEER)" "RR:"
	like "IP timestamps" "$(p -c 1 -T tsonly $PEER)" "TS:"
	like "a fast burst (-l)" "$(p -q -c 20 -l 20 -i 0.01 $PEER)" "20 received"
	like "127.0.0.1" "$(p -c 2 -i 0.2 127.0.0.1)" "2 received"
	like "an ordinary user" "$(stack timeout 30 setpriv --reuid 65534 --regid 65534 --clear-groups --inh-caps=-all --bounding-set=-all ping -c 3 -i 0.2 $PEER 2>&1)" "3 received"
}
