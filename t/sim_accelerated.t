#!/bin/bash
# The experiment of scripts/experiments/accelerated-receiver, its half in alpine-sim: cheating
# receivers gain nothing from a sender that counts bytes, and much from one of 1999.
cd "$(dirname "$0")/.." || exit 1
. t/sim/env.sh
D=scripts/experiments/accelerated-receiver.d
ok "accel.c compiles" scripts/module $D/accel.c "$TMP/accel.so"
ok "reno1999.c compiles" scripts/module $D/reno1999.c "$TMP/reno1999.so"
is "the example is under 100 lines" "$([ "$(wc -l <$D/accel.c)" -lt 100 ] && echo yes)" yes
took() { # took ARGS [SERVER]: milliseconds of the download
	sed "s|@ACCEL@|$TMP/accel.so|; s|@ARGS@|$1|; s|@SERVER@|${2:-}|; s|@SYSCTL@||" $D/line.conf >"$TMP/x.conf"
	"$SIM" --json "$TMP/x.conf" >"$TMP/x.json" || { cat "$TMP/x.json" >&2; echo 0; return; }
	json "$TMP/x.json" '(flow("download")["received"] == 1000000) * round(flow("download")["last_ns"] / 1e6)'
}
less() { # less NAME A B
	is "$1 ($2 ms, $3 ms)" "$([ "$2" -gt 0 ] && [ "$2" -lt "$3" ] && echo less)" less
}
honest=$(took "") division=$(took division=20) dupacks=$(took dupacks=3) optimistic=$(took optimistic=1000000)
old=$(took "" "module = $TMP/reno1999.so") fooled=$(took division=20 "module = $TMP/reno1999.so")
less "ACK division gains nothing" $((honest - 20)) "$division"
less "spoofed duplicates gain nothing" $((honest - 20)) "$dupacks"
less "optimistic ACKs do: no counting helps" "$optimistic" $((honest - 100))
less "a sender of 1999 is fooled by division" "$fooled" $((old * 2 / 3))
finish
