#!/bin/bash
# alpine-sim's links do what the scenario says: loss of each kind, duplication, corruption, reordering,
# MTU, queues by packets and bytes, RED, CoDel, marks; switches; routers; traffic of each kind.
cd "$(dirname "$0")/.." || exit 1
. t/sim/env.sh
run() { # run NAME: the scenario on stdin, after two hosts
	{ printf 'host a {}\nhost b {}\n'; cat; } >"$TMP/$1.conf"
	"$SIM" -o "$TMP/$1" "$TMP/$1.conf" >"$TMP/$1.out" 2>&1 || sed 's/^/# /' "$TMP/$1.out"
	J=$TMP/$1/summary.json
}
# 1,000 datagrams a second for 10 s; ARP's few frames beside them
CBR='onoff cbr { from = a to = b protocol = udp rate = 8Mbit packet = 1000 start = 1s stop = 11s }'

run random <<END
duration = 12s
link w { ends = {a, b} delay = 1ms loss random { rate = 5% } }
$CBR
END
is "random loss: 5% of 10,000, within four deviations" "$(json "$J" '412 < line("w","a")["lost"] < 588')" True
is "what was not lost arrived" "$(json "$J" '10000 - flow("cbr")["datagrams_received"] - line("w","a")["lost"] in (0, -1, -2, -3, -4)')" True

run gilbert <<END
duration = 12s
link w { ends = {a, b} loss gilbert { to-bad = 1% to-good = 20% } reverse { loss random { rate = 0 } } }
$CBR
END
# stationary: 1 / 21 of the time bad; bursts of 5 on average
is "Gilbert-Elliott: 4.8% are lost" "$(json "$J" '330 < line("w","a")["lost"] < 640')" True
bursts=$(tshark -r "$TMP/gilbert/w.pcap" 2>/dev/null | wc -l)
is "the trace is of the line's beginning: with the lost ones" "$((bursts >= 10000))" 1

run scripted <<END
link w { ends = {a, b} rate = 10Mbit delay = 10ms loss scripted { packets = {3, 5-6} count = data } }
bulk f { from = a to = b bytes = 100kB }
END
is "scripted: the third, fifth and sixth data segment, a's" "$(json "$J" 'line("w","a")["lost"]')" 3
is "of which each comes once more" "$(json "$J" 'flow("f")["resent"]')" 3
is "and all bytes arrive" "$(json "$J" 'flow("f")["received"], flow("f")["bad_bytes"]')" "(100000, 0)"
lost=$(tshark -r "$TMP/scripted/w.pcap" -Y 'ip.src == 10.0.0.1 && tcp.len > 0' -T fields -e tcp.seq 2>/dev/null | sort | uniq -d | wc -l)
is "the trace says so too" "$lost" 3

run mangled <<END
duration = 12s
link w { ends = {a, b} delay = 1ms duplicate = 2% corrupt = 3% reorder { rate = 4% by = 5ms } }
$CBR
END
is "2% are doubled" "$(json "$J" '140 < line("w","a")["duplicated"] < 260')" True
is "3% are spoilt" "$(json "$J" '230 < line("w","a")["corrupted"] < 370')" True
is "4% are overtaken" "$(json "$J" '320 < line("w","a")["reordered"] < 490')" True
is "the spoilt ones were dropped, the doubled ones came twice" \
	"$(json "$J" 'abs(flow("cbr")["datagrams_received"] - (10000 + line("w","a")["duplicated"] - line("w","a")["corrupted"])) < 20')" True
is "the late ones are seen" "$(json "$J" 'flow("cbr")["datagrams_late"] > 300')" True

run transfer <<END
link w { ends = {a, b} rate = 50Mbit delay = 5ms jitter = 1ms loss random { rate = 0.5% } duplicate = 1% corrupt = 1% reorder { rate = 1% by = 3ms } }
bulk f { from = a to = b bytes = 3MB }
END
is "TCP over all of that: every byte, in order" "$(json "$J" 'flow("f")["received"], flow("f")["bad_bytes"], flow("f")["finished"]')" "(3000000, 0, 1)"

run jumbo <<END
link w { ends = {a, b} rate = 1Gbit delay = 1ms mtu = 9000 }
bulk f { from = a to = b bytes = 1MB }
END
is "MTU 9000: segments of 8948 bytes" "$(tshark -r "$TMP/jumbo/w.pcap" -T fields -e tcp.len 2>/dev/null | sort -n | tail -n 1)" 8948

run small <<END
link w { ends = {a, b} rate = 1Mbit delay = 1ms mtu = 576 overhead = 24 }
bulk f { from = a to = b bytes = 50kB }
END
is "MTU 576" "$(tshark -r "$TMP/small/w.pcap" -T fields -e ip.len 2>/dev/null | sort -n | tail -n 1)" 576
is "overhead counts on the line" "$(json "$J" 'line("w","a")["busy_ns"] == (line("w","a")["sent_bytes"] + 24 * line("w","a")["sent"]) * 8000')" True

# ---- queues
BULK='bulk f { from = a to = b stop = 20s }'
run bypackets <<END
link w { ends = {a, b} rate = 10Mbit delay = 10ms queue droptail { limit = 20p } }
$BULK
END
is "drop-tail by packets: never more than 20" "$(json "$J" 'line("w","a")["queue_max_packets"]')" 20
is "what is above is dropped" "$(json "$J" 'line("w","a")["tail_drops"] > 0')" True
run bybytes <<END
link w { ends = {a, b} rate = 10Mbit delay = 10ms queue droptail { limit = 30kB } }
$BULK
END
is "drop-tail by bytes" "$(json "$J" '28000 < line("w","a")["queue_max_bytes"] <= 30000')" True
run red <<END
link w { ends = {a, b} rate = 10Mbit delay = 10ms queue red { limit = 200p min = 10p max = 30p } }
$BULK
END
is "RED drops early, not at the limit" "$(json "$J" 'line("w","a")["early_drops"] > 10 and line("w","a")["tail_drops"] == 0')" True
is "RED keeps the average between min and max" "$(json "$J" '5 < line("w","a")["wait_sum_ns"] / line("w","a")["sent"] / 1211200 < 30')" True
run codel <<END
link w { ends = {a, b} rate = 10Mbit delay = 10ms queue codel { limit = 1000p } }
bulk f { from = a to = b stop = 20s }
bulk g { from = a to = b stop = 20s }
END
is "CoDel drops" "$(json "$J" 'line("w","a")["early_drops"] > 20 and line("w","a")["tail_drops"] == 0')" True
is "CoDel: a frame waits 5 ms or a little more" "$(json "$J" '2e6 < line("w","a")["wait_sum_ns"] / line("w","a")["sent"] < 12e6')" True
for q in red codel; do
	run ecn-$q <<END
sysctl = {"net.inet.tcp.ecn.enable=1"}
link w { ends = {a, b} rate = 10Mbit delay = 10ms queue $q { limit = 200p ecn = yes } }
$BULK
END
	is "$q marks instead" "$(json "$J" 'line("w","a")["marks"] > 5 and line("w","a")["early_drops"] == 0 and flow("f")["resent"] == 0')" True
	is "$q: congestion experienced, with a good IP sum" \
		"$(tshark -r "$TMP/ecn-$q/w.pcap" -o ip.check_checksum:TRUE -Y 'ip.dsfield.ecn == 3 && ip.checksum.status == 1' 2>/dev/null | wc -l)" \
		"$(json "$J" 'line("w","a")["marks"]')"
done

# ---- switches and routers
cat >"$TMP/lan.conf" <<'END'
duration = 20s
host h { count = 5 }
lan l { ends = {h} rate = 10Mbit delay = 2ms queue droptail { limit = 50p } }
bulk one { from = h1 to = h5 }
bulk two { from = h2 to = h5 }
onoff far { from = h3 to = h4 protocol = udp rate = 800kbit packet = 1000 start = 2s stop = 12s }
END
"$SIM" -o "$TMP/lan" "$TMP/lan.conf" >/dev/null
J=$TMP/lan/summary.json
is "a switch: two senders share the cable to the third" "$(json "$J" '8.5e6 < flow("one")["goodput_bps"] + flow("two")["goodput_bps"] < 10e6')" True
is "the others' cables are their own" "$(json "$J" 'flow("far")["datagrams_received"], flow("far")["datagrams_late"]')" "(1000, 0)"
# 1042 bytes over two cables of 10 Mbit/s, 2 ms in all
is "the way over a switch" "$(json "$J" 'flow("far")["p50_ns"]')" 3667200

cat >"$TMP/chain.conf" <<'END'
host a {}
host b {}
router r { count = 3 }
link x { ends = {a, r1} delay = 1ms mtu = 1500 }
link y { ends = {r1, r2} delay = 1ms mtu = 1000 }
link z { ends = {r2, r3} delay = 1ms mtu = 1500 }
link u { ends = {r3, b} delay = 1ms }
bulk f { from = a to = b bytes = 200kB start = 1s }
END
"$SIM" -o "$TMP/chain" "$TMP/chain.conf" >/dev/null
J=$TMP/chain/summary.json
is "over three routers" "$(json "$J" 'flow("f")["received"], flow("f")["finished"]')" "(200000, 1)"
is "each takes a hop" "$(tshark -r "$TMP/chain/u.pcap" -Y 'tcp && ip.dst == 10.0.0.14' -T fields -e ip.ttl 2>/dev/null | sort -u)" 61
is "one tells its MTU" "$(tshark -r "$TMP/chain/x.pcap" -Y 'icmp.type == 3 && icmp.code == 4' -T fields -e icmp.mtu 2>/dev/null | sort -u)" 1000
is "and the segments fit" "$(tshark -r "$TMP/chain/u.pcap" -Y 'tcp' -T fields -e ip.len 2>/dev/null | sort -n | tail -n 1)" 1000

cat >"$TMP/deaf.conf" <<'END'
duration = 12s
host a {}
host b {}
router r {}
link x { ends = {a, r} delay = 1ms }
link y { ends = {r, b} delay = 1ms loss random { rate = 1 } }
bulk f { from = a to = b bytes = 1kB start = 1s }
END
"$SIM" -o "$TMP/deaf" "$TMP/deaf.conf" >/dev/null
is "a neighbour that does not answer: the router says host unreachable" \
	"$(tshark -r "$TMP/deaf/x.pcap" -Y 'icmp.type == 3 && icmp.code == 1 && ip.dst == 10.0.0.1 && frame.time_relative < 7' 2>/dev/null | wc -l | awk '{print ($1 > 1)}')" 1

# ---- traffic
run traffic <<'END'
duration = 60s
link w { ends = {a, b} rate = 100Mbit delay = 5ms }
request r { from = a to = b request = 100 response = 5000 count = 50 think = 10ms cc = newreno sockopt = {"TCP_NODELAY=1"} }
request again { from = a to = b request = 100 response = 5000 count = 20 reconnect = yes }
short s { from = a to = b arrivals = 10/s size = 1kB-20kB count = 200 }
onoff o { from = a to = b rate = 1Mbit on = 1s off = 1s packet = 500 stop = 40s }
bulk late { from = b to = a bytes = 1MB start = 30s stop = 59s }
END
is "50 exchanges of 5,000 bytes" "$(json "$J" 'flow("r")["latencies"], flow("r")["received"], flow("r")["connections"]')" "(50, 250000, 1)"
is "each takes a round trip and its bytes' time" "$(json "$J" '10e6 < flow("r")["p50_ns"] < 13e6')" True
is "the algorithm that was asked for" "$(json "$J" 'flow("r")["cc"], flow("late")["cc"]')" "('newreno', 'cubic')"
is "a connection each" "$(json "$J" 'flow("again")["latencies"], flow("again")["connections"]')" "(20, 20)"
is "arrivals: 200 connections, all finished" "$(json "$J" 'flow("s")["connections"], flow("s")["finished"], flow("s")["latencies"]')" "(200, 200, 200)"
is "in about 20 seconds (Poisson)" "$(json "$J" '14e9 < flow("s")["last_ns"] < 28e9')" True
is "on and off: 20 seconds of 1 Mbit/s" "$(json "$J" '2.45e6 < flow("o")["received"] < 2.55e6')" True
is "it began when it should" "$(json "$J" 'flow("late")["first_ns"]')" 30000000000
is "a log for each" "$(cd "$TMP/traffic" && ls -- *.csv | tr '\n' ' ')" \
	"again.csv again.transfers.csv late.csv late.transfers.csv o.csv o.transfers.csv r.csv r.transfers.csv s.transfers.csv "
is "a line for each transfer" "$(wc -l <"$TMP/traffic/s.transfers.csv")" 201
like "samples" "$(sed -n 2p "$TMP/traffic/r.csv")" '^0\.100000000,1,ESTABLISHED,newreno,'
finish
