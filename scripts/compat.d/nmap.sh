# nmap: connect, SYN by raw sockets and packet capture, UDP.
KIND=client
PACKAGES="nmap nginx-light socat"
TRIED="-sT over 1,000 ports, -sS, -sU, -sV, host discovery; against open and closed ports of the peer"

trial() {
	mkdir -p "$TMP/w"
	nginx_at peer $PEER "$TMP/w"
	bg udp peer socat UDP-LISTEN:5353,bind=$PEER,fork EXEC:cat
	n() { stack timeout 100 nmap -n "$@" 2>&1; }
	like "-sT: the open port, by name" "$(n -Pn -sT -p 79-81 $PEER)" "80/tcp +open +http"
	like "-sT: 1,000 ports" "$(n -Pn -sT $PEER)" "999 closed"
	like "-sV finds nginx" "$(n -Pn -sT -sV -p 80 $PEER)" "nginx"
	like "-sS" "$(n -Pn -sS -p 79-81 --disable-arp-ping $PEER)" "80/tcp +open +http"
	like "-sU" "$(n -Pn -sU -p 5352-5353 --disable-arp-ping $PEER)" "5352/udp closed"
	like "host discovery by connecting (-sn, as a user)" "$(n -sn --unprivileged -PS80 $PEER)" "1 host up"
}
