# mtr: its packets are sent by a helper process, over pipes.
KIND=client
PACKAGES="mtr-tiny"
TRIED="report of 5 rounds by ICMP, UDP and TCP to the peer"

trial() {
	m() { stack timeout 60 mtr -n -r -c 5 -i 0.3 "$@" 2>&1; }
	like "ICMP" "$(m $PEER)" "1\.\|-- $PEER +0\.0% +5"
	like "UDP" "$(m -u $PEER)" "1\.\|-- $PEER +0\.0% +5"
	like "TCP" "$(m -T -P 80 $PEER)" "1\.\|-- $PEER +0\.0% +5"
}
