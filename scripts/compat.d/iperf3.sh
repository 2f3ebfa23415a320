# iperf3, client and server.
KIND=client
PACKAGES="iperf3"
TRIED="TCP and UDP, both directions, as client and as server, 8 streams, --bidir, congestion control by name, small segments, zero-copy; UDP without loss at 50 Mbit/s"

json() { # json EXPRESSION about d
	$PY -c 'import json, sys
d = json.load(sys.stdin)
if d.get("error"): print(d["error"])
else: e = d["end"]; print(eval(sys.argv[1]))' "$1"
}
trial() {
	local mbps='e["sum_received"]["bits_per_second"] > 20e6 and e["sum_received"]["bytes"] > 0'
	c() { stack iperf3 -c $PEER -p 7101 -t 2 -J "$@"; }
	bg peer peer iperf3 -s -p 7101
	bg stack stack iperf3 -s -p 7101
	port_open peer $US 7101
	sleep 1
	is "TCP out" "$(c | json "$mbps")" True
	is "TCP in (-R)" "$(c -R | json "$mbps")" True
	is "both at once (--bidir)" "$(c --bidir | json "$mbps and e['sum_received_bidir_reverse']['bits_per_second'] > 20e6")" True
	is "8 streams" "$(c -P 8 | json "$mbps and len(e['streams']) == 8 and all(s['receiver']['bytes'] > 0 for s in e['streams'])")" True
	is "zero-copy (-Z)" "$(c -Z | json "$mbps")" True
	is "congestion control by name" "$(c -C reno | json "e['sender_tcp_congestion']")" reno
	is "small segments (-M 536), no delay (-N), a window (-w)" "$(c -M 536 -N -w 100K | json "e['sum_received']['bytes'] > 1e6")" True
	is "a given number of bytes (-n)" "$(stack iperf3 -c $PEER -p 7101 -n 100M -J | json "e['sum_sent']['bytes']")" 104857600
	is "UDP out, no loss at 50 Mbit/s" "$(c -u -b 50M | json "e['sum']['lost_percent'] < 1 and e['sum']['packets'] > 5000")" True
	is "UDP in, no loss at 50 Mbit/s" "$(c -u -b 50M -R | json "e['sum']['lost_percent'] < 1 and e['sum']['packets'] > 5000")" True
	is "UDP, large datagrams" "$(c -u -b 50M -l 8000 | json "e['sum']['lost_percent'] < 1 and e['sum']['packets'] > 1000")" True
	is "as server: TCP in" "$(peer iperf3 -c $US -p 7101 -t 2 -J | json "$mbps")" True
	is "as server: TCP out" "$(peer iperf3 -c $US -p 7101 -t 2 -R -J | json "$mbps")" True
	is "as server: UDP in" "$(peer iperf3 -c $US -p 7101 -t 2 -u -b 50M -J | json "e['sum']['lost_percent'] < 1")" True
	is "as server: UDP out" "$(peer iperf3 -c $US -p 7101 -t 2 -u -b 50M -R -J | json "e['sum']['lost_percent'] < 1")" True
}
