#!/bin/bash
# Nobody asks for anything: nginx, an asyncio server with open connections, and alpined are asleep
# under strace. A descriptor that stays ready would show as a row of epoll_wait().
. "$(dirname "$0")/lib/lab.sh"
ALPINE_TOP=$TOP
. "$TOP/scripts/compat.d/_lib.sh"
need nginx strace python3
lab_start
chmod 755 "$TMP"
mkdir -p "$TMP/w/root"
echo page >"$TMP/w/root/index.html"
nginx_at stack $US "$TMP/w"
NGINX=$BG
cat >"$TMP/server.py" <<'PY'
import asyncio, sys
class Udp(asyncio.DatagramProtocol):
    def connection_made(self, t): self.t = t
    def datagram_received(self, d, a): self.t.sendto(d, a)
async def serve(r, w):
    while (d := await r.read(65536)):
        w.write(d); await w.drain()
    w.close()
async def main():
    s = await asyncio.start_server(serve, sys.argv[1], 7001)
    await asyncio.get_running_loop().create_datagram_endpoint(Udp, (sys.argv[1], 7001))
    await s.serve_forever()
asyncio.run(main())
PY
bg server stack $PY "$TMP/server.py" $US
PYTHON=$BG
port_open peer $US 7001
# Connections of all kinds: idle, used, half closed, reset.
bg client peer timeout 300 $PY -c "
import socket, struct, time
keep = [socket.create_connection(('$US', p)) for p in (7001, 7001, 80)]
keep[1].sendall(b'x' * 100000); n = 0
while n < 100000: n += len(keep[1].recv(65536))
keep[2].sendall(b'GET / HTTP/1.1\r\nHost: x\r\n\r\n'); keep[2].recv(1000)
h = socket.create_connection(('$US', 7001)); h.sendall(b'bye'); h.shutdown(1); h.recv(10); h.recv(10)
r = socket.create_connection(('$US', 7001)); r.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0)); r.close()
u = socket.socket(type=socket.SOCK_DGRAM); u.sendto(b'hello', ('$US', 7001)); u.recv(10)
print('done', flush=True); time.sleep(300)"
wait_for 60 grep -q 'done' "$TMP/client.log"
asleep "nginx" "$NGINX" nginx 2 6
asleep "an asyncio server with connections" "$PYTHON" python3 2 6
asleep "alpined" "$(alpined_pid)" alpined 2 60
is "and they wake up" "$(peer curl -s --max-time 60 http://$US/)" page
done_testing
