#!/bin/bash
# Processes: fork, exec, descriptors handed over, stdio, event loops. The kernel is the table.
. "$(dirname "$0")/lib/lab.sh"
need python3
lab_start
cat >"$TMP/echo.py" <<'PY'
import socketserver, sys
class H(socketserver.BaseRequestHandler):
    def handle(self):
        while (d := self.request.recv(65536)): self.request.sendall(d)
class S(socketserver.ThreadingTCPServer):
    allow_reuse_address = True; daemon_threads = True; request_queue_size = 128
S(("10.11.12.1", 7001), H).serve_forever()
PY
peer python3 "$TMP/echo.py" &
wait_for 60 peer python3 -c 'import socket; socket.create_connection(("10.11.12.1", 7001))'
py() { printf '%s\n' "import socket, os, sys, select, array, subprocess, errno, time, threading, signal
A = ('10.11.12.1', 7001)
def dial(): return socket.create_connection(A, 60)
def echo(s, b=b'hello'):
    s.sendall(b); r = b''
    while len(r) < len(b): r += s.recv(len(b) - len(r))
    return r == b" "$1" >"$TMP/prog.py"; stack timeout 180 python3 "$TMP/prog.py" 2>&1; }

is "fork: parent and child share a connection" "$(py "
s = dial(); pid = os.fork()
if pid == 0:
    os._exit(0 if echo(s, b'child') else 1)
st = os.waitpid(pid, 0)[1]
print(st, echo(s, b'parent'))")" "0 True"
is "fork: a child makes connections of its own" "$(py "
s = dial(); pid = os.fork()
if pid == 0: os._exit(0 if echo(dial()) else 1)
print(os.waitpid(pid, 0)[1], echo(s), echo(dial()))")" "0 True True"
is "exec: a connection as standard input and output" "$(py "
s = dial(); s.settimeout(None); s.sendall(b'line\n')
p = subprocess.run(['head', '-n', '1'], stdin=s.fileno(), stdout=subprocess.PIPE)
print(p.stdout)")" "b'line\\n'"
is "exec: the new program can ask about an inherited socket" "$(py "
s = dial(); os.set_inheritable(s.fileno(), True)
print(subprocess.run([sys.executable, '-c', 'import socket,sys; t=socket.socket(fileno=int(sys.argv[1])); print(t.getpeername(), t.family.name, t.type.name)', str(s.fileno())], close_fds=False, capture_output=True, text=True).stdout.strip())")" \
	"('10.11.12.1', 7001) AF_INET SOCK_STREAM"
is "SCM_RIGHTS: a connection to another process" "$(py "
a, b = socket.socketpair()
if os.fork() == 0:
    a.close(); s = dial(); s.settimeout(None); socket.send_fds(b, [b'x'], [s.fileno()]); os._exit(0)
b.close(); m, fds, f, ad = socket.recv_fds(a, 1, 1)
s = socket.socket(fileno=fds[0]); print(echo(s), s.getpeername())")" "True ('10.11.12.1', 7001)"
is "SCM_RIGHTS: a listener to another process" "$(py "
a, b = socket.socketpair(); l = socket.create_server(('10.11.12.13', 7002))
if os.fork() == 0:
    l.close(); m, fds, f, ad = socket.recv_fds(b, 1, 1); l = socket.socket(fileno=fds[0])
    c, w = l.accept(); c.sendall(b'served'); os._exit(0)
socket.send_fds(a, [b'x'], [l.fileno()]); l.close()
print(socket.create_connection(('10.11.12.13', 7002), 10).recv(10))")" "b'served'"
is "stdio on a socket" "$(py "
s = dial(); f = s.makefile('rw'); f.write('one\ntwo\n'); f.flush(); print(f.readline().strip(), f.readline().strip())")" "one two"
is "dup: both work, the connection ends with the last" "$(py "
s = dial(); d = s.dup(); s.close(); print(echo(d))")" "True"
is "poll, select and epoll tell the truth" "$(py "
s = dial(); s.setblocking(False); e = select.epoll(); e.register(s, select.EPOLLIN | select.EPOLLET)
r0 = select.select([s], [s], [], 0); n0 = e.poll(0.2)
s.sendall(b'x'); n1 = e.poll(5); print(len(r0[0]), len(r0[1]), len(n0), len(n1), s.recv(10))")" "0 1 0 1 b'x'"
is "a non-blocking connect is not writable before it is connected" "$(py "
s = socket.socket(); s.setblocking(False); e = s.connect_ex(('10.11.12.77', 9))
w = select.select([], [s], [], 0.3)[1]; print(errno.errorcode[e], len(w))")" "EINPROGRESS 0"
is "a non-blocking connect that is refused says so by SO_ERROR" "$(py "
s = socket.socket(); s.setblocking(False); e = s.connect_ex(('10.11.12.1', 9))
w = select.select([], [s], [], 5)[1]; print(len(w), errno.errorcode[s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)])")" "1 ECONNREFUSED"
is "a blocking connect that is refused" "$(py "
try: socket.create_connection(('10.11.12.1', 9), None)
except OSError as e: print(errno.errorcode[e.errno])")" ECONNREFUSED
is "half close, both ways" "$(py "
s = dial(); s.sendall(b'bye'); s.shutdown(socket.SHUT_WR); r = b''
while (d := s.recv(100)): r += d
print(r)")" "b'bye'"
is "a reset is ECONNRESET" "$(py "
l = socket.create_server(('10.11.12.13', 7003)); c = socket.create_connection(('10.11.12.13', 7003), 10); a, _ = l.accept()
import struct
a.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0)); a.close()
try: print(c.recv(10))
except OSError as e: print(errno.errorcode[e.errno])")" ECONNRESET
is "options read back" "$(py "
s = dial(); s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1); s.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
print(s.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) != 0, s.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) != 0, s.getsockopt(socket.SOL_SOCKET, socket.SO_TYPE), s.getsockopt(socket.SOL_SOCKET, 39))")" "True True 1 2"
is "UDP: sendto, recvfrom, connect, zero length" "$(py "
a = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); a.bind(('10.11.12.13', 7010)); b = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
b.sendto(b'hi', ('10.11.12.13', 7010)); d, f = a.recvfrom(100); a.sendto(b'', f); r = b.recvfrom(100)
b.connect(('10.11.12.13', 7010)); b.send(b'again'); print(d, r, a.recv(3), b.getpeername())")" "b'hi' (b'', ('10.11.12.13', 7010)) b'aga' ('10.11.12.13', 7010)"
is "UDP: a refused port is heard of" "$(py "
b = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); b.settimeout(5); b.connect(('10.11.12.1', 9)); b.send(b'x')
try: b.recv(10)
except OSError as e: print(errno.errorcode[e.errno])")" ECONNREFUSED
is "threads: eight at once" "$(py "
ok = []
def t():
    s = dial(); ok.append(all(echo(s, os.urandom(5000)) for _ in range(20)))
T = [threading.Thread(target=t) for _ in range(8)]; [x.start() for x in T]; [x.join() for x in T]; print(ok.count(True))")" "8"
is "close_range and closefrom do not hurt" "$(py "
os.closerange(3, 65536); print(echo(dial()))")" "True"
is "accept in several processes: each connection goes to one" "$(py "
l = socket.create_server(('10.11.12.13', 7004), backlog=64); kids = []
for i in range(4):
    kids.append(os.fork())
    if kids[-1] == 0:
        while True:
            c, _ = l.accept(); c.sendall(b'%d' % i); c.close()
n = 0
for i in range(40):
    c = socket.create_connection(('10.11.12.13', 7004), 10); n += len(c.recv(10)) == 1; c.close()
[os.kill(k, 9) for k in kids]; print(n)")" "40"
is "the program's exit code" "$(stack sh -c 'exit 7'; echo $?)" 7
is "not found is 127" "$(stack /no/such/program >/dev/null 2>&1; echo $?)" 127
is "killed by a signal is 128 and it" "$(stack sh -c 'kill -TERM $$' 2>/dev/null; echo $?)" 143
done_testing
