#!/bin/bash
# alpine-sim: a scenario runs, says what it did, and is the same each time and in each build.
cd "$(dirname "$0")/.." || exit 1
. t/sim/env.sh

# ---- two hosts and a line
ok "two hosts" "$SIM" -o "$TMP/a" $EX/two-hosts.conf
ok "and again" "$SIM" -o "$TMP/b" $EX/two-hosts.conf
ok "the same bytes on the line" cmp "$TMP/a/wire.pcap" "$TMP/b/wire.pcap"
ok "the same log" cmp "$TMP/a/upload.csv" "$TMP/b/upload.csv"
ok "the same summary" cmp "$TMP/a/summary.json" "$TMP/b/summary.json"
ok "another seed runs" "$SIM" --seed 2 -o "$TMP/c" $EX/two-hosts.conf
is "another seed, another line" "$(cmp -s "$TMP/a/wire.pcap" "$TMP/c/wire.pcap"; echo $?)" 1
S=$TMP/a/summary.json
is "all bytes arrived" "$(json "$S" 'flow("upload")["received"]')" 10000000
is "none of them wrong" "$(json "$S" 'flow("upload")["bad_bytes"]')" 0
is "the flow ended" "$(json "$S" 'flow("upload")["finished"]')" 1
is "no faster than the line" "$(json "$S" '60e6 < flow("upload")["goodput_bps"] < 100e6')" True
is "the pcap has what the line sent" "$(json "$S" 'line("wire","a")["sent"] + line("wire","b")["sent"]')" \
	"$(tcpdump -nr "$TMP/a/wire.pcap" 2>/dev/null | wc -l)"
like "text says it too" "$("$SIM" $EX/two-hosts.conf)" '^upload +cubic +10.00 MB'
like "JSON on request" "$("$SIM" --json $EX/two-hosts.conf)" '"name": "upload"'
if other=$(other_build); then
	ok "the other build" "$other/bin/alpine-sim" -o "$TMP/o" $EX/two-hosts.conf
	ok "the same bytes as in $other" cmp "$TMP/a/wire.pcap" "$TMP/o/wire.pcap"
else
	skip "the same bytes in the other build" "it is not there, or older than the sources"
fi

# ---- the line is what was asked for
cat >"$TMP/line.conf" <<'END'
duration = 10s
host a {}
host b {}
link w { ends = {a, b} rate = 8Mbit delay = 50ms }
onoff cbr { from = a to = b protocol = udp rate = 1Mbit packet = 1000 start = 1s stop = 9s }
END
ok "datagrams at a constant rate" "$SIM" -o "$TMP/line" "$TMP/line.conf"
S=$TMP/line/summary.json
is "as many as the rate says" "$(json "$S" 'flow("cbr")["datagrams_sent"]')" 1000
is "all arrive" "$(json "$S" 'flow("cbr")["datagrams_received"]')" 1000
# 1042 bytes at 8 Mbit/s take 1.042 ms; the first waits for ARP
is "delay and sending time" "$(json "$S" 'flow("cbr")["p50_ns"]')" 51042000

# ---- a module in a host
ok "a module compiles" ${CC:-cc} $(make -s print-module-cflags) -shared t/sim/testmod/count.c -o "$TMP/count.so"
cat >"$TMP/module.conf" <<'END'
host a {}
host b { module = "count.so" module-args = "100" }
link w { ends = {a, b} rate = 10Mbit delay = 5ms }
bulk f { from = a to = b bytes = 2MB }
END
ok "a module runs in its host" "$SIM" --json "$TMP/module.conf"
"$SIM" --json "$TMP/module.conf" >"$TMP/module.json"
is "it drops every hundredth segment, which are sent again" "$(json "$TMP/module.json" 'flow("f")["resent"] >= 13')" True
sed -i 's/"100"/"0"/' "$TMP/module.conf"
like "a module that refuses" "$("$SIM" "$TMP/module.conf" 2>&1)" "module.conf:2: module = count.so on b: .* failed: invalid value"
finish
