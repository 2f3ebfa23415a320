#!/usr/bin/env python3
"""Datagram and raw sockets by the protocol itself: framing, errors, control items, queues."""
import os, sys, socket, struct, errno, select, time
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from rpcwire import *

in_namespace()
d = Daemon()
c = d.client()
UDP = socket.SOCK_DGRAM
IP_PKTINFO, IP_RECVTTL, IP_RECVTOS = 8, 12, 13

def cmsgs(raw):
    out = {}
    while len(raw) >= 16:
        n, level, type = struct.unpack_from("=Qii", raw)
        out[level, type] = raw[16:n]
        raw = raw[(n + 7) & ~7:]
    return out
def cmsg(level, type, data):
    return (struct.pack("=Qii", 16 + len(data), level, type) + data).ljust((16 + len(data) + 7) & ~7, b"\0")

p = socket.socket(socket.AF_INET, UDP); p.bind((PEER, 0)); p.settimeout(60)
port = p.getsockname()[1]

s = c.socket(UDP)
s.bind("0.0.0.0", 5000)
same(s.sendto(b"one", (PEER, port)), 3, "sendto by request")
same(p.recvfrom(100), (b"one", (STACK, 5000)), "arrives")
s.write(b"two", (PEER, port)); same(p.recvfrom(100)[0], b"two", "through the pair")
p.sendto(b"three", (STACK, 5000)); same(s.recvfrom(), (b"three", (PEER, port)), "and back, with its sender")
p.sendto(b"", (STACK, 5000)); same(s.recvfrom()[0], b"", "an empty datagram")
s.write(b"", (PEER, port)); same(p.recvfrom(100)[0], b"", "both ways")
big = os.urandom(60000)
p.sendto(big, (STACK, 5000)); same(s.recvfrom()[0], big, "60,000 bytes in (fragments)")
s.write(big, (PEER, port)); same(p.recvfrom(70000)[0], big, "60,000 bytes out")
raises(errno.EMSGSIZE, "more than UDP can carry", s.sendto, bytes(65535), (PEER, port))
raises(errno.EDESTADDRREQ, "no destination", s.sendto, b"x")
raises(errno.ENETUNREACH, "no route", s.sendto, b"x", ("192.0.2.1", 9))
raises(errno.EACCES, "broadcast without SO_BROADCAST", s.sendto, b"x", ("10.11.12.255", 9))
raises(errno.EINVAL, "a control item of a wrong length", s.sendto, b"x", (PEER, port), cmsg(0, IP_PKTINFO, b"abc"))
s.write(b"q", ("192.0.2.1", 9)); raises(errno.ENETUNREACH, "an error through the pair comes back as one", s.recvfrom)

# control items
for o in (IP_PKTINFO, IP_RECVTTL, IP_RECVTOS):
    s.setsockopt(0, o, 1)
s.setsockopt(socket.SOL_SOCKET, 29, 1)
p.setsockopt(0, socket.IP_TTL, 33); p.setsockopt(0, socket.IP_TOS, 0x10)
p.sendto(b"c", (STACK, 5000)); s.recvfrom(); m = cmsgs(s.control)
same(m.get((0, 2)), struct.pack("=i", 33), "IP_RECVTTL")
same(m.get((0, 1)), b"\x10", "IP_RECVTOS")
info = m.get((0, 8), b"")
ok(len(info) == 12 and struct.unpack_from("=i", info)[0] > 0 and info[8:] == socket.inet_aton(STACK), "IP_PKTINFO")
stamp = m.get((1, 29), bytes(16))
ok(abs(struct.unpack("=qq", stamp)[0] - time.time()) < 60, "SO_TIMESTAMP")
p.setsockopt(0, IP_RECVTTL, 1)
s.sendto(b"t", (PEER, port), cmsg(0, 2, struct.pack("=i", 7)))
_, anc, _, _ = p.recvmsg(100, 100)
same(struct.unpack("=i", anc[0][2])[0], 7, "IP_TTL for one datagram")
s.sendto(b"t", (PEER, port)); _, anc, _, _ = p.recvmsg(100, 100)
same(struct.unpack("=i", anc[0][2])[0], 64, "the next has the old one")

# connected
s2 = c.socket(UDP); s2.connect(PEER, port)
same(s2.peer(), (PEER, port), "connect a datagram socket")
s2.s.send(b"native"); same(p.recvfrom(100), (b"native", s2.name()), "a native write goes to the peer")
s2.sendto(b"named", (PEER, port)); same(p.recv(100), b"named", "the peer's address may be given again")
s2.connect(PEER, 1); s2.s.send(b"x")
raises(errno.ECONNREFUSED, "ICMP's port unreachable is ECONNREFUSED", s2.recvfrom)
s2.c.call(CONNECT, struct.pack("=I", 0) + struct.pack("=I", 16) + bytes(32), s2.fileno())
raises(errno.ENOTCONN, "AF_UNSPEC dissolves", s2.peer)
s2.close()

# the queue is bounded, and goes on
s3 = c.socket(UDP); s3.bind("0.0.0.0", 5001)
for i in range(3000):
    p.sendto(struct.pack("=i", i) + bytes(996), (STACK, 5001))
    if i % 100 == 0: time.sleep(0.001)
time.sleep(0.2)
got = []
s3.s.settimeout(1)
try:
    while True:
        got.append(struct.unpack_from("=i", s3.recvfrom()[0])[0])
except socket.timeout:
    pass
ok(10 < len(got) < 3000 and got == sorted(got), "a reader who sleeps loses the last of 3000, not the order (%d)" % len(got))
p.sendto(b"after", (STACK, 5001)); s3.s.settimeout(60)
while (x := s3.recvfrom()[0]) != b"after" and len(x) == 1000: pass
same(x, b"after", "then it goes on")
n = d.fds(); s3.close(); ok(until(lambda: d.fds() < n), "closing it frees the daemon's end")

# address reuse, ports
a = c.socket(UDP); a.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1); a.bind("0.0.0.0", 5002)
b = c.socket(UDP); raises(errno.EADDRINUSE, "a used port", b.bind, "0.0.0.0", 5002)
b.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1); b.bind("0.0.0.0", 5002)
ok(True, "SO_REUSEADDR on both shares it"); a.close(); b.close()

# raw
r = c.socket(socket.SOCK_RAW, socket.IPPROTO_ICMP)
def cksum(x):
    t = sum(struct.unpack("!%dH" % (len(x) // 2), x)); t = (t >> 16) + (t & 0xffff); return ~(t + (t >> 16)) & 0xffff
def echo(id, seq):
    h = struct.pack("!BBHHH", 8, 0, 0, id, seq) + b"payload!"
    return h[:2] + struct.pack("!H", cksum(h)) + h[4:]
r.sendto(echo(77, 1), (PEER, 0))
x, frm = r.recvfrom()
ok(frm[0] == PEER and x[9] == 1 and x[20] == 0 and x[24:26] == b"\0\x4d", "raw ICMP: an echo reply, with its IP header")
r.setsockopt(255, 1, struct.pack("=I", 1))
r.sendto(echo(77, 2), (PEER, 0)); r.s.settimeout(0.3)
try:
    r.recvfrom(); got = True
except socket.timeout:
    got = False
same(got, False, "ICMP_FILTER keeps echo replies away")
r.close()

# ioctls
ifr = lambda n: n.encode().ljust(40, b"\0")
same(s.ioctl(0x8915, ifr("tap0"))[20:24], socket.inet_aton(STACK), "SIOCGIFADDR")
same(s.ioctl(0x891b, ifr("tap0"))[20:24], socket.inet_aton("255.255.255.0"), "SIOCGIFNETMASK")
same(struct.unpack_from("=i", s.ioctl(0x8921, ifr("tap0")), 16)[0], 1500, "SIOCGIFMTU")
f, = struct.unpack_from("=h", s.ioctl(0x8913, ifr("tap0")), 16)
same(f & 0x1043, 0x1043, "SIOCGIFFLAGS: up, broadcast, running, multicast, in Linux's bits")
same([s.ioctl(0x8912)[i:i + 16].rstrip(b"\0") for i in (0, 40)], [b"lo", b"tap0"], "SIOCGIFCONF: the loopback interface by Linux's name")
raises(errno.ENODEV, "an interface that is not there", s.ioctl, 0x8915, ifr("eth9"))
ifr_inet = ifr("tap0")[:16] + struct.pack("=HH4s", socket.AF_UNSPEC, 0, socket.inet_aton("10.0.0.1")) + bytes(16)
raises(errno.EINVAL, "an address that is none is refused", s.ioctl, 0x8916, ifr_inet)
p.sendto(b"12345", (STACK, 5000)); s.recvfrom()
same(struct.unpack("=i", s.ioctl(0x541b))[0], 0, "FIONREAD")

s.close()
ok(until(lambda: "sockets\t0" in c.text(CTL_STATUS)), "no socket is left")
status, log, left = d.stop()
same((status, left), (0, []), "ends cleanly, leaves nothing")
if status: print("# " + log.replace("\n", "\n# "))
done()
