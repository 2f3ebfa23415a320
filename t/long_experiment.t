#!/bin/bash
# The whole of scripts/experiments/accelerated-receiver, in the lab and in alpine-sim: its pictures
# and who gains in it. Needs gnuplot, which the script installs.
cd "$(dirname "$0")/.." || exit 1
[ "$(id -u)" = 0 ] || { echo "1..0 # SKIP needs root"; exit 0; }
TMP=$(mktemp -d)
trap 'rm -rf "$TMP"' EXIT
N=0 BAD=0
ok() {
	N=$((N + 1))
	if "${@:2}"; then echo "ok $N - $1"; else echo "not ok $N - $1"; sed 's/^/# /' "$TMP/out"; BAD=1; fi
}
less() { awk -v a="$(of "$1")" -v b="$(of "$2")" -v f="$3" 'BEGIN {exit !(a > 0 && b > 0 && a < b * f)}'; }
of() { awk -v t="$1" 'index($0, t) == 1 {print $(NF - 1)}' "$TMP/out"; }
timeout 280 scripts/experiments/accelerated-receiver all -o "$TMP/x" >"$TMP/out" 2>&1
ok "it runs" [ $? = 0 ]
for p in lab sim sim-windows; do ok "$p.png" test -s "$TMP/x/$p.png"; done
ok "a Linux sender: ours is as fast as Linux" less "ours, by the rules" "Linux receives" 1.2
ok "optimistic ACKs gain" less "ours, optimistic" "ours, by the rules" 0.97
ok "division does not" less "ours, by the rules" "ours, division" 1.1
ok "a sender of 1999 is fooled" less "a sender of 1999, division" "a sender of 1999, receiver" 0.7
ok "ours is not" less "newreno, receiver" "newreno, division" 1.01
echo "1..$N"
exit $BAD
