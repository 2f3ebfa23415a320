# node: libuv's event loop; http server with several processes (cluster), net, dgram, dns.
KIND=server
PACKAGES="nodejs apache2-utils"
TRIED="http server in 2 processes (cluster hands descriptors over): 64 MiB by checksum both ways, 4,000 requests; net echo, 200 connections; dgram; as client: http with keep-alive, a refused port; asleep when idle"

trial() {
	local main
	mkdir -p "$TMP/w/root"
	random big 64
	ln "$TMP/big" "$TMP/w/root/big"
	nginx_at peer $PEER "$TMP/w"
	cat >"$TMP/server.js" <<'JS'
const cluster = require('cluster'), http = require('http'), net = require('net'), fs = require('fs');
const crypto = require('crypto'), dgram = require('dgram'), [, , host, dir] = process.argv;
if (cluster.isPrimary) {
  cluster.fork(); cluster.fork();
  net.createServer(s => s.pipe(s)).listen(7001, host);
  const u = dgram.createSocket('udp4');
  u.on('message', (m, r) => u.send(m.reverse(), r.port, r.address)); u.bind(7001, host);
} else http.createServer((req, res) => {
  if (req.method == 'PUT') {
    const h = crypto.createHash('sha256');
    req.on('data', d => h.update(d)).on('end', () => res.end(h.digest('hex')));
  } else if (req.url == '/big') fs.createReadStream(dir + '/big').pipe(res);
  else res.end('process ' + process.pid % 2 + '\n'.padStart(100));
}).listen(8000, host);
JS
	bg server stack node "$TMP/server.js" $US "$TMP"
	main=$BG
	port_open peer $US 8000
	peer curl -sS --max-time 60 -o "$TMP/got" http://$US:8000/big
	same "64 MiB from it" "$TMP/got" "$TMP/big"
	is "64 MiB to it" "$(peer curl -sS --max-time 60 -T "$TMP/big" http://$US:8000/)" "$(sha256sum <"$TMP/big" | cut -d' ' -f1)"
	peer ab -q -n 4000 -c 32 http://$US:8000/small >"$TMP/ab" 2>&1
	ok "4,000 requests to 2 processes" ab_sound "$TMP/ab" 4000
	cat >"$TMP/peer.py" <<'PY'
import asyncio, os, socket, sys
async def one(i):
    r, w = await asyncio.open_connection(sys.argv[1], 7001); good = 0
    for k in range(5):
        d = os.urandom(1 + (i * 37 + k * 1999) % 20000); w.write(d); good += await r.readexactly(len(d)) == d
    w.close(); return good
async def main(): print(sum(await asyncio.gather(*(one(i) for i in range(200)))))
asyncio.run(main())
s = socket.socket(type=socket.SOCK_DGRAM); s.settimeout(5); s.connect((sys.argv[1], 7001)); n = 0
for i in range(300): s.send(b"%05d" % i); n += s.recv(99) == (b"%05d" % i)[::-1]
print(n)
PY
	is "echo: 200 connections, 5 messages each; 300 datagrams" "$(peer timeout 60 $PY "$TMP/peer.py" $US 2>&1 | tr '\n' ' ')" "1000 300 "
	cat >"$TMP/client.js" <<'JS'
const http = require('http'), crypto = require('crypto'), net = require('net'), os = require('os'), [, , host] = process.argv;
const agent = new http.Agent({ keepAlive: true, maxSockets: 4 });
function get(url) { return new Promise((ok, no) => http.get(url, { agent }, r => {
  const h = crypto.createHash('sha256'); r.on('data', d => h.update(d)).on('end', () => ok(h.digest('hex'))); }).on('error', no)); }
(async () => {
  console.log(await get(`http://${host}/big`));
  console.log(new Set(await Promise.all([...Array(20)].map(() => get(`http://${host}/big`)))).size);
  net.connect(81, host).on('error', e => { console.log(e.code);
    console.log(Object.values(os.networkInterfaces()).flat().filter(a => a.address == '10.11.12.13').length > 0); process.exit(0); });
})();
JS
	is "as client: 64 MiB, 20 times 64 MiB over 4 connections, refused, its interfaces" \
		"$(stack timeout 60 node "$TMP/client.js" $PEER 2>&1 | tr '\n' ' ')" "$(sha256sum <"$TMP/big" | cut -d' ' -f1) 1 ECONNREFUSED true "
	sleep 1
	asleep node $main node 3 30
	[ "$FAILED" = 0 ] || diag "$(tail -n 5 "$TMP/server.log")"
}
