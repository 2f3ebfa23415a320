#!/usr/bin/env python3
"""The control protocol under abuse: garbage, wrong versions, lies about lengths and descriptors,
authority, limits, attached namespaces, re-keyed connections; and options one by one."""
import os, re, sys, socket, signal, struct, errno, select, time, random
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from rpcwire import *

in_namespace()
d = Daemon("--dns", "10.11.12.1")
good = d.client()
keep = good.socket(socket.SOCK_STREAM)
SEED = int(os.environ.get("SEED", "1"))
rnd = random.Random(SEED)

def closed(c):
    """The daemon answers EPROTO or nothing, and hangs up."""
    try:
        while True:
            m, _, _ = c.receive()
            if m[5] == 0:
                return False
    except (EOFError, ConnectionError):
        return True
    except socket.timeout:
        return False

# ---- hello
body, _ = Client(d.path, hello=False).call(HELLO, struct.pack("=II", 3, 0))
same(body[:32].rstrip(b"\0"), b"t", "hello tells the instance")
same(struct.unpack_from("=III", body, 80), (1500, 1, 1), "MTU, one address, one name server")
same(unaddr(body[92:128]), (STACK, 24), "the address, its prefix as port")
same(unaddr(body[92 + 8 * 36:])[0], "10.11.12.1", "the name server")

def bad(what, **over):
    c = Client(d.path, hello=over.pop("hello", True))
    body = over.pop("body", b"")
    fds = over.pop("fds", ())
    op = over.pop("op", SOCKET)
    c.send(op, body, fds, **over)
    ok(closed(c), what)

sk = struct.pack("=iii", 2, 1, 0)
bad("no hello first", hello=False, body=sk)
bad("wrong magic", magic=1, body=sk)
bad("another version", version=2, body=sk)
bad("unknown operation", op=15)
bad("operation 0", op=0)
bad("a huge operation", op=60000)
bad("body too short", body=sk[:8])
bad("length too large", body=sk, len=1000)
bad("length too small", body=sk, len=4)
bad("length of 4 GiB", body=sk, len=0xffffffff)
bad("a descriptor that is not wanted", body=sk, fds=(keep.fileno(),))
bad("none where one is", op=GETSOCKNAME)
bad("a number of descriptors that is not true", op=GETSOCKNAME, fds=(keep.fileno(),), nfds=3)
bad("an option's length that is not true", op=SETSOCKOPT, body=struct.pack("=iiI", 1, 2, 400) + b"1234", fds=(keep.fileno(),))
bad("an ioctl's length that is not true", op=IOCTL, body=struct.pack("=QII", 1, 400, 0), fds=(keep.fileno(),))
c = Client(d.path, hello=False); c.s.send(b"GET / HTTP/1.0\r\n\r\n"); ok(closed(c), "another protocol")
c = Client(d.path, hello=False); c.s.send(b"x"); ok(closed(c), "one byte")
c = Client(d.path); n = d.fds()
try:
    socket.send_fds(c.s, [struct.pack("=IHHIIiHH", MAGIC, VERSION, SOCKET, 1, 12, 0, 0, 0) + sk], [0] * 200)
except OSError:
    pass
closed(c); ok(until(lambda: d.fds() <= n), "two hundred descriptors at once are not kept")
ok("closed:" in d.logged(), "the log has reasons")

c = d.client(); n = 0
for i in range(3000):
    try:
        kind = rnd.randrange(4)
        if kind == 0:
            c.s.send(rnd.randbytes(rnd.choice((1, 20, 24, 60, 2000))))
        else:
            op = rnd.randrange(1, 15) if kind < 3 else rnd.randrange(64, 68)
            if op == CTL_STOP: continue
            fds = (keep.fileno(),) if 5 <= op <= 14 else ()
            size = {SOCKET: 12, BIND: 36, LISTEN: 4, CONNECT: 40, SHUTDOWN: 4, SETSOCKOPT: 12, GETSOCKOPT: 12,
                    IOCTL: 16, SENDTO: 56, HELLO: 8}.get(op, 0)
            b = bytearray(rnd.randbytes(size + rnd.choice((0, 0, 8))))
            if op in (SETSOCKOPT, GETSOCKOPT):
                b[0:8] = struct.pack("=ii", rnd.choice((0, 1, 6, 17, 255)), rnd.randrange(70))
                b[8:12] = struct.pack("=I", len(b) - 12 if op == SETSOCKOPT else rnd.choice((0, 1, 4, 2000, 1 << 31)))
            if op == SOCKET: b[0:12] = struct.pack("=iii", rnd.choice((2, 10, 1)), rnd.randrange(6), rnd.choice((0, 1, 6, 17, 255, -1, 99999)))
            if op in (BIND, CONNECT): b[-36:-32] = struct.pack("=I", rnd.choice((0, 2, 16, 28, 32, 33, 1 << 31)))
            c.send(op, bytes(b), fds)
            m, _, fds = c.receive()
            for f in fds: os.close(f)
            n += 1
    except (EOFError, ConnectionError, BrokenPipeError):
        c = d.client()
ok(d.alive() and n > 500, "3000 random requests, seed %d: it lives (%d were answered)" % (SEED, n))
c.s.close(); keep.close()
keep = good.socket(socket.SOCK_STREAM)
same(keep.optint(1, 3), 1, "a connection of before still works")

# replies that nobody reads
c = d.client()
c.s.setblocking(False)
n = 0
try:
    for i in range(5000):
        c.send(CTL_SYSCTL, b"-a"); n += 1
except (BlockingIOError, ConnectionError, BrokenPipeError):
    pass
good.text(CTL_STATUS)
ok(n < 5000 and d.alive(), "a client that asks and does not read is not waited for")
c.s.close()
text = good.text(CTL_SYSCTL, "-a")
ok(text.count("\n") > 100, "sysctl -a")

# ---- authority is the descriptor
a, b = socket.socketpair()
name = "\0alpine/fd/t/1"
x = socket.socket(socket.AF_UNIX); x.bind(name + "99")
raises(errno.EBADF, "a descriptor that is not ours", good.call, GETSOCKNAME, b"", a.fileno())
raises(errno.EBADF, "nor one with a name like ours", good.call, GETSOCKNAME, b"", x.fileno())
other = d.client()
ok(other.call(GETSOCKNAME, b"", keep.fileno()), "another connection may use a descriptor that it holds")

# closing what it was sent may take for ever: TCP with SO_LINGER and a peer that does not read
ls = socket.socket(); ls.bind(("127.0.0.1", 0)); ls.listen(1)
slow = socket.create_connection(ls.getsockname()); far, _ = ls.accept()
slow.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 60)); slow.setblocking(False)
try:
    while True: slow.send(bytes(1 << 20))
except BlockingIOError:
    pass
v = [x for x in os.uname().release.split(".")][:2]
if (int(v[0]), int(re.match(r"\d+", v[1])[0])) >= (6, 16):
    conn = good.socket(socket.SOCK_DGRAM)
    raises(errno.EPERM, "the data path takes no descriptors", socket.send_fds, conn.s, [b"x"], [slow.fileno()])
    conn.close()
# a copy is sent while alpined stands still, and ours closed: its own is the last one, the one that waits
d.p.send_signal(signal.SIGSTOP)
other.send(GETSOCKNAME, b"", (slow.fileno(),)); slow.close()
d.p.send_signal(signal.SIGCONT)
t0 = time.monotonic()
same(other.receive()[0][5], errno.EBADF, "a descriptor that is slow to close")
good.text(CTL_STATUS)
ok(time.monotonic() - t0 < 30, "does not hold the daemon up: it would be a minute")
far.close(); ls.close()

# ---- a connection of a child's own
a, b = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
good.send(REKEY, b"", (b.fileno(),)); b.close()
child = Client(sock=a, hello=False)
m, _, _ = child.receive(); same((m[2], m[3], m[5]), (REKEY, good.seq, 0), "re-keyed: the answer comes over the new one")
child.socket(socket.SOCK_STREAM).close(); ok(True, "which needs no hello")
a, b = socket.socketpair()
raises(errno.EINVAL, "not with a stream", good.call, REKEY, b"", b.fileno())
same(good.optint(1, 3) if hasattr(good, "optint") else 1, 1, "the old one goes on")

# ---- a namespace
ls = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET); ls.bind("\0alpine/control"); ls.listen(8)
launcher = d.client()
launcher.call(ATTACH, b"", ls.fileno())
raises(errno.EALREADY, "attach twice", launcher.call, ATTACH, b"", ls.fileno())
ls.close()
prog = Client("\0alpine/control")
s = prog.socket(socket.SOCK_STREAM); ok(True, "a program of the namespace makes a socket")
raises(errno.EPERM, "it may not attach", prog.call, ATTACH, b"", s.fileno())
raises(errno.EINVAL, "what is no listener", d.client().call, ATTACH, b"", s.fileno())
good.text(CTL_SYSCTL, "net.alpine.maxsockets=3")
n = [prog.socket(socket.SOCK_STREAM) for i in range(2)]
raises(errno.ENFILE, "net.alpine.maxsockets holds", prog.socket, socket.SOCK_STREAM)
good.socket(socket.SOCK_STREAM).close(); ok(True, "for that namespace only")
for i in n: i.close()
ok(until(lambda: prog.call(SOCKET, sk, raw=True)[0] == 0), "and room comes back")
good.text(CTL_SYSCTL, "net.alpine.maxsockets=32768")
good.text(CTL_SYSCTL, "net.alpine.maxconns=2")
p2 = Client("\0alpine/control")
p3 = Client("\0alpine/control", hello=False); p3.s.settimeout(0.3)
try:
    p3.call(HELLO, struct.pack("=II", 1, 0)); waits = False
except socket.timeout:
    waits = True
ok(waits, "net.alpine.maxconns: the third waits")
p2.s.close(); p3.s.settimeout(60)
same(p3.receive()[0][5], 0, "until one leaves")
good.text(CTL_SYSCTL, "net.alpine.maxconns=4096")
launcher.s.close()
def gone():
    try:
        Client("\0alpine/control", hello=False).s.close(); return False
    except ConnectionRefusedError:
        return True
ok(until(gone), "the launcher's end closes the namespace's door")
same(s.optint(1, 3), 1, "who is inside goes on")
s.close()

# ---- kinds of sockets
for args, want in (((1, 0, 10), errno.EAFNOSUPPORT), ((1, 17), errno.EPROTONOSUPPORT), ((2, 6), errno.EPROTONOSUPPORT),
                   ((3, 0), errno.EPROTONOSUPPORT), ((5, 0), errno.ESOCKTNOSUPPORT), ((1, 0, 1), errno.EAFNOSUPPORT),
                   ((1, 300), errno.EINVAL), ((1, 256), errno.EPROTONOSUPPORT), ((1, -1), errno.EINVAL), ((11, 0), errno.EINVAL)):
    raises(want, "socket%r" % (args,), good.socket, *args)
t, u = good.socket(socket.SOCK_STREAM), good.socket(socket.SOCK_DGRAM)
same((t.optint(1, 3), t.optint(1, 38), t.optint(1, 39), u.optint(1, 3), u.optint(1, 38)), (1, 6, 2, 2, 17), "SO_TYPE, SO_PROTOCOL, SO_DOMAIN")
nb = Sock(good, good.call(SOCKET, struct.pack("=iii", 2, 1 | 0x800, 0))[1][0])
raises(errno.EAGAIN, "SOCK_NONBLOCK", socket.socket(fileno=os.dup(nb.fileno())).recv, 1) if False else ok(not os.get_blocking(nb.fileno()), "SOCK_NONBLOCK")

# ---- options: set, and as they are given back
S, I, T = 1, 0, 6
for what, sock, level, name, value, back in (
    ("SO_REUSEADDR", t, S, 2, 1, 1), ("SO_REUSEPORT", t, S, 15, 1, 1), ("SO_KEEPALIVE", t, S, 9, 5, 1), ("SO_BROADCAST", u, S, 6, 1, 1),
    ("SO_OOBINLINE", t, S, 10, 1, 1), ("SO_SNDBUF", t, S, 7, 100000, 200000), ("SO_RCVBUF", t, S, 8, 50000, 100000),
    ("SO_RCVBUF too small", u, S, 8, 1, 4608), ("SO_PRIORITY", t, S, 12, 6, 6), ("SO_MARK", t, S, 36, 9, 9), ("SO_RCVLOWAT", t, S, 18, 10, 10),
    ("SO_TIMESTAMP", u, S, 29, 1, 1), ("SO_TIMESTAMPNS", u, S, 35, 1, 1),
    ("IP_TOS", t, I, 1, 0x10, 0x10), ("IP_TTL", t, I, 2, 9, 9), ("IP_RECVERR", u, I, 11, 1, 1), ("IP_PKTINFO", u, I, 8, 1, 1),
    ("IP_MTU_DISCOVER", u, I, 10, 2, 2), ("IP_MULTICAST_TTL", u, I, 33, 5, 5), ("IP_MULTICAST_LOOP", u, I, 34, 0, 0), ("IP_RECVTTL", u, I, 12, 1, 1),
    ("IP_FREEBIND", t, I, 15, 1, 1),
    ("TCP_NODELAY", t, T, 1, 1, 1), ("TCP_CORK", t, T, 3, 1, 1), ("TCP_KEEPIDLE", t, T, 4, 60, 60), ("TCP_KEEPINTVL", t, T, 5, 10, 10),
    ("TCP_KEEPCNT", t, T, 6, 4, 4), ("TCP_USER_TIMEOUT", t, T, 18, 30000, 30000), ("TCP_QUICKACK", t, T, 12, 1, 1)):
    try:
        sock.setsockopt(level, name, value); got = sock.optint(level, name)
    except OSError as e:
        got = errno.errorcode[e.errno]
    same(got, back, what)
t.setsockopt(S, 13, struct.pack("=ii", 1, 100000)); same(struct.unpack("=ii", t.getsockopt(S, 13, 8))[0], 1, "SO_LINGER")
t.setsockopt(S, 20, struct.pack("=qq", 3, 500000)); same(struct.unpack("=qq", t.getsockopt(S, 20, 16)), (3, 500000), "SO_RCVTIMEO")
same(t.getsockopt(T, 13, 16).rstrip(b"\0") in (b"reno", b"cubic"), True, "TCP_CONGESTION")
t.setsockopt(T, 13, b"reno"); same(t.getsockopt(T, 13, 16).rstrip(b"\0"), b"reno", "TCP_CONGESTION reno")
raises(errno.ENOENT, "an algorithm that is not there", t.setsockopt, T, 13, b"nosuch")
same(t.getsockopt(T, 11, 104)[0], 7, "TCP_INFO: closed")
same(len(t.getsockopt(T, 11, 104)), 104, "as long as was asked for")
u.setsockopt(I, 35, socket.inet_aton("239.1.2.3") + socket.inet_aton(STACK)); ok(True, "IP_ADD_MEMBERSHIP")
raises(errno.ENODEV, "SO_BINDTODEVICE of nothing", u.setsockopt, S, 25, b"eth7")
u.setsockopt(S, 25, b"tap0"); same(u.getsockopt(S, 25, 16), b"tap0\0", "SO_BINDTODEVICE")
for what, sock, level, name, value, want in (
    ("an unknown option", t, S, 999, 1, errno.ENOPROTOOPT), ("an unknown level", t, 99, 1, 1, errno.ENOPROTOOPT),
    ("a TCP option on UDP", u, T, 1, 1, errno.ENOPROTOOPT), ("a short value", t, S, 2, b"1", errno.EINVAL),
    ("TTL 0", t, I, 2, 0, errno.EINVAL), ("TTL 256", t, I, 2, 256, errno.EINVAL), ("SO_TYPE is read-only", t, S, 3, 1, errno.ENOPROTOOPT)):
    raises(want, what, sock.setsockopt, level, name, value)

# ---- who may: an ordinary user
if os.geteuid() == 0 and os.stat("/proc/self/ns/user").st_ino == os.stat("/proc/%d/ns/user" % d.p.pid).st_ino:
    os.chmod(d.dir, 0o755); os.chmod(d.path, 0o666)
    r, w = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.setgid(65534); os.setuid(65534)
            c = d.client(); out = []
            def e(fn, *a):
                try: fn(*a); out.append(0)
                except OSError as x: out.append(x.errno)
            s = c.socket(socket.SOCK_STREAM); e(s.bind, "0.0.0.0", 80); e(s.bind, "0.0.0.0", 8000)
            e(c.socket, socket.SOCK_RAW, 1); e(c.text, CTL_SYSCTL, "net.inet.ip.ttl=3"); e(c.text, CTL_STOP)
            e(c.text, CTL_STATUS)
            os.write(w, repr(out).encode())
        finally:
            os._exit(0)
    os.waitpid(pid, 0); os.close(w)
    same(eval(os.read(r, 1000) or b"0"), [errno.EACCES, 0, errno.EPERM, errno.EPERM, errno.EPERM, 0],
         "an ordinary user: no port below 1024, no raw socket, no change, no stop; status")
else:
    ok(True, "an ordinary user # SKIP not root")

# ---- a second one, and one that was killed
p = subprocess.run([BUILD + "/bin/alpined", "--tap", "tap1", "--name", "t", "10.11.12.14/24"], env=d.env, capture_output=True, text=True, timeout=60)
ok(p.returncode != 0 and p.stderr.count("alpined: ") == 1 and "running" in p.stderr, "a second of the same name: one line, not 0")
same(d.ctl("status").returncode, 0, "the first is not disturbed")
t.close(); u.close(); keep.close(); nb.close()
d.p.kill(); d.p.wait()
same(d.ctl("status").returncode, 1, "killed: alpinectl says so")
sock2 = d.dir; os.environ["ALPINE_RUNDIR"] = sock2
p = subprocess.Popen([BUILD + "/bin/alpined", "--tap", "tap0", "--name", "t", "10.11.12.14/24"], env=d.env, stderr=subprocess.PIPE)
ok(until(lambda: d.ctl("status").returncode == 0), "the next start replaces the stale socket")
same(d.ctl("stop").returncode, 0, "alpinectl stop")
same(p.wait(60), 0, "ends it with status 0"); p.stderr.close()
same(sorted(os.listdir(sock2)), ["log"], "nothing is left behind")
shutil.rmtree(sock2)
done()
