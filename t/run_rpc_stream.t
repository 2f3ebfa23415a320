#!/usr/bin/env python3
"""Stream sockets by the protocol itself: connect, listen, data, ends, errors, the gate."""
import os, sys, select, socket, struct, hashlib, threading, errno, time
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from rpcwire import *

in_namespace()
d = Daemon()
c = d.client()
TCP = socket.SOCK_STREAM

def listener(port=0):
    l = socket.socket(); l.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    l.bind((PEER, port)); l.listen(64); l.settimeout(60)
    return l, l.getsockname()[1]

def pair():
    """A connection: our socket, the peer's."""
    s = c.socket(TCP); s.connect(PEER, port)
    p, _ = l.accept(); p.settimeout(60)
    return s, p

def readable(s, events=select.POLLIN):
    q = select.poll(); q.register(s.fileno(), events)
    return bool(q.poll(60000))

l, port = listener()

# ---- connecting
s, p = pair()
same(s.peer(), (PEER, port), "getpeername")
same(s.name()[0], STACK, "getsockname after connect")
s.sendall(b"hello"); same(p.recv(10), b"hello", "bytes out")
p.sendall(b"world"); same(s.recv(10), b"world", "bytes in")
raises(errno.EISCONN, "connect twice", s.connect, PEER, port)
p.shutdown(socket.SHUT_WR); same(s.recv(10), b"", "the peer's FIN is the end")
s.sendall(b"more"); same(p.recv(10), b"more", "the other direction goes on")
s.shutdown(socket.SHUT_WR); same(p.recv(10), b"", "shutdown(SHUT_WR) is a FIN")
same(s.error(), 0, "no error then")
raises(errno.EINVAL, "bind after the end", s.bind, "0.0.0.0", 1)
s.close(); p.close()

s = c.socket(TCP)
raises(errno.ECONNREFUSED, "blocking connect is refused", s.connect, PEER, 1)
raises(errno.ENOTCONN, "shutdown of what is not connected", s.shutdown, socket.SHUT_WR)
s.connect(PEER, port); p, _ = l.accept()
s.sendall(b"x"); p.settimeout(60)
same(p.recv(1), b"x", "the same descriptor connects after a refusal")
s.close(); same(p.recv(1), b"", "close is a FIN")
p.close()

# ---- the gate
def outable(s):
    q = select.poll(); q.register(s.fileno(), select.POLLOUT)
    r = q.poll(0)
    return bool(r and r[0][1] & select.POLLOUT)
s = c.socket(TCP)
ok(outable(s), "a fresh socket polls writable")
run("ip", "route", "add", "blackhole", "203.0.113.0/24")
run("iptables", "-w", "-A", "INPUT", "-p", "tcp", "--dport", "7", "-j", "DROP") \
    if shutil.which("iptables") and False else None
s.s.setblocking(False)
raises(errno.EINPROGRESS, "a non-blocking connect is in progress", s.connect, "10.11.12.99", 7, True)
ok(not outable(s), "and not writable meanwhile")
raises(errno.EALREADY, "connect meanwhile", s.connect, "10.11.12.99", 7, True)
n = d.fds()
s.close()
ok(until(lambda: d.fds() < n), "closed while connecting: the daemon's end goes too")

s = c.socket(TCP); s.s.setblocking(False)
raises(errno.EINPROGRESS, "non-blocking connect", s.connect, PEER, port, True)
ok(until(lambda: outable(s)), "writable when connected")
same(s.error(), 0, "SO_ERROR 0")
p, _ = l.accept(); p.settimeout(60)
s.s.send(b"abc"); same(p.recv(10), b"abc", "no filler byte gets out")
p.sendall(b"def"); s.s.settimeout(60); same(s.recv(10), b"def", "nor in")
s.close(); p.close()

s = c.socket(TCP); s.s.setblocking(False)
raises(errno.EINPROGRESS, "non-blocking connect to a closed port", s.connect, PEER, 1, True)
q = select.poll(); q.register(s.fileno(), select.POLLOUT | select.POLLIN)
r = q.poll(60000)
ok(r and r[0][1] & select.POLLOUT, "it is writable when it failed")
ok(until(lambda: q.poll(0)[0][1] & select.POLLHUP), "and hung up")
same(s.error(), errno.ECONNREFUSED, "SO_ERROR tells ECONNREFUSED")
same(s.error(), 0, "once")
s.close()

# ---- ends
s, p = pair()
p.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)); 
p.sendall(b"last"); readable(s); p.close()
same(s.recv(10), b"last", "what came before a reset is delivered")
try:
    got = s.recv(10)
except ConnectionResetError:
    got = b""
same(got, b"", "then the end")
same(s.error(), errno.ECONNRESET, "SO_ERROR tells ECONNRESET")
same(s.name()[0], STACK, "its own address can still be asked for")
raises(errno.ENOTCONN, "the peer's not, as on Linux", s.peer)
s.close()

s, p = pair()
p.sendall(b"unread"); readable(s); s.close()
def reset(p):
    try:
        return p.recv(10) == b"never"
    except ConnectionResetError:
        return True
ok(reset(p), "closed with unread bytes: the peer gets a reset")
p.close()

s, p = pair()
s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)); s.close()
ok(reset(p), "SO_LINGER 0: the peer gets a reset")
p.close()

s, p = pair()
big = os.urandom(1 << 20) * 4
t = threading.Thread(target=lambda: (s.sendall(big), s.close())); t.start()
h = hashlib.sha256(); n = 0
while (b := p.recv(1 << 16)):
    h.update(b); n += len(b)
t.join()
same((n, h.digest()), (len(big), hashlib.sha256(big).digest()), "4 MiB out, then close: all arrives")
p.close()

s, p = pair()
t = threading.Thread(target=lambda: (p.sendall(big), p.close())); t.start()
h = hashlib.sha256(); n = 0
while (b := s.recv(1 << 16)):
    h.update(b); n += len(b)
    if n < 100000: time.sleep(0.02)
t.join()
same((n, h.digest()), (len(big), hashlib.sha256(big).digest()), "4 MiB in, read slowly at first")
s.close()

# a duplicate in another process keeps it open
s, p = pair()
pid = os.fork()
if pid == 0:
    time.sleep(0.3); s.sendall(b"child"); os._exit(0)
s.close(); os.waitpid(pid, 0)
same(p.recv(10), b"child", "a copy in another process keeps the connection")
same(p.recv(10), b"", "the last copy's end is a FIN")
p.close()

# ---- urgent data
def urgent(s):
    return readable(s, select.POLLPRI) and s.recv(1, socket.MSG_OOB)
s, p = pair()
s.s.send(b"before"); s.s.send(b"!", socket.MSG_OOB); readable(p, select.POLLPRI); s.s.send(b"after")
same(urgent(p), b"!", "urgent data out")
same((p.recv(6), p.recv(5)), (b"before", b"after"), "stands where it stood")
p.send(b"before"); p.send(b"?", socket.MSG_OOB); readable(s, select.POLLPRI); p.send(b"after")
same(urgent(s.s), b"?", "urgent data in")
same((s.recv(6), s.recv(5)), (b"before", b"after"), "stands where it stood")
s.close(); p.close()

# ---- memory: many connections, closed by force, leave nothing
def mbufs():
    t = c.text(CTL_REPORT, "mbufs")
    return sum(int(x.split("\t")[1]) for x in t.split("\n") if x.startswith(("mbuf", "4k", "9k", "16k", "64k")))
before = mbufs()
for turn in range(3):
    pairs = [pair() for i in range(40)]
    for s, p in pairs:
        p.setblocking(False); s.s.setblocking(False)
        for x in (s.s, p):
            try:
                x.send(bytes(200000))
            except BlockingIOError:
                pass
    for s, p in pairs:
        s.close(); p.close()
ok(until(lambda: mbufs() <= before + 8), "memory is back where it was")
print("# mbufs and clusters: %d before, %d after" % (before, mbufs()))

# ---- listening
s = c.socket(TCP); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
raises(errno.EADDRNOTAVAIL, "bind to somebody else's address", s.bind, "192.0.2.1", 8080)
s.bind("0.0.0.0", 8080); s.listen(5)
same(s.optint(socket.SOL_SOCKET, socket.SO_ACCEPTCONN), 1, "SO_ACCEPTCONN")
s2 = c.socket(TCP); raises(errno.EADDRINUSE, "bind to a used port", s2.bind, "0.0.0.0", 8080); s2.close()
peers = [socket.create_connection((STACK, 8080), 60) for i in range(4)]
peers[0].sendall(b"first")
a = [s.accept() for i in range(4)]
same([x[1] for x in a], [x.getsockname() for x in peers], "four accepted, in order, with their addresses")
same(a[0][2], (STACK, 8080), "and their own")
same(a[0][0].recv(10), b"first", "data that came before accept")
for x in a: x[0].close()
same([x.recv(1) for x in peers], [b""] * 4, "closed")
for x in peers: x.close()
n = 0
for i in range(60):
    x = socket.create_connection((STACK, 8080), 60); y = s.accept()[0]; y.sendall(b"%d" % i)
    n += x.recv(10) == b"%d" % i; x.close(); y.close()
same(n, 60, "sixty connections by a backlog of five")
x = socket.create_connection((STACK, 8080), 60); time.sleep(0.1)
s.close()
x.settimeout(60)
ok(reset(x), "closing a listener resets what nobody accepted")
raises(errno.ECONNREFUSED, "and nobody listens any more", socket.create_connection, (STACK, 8080), 60)
s = c.socket(TCP); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1); s.bind(STACK, 8081); s.listen(1)
s.listen(10)
x = socket.create_connection((STACK, 8081), 60)
y = s.accept()[0]; s.close(); y.sendall(b"still"); same(x.recv(10), b"still", "an accepted one survives its listener")
y.close(); x.close()
s = c.socket(TCP); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1); s.bind(STACK, 8082); s.listen(1)
s.shutdown(socket.SHUT_RDWR); raises(errno.EINVAL, "accept on a listener that was shut", s.accept)
s.close()

# over lo0, inside the stack
s = c.socket(TCP); s.bind("127.0.0.1", 0); s.listen(5)
x = c.socket(TCP); x.connect("127.0.0.1", s.name()[1]); y = s.accept()[0]
x.sendall(b"loop"); same(y.recv(10), b"loop", "loopback inside the stack")
for z in (s, x, y): z.close()

# ---- quiet
l.close()
time.sleep(0.3)
for i in range(30): # until what it had to do is done
    before = d.cpu(); s, = [c.socket(TCP)]; time.sleep(1); used = d.cpu() - before
    if used < 0.05: break
    s.close()
ok(used < 0.05, "an idle daemon sleeps (%.2f s used in 1 s)" % used)
s.close()
ok(until(lambda: "sockets\t0" in c.text(CTL_STATUS)), "no socket is left")
status, log, left = d.stop()
same((status, left), (0, []), "ends cleanly, leaves nothing")
if status: print("# " + log.replace("\n", "\n# "))
done()
