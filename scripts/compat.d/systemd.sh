# Socket activation as systemd does it: LISTEN_FDS, LISTEN_PID, descriptors from 3.
KIND=server
PACKAGES="systemd"
TRIED="systemd-socket-activate: a listener handed over, stream and datagram, --accept --inetd with a process per connection, two listeners by name"

trial() {
	cat >"$TMP/server.py" <<'PY'
import os, socket, sys
assert os.environ["LISTEN_PID"] == str(os.getpid())
n = int(os.environ["LISTEN_FDS"]); names = os.environ.get("LISTEN_FDNAMES", "").split(":")
socks = [socket.socket(fileno=3 + i) for i in range(n)]
print(n, names, [s.getsockname() for s in socks], [s.type.name for s in socks], flush=True)
if socks[0].type == socket.SOCK_DGRAM:
    while True: d, a = socks[0].recvfrom(2000); socks[0].sendto(d[::-1], a)
import selectors
sel = selectors.DefaultSelector()
[sel.register(s, selectors.EVENT_READ) for s in socks]
while True:
    for key, ev in sel.select():
        c, a = key.fileobj.accept(); c.sendall(b"%d %s\n" % (key.fileobj.getsockname()[1], c.recv(100).strip())); c.close()
PY
	say() { peer timeout 20 $PY -c "
import socket
s = socket.create_connection(('$US', $1), 10); s.sendall(b'hello\n'); s.shutdown(1); r = b''
while (d := s.recv(100)): r += d
print(r.decode().strip())"; }
	bg two stack systemd-socket-activate -l $US:7001 -l $US:7002 --fdname=one:two $PY "$TMP/server.py"
	bg udp stack systemd-socket-activate -d -l $US:7003 $PY "$TMP/server.py"
	bg inetd stack systemd-socket-activate --accept --inetd -l $US:7004 cat
	sleep 1
	is "a listener, when the first connection comes" "$(say 7001)" "7001 hello"
	is "the second listener" "$(say 7002)" "7002 hello"
	like "their names" "$(cat "$TMP/two.log")" "^2 \['one', 'two'\] \[\('$US', 7001\), \('$US', 7002\)\]"
	is "many, in a row" "$(for i in $(seq 20); do say 7001; done | sort | uniq -c | tr -s ' ')" " 20 7001 hello"
	is "a datagram socket" "$(peer $PY -c "
import socket
s = socket.socket(type=socket.SOCK_DGRAM); s.settimeout(10); s.sendto(b'abc', ('$US', 7003)); print(s.recv(99).decode())")" cba
	is "--accept --inetd: a process per connection" "$(say 7004; say 7004)" "hello
hello"
}
