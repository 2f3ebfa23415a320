#!/bin/bash
# Violent ends: a program killed with -9 in the middle, alpined killed with -9.
. "$(dirname "$0")/lib/lab.sh"
need python3
lab_start
like_mem() { ctl netstat -m | head -n 3; }
tcp_states() { ctl netstat -an | awk '/^tcp/ {print $6}' | sort | uniq -c | tr -s ' \n' ' '; }
cat >"$TMP/hold.py" <<'PY'
import socket, sys, time
n = int(sys.argv[1]); c = []
for i in range(n):
    s = socket.create_connection(("10.11.12.1", 7001), 10); s.sendall(b"y" * 30000); c.append(s)
print("holding", flush=True)
time.sleep(600)
PY
cat >"$TMP/sink.py" <<'PY'
import socket, selectors, time
l = socket.create_server(("10.11.12.1", 7001), backlog=256); sel = selectors.DefaultSelector(); sel.register(l, 1)
open_, done = set(), 0
print("ready", flush=True)
while True:
    for k, _ in sel.select():
        if k.fileobj is l:
            c, _a = l.accept(); open_.add(c); sel.register(c, 1)
        else:
            try: d = k.fileobj.recv(65536)
            except ConnectionResetError: d = b""
            if not d:
                sel.unregister(k.fileobj); k.fileobj.close(); open_.discard(k.fileobj)
                print("left", len(open_), flush=True)
PY
peer python3 "$TMP/sink.py" >"$TMP/sink" &
wait_for 60 grep -q ready "$TMP/sink"
USED=$(ctl netstat -m | awk 'NR==1 {print $1}')
stack python3 "$TMP/hold.py" 50 >"$TMP/hold" &
wait_for 60 grep -q holding "$TMP/hold"
pkill -9 -f "$TMP/hold.py 50"
ok "a killed program's connections are closed to the peer" wait_for 60 grep -q "left 0" "$TMP/sink"
ok "no established connection is left" wait_for 60 sh -c "! '$LABCMD' ctl --name '$LAB' netstat -an | grep -q ESTABLISHED"
back() { local now; now=$(ctl netstat -m | awk 'NR==1 {print $1}'); now=${now%%/*}; [ "$now" -le $((${USED%%/*} + 64)) ]; }
ok "memory is back where it was" wait_for 60 back

stack python3 "$TMP/hold.py" 3 >"$TMP/hold2" &
wait_for 60 grep -q holding "$TMP/hold2"
cat >"$TMP/victim.py" <<'PY'
import socket, errno, select, time
s = socket.create_connection(("10.11.12.1", 7001), 10); s.settimeout(None); l = socket.create_server(("10.11.12.13", 7009))
print("waiting", flush=True)
try: print("read:", s.recv(10))
except OSError as e: print("read:", errno.errorcode[e.errno])
try: l.accept(); print("accept: ?")
except OSError as e: print("accept:", errno.errorcode[e.errno])
try: socket.create_connection(("10.11.12.1", 7001), 5); print("connect: ?")
except OSError as e: print("connect:", errno.errorcode[e.errno])
l.setblocking(False); n = 0; until = time.monotonic() + 1
while time.monotonic() < until:
    select.select([l], [], [], 1); n += 1
    try: l.accept()
    except OSError: pass
print("accepts in a second:", "few" if 0 < n < 15 else n)
print("end", flush=True)
PY
stack timeout 300 python3 "$TMP/victim.py" >"$TMP/victim" 2>&1 &
VICTIM=$!
wait_for 60 grep -q waiting "$TMP/victim"
kill -9 "$(alpined_pid)"
ok "alpined killed: the waiting program wakes" wait_for 60 grep -q end "$TMP/victim"
like "its read fails" "$(cat "$TMP/victim")" "read: (ECONNRESET|ENETDOWN|ECONNABORTED)"
like "its accept fails" "$(cat "$TMP/victim")" "accept: E"
like "its connect fails" "$(cat "$TMP/victim")" "connect: E(NETDOWN|CONNREFUSED|NETUNREACH)"
like "a server that polls and accepts again does not spin" "$(cat "$TMP/victim")" "accepts in a second: few"
wait "$VICTIM"
like "without a daemon alpine-run says what to do" "$(stack true 2>&1; echo "status $?")" "alpine-run: .*alpined"
is "with status 125" "$(stack true >/dev/null 2>&1; echo $?)" 125
ok "the next start works" "$LABCMD" alpined --name "$LAB"
ok "and answers" peer ping -c 2 -i 0.2 -W 10 10.11.12.13
ok "alpinectl stop ends it" ctl stop
ok "cleanly" wait_for 60 sh -c "! kill -0 $(alpined_pid) 2>/dev/null || grep -q '^State:.*Z' /proc/$(alpined_pid)/status"
is "the machine's eth0 has its address back" "$(machine ip -o -4 addr show dev eth0 | grep -c 10.11.12.2/24)" 1
is "and no bridge or TAP is left" "$(machine ip -br link | grep -cE '^(tap|br)')" 0
ok "and its network works" peer ping -c 1 -W 10 10.11.12.2
done_testing
