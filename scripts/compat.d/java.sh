# Java (OpenJDK): its http server with threads, NIO channels, URL clients.
KIND=server
PACKAGES="openjdk-17-jre-headless apache2-utils"
TRIED="com.sun.net.httpserver: 64 MiB by checksum both ways, 4,000 requests; an NIO selector echo, 200 connections; DatagramChannel; as client: java.net.http, Socket, NetworkInterface, a refused port; asleep when idle"
SETTING="java -Djava.net.preferIPv4Stack=true, until the stack has IPv6 sockets"

trial() {
	local main java="java -Djava.net.preferIPv4Stack=true -Xmx256m"
	mkdir -p "$TMP/w/root"
	random big 64
	ln "$TMP/big" "$TMP/w/root/big"
	nginx_at peer $PEER "$TMP/w"
	cat >"$TMP/Server.java" <<'JAVA'
import com.sun.net.httpserver.*; import java.io.*; import java.net.*; import java.nio.*; import java.nio.channels.*;
import java.nio.file.*; import java.security.*; import java.util.*; import java.util.concurrent.*;
public class Server {
  public static void main(String[] a) throws Exception {
    HttpServer s = HttpServer.create(new InetSocketAddress(a[0], 8000), 100);
    s.setExecutor(Executors.newFixedThreadPool(8));
    s.createContext("/", x -> {
      byte[] out;
      if (x.getRequestMethod().equals("PUT")) { try {
        MessageDigest d = MessageDigest.getInstance("SHA-256"); byte[] b = new byte[65536]; int n;
        while ((n = x.getRequestBody().read(b)) > 0) d.update(b, 0, n);
        out = HexFormat.of().formatHex(d.digest()).getBytes();
      } catch (NoSuchAlgorithmException e) { throw new IOException(e); } }
      else if (x.getRequestURI().getPath().equals("/big")) out = Files.readAllBytes(Path.of(a[1], "big"));
      else out = "small\n".repeat(100).getBytes();
      x.sendResponseHeaders(200, out.length); x.getResponseBody().write(out); x.close(); });
    s.start();
    Selector sel = Selector.open();
    ServerSocketChannel l = ServerSocketChannel.open(); l.bind(new InetSocketAddress(a[0], 7001), 300);
    l.configureBlocking(false); l.register(sel, SelectionKey.OP_ACCEPT);
    DatagramChannel u = DatagramChannel.open(); u.bind(new InetSocketAddress(a[0], 7001));
    u.configureBlocking(false); u.register(sel, SelectionKey.OP_READ);
    while (true) { sel.select();
      for (SelectionKey k : sel.selectedKeys()) { if (!k.isValid()) continue;
        if (k.isAcceptable()) { SocketChannel c = l.accept(); if (c == null) continue;
          c.configureBlocking(false); c.register(sel, SelectionKey.OP_READ, ByteBuffer.allocate(65536)); }
        else if (k.channel() == u) { ByteBuffer b = ByteBuffer.allocate(2000); SocketAddress f = u.receive(b);
          if (f != null) { byte[] r = new byte[b.flip().remaining()]; for (int i = r.length; i-- > 0;) r[i] = b.get();
            u.send(ByteBuffer.wrap(r), f); } }
        else { SocketChannel c = (SocketChannel) k.channel(); ByteBuffer b = (ByteBuffer) k.attachment();
          try { if (k.isReadable() && c.read(b) < 0) { c.close(); continue; }
            b.flip(); c.write(b); b.compact();
            k.interestOps((b.hasRemaining() ? SelectionKey.OP_READ : 0) | (b.position() > 0 ? SelectionKey.OP_WRITE : 0));
          } catch (IOException e) { c.close(); } } }
      sel.selectedKeys().clear(); } } }
JAVA
	bg server stack $java "$TMP/Server.java" $US "$TMP"
	main=$BG
	port_open peer $US 7001 40
	peer curl -sS --max-time 60 -o "$TMP/got" http://$US:8000/big
	same "64 MiB from it" "$TMP/got" "$TMP/big"
	is "64 MiB to it" "$(peer curl -sS --max-time 60 -T "$TMP/big" http://$US:8000/)" "$(sha256sum <"$TMP/big" | cut -d' ' -f1)"
	peer ab -q -n 4000 -c 16 http://$US:8000/small >"$TMP/ab" 2>&1
	ok "4,000 requests" ab_sound "$TMP/ab" 4000
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
	is "NIO echo: 200 connections, 5 messages each; 300 datagrams" "$(peer timeout 60 $PY "$TMP/peer.py" $US 2>&1 | tr '\n' ' ')" "1000 300 "
	cat >"$TMP/Client.java" <<'JAVA'
import java.net.*; import java.net.http.*; import java.nio.file.*; import java.security.*; import java.util.*;
public class Client {
  public static void main(String[] a) throws Exception {
    var c = HttpClient.newHttpClient(); var r = HttpRequest.newBuilder(URI.create("http://" + a[0] + "/big")).build();
    var d = MessageDigest.getInstance("SHA-256");
    System.out.println(HexFormat.of().formatHex(d.digest(c.send(r, HttpResponse.BodyHandlers.ofByteArray()).body())));
    try (var in = new URL("http://" + a[0] + "/big").openStream()) {
      System.out.println(HexFormat.of().formatHex(d.digest(in.readAllBytes()))); }
    try { new Socket(a[0], 81); } catch (ConnectException e) { System.out.println(e.getMessage()); }
    System.out.println(NetworkInterface.getByInetAddress(InetAddress.getByName(a[1])) != null);
  } }
JAVA
	local sum=$(sha256sum <"$TMP/big" | cut -d' ' -f1)
	is "as client: two ways to fetch 64 MiB, refused, its interface" "$(stack timeout 60 $java "$TMP/Client.java" $PEER $US 2>&1)" "$sum
$sum
Connection refused
true"
	sleep 2
	asleep java $main java 3 150 # it reads its own clocks 20 times a second
	[ "$FAILED" = 0 ] || diag "$(tail -n 5 "$TMP/server.log")"
}
