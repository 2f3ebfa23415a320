#!/bin/bash
# alpine-sim --trace functions: the way of a packet through the stack.
cd "$(dirname "$0")/.." || exit 1
. t/sim/env.sh
[ "$(uname -m)" = x86_64 ] || { echo "1..0 # SKIP the stub is for x86-64"; exit 0; }
cat >"$TMP/r.conf" <<'END'
host a {}
host b {}
link w { ends = {a, b} rate = 10Mbit delay = 5ms }
request r { from = a to = b request = 200 response = 300 count = 1 start = 3s port = 80 }
END
"$SIM" -o "$TMP" "$TMP/r.conf" >"$TMP/plain" || exit 1
out=$("$SIM" --trace functions --replay "$TMP/w.pcap" --host 10.0.0.2/30 --listen 80)
# the SYN's block: from its line to the next packet's
syn=$(awk '/^ *[0-9]+ .* tcp S seq/ {on = 1; print; next} /^ *([0-9]+|-) [0-9]+\./ {on = 0} on' <<<"$out")
like "from the wire up" "$(grep -n . <<<"$syn" | sed -n 2p)" '^2: {9}ether_input$'
depth() { awk -v f="$1" '{t = $0; sub(/^ +/, "", t); if (t == f) {match($0, /^ +/); print RLENGTH; exit}}' <<<"$syn"; }
is "ip_input is called below ether_input" "$(($(depth ip_input) > $(depth ether_input)))" 1
is "tcp_input below ip_input" "$(($(depth tcp_input) > $(depth ip_input)))" 1
is "ip_output below tcp_input: the answer" "$(($(depth ip_output) > $(depth tcp_input)))" 1
is "each step deeper by two" "$(($(depth ether_demux) - $(depth ether_input)))" 2
like "the answer stands where it was sent" "$(grep -B3 ' out ' <<<"$syn")" 'ether_output|arpresolve'
is "helpers are left out" "$(grep -cE '^ +(m_|in_cksum|mb_)' <<<"$out")" 0
out=$("$SIM" --trace 'functions=ip_*,m_pullup' --replay "$TMP/w.pcap" --host 10.0.0.2/30 --listen 80 | grep -E '^ {9} *[a-z_]+$')
is "a list of one's own" "$(grep -vcE '^ +(ip_[a-z_]+|m_pullup)$' <<<"$out") $(($(grep -c ip_input <<<"$out") > 3))" "0 1"
out=$("$SIM" --trace functions=tcp_usr_connect,ip_input "$TMP/r.conf")
like "in a scenario: when, and whose stack" "$out" '^ +3\.000000000 a +tcp_usr_connect$'
like "the other's, too" "$out" '^ +3\.0[0-9]+ b +ip_input$'
is "and the same summary" "$(grep '^r  ' <<<"$out")" "$(grep '^r  ' "$TMP/plain")"
like "no such function" "$("$SIM" --trace functions=no_such "$TMP/r.conf" 2>&1)" 'no_such: no function of the stack is named so'
like "no such trace" "$("$SIM" --trace packets "$TMP/r.conf" 2>&1)" 'expected functions'
finish
