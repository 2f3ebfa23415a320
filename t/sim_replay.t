#!/bin/bash
# alpine-sim --replay: a trace of a conversation, made by a scenario, handed to a fresh stack.
cd "$(dirname "$0")/.." || exit 1
. t/sim/env.sh
[ -x /usr/bin/python3 ] || { echo "1..0 # SKIP no python3"; exit 0; }
cat >"$TMP/r.conf" <<'END'
host a {}
host b {}
link w { ends = {a, b} rate = 10Mbit delay = 5ms loss scripted { packets = {9} } }
request r { from = a to = b request = 200 response = 3000 count = 3 think = 50ms start = 3s port = 80 }
END
"$SIM" -o "$TMP" "$TMP/r.conf" >/dev/null || exit 1
T=$TMP/w.pcap
replay() { # replay TRACE OPTION...: what it said
	local trace=$1
	shift
	"$SIM" --replay "$trace" --host 10.0.0.2/30 "$@"
}
totals() { tail -n 20 <<<"$1" | grep ' packets ('; }

# ---- the host that answered, again, with other numbers of its own
out=$(replay "$T" --listen 80 --seed 7 -w "$TMP/o.pcap")
like "no packet is dropped but the others' ARP" "$(grep -c '^         dropped ' <<<"$out") $(grep '^  ' <<<"$out" | tail -n 1)" '^[0-9]+ .*arpstat.notforus$'
like "the peer's numbers fit" "$(totals "$out")" ' 1[0-9] with numbers rewritten'
is "the handshake completes" "$(grep -c tcps_sc_completed <<<"$out")" 1
is "the program writes what it wrote" "$(tshark -r "$TMP/o.pcap" -T fields -e tcp.len 2>/dev/null | awk '{s += $1} END {print (s >= 9000)}')" 1
is "the loss in the trace is repaired" "$(grep -c tcps_sack_recovery_episode <<<"$out")" 1
is "both sides close" "$(grep -c tcps_closed <<<"$out")" 1
is "nothing was left over" "$(grep -c 'tcps_rexmttimeo\|tcps_rcvacktoomuch' <<<"$out")" 0
replay "$T" --listen 80 --seed 7 -w "$TMP/o2.pcap" >"$TMP/out2"
is "the same again: what it says" "$(cmp "$TMP/out2" - <<<"$out" 2>&1)" ""
ok "the same again: what it sends" cmp "$TMP/o.pcap" "$TMP/o2.pcap"
if other=$(other_build); then
	SIM=$other/bin/alpine-sim replay "$T" --listen 80 --seed 7 -w "$TMP/o3.pcap" >"$TMP/out3"
	ok "the same in $other" cmp "$TMP/o.pcap" "$TMP/o3.pcap"
else
	skip "the same in the other build" "it is not there, or older than the sources"
fi
like "time is the trace's" "$(tshark -r "$TMP/o.pcap" -T fields -e frame.time_epoch -Y 'tcp.flags.syn == 1' 2>/dev/null | head -n 1)" \
	"$(tshark -r "$T" -T fields -e frame.time_epoch -Y 'tcp.flags == 0x2' 2>/dev/null | head -n 1 | cut -c1-13)"

# ---- otherwise
out=$(replay "$T" --listen 80 --no-rewrite)
like "without rewriting, the acknowledgments are strange" "$out" 'dropped  tcps_sc_badack'
out=$(replay "$T")
like "nobody listens: refused" "$out" 'dropped  tcps_noport'
like "with a reset" "$out" 'out .* tcp R'
out=$(replay "$T" --sysctl net.inet.tcp.blackhole=2)
is "a sysctl: and without one" "$(grep -c 'out .* tcp R' <<<"$out")" 0
n=$(t/sim/mktrace.py "$T" badsum "$TMP/bad.pcap")
out=$(replay "$TMP/bad.pcap" --listen 80)
like "a wrong sum: the counter beside the packet" "$(grep -A1 "^ *$n " <<<"$out")" 'dropped  tcps_rcvbadsum'
is "with --quiet only that is told" "$(replay "$TMP/bad.pcap" --listen 80 -q | grep -c tcps_rcvbadsum)" 2
replay "$T" --listen 80 --with-input -w "$TMP/both.pcap" >/dev/null
is "--with-input: what came in is in the output too" \
	"$(tshark -r "$TMP/both.pcap" -Y 'ip.src == 10.0.0.1' 2>/dev/null | wc -l)" \
	"$(tshark -r "$T" -Y 'ip.src == 10.0.0.1' 2>/dev/null | wc -l)"

# ---- other files, other links
want=$(replay "$T" --listen 80 | grep -c ' out .* tcp ')
for form in usec late swapped pcapng raw sll sll2 null loop; do
	t/sim/mktrace.py "$T" $form "$TMP/$form.pcap"
	is "$form: the same conversation" "$(replay "$TMP/$form.pcap" --listen 80 | grep -c ' out .* tcp ')" "$want"
done

# ---- what is wrong
t/sim/mktrace.py "$T" cut "$TMP/cut.pcap"
out=$(replay "$TMP/cut.pcap" --listen 80 2>"$TMP/err")
is "a truncated trace: not 0" "$?" 1
like "all up to there was handed in" "$(totals "$out")" '^[0-9]+ packets'
like "and the reason is told" "$(cat "$TMP/err")" 'cut.pcap: after packet [0-9]+: truncated dump file'
t/sim/mktrace.py "$T" years "$TMP/years.pcap"
out=$(replay "$TMP/years.pcap" --listen 80 2>&1)
is "a stamp that cannot be: 2" "$?" 2
like "which packet, and what was expected" "$out" 'years.pcap: packet 3 comes 14[0-9]{3} days after the first; expected 3650 at most'
like "no trace" "$(replay /etc/passwd 2>&1)" '/etc/passwd: .*expected a pcap or pcapng file'
like "no file" "$(replay "$TMP/none" 2>&1)" 'No such file'
like "an address that is not in it" "$("$SIM" --replay "$T" --host 192.0.2.1 2>&1)" 'no packet is for 192.0.2.1: is --host right'
for bad in "--host 10.0.0" "--host 10.0.0.1/33" "--host 10.0.0.2 --listen 0" "--host 10.0.0.2 --listen http" \
	"--host 10.0.0.2 --sysctl no.such=1" "--host 10.0.0.2 --after soon" ""; do
	out=$("$SIM" --replay "$T" $bad 2>&1)
	is "'$bad': 2" "$?" 2
	like "'$bad': what was expected" "$out" 'expected|no such name'
done
finish
