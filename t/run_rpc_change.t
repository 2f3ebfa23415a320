#!/usr/bin/env python3
"""An administrator's requests under abuse: changes made of random words, ioctls with random
arguments, reports of any name, monitors that do not read. The daemon goes on, and what it
answers are errnos that Linux documents."""
import os, sys, socket, struct, random
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from rpcwire import *

in_namespace()
d = Daemon()
CHANGE, MONITOR = 70, 71
SEED = int(os.environ.get("SEED", "1"))
rnd = random.Random(SEED)
good = d.client()

def change(text):
    return good.call(CHANGE, text.encode(), raw=True)[0]

# ---- one by one
same(change("route add dst=10.1.0.0/16 gateway=10.11.12.1"), 0, "a route")
same(change("route add dst=10.1.0.0/16 gateway=10.11.12.1"), errno.EEXIST, "twice: EEXIST")
same(change("route add dst=10.2.0.0/16 gateway=10.99.0.1"), errno.ENETUNREACH, "by nowhere: ENETUNREACH")
same(change("route delete dst=10.3.0.0/16"), errno.ESRCH, "none such: ESRCH")
same(change("route add dst=10.2.0.0/33 gateway=10.11.12.1"), errno.EINVAL, "no prefix: EINVAL")
same(change("route add dst=10.2.0.0/16 gateway=10.11.12.1 mtu=99999999999"), errno.EINVAL, "no number: EINVAL")
same(change("route add dst=10.2.0.0/16 gateway=10.11.12.1 lifetime=2147483647"), errno.EINVAL, "longer than the clock: EINVAL")
same(change("route add dst=10.2.0.0/16 ifp=eth9"), errno.ENXIO, "no interface: ENXIO")
same(change("route"), errno.EINVAL, "half a request: EINVAL")
same(change("coffee make"), errno.EOPNOTSUPP, "no such object: EOPNOTSUPP")
same(change("route flush\nroute flush"), errno.EINVAL, "a line's end is no blank: EINVAL")
same(change("interface delete ifp=tap0 address=10.11.12.99"), errno.EADDRNOTAVAIL, "no such address: EADDRNOTAVAIL")
same(change("interface address ifp=lo0 address=10.11.12.13/24 alias"), errno.EEXIST, "another interface's address: EEXIST")
same(change("arp set address=10.11.12.9 mac=01:00:00:00:00:09"), errno.EINVAL, "a group's MAC address: EINVAL")
same(change("arp delete address=10.11.12.13"), errno.ENOENT, "who is not among the neighbours: ENOENT")
same(change("tcp drop local=1.2.3.4 lport=1 foreign=1.2.3.4 fport=1"), errno.ESRCH, "no such connection: ESRCH")
same(good.call(67, b"proc nosuch", raw=True)[0], errno.ENOENT, "a file that /proc/net has not: ENOENT")

# ---- at random
addrs = ["10.11.12.%d" % i for i in (0, 1, 2, 13, 50, 51, 52, 255)] + ["127.0.0.1", "0.0.0.0", "255.255.255.255", "224.0.0.1",
    "10.1.0.0", "10.1.2.3", "1.2.3", "", "999.1.1.1"]
prefixes = ["", "/0", "/1", "/8", "/24", "/31", "/32", "/33", "/-1", "/x"]
words = {
    "dst": lambda: rnd.choice(addrs) + rnd.choice(prefixes), "address": lambda: rnd.choice(addrs) + rnd.choice(prefixes),
    "gateway": lambda: rnd.choice(addrs), "broadcast": lambda: rnd.choice(addrs), "local": lambda: rnd.choice(addrs),
    "foreign": lambda: rnd.choice(addrs), "lport": lambda: str(rnd.randrange(-1, 70000)), "fport": lambda: str(rnd.randrange(70000)),
    "ifp": lambda: rnd.choice(["tap0", "lo0", "eth0", "", "tap0tap0tap0tap0tap0"]), "mtu": lambda: str(rnd.choice([0, 71, 72, 576, 1500, 9000, 65535, 65536, -5])),
    "lifetime": lambda: str(rnd.choice([0, 1, 100, 1073741823, 1073741824, 2147483648])),
    "mac": lambda: rnd.choice(["02:00:00:00:00:01", "2:0:0:0:0:1", "ff:ff:ff:ff:ff:ff", "0", "02:00:00:00:00:01:02", "zz"]),
}
flags = ["reject", "blackhole", "proto1", "proto2", "plain", "alias", "temp", "pub", "=", "dst", "x" * 80]
verbs = ["route add", "route change", "route delete", "route flush", "interface mtu", "interface up", "interface down",
         "interface address", "interface delete", "arp set", "arp delete", "arp flush", "tcp drop", "route nothing"]
answers = {}
for i in range(4000):
    parts = [rnd.choice(verbs)] + ["%s=%s" % (k, words[k]()) for k in rnd.sample(sorted(words), rnd.randrange(6))] + \
        rnd.sample(flags, rnd.randrange(3))
    error = change(" ".join(parts)[:511])
    answers[error] = answers.get(error, 0) + 1
known = {0, errno.EINVAL, errno.EEXIST, errno.ESRCH, errno.ENXIO, errno.ENETUNREACH, errno.EADDRINUSE, errno.EADDRNOTAVAIL,
         errno.ENOENT, errno.EOPNOTSUPP, errno.ENOBUFS}
same(set(answers) - known, set(), "4000 random changes, seed %d: the errnos that are documented (%d were made)" % (SEED, answers.get(0, 0)))
ok(answers.get(0, 0) > 100, "and some were made")

s = good.socket(socket.SOCK_DGRAM)
errors = {}
for i in range(4000):
    cmd = rnd.choice([0x890B, 0x890C, 0x8953, 0x8954, 0x8955, 0x8914, 0x8916, 0x891A, 0x891C, 0x8922, 0x8924, 0x8936, 0x8943,
                      rnd.randrange(0x8900, 0x8A00)])
    sa = lambda: struct.pack("=HH4s8x", rnd.choice((2, 2, 2, 0, 10, 1)), rnd.randrange(65536), rnd.choice([socket.inet_aton(a) for a in addrs[:12]]))
    name = rnd.choice([b"tap0", b"lo0", b"lo", b"tap0:1", b"tap0:0", b"tap0:99999999999", b"tap0:", b":", b"", b"x" * 16]).ljust(16, b"\0")[:16]
    if cmd in (0x890B, 0x890C):
        arg = struct.pack("=Q", 0) + sa() + sa() + rnd.choice([bytes(16), struct.pack("=HH4s8x", 2, 0, b"\xff\xff\0\0"), sa()]) + \
            struct.pack("=Hh4xQQhxxxxxxQQQH6x", rnd.randrange(0x400), 0, 0, 0, 0, 0, rnd.randrange(70000), 0, 0) + name
    elif 0x8953 <= cmd <= 0x8955:
        arg = sa() + struct.pack("=H", rnd.choice((1, 772, 0))) + rnd.randbytes(14) + struct.pack("=i", rnd.randrange(16)) + bytes(16) + name
    else:
        arg = name + rnd.choice([sa() + bytes(8), struct.pack("=h", rnd.randrange(-30000, 30000)) + bytes(22),
                                 struct.pack("=i", rnd.choice([0, 72, 1500, 70000, -1])) + bytes(20),
                                 struct.pack("=H", 1) + rnd.randbytes(14) + bytes(8)])
    if rnd.randrange(20) == 0:
        arg = arg[:rnd.randrange(len(arg))]
    error = good.call(IOCTL, struct.pack("=QII", cmd, len(arg), 0) + arg, fd=s.fileno(), raw=True)[0]
    errors[error] = errors.get(error, 0) + 1
ok(d.alive() and errors.get(0, 0) > 100, "4000 random ioctls: it lives (%d were done)" % errors.get(0, 0))
s.close()

# ---- what there is is still told
change("interface up ifp=tap0")
for line in good.text(67, "interfaces").splitlines()[1:]:
    f = line.split("\t")
    if f[6] not in ("", "127.0.0.1"):
        same(change("interface delete ifp=%s address=%s" % (f[0], f[6])), 0, "an address goes again")
same(change("interface address ifp=tap0 address=10.11.12.13/24"), 0, "the address of before comes back")
change("route flush")
for what in ("interfaces", "routes", "arp", "sockets", "stats", "mbufs", "malloc", "proc dev", "proc route", "proc arp", "proc tcp",
             "proc udp", "proc raw", "proc snmp", "proc netstat", "proc igmp", "proc sockstat"):
    if good.call(67, what.encode(), raw=True)[0] != 0:
        ok(False, "report " + what)
ok("10.11.12.13" in good.text(67, "interfaces"), "the reports, and the address is back")

# ---- monitors
m = d.client()
m.send(MONITOR)
ok(m.receive()[1].startswith(b"message\t"), "a monitor gets the columns")
change("route flush")
same(change("route add dst=10.7.0.0/16 gateway=10.11.12.1"), 0, "a change")
body = b""
while b"10.7.0.0" not in body:
    body += m.receive()[1]
ok(b"RTM_ADD\t10.7.0.0\t16\t10.11.12.1\t" in body, "is told")
m.send(67, b"routes")
try:
    while True:
        head, _, _ = m.receive()
        if head[3] > 1 and head[5] == 0: break
    ok(False, "a monitor asks nothing")
except (EOFError, OSError):
    ok(True, "a monitor asks nothing")
m = d.client()
m.send(MONITOR)
for i in range(12000):
    change("route %s dst=10.7.0.0/16 gateway=10.11.12.1" % ("delete" if i % 2 == 0 else "add"))
body, lost = b"", False
m.s.settimeout(1)
try:
    while True:
        body += m.receive()[1]
except (socket.timeout, EOFError):
    pass
m.s.settimeout(60)
change("route delete dst=10.7.0.0/16")
body += m.receive()[1]
while b"RTM_LOST" not in body: body += m.receive()[1]
ok(b"RTM_LOST" in body and d.alive(), "one that does not read loses messages, and is told how many")
m.s.close()
same(change("route add dst=10.7.0.0/16 gateway=10.11.12.1"), 0, "and the daemon goes on")
done()
