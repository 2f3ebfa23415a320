#!/bin/bash
# Programs that mean no good, each in a namespace of its own; a decent one beside them goes on.
#
#   peer 10.11.12.1: echo on 7001 ---- switch ---- alpined 10.11.12.13: hostile programs, a decent one
. "$(dirname "$0")/lib/lab.sh"
need python3
lab_start
chmod 755 "$TMP"
cat >"$TMP/echo.py" <<'PY'
import socketserver
class H(socketserver.BaseRequestHandler):
    def handle(self):
        while (d := self.request.recv(65536)): self.request.sendall(d)
class S(socketserver.ThreadingTCPServer):
    allow_reuse_address = True; daemon_threads = True; request_queue_size = 512
S(("10.11.12.1", 7001), H).serve_forever()
PY
timeout 300 "$LABCMD" peer --name "$LAB" python3 "$TMP/echo.py" >"$TMP/echo.log" 2>&1 &
wait_for 60 peer python3 -c 'import socket; socket.create_connection(("10.11.12.1", 7001))'
cat >"$TMP/decent.py" <<'PY'
import socket, sys, time
start = time.time()
for i in range(20):
    s = socket.create_connection(("10.11.12.1", 7001), 60); s.sendall(b"decent"); n = 0
    while n < 6: n += len(s.recv(6))
    s.close()
print("fine" if time.time() - start < 15 else "slow") # a lost SYN each would be 20 s
PY
decent() { is "$1: a decent program beside it" "$(stack timeout 120 /usr/bin/python3 "$TMP/decent.py" 2>&1 | tail -n 1)" fine; }
P='import socket, os, sys, errno, time, struct, signal, select, resource
A = ("10.11.12.1", 7001)
def name(e): return errno.errorcode.get(e.errno, str(e))
'
hostile() { # hostile FILE: started, in the background; says "ready ..." and stays
	stack timeout 300 /usr/bin/python3 "$TMP/$1.py" >"$TMP/$1.out" 2>&1 &
	HOSTILE=$!
	wait_for 60 grep -q "^ready" "$TMP/$1.out" || diag "$(cat "$TMP/$1.out")"
}
finish() { # finish FILE: tells it to end, waits for that
	touch "$TMP/$1.end"
	wait "$HOSTILE"
}
stay="
while not os.path.exists(sys.argv[0].replace('.py', '.end')): time.sleep(0.05)
"

ctl sysctl net.alpine.maxsockets=300 >/dev/null
printf '%s' "$P
resource.setrlimit(resource.RLIMIT_NOFILE, (4096, 4096)); keep = []
try:
    while len(keep) < 2000: keep.append(socket.socket())
    print('ready without an end')
except OSError as e: print('ready', len(keep) <= 300, name(e))
sys.stdout.flush()$stay" >"$TMP/sockets.py"
hostile sockets
is "sockets without end: bounded by net.alpine.maxsockets" "$(cat "$TMP/sockets.out")" "ready True ENFILE"
decent "sockets without end"
finish sockets

printf '%s' "$P
resource.setrlimit(resource.RLIMIT_NOFILE, (4096, 4096)); keep = []; errors = set()
for i in range(1000):
    try: s = socket.socket(); s.setblocking(False); s.connect(('10.11.12.%d' % (100 + i % 100), 9)); keep.append(s)
    except BlockingIOError: keep.append(s)
    except OSError as e: errors.add(name(e))
print('ready', len(keep) <= 300, sorted(errors)); sys.stdout.flush()$stay" >"$TMP/halfopen.py"
hostile halfopen
is "connections to nowhere: bounded" "$(cat "$TMP/halfopen.out")" "ready True ['ENFILE']"
decent "connections to nowhere"
finish halfopen
ok "both gone: their sockets too" wait_for 60 sh -c "[ \$('$LABCMD' ctl --name '$LAB' netstat -an | grep -c SYN_SENT) = 0 ]"
ctl sysctl net.alpine.maxsockets=32768 >/dev/null

ctl sysctl net.alpine.maxconns=40 >/dev/null
printf '%s' "$P
kids = []
for i in range(200):
    pid = os.fork()
    if pid == 0:
        signal.alarm(300)
        try: s = socket.socket(); s.bind(('', 0))
        except OSError: pass
        signal.pause(); os._exit(0)
    kids.append(pid)
time.sleep(1); print('ready', len(kids)); sys.stdout.flush()$stay
for k in kids: os.kill(k, 9)" >"$TMP/forks.py"
hostile forks
is "processes without end: 200 of them, 40 control connections" "$(cat "$TMP/forks.out")" "ready 200"
decent "processes without end"
finish forks
ctl sysctl net.alpine.maxconns=4096 >/dev/null

printf '%s' "$P
r = []
u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for size in (100, 5000, 100000, 10000000):
    try: u.sendmsg([b'x'], [(socket.IPPROTO_IP, 8, bytes(size))], 0, A); r.append('sent')
    except OSError as e: r.append(name(e))
for level, size in ((socket.SOL_SOCKET, 1 << 20), (socket.IPPROTO_TCP, 1 << 20), (socket.IPPROTO_IP, 1 << 20)):
    try: socket.socket().setsockopt(level, 2, bytes(size)); r.append('set')
    except OSError as e: r.append(name(e))
print('ready', all(x in ('sent', 'set', 'EINVAL', 'ENOBUFS', 'EMSGSIZE', 'ENOPROTOOPT', 'EPERM', 'ENODEV') for x in r), r); sys.stdout.flush()$stay" >"$TMP/control.py"
hostile control
like "huge control data and options: an errno" "$(cat "$TMP/control.out")" "^ready True"
decent "huge control data"
finish control

# What a program cannot name it cannot reach: possession of the descriptor is all that counts.
printf '%s' "$P
s = socket.create_connection(A); s.settimeout(None)
import ctypes; libc = ctypes.CDLL('libc.so.6') # its own getpeername, not the shim's
buf = ctypes.create_string_buffer(110); n = ctypes.c_int(110)
libc.getpeername(s.fileno(), buf, ctypes.byref(n))
print('ready', buf.raw[2:n.value].hex()); sys.stdout.flush()
$stay
s.sendall(b'mine'); print(s.recv(4), s.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE))" >"$TMP/victim.py"
hostile victim
NAME=$(awk '{print $2}' "$TMP/victim.out")
like "a victim's socket has a name" "$NAME" '^00616c70696e65'
printf '%s' "$P
name_ = bytes.fromhex(sys.argv[1]); r = []
u = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
try: u.connect(name_); r.append('connected')
except OSError as e: r.append(name(e))
a, b = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
try:
    b.bind(name_); f = socket.socket(socket.AF_INET, fileno=os.dup(a.fileno()))
    try: f.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1) # of its own pair, at most
    except OSError as e: pass
    try: f.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY); r.append('asked')
    except OSError as e: r.append('refused')
    try: r.append('told' if isinstance(f.getpeername(), tuple) else 'refused')
    except OSError as e: r.append('refused')
except OSError as e: r.append('bind ' + name(e))
print(r)" >"$TMP/thief.py"
is "another program: no way to it by its name" "$(setpriv --reuid 65534 --clear-groups true 2>/dev/null; stack timeout 120 /usr/bin/python3 "$TMP/thief.py" "$NAME" 2>&1 | tail -n 1)" "['ECONNREFUSED', 'refused', 'refused']"
touch "$TMP/victim.end"
ok "the victim's connection ends" wait_for 60 grep -q mine "$TMP/victim.out"
is "and was never touched" "$(tail -n 1 "$TMP/victim.out")" "b'mine' 0"
ok "alpined is as it was" ctl status
done_testing
