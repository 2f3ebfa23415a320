#!/bin/bash
# alpined --debug-clock: stopped for five seconds in the middle of a transfer, with a connection that
# keeps itself alive beside it, no timer fires for the time of the stop; without the option they do.
#
#   peer 10.11.12.1 ---- switch (10 Mbit/s to the peer) ---- machine, alpined 10.11.12.13
. "$(dirname "$0")/lib/lab.sh"
need python3 tc
[ "$ALPINE_BUILD" = "$TOP/build" ] || skip_all "it is about time: with the plain build only"
PY=/usr/bin/python3

cat >"$TMP/peer.py" <<'PYEOF'
import socket, threading
s = socket.create_server(("10.11.12.1", 5000))
def take(c):
    while c.recv(65536):
        pass
while True:
    c, _ = s.accept()
    threading.Thread(target=take, args=(c,), daemon=True).start()
PYEOF
cat >"$TMP/busy.py" <<'PYEOF'
import socket
idle = socket.create_connection(("10.11.12.1", 5000))
idle.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
s = socket.create_connection(("10.11.12.1", 5000))
print("up", flush=True)
while True:
    s.sendall(bytes(65536))
PYEOF

counter() { # counter TEXT: of netstat -s, 0 if there is no such line
	ctl netstat -s -p tcp | awk -v t="$1" 'index($0, t) {print $1; n = 1; exit} END {if (!n) print 0}'
}
timers() { echo "$(counter "retransmit timeout")" "$(counter "keepalive probe")"; }

now_ms() { echo $((${EPOCHREALTIME/./} / 1000)); }
signalled() { # signalled SECONDS; says in $TMP/stopped how many ms at least, and at most
	local pid outer inner
	pid=$(alpined_pid)
	outer=$(now_ms)
	kill -STOP "$pid"
	inner=$(now_ms)
	sleep "$1"
	inner=$(($(now_ms) - inner))
	kill -CONT "$pid"
	# what alpined had slept before, and until it was waked again, belongs to it
	echo "$((inner - 300)) $(($(now_ms) - outer + 1000))" >"$TMP/stopped"
}
# One who was at work when it was stopped may see the acknowledgements first: until a timer was.
until_retransmitted() { # until_retransmitted SECONDS, then as often as it takes
	local before i
	before=$(counter "retransmit timeout")
	signalled "$1"
	for i in $(seq 20); do
		[ "$(counter "retransmit timeout")" = "$before" ] || break
		signalled 1
	done
}
at_breakpoint() { # at_breakpoint SECONDS
	gdb -nx -batch -iex 'set sysroot /' -ex 'break tcp_input' -ex continue -ex 'delete' -ex "shell sleep $1" -ex detach \
		"$ALPINE_BUILD/bin/alpined" "$(alpined_pid)" >"$TMP/gdb.out" 2>&1
}
# stopped HOW SECONDS: prints the time-outs and keepalive probes that the stop brought.
stopped() {
	rm -f "$TMP/up"
	stack $PY "$TMP/busy.py" >"$TMP/up" 2>&1 &
	local program=$! rto0 rto1 probes0 probes1
	wait_for 60 grep -qs up "$TMP/up"
	sleep 1
	read -r rto0 probes0 <<<"$(timers)"
	"$@"
	sleep 0.5
	read -r rto1 probes1 <<<"$(timers)"
	kill $program 2>/dev/null
	wait $program 2>/dev/null
	echo "$((rto1 - rto0)) $((probes1 - probes0))"
}

lab_start --debug-clock --sysctl net.inet.tcp.keepidle=4000 --sysctl net.inet.tcp.rack.tlp=0
"$LABCMD" switch --name "$LAB" tc qdisc add dev peer root tbf rate 10mbit burst 10k latency 60ms
peer $PY "$TMP/peer.py" >/dev/null 2>&1 &
wait_for 60 peer $PY -c 'import socket; socket.create_connection(("10.11.12.1", 5000))'

is "five seconds' stop: no time-outs, no keepalive probes" "$(stopped signalled 5)" "0 0"
like "the stop was noticed" "$(ctl sysctl kern.timecounter.stops)" ": [1-9]"
read -r least most <"$TMP/stopped"
ms=$(($(ctl sysctl kern.timecounter.stopped_ns | grep -o '[0-9]*$') / 1000000))
ok "and taken out: $ms ms of $least to $most" test $ms -ge "$least" -a $ms -le "$most"
said=$("$LABCMD" log --name "$LAB" | sed -n 's/.*stood still for \([0-9]*\)\.\([0-9]\)[0-9]* s.*/\1\200/p' | sort -n | tail -n 1)
ok "the log says so" test "${said:-0}" -ge "$((least - 100))" -a "${said:-0}" -le "$most"
if command -v gdb >/dev/null; then
	# gdb's own start, outside any stop, may take as long as keepalive waits
	is "two seconds at a breakpoint: no time-outs" "$(stopped at_breakpoint 2 | cut -d' ' -f1)" 0
	like "gdb was there" "$(cat "$TMP/gdb.out")" "Breakpoint 1, tcp_input"
fi
ok "the stack works on" stack $PY -c 'import socket; socket.create_connection(("10.11.12.1", 5000), 5)'

pid=$(alpined_pid)
ctl stop
wait_for 60 sh -c "! kill -0 $pid"
"$LABCMD" alpined --name "$LAB" --sysctl net.inet.tcp.keepidle=4000 --sysctl net.inet.tcp.rack.tlp=0
read -r rto probes <<<"$(stopped until_retransmitted 3)"
ok "without it the retransmission timer fires ($rto)" test "$rto" -ge 1
ok "and the keepalive timer ($probes)" test "$probes" -ge 1
done_testing
