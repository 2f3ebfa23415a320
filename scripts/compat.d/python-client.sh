# python3's clients: urllib, http.client, ftplib, smtplib, asyncio, socketserver's counterpart, ssl.
KIND=client
PACKAGES="python3-minimal nginx-light vsftpd openssl"
TRIED="urllib 256 MiB by checksum, 200 requests over one http.client, 300 asyncio connections, TLS with a certificate, ftplib active and passive, refused"

trial() {
	mkdir -p "$TMP/w/root" "$TMP/peer"
	random w/root/big 256
	head -c 5000 /dev/urandom >"$TMP/w/root/small"
	openssl req -x509 -newkey rsa:2048 -nodes -keyout "$TMP/key" -out "$TMP/cert" -days 2 -subj /CN=peer -addext "subjectAltName=IP:$PEER" 2>/dev/null
	nginx_at peer $PEER "$TMP/w"
	sed -i "s|listen $PEER:80;|listen $PEER:80; listen $PEER:443 ssl; ssl_certificate $TMP/cert; ssl_certificate_key $TMP/key;|" "$TMP/w/nginx.conf"
	kill -HUP "$(cat "$TMP/w/pid")"
	ftp_account "$TMP/peer"
	ftp_config "$TMP/peer" $PEER
	ln "$TMP/w/root/big" "$TMP/peer/home/big"
	ftp_server peer "$TMP/peer" >"$TMP/ftp.log" 2>&1 &
	port_open peer $PEER 21
	port_open peer $PEER 443
	cat >"$TMP/client.py" <<'PY'
import asyncio, ftplib, hashlib, http.client, socket, ssl, sys, urllib.request
peer, cert, user, password, want = sys.argv[1:]
def digest(f):
    h = hashlib.sha256()
    while (b := f.read(1 << 16)): h.update(b)
    return h.hexdigest() == want
print("urllib", digest(urllib.request.urlopen("http://%s/big" % peer, timeout=30)))
c = http.client.HTTPConnection(peer, timeout=20); n = 0
for i in range(200): c.request("GET", "/small"); n += len(c.getresponse().read()) == 5000
print("http.client", n)
print("tls", digest(urllib.request.urlopen("https://%s/big" % peer, timeout=60, context=ssl.create_default_context(cafile=cert))))
async def one():
    r, w = await asyncio.open_connection(peer, 80); w.write(b"GET /small HTTP/1.0\r\n\r\n"); d = await r.read(); w.close(); return d.endswith(b"") and len(d) > 5000
async def many(): return sum(await asyncio.gather(*(one() for i in range(300))))
print("asyncio", asyncio.run(many()))
for passive in True, False:
    f = ftplib.FTP(peer, timeout=30); f.login(user, password); f.set_pasv(passive); h = hashlib.sha256()
    f.retrbinary("RETR big", h.update); print("ftplib", passive, h.hexdigest() == want); f.quit()
try: socket.create_connection((peer, 81), 8)
except OSError as e: print(type(e).__name__, e.errno)
PY
	is "all of it" "$(stack timeout 100 $PY "$TMP/client.py" $PEER "$TMP/cert" $FTP_USER $FTP_PASSWORD "$(sha256sum <"$TMP/w/root/big" | cut -d' ' -f1)" 2>&1 | tr '\n' ,)" \
		"urllib True,http.client 200,tls True,asyncio 300,ftplib True True,ftplib False True,ConnectionRefusedError 111,"
}
