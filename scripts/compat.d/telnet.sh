# telnet (inetutils): options of the protocol, urgent data, a terminal.
KIND=client
PACKAGES="inetutils-telnet socat"
TRIED="a dialogue with a server that answers lines; option negotiation; an interrupt as urgent data (IAC IP, DM); escape and quit; refused"

trial() {
	cat >"$TMP/server.py" <<'PY'
import socket, sys
l = socket.create_server((sys.argv[1], 23)); print("ready", flush=True)
while True:
    c, a = l.accept(); c.setsockopt(socket.SOL_SOCKET, socket.SO_OOBINLINE, 1)
    print("from", a[0], flush=True)
    c.sendall(bytes([255, 253, 24, 255, 251, 1]) + b"login: ")      # DO TTYPE, WILL ECHO
    got = b""
    while (d := c.recv(1000)):
        got += d
        if b"hello" in d: c.sendall(b"you said hello\r\n")
        if bytes([255, 242]) in got: c.sendall(b"DM seen\r\n"); got = b""  # data mark of a synch
    print("WILL TTYPE" if bytes([255, 251, 24]) in got else "no option", flush=True); c.close()
PY
	bg server peer $PY "$TMP/server.py" $PEER
	wait_for 5 grep -q ready "$TMP/server.log"
	(sleep 1; echo hello; sleep 1; printf '\035send synch\n'; sleep 1; printf '\035quit\n'; sleep 0.5) |
		stack timeout 20 script -qec "telnet $PEER" /dev/null >"$TMP/out" 2>&1
	like "it connects" "$(cat "$TMP/out")" "Connected to $PEER"
	like "a dialogue" "$(tr -d '\r' <"$TMP/out")" "you said hello"
	like "urgent data arrives" "$(cat "$TMP/out")" "DM seen"
	like "the server sees the stack" "$(cat "$TMP/server.log")" "from $US"
	like "refused" "$(stack timeout 10 telnet $PEER 24 </dev/null 2>&1)" "Connection refused"
}
