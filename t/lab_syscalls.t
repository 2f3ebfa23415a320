#!/bin/bash
# What alpined asks of the kernel for a round trip, a connection, a datagram, a megabyte: its system
# calls, counted by strace. A regression here is seen on no clock that other work disturbs.
. "$(dirname "$0")/lib/lab.sh"
need strace python3
PY=/usr/bin/python3
lab_start
cat >"$TMP/load.py" <<'EOP'
import socket, sys, threading
def peer(port, what):
    l = socket.create_server((sys.argv[2], port), backlog=64)
    while True:
        c, _ = l.accept()
        c.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        threading.Thread(target=what, args=(c,), daemon=True).start()
def echo(c):
    while d := c.recv(65536):
        c.sendall(d)
def swallow(c):
    while c.recv(1 << 20):
        pass
    c.close()
def pour(c):
    try:
        while True:
            c.sendall(bytes(1 << 18))
    except OSError:
        pass
def udp():
    u = socket.socket(type=socket.SOCK_DGRAM)
    u.bind((sys.argv[2], 7001))
    while True:
        d, a = u.recvfrom(2048)
        u.sendto(d, a)
def dial(port):
    s = socket.create_connection((sys.argv[2], port))
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return s
def exchange(s, n):
    for _ in range(n):
        s.send(b"x")
        s.recv(10)
n = int(sys.argv[3])
match sys.argv[1]:
    case "serve":
        for a in (7001, echo), (7002, swallow), (7003, pour):
            threading.Thread(target=peer, args=a, daemon=True).start()
        udp()
    case "rr":
        exchange(dial(7001), n)
    case "udp":
        u = socket.socket(type=socket.SOCK_DGRAM)
        u.connect((sys.argv[2], 7001))
        u.settimeout(60)
        exchange(u, n)
    case "conn":
        for _ in range(n):
            s = dial(7001)
            exchange(s, 1)
            s.close()
    case "out":
        s = dial(7002)
        for _ in range(n):
            s.sendall(bytes(1 << 20))
        s.shutdown(1)
        s.recv(1)
    case "in":
        s = dial(7003)
        n <<= 20
        while n > 0:
            n -= len(s.recv(1 << 18))
EOP
peer $PY "$TMP/load.py" serve 10.11.12.1 0 >"$TMP/peer.log" 2>&1 &
stack $PY "$TMP/load.py" serve 10.11.12.13 0 >"$TMP/stack.log" 2>&1 &
wait_for 60 peer $PY "$TMP/load.py" rr 10.11.12.13 1
wait_for 60 peer $PY "$TMP/load.py" rr 10.11.12.1 1

PID=$(alpined_pid)
count() { # count WHERE MODE ADDRESS N: leaves the table of alpined's calls, and N
	N=$4
	strace -f -c -o "$TMP/calls" -p "$PID" 2>"$TMP/strace.err" &
	local tracer=$!
	wait_for 60 grep -q 'TracerPid:.[1-9]' "/proc/$PID/status"
	"$1" timeout 300 $PY "$TMP/load.py" "$2" "$3" "$4" || diag "$2: $?"
	kill -INT $tracer
	wait $tracer 2>/dev/null
}
# at_most LIMIT WHAT [CALL]: so many calls, or calls of that name, for one; memory's do not count
at_most() {
	local got
	got=$(awk -v n="$N" -v call="${3:-}" '$1 ~ /^[0-9.]+$/ && $NF !~ /^(total|mmap|munmap|madvise|futex)$/ && (call == "" || $NF == call) {
		sum += $4 } END {printf "%.2f", sum / n}' "$TMP/calls")
	ok "$2: $got, at most $1" awk "BEGIN {exit !($got > 0 && $got <= $1)}"
}
count stack rr 10.11.12.1 1000
at_most 7.9 "a round trip"
ok "without moving the timer for each" test "$(awk '$NF == "timerfd_settime" {print $4}' "$TMP/calls" | grep . || echo 0)" -lt 500 # for each: 1,000; what is left is the time that a busy machine takes
count peer rr 10.11.12.13 1000
at_most 7.9 "a round trip that the peer begins"
count stack udp 10.11.12.1 1000
at_most 7.9 "a datagram and its answer"
count stack conn 10.11.12.1 200
at_most 53 "a connection"
count peer conn 10.11.12.13 200
at_most 66 "a connection from outside"
count stack out 10.11.12.1 50
at_most 110 "a megabyte out"
at_most 26 "its reads from the program" recvfrom
count stack in 10.11.12.1 50
at_most 80 "a megabyte in"
at_most 14 "its acknowledgments" writev
done_testing
