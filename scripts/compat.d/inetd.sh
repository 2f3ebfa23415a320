# Servers that hand a connection to a program as its standard input and output.
KIND=server
PACKAGES="openbsd-inetd ucspi-tcp socat busybox"
TRIED="openbsd-inetd (stream nowait, dgram wait, built-in echo), tcpserver, socat EXEC and SYSTEM, busybox nc -e: a program per connection, 4 MiB through each by checksum, 90 connections at once, the client's address"

through() { # through NAME PORT: what goes in comes out
	is "$1: 4 MiB there and back" "$(peer sh -c "timeout 30 $PY $TMP/echo.py $US $2 <$TMP/data | sha256sum")" "$(sha256sum <"$TMP/data")"
}
trial() {
	local i pids=()
	random data 4
	cat >"$TMP/echo.py" <<'PY'
import socket, sys, threading
s = socket.create_connection((sys.argv[1], int(sys.argv[2])), 20); d = sys.stdin.buffer.read()
def out(): s.sendall(d); s.shutdown(socket.SHUT_WR)
threading.Thread(target=out).start()
while (b := s.recv(65536)): sys.stdout.buffer.write(b)
PY
	printf '#!/bin/sh\nread -r line; echo "$line $(%s -c "import socket; s = socket.socket(fileno=0); print(*s.getpeername()[:1], *s.getsockname())")"\n' $PY >"$TMP/who"
	printf '#!%s\nimport socket\ns = socket.socket(fileno=0)\nd, a = s.recvfrom(2000)\ns.sendto(d[::-1], a)\n' $PY >"$TMP/udp"
	chmod 755 "$TMP/who" "$TMP/udp"
	cat >"$TMP/inetd.conf" <<CONF
$US:7001 stream tcp nowait root /bin/cat cat
$US:7002 stream tcp nowait nobody $TMP/who who
$US:7003 dgram udp wait root $TMP/udp udp
$US:echo stream tcp nowait root internal
CONF
	bg inetd stack inetd -i "$TMP/inetd.conf"
	bg tcpserver stack tcpserver -RHl alpine -c 100 $US 7011 "$TMP/who"
	bg tcpcat stack tcpserver -RHl alpine -c 100 $US 7012 cat
	bg socat stack socat TCP-LISTEN:7021,bind=$US,reuseaddr,fork,backlog=100 EXEC:cat
	bg socats stack socat TCP-LISTEN:7022,bind=$US,reuseaddr,fork 'SYSTEM:read x; echo "$x $SOCAT_PEERADDR"'
	bg busybox stack busybox nc -ll -p 7031 -e cat
	for i in 7001 7011 7021 7022 7031; do port_open peer $US $i; done
	through "inetd, nowait" 7001
	through "inetd's own echo" 7
	through tcpserver 7012
	through "socat EXEC" 7021
	through "busybox nc -e" 7031
	is "inetd: addresses, as another user" "$(peer sh -c "echo hello | timeout 20 $PY $TMP/echo.py $US 7002")" "hello $PEER $US 7002"
	is "tcpserver: addresses" "$(peer sh -c "echo hello | timeout 20 $PY $TMP/echo.py $US 7011")" "hello $PEER $US 7011"
	is "socat SYSTEM: the client's address" "$(peer sh -c "echo hello | timeout 20 $PY $TMP/echo.py $US 7022")" "hello $PEER"
	is "inetd, dgram wait: 5 in a row" "$(peer $PY -c "
import socket
n = 0
for i in range(5):
    s = socket.socket(type=socket.SOCK_DGRAM); s.settimeout(10); s.sendto(b'abc%d' % i, ('$US', 7003)); n += s.recv(99) == (b'abc%d' % i)[::-1]
print(n)")" 5
	is "90 connections at once to each of inetd, tcpserver, socat" "$(peer timeout 60 $PY -c "
import socket
n = 0
for p in (7001, 7012, 7021):
    S = [socket.create_connection(('$US', p), 20) for i in range(90)]
    for i, s in enumerate(S): s.sendall(b'%04d' % i)
    for i, s in enumerate(S): n += s.recv(99) == b'%04d' % i
    [s.close() for s in S]
print(n)" 2>&1 | tail -n 1)" 270
}
