#!/bin/bash
# TCP Fast Open (RFC 7413) between our stack and Linux's, both ways, asked for as Linux programs do.
#
#	program - alpined (10.11.12.13) ---- br0 ---- peer (10.11.12.1): Linux, tcp_fastopen 3
. "$(dirname "$0")/lib/lab.sh"
need python3
lab_start
peer sysctl -qw net.ipv4.tcp_fastopen=3 2>"$TMP/why" || skip_all "no net.ipv4.tcp_fastopen: $(cat "$TMP/why")"
cat >"$TMP/server.py" <<'PY'
import socket, sys, threading
l = socket.socket()
l.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
l.setsockopt(socket.IPPROTO_TCP, socket.TCP_FASTOPEN, 16)
l.bind((sys.argv[1], 7001)); l.listen(64)
def serve(c):
    data = b''
    while (d := c.recv(65536)): data += d
    c.sendall(b'%d:' % len(data) + data[:8]); c.close()
while True: threading.Thread(target=serve, args=(l.accept()[0],), daemon=True).start()
PY
peer python3 "$TMP/server.py" 10.11.12.1 &
wait_for 60 peer python3 -c 'import socket; socket.create_connection(("10.11.12.1", 7001))'
counter() { # of the peer's Linux, by its name in /proc/net/netstat
	peer awk -v name="$1" '/^TcpExt/ { if (!n) { n = split($0, h) } else { split($0, v); for (i = 2; i <= n; i++) if (h[i] == name) print v[i] } }' /proc/net/netstat
}
run() { printf '%s\n' "import socket, os, sys, errno, select, struct, time
FO, FOC = socket.MSG_FASTOPEN, 30
A = (sys.argv[1], 7001)
def rest(s):
    s.shutdown(socket.SHUT_WR); r = b''
    while (d := s.recv(4096)): r += d
    return r.decode()
def syn_data(s): return s.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104)[5] >> 5 & 1
$1" >"$TMP/prog.py"; }
py() { run "$1"; stack timeout 120 python3 "$TMP/prog.py" 10.11.12.1 2>&1; }
pypeer() { run "$1"; peer timeout 120 python3 "$TMP/prog.py" 10.11.12.13 2>&1; }

before=$(counter TCPFastOpenPassive)
is "sendto(MSG_FASTOPEN), no cookie yet: blocks, and works" "$(py "
s = socket.socket(); print(s.sendto(b'hello', FO, A), syn_data(s), rest(s))")" "5 0 5:hello"
is "no data was on that SYN" "$(($(counter TCPFastOpenPassive) - before))" 0
is "the second time it goes with the SYN" "$(py "
s = socket.socket(); print(s.sendto(b'hello', FO, A), syn_data(s), rest(s))")" "5 1 5:hello"
is "which Linux took" "$(($(counter TCPFastOpenPassive) - before))" 1
is "sendmsg(MSG_FASTOPEN)" "$(py "
s = socket.socket(); print(s.sendmsg([b'hel', b'lo'], [], FO, A), syn_data(s), rest(s))")" "5 1 5:hello"
is "more than a segment" "$(py "
s = socket.socket(); s.sendto(b'x' * 300000, FO, A); print(rest(s))")" "300000:xxxxxxxx"
is "non-blocking, with a cookie: the bytes are taken" "$(py "
s = socket.socket(); s.setblocking(False); n = s.sendto(b'hello', FO, A); s.setblocking(True); print(n, rest(s))")" "5 5:hello"
is "TCP_FASTOPEN_CONNECT: connect() returns at once, write() begins it" "$(py "
s = socket.socket(); s.setsockopt(socket.IPPROTO_TCP, FOC, 1); s.connect(A)
s.sendall(b'later'); end = time.time() + 60
while not syn_data(s) and time.time() < end: time.sleep(0.05)
print(s.getsockopt(socket.IPPROTO_TCP, FOC), syn_data(s), rest(s))")" "1 1 5:later"
is "... and shutdown() at once" "$(py "
s = socket.socket(); s.setsockopt(socket.IPPROTO_TCP, FOC, 1); s.connect(A)
s.sendall(b'later'); print(rest(s))")" "5:later"
is "closed at once: data and end arrive" "$(peer timeout 120 python3 -c '
import socket, sys
l = socket.create_server(("10.11.12.1", 7002)); l.setsockopt(socket.IPPROTO_TCP, socket.TCP_FASTOPEN, 8)
open(sys.argv[1], "w").close()
for i in range(3):
    c = l.accept()[0]; data = b""
    while (d := c.recv(4096)): data += d
    print(len(data))' "$TMP/up" &
wait_for 60 test -e "$TMP/up"
py "
for i in range(3):
    s = socket.socket(); s.sendto(b'bye' * 10000, FO, (A[0], 7002)); s.close()"
wait $!)" $'30000\n30000\n30000'
is "connected already: EISCONN" "$(py "
s = socket.create_connection(A)
try: s.sendto(b'x', FO, A)
except OSError as e: print(errno.errorcode[e.errno])")" "EISCONN"
is "nobody there: the errno of connect()" "$(py "
s = socket.socket()
try: s.sendto(b'x', FO, (A[0], 9)); print('?')
except OSError as e: print(errno.errorcode[e.errno])")" "ECONNREFUSED"
is "non-blocking, without a cookie: EINPROGRESS, nothing sent" "$(py "
s = socket.socket(); s.setblocking(False)
try: s.sendto(b'x', FO, (A[0], 9)); print('?')
except OSError as e: print(errno.errorcode[e.errno])
select.select([], [s], [], 5); print(errno.errorcode[s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)])")" $'EINPROGRESS\nECONNREFUSED'
like "the cookie is listed" "$(ctl sysctl net.inet.tcp.fastopen.ccache_list)" '10.11.12.13 10.11.12.1:7001 mss 1460 cookie [0-9a-f]{16}'
peer sysctl -qw net.ipv4.tcp_fastopen_key=00000001-00000002-00000003-00000004
is "a cookie of another key: refused, sent again behind the handshake" "$(py "
s = socket.socket(); print(s.sendto(b'hello', FO, A), syn_data(s), rest(s))")" "5 0 5:hello"
is "and the new one works" "$(py "
s = socket.socket(); print(s.sendto(b'hello', FO, A), syn_data(s), rest(s))")" "5 1 5:hello"
ctl sysctl net.inet.tcp.fastopen.client_enable=0 >/dev/null
is "client_enable 0: EOPNOTSUPP" "$(py "
s = socket.socket()
try: s.sendto(b'x', FO, A); print('?')
except OSError as e: print(e.errno == errno.EOPNOTSUPP)
try: s.setsockopt(socket.IPPROTO_TCP, FOC, 1); print('?')
except OSError as e: print(e.errno == errno.EOPNOTSUPP)")" $'True\nTrue'
ctl sysctl net.inet.tcp.fastopen.client_enable=1 >/dev/null

# the other way: our server, Linux the client
ctl sysctl net.inet.tcp.fastopen.server_enable=1 >/dev/null
stack python3 "$TMP/server.py" 10.11.12.13 &
wait_for 60 peer python3 -c 'import socket; socket.create_connection(("10.11.12.13", 7001))'
before=$(counter TCPFastOpenActive)
is "Linux asks us for a cookie" "$(pypeer "
s = socket.socket(); print(s.sendto(b'hello', FO, A), rest(s))")" "5 5:hello"
is "and uses it" "$(pypeer "
s = socket.socket(); print(s.sendto(b'hello', FO, A), syn_data(s), rest(s))")" "5 1 5:hello"
is "Linux counts it as taken" "$(($(counter TCPFastOpenActive) - before))" 1
is "TCP_FASTOPEN is a listener's queue length" "$(py "
s = socket.socket(); s.setsockopt(socket.IPPROTO_TCP, socket.TCP_FASTOPEN, 7)
print(s.getsockopt(socket.IPPROTO_TCP, socket.TCP_FASTOPEN))")" 7
done_testing
