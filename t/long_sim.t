#!/bin/bash
# alpine-sim, what takes longer: valgrind's instruction counts repeat exactly; all examples whole; 1,000 hosts
# for 10 seconds in a bounded amount of memory.
cd "$(dirname "$0")/.." || exit 1
. t/sim/env.sh
count() { # count OPTION...: instructions
	valgrind --tool=callgrind --callgrind-out-file=/dev/null "$SIM" --callgrind-friendly "$@" 2>&1 | sed -n 's/.*Collected : //p'
}
if ! command -v valgrind >/dev/null; then skip "instruction counts" "no valgrind"
elif [ "$B" != build ]; then skip "instruction counts" "valgrind and ASan do not go together"
else
	a=$(count $EX/two-hosts.conf)
	is "the same number of instructions: a scenario" "$(count $EX/two-hosts.conf)" "${a:-none}"
	"$SIM" -o "$TMP" --duration 3s $EX/gilbert-elliott.conf >/dev/null
	a=$(count --replay "$TMP/radio.pcap" --host 10.0.0.2/30 -w "$TMP/o.pcap" -q)
	is "and a replay" "$(count --replay "$TMP/radio.pcap" --host 10.0.0.2/30 -w "$TMP/o.pcap" -q)" "${a:-none}"
fi
for f in $EX/*.conf; do
	case $f:$B in *thousand*:build-sanitize) continue ;; esac
	ok "$f, whole" "$SIM" -o "$TMP/out" --no-pcap "$f"
done
if other=$(other_build); then
	for e in "dumbbell 6s" "gilbert-elliott 20s" "codel 15s" "office 4s" "parking-lot 10s" "lossy-gigabit 4s"; do
		set -- $e
		rm -rf "$TMP/one" "$TMP/two"
		"$SIM" --snaplen 100 --duration "$2" -o "$TMP/one" "$EX/$1.conf" >/dev/null
		"$other/bin/alpine-sim" --snaplen 100 --duration "$2" -o "$TMP/two" "$EX/$1.conf" >/dev/null
		ok "$1: the same traces, logs and summary in $other" diff -rq "$TMP/one" "$TMP/two"
	done
else
	skip "the same in the other build" "it is not there, or older than the sources"
fi
if [ "$B" = build ]; then
	out=$("$SIM" $EX/thousand-hosts.conf | tail -n 1)
	kb=$(sed -n 's/.* \([0-9]*\) kB of memory.*/\1/p' <<<"$out")
	is "1,000 hosts with 500 flows take less than 500 MB" "$((${kb:-999999} < 500000))" 1
	out=$("$SIM" --duration 1ms $EX/thousand-hosts.conf | tail -n 1)
	kb=$(sed -n 's/.* \([0-9]*\) kB of memory.*/\1/p' <<<"$out")
	is "a host that does nothing takes less than 64 kB" "$((${kb:-999999} < 64000))" 1
fi
finish
