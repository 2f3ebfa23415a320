# python3: http.server, an asyncio server, and clients (urllib, http.client, asyncio).
KIND=server
PACKAGES="python3-minimal apache2-utils"
TRIED="http.server (threads): 64 MiB by checksum, 2,000 requests; asyncio: 500 connections at once, each its own bytes; UDP endpoint; asleep when idle"

trial() {
	local main web
	mkdir "$TMP/w"
	random w/big 64
	echo small >"$TMP/w/small"
	bg web stack $PY -m http.server --bind $US --directory "$TMP/w" 8000
	web=$BG
	port_open peer $US 8000
	peer curl -sS --max-time 60 -o "$TMP/got" http://$US:8000/big
	same "http.server: 64 MiB" "$TMP/got" "$TMP/w/big"
	peer ab -q -n 2000 -c 16 http://$US:8000/small >"$TMP/ab" 2>&1
	ok "http.server: 2,000 requests" ab_sound "$TMP/ab" 2000
	cat >"$TMP/server.py" <<'PY'
import asyncio, sys
class Udp(asyncio.DatagramProtocol):
    def connection_made(self, t): self.t = t
    def datagram_received(self, d, a): self.t.sendto(d[::-1], a)
async def serve(r, w):
    while (d := await r.read(65536)):
        w.write(d); await w.drain()
    w.close()
async def main():
    s = await asyncio.start_server(serve, sys.argv[1], 7001, backlog=600)
    await asyncio.get_running_loop().create_datagram_endpoint(Udp, (sys.argv[1], 7001))
    await s.serve_forever()
asyncio.run(main())
PY
	cat >"$TMP/client.py" <<'PY'
import asyncio, os, socket, sys
gate, up = None, []
async def one(i, n):
    r, w = await asyncio.open_connection(sys.argv[1], 7001)
    up.append(i)
    if len(up) == n: gate.set()
    await gate.wait()
    good = 0
    for k in range(5):
        d = os.urandom(1 + (i * 37 + k * 1999) % 20000)
        w.write(d); await w.drain()
        good += await r.readexactly(len(d)) == d
    w.close(); await w.wait_closed()
    return good
async def main(n):
    global gate; gate = asyncio.Event()
    print(sum(await asyncio.gather(*(one(i, n) for i in range(n)))))
asyncio.run(main(500))
s = socket.socket(type=socket.SOCK_DGRAM); s.settimeout(5); s.connect((sys.argv[1], 7001)); n = 0
for i in range(300): s.send(b"%05d" % i); n += s.recv(99) == (b"%05d" % i)[::-1]
print(n)
PY
	bg server stack $PY "$TMP/server.py" $US
	main=$BG
	port_open peer $US 7001
	is "asyncio: 500 connections at once, 5 messages each; 300 datagrams" \
		"$(peer timeout 60 $PY "$TMP/client.py" $US 2>&1 | tr '\n' ' ')" "2500 300 "
	sleep 1
	asleep "asyncio" $main python3
	asleep "http.server" $web python3 3 40 # socketserver looks whether to end, twice a second
}
