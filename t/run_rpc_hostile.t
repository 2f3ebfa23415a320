#!/usr/bin/env python3
"""What a program can do to keep alpined waiting, or to use up what it has: descriptors that are
slow to close, in messages, behind them and beside them; a listener and a device that others share;
a writer that never stops; descriptors that run out."""
import fcntl, os, resource, select, signal, sys, socket, struct, errno, threading, time
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from rpcwire import *

in_namespace()
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGALRM]) # as a parent may have left it
d = Daemon("--dns", "10.11.12.1")
good = d.client()

def prompt(what):
    """Others are answered meanwhile."""
    t0 = time.monotonic()
    try:
        good.text(CTL_STATUS)
    except OSError:
        pass
    took = time.monotonic() - t0
    ok(took < 20, what + ("" if took < 20 else " (%.1f s)" % took))

class Space:
    """A namespace of its own, as alpine-run attaches one: whose limits are nobody else's."""
    count = 0
    def __init__(self):
        Space.count += 1
        self.name = "\0alpine-t-%d-%d" % (os.getpid(), Space.count)
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.listener.bind(self.name); self.listener.listen(64)
        self.launcher = d.client()
        self.launcher.call(ATTACH, b"", self.listener.fileno())
    def client(self, **a): return Client(self.name, **a)

ls = socket.socket(); ls.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
ls.bind(("127.0.0.1", 0)); ls.listen(64)
far = []
def slow():
    """TCP with SO_LINGER, and a peer that does not read: its last close() waits for that, a minute."""
    s = socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    s.connect(ls.getsockname()); far.append(ls.accept()[0])
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 60)); s.setblocking(False)
    try:
        while True: s.send(bytes(1 << 16))
    except BlockingIOError:
        pass
    return s

def peers_go():
    """What is closed slowly is closed."""
    while far: far.pop().close()

def message(op=GETSOCKNAME, nfds=1, magic=MAGIC):
    return struct.pack("=IHHIIiHH", magic, VERSION, op, 1, 0, 0, nfds, 0)
def stopped(fn):
    """Several things happen before alpined looks."""
    os.kill(d.p.pid, signal.SIGSTOP); fn(); os.kill(d.p.pid, signal.SIGCONT)

c = Space().client(); s = slow()
def behind():
    c.s.send(message(magic=1, nfds=0))
    socket.send_fds(c.s, [message()], [s.fileno()]); s.close()
stopped(behind); prompt("a slow descriptor behind the message for which its connection was closed"); peers_go()

c = Space().client(); s = slow()
def beside():
    socket.send_fds(c.s, [message()], [0] * 200 + [s.fileno()]); s.close()
stopped(beside); prompt("one of two hundred"); peers_go()

v = Space()
def unaccepted():
    c = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET); c.connect(v.name); s = slow()
    socket.send_fds(c, [message()], [s.fileno()]); s.close(); v.launcher.s.close(); v.listener.close()
stopped(unaccepted); prompt("one in a connection that was not accepted when its namespace went"); peers_go()

c = Space().client(); first = slow()
def hand_over():
    socket.send_fds(c.s, [message()], [first.fileno()]); first.close()
stopped(hand_over); c.receive()
c.s.settimeout(1); n = 0
try:
    for n in range(400):
        socket.send_fds(c.s, [message()], [0]); c.receive()
except socket.timeout:
    pass
ok(n < 100, "who lets close() take its time is not read from any more (%d)" % n)
last = slow()
def one_more():
    try:
        socket.send_fds(c.s, [message()], [last.fileno()])
    except OSError:
        pass
    last.close()
stopped(one_more); prompt("and does not hold up others")
peers_go()
c.s.settimeout(30)
ok(c.receive()[0][5] == errno.EBADF, "until that is done")

n = d.fds()
for i in range(20):
    c = Space(); x = c.client(); socket.send_fds(x.s, [b""], [0, 0, 0, 0]); x.s.close(); c.launcher.s.close(); c.listener.close()
ok(until(lambda: d.fds() <= n), "an empty message with descriptors: they are not kept")
if until(lambda: True) and hasattr(os, "pidfd_open"):
    v = Space()
    try:
        v.listener.setsockopt(socket.SOL_SOCKET, 76, 1) # SO_PASSPIDFD, which its connections inherit
        n = d.fds(); c = v.client()
        for i in range(20): c.text(CTL_STATUS)
        ok(until(lambda: d.fds() <= n + 1), "handles of processes that SO_PASSPIDFD brings: neither")
    except OSError:
        ok(True, "SO_PASSPIDFD # SKIP before Linux 6.5")

# its listener is one that waits, and somebody else accepts
v = Space(); v.listener.settimeout(None)
fcntl.fcntl(v.listener.fileno(), fcntl.F_SETFL, os.O_RDWR)
def steal():
    try:
        while True: v.listener.accept()[0].close()
    except OSError:
        pass # shut
threading.Thread(target=steal, daemon=True).start()
worst = 0; t0 = time.monotonic()
while time.monotonic() - t0 < 1:
    x = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET); x.settimeout(0.2)
    try: x.connect(v.name)
    except OSError: break
    t1 = time.monotonic()
    try: good.text(CTL_STATUS)
    except OSError: pass
    worst = max(worst, time.monotonic() - t1); x.close()
v.listener.shutdown(socket.SHUT_RDWR)
ok(worst < 1, "a listener that others accept from (%.2f s)" % worst)
# its device is one that waits
v = Space(); tun = os.open("/dev/net/tun", os.O_RDWR)
fcntl.ioctl(tun, 0x400454CA, struct.pack("16sH22x", b"shown0", 0x1002)) # TUNSETIFF, a TAP without header
v.launcher.call(MIRROR, b"", tun); v.launcher.call(CAPTURE)
fcntl.fcntl(tun, fcntl.F_SETFL, os.O_RDWR)
run("ip", "addr", "add", "10.99.0.1/24", "dev", "shown0"); run("ip", "link", "set", "shown0", "up")
run("ip", "neigh", "add", "10.99.0.2", "lladdr", "02:00:00:00:00:02", "dev", "shown0")
socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", ("10.99.0.2", 9)); time.sleep(0.1)
prompt("a device whose descriptor waits")
os.close(tun)
# long answers that nobody reads
good.text(CTL_SYSCTL, "net.alpine.maxconns=4096"); many = Space(); socks = []; asker = many.client()
for i in range(2500):
    u = asker.socket(socket.SOCK_DGRAM); socks.append(u); u.bind(STACK, 0)
def resident(): return int([x for x in open("/proc/%d/status" % d.p.pid) if x.startswith("VmRSS")][0].split()[1])
before, lazy = resident(), []
for i in range(300):
    c = many.client(); c.s.setblocking(False); lazy.append(c)
    try:
        for k in range(3): c.send(CTL_REPORT, b"sockets")
    except OSError:
        pass
until(lambda: False, 0.5); good.text(CTL_STATUS)
ok("sanitize" in BUILD or resident() - before < 30 * 1024, "long answers that nobody reads: bounded (%d KiB)" % (resident() - before))
ok("too much that is not read" in d.logged(), "the log says so")
for c in lazy: c.s.close()
ok(until(lambda: "connections\t2\n" not in good.text(CTL_STATUS)) and asker.text(CTL_REPORT, "sockets").count("\n") > 2500,
   "who does is answered")
for u in socks: u.close()
del socks, lazy

# a datagram that found no room, then room, an answer to a send and a request, all at once
u = good.socket(socket.SOCK_DGRAM); u.bind(STACK, 0); u.s.setblocking(False)
peer = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); peer.bind((PEER, 0))
for i in range(1000): peer.sendto(struct.pack("=I", i) + bytes(60), u.name())
def waiting(): # in the stack: the pair is full
    return any(l.startswith("udp4") and int(l.split("\t")[1]) > 0 for l in good.text(CTL_REPORT, "sockets").split("\n"))
until(waiting); got, drained = [], []
def read():
    try:
        while True:
            m = u.s.recv(70000)
            got.append(-1 if struct.unpack_from("=i", m, 8)[0] else struct.unpack_from("=I", m, 56)[0])
    except BlockingIOError:
        pass
def at_once():
    read(); drained.append(len(got)); u.write(b"x", ("255.255.255.255", 9))
    good.send(SETSOCKOPT, struct.pack("=iiIi", 0, 2, 4, 9), (u.fileno(),))
stopped(at_once); good.receive(); time.sleep(0.1); read()
at = got.index(-1) if -1 in got else 0
ok(at > 0, "the error of a send is told")
ok(at == drained[0] + 1 and got[at - 1] == drained[0], "behind the datagram that had waited (%s)" % got[at - 2:at + 2])
ok(d.alive(), "alpined lives"); good.s.close(); d.stop()

# ---- descriptors run out: 64 there are, and no more can be had
d = Daemon(name="few", under=("setpriv", "--bounding-set=-sys_resource", "prlimit", "--nofile=64:64"))
a, keep = Space().client(), []
try:
    while len(keep) < 100: keep.append(a.socket(socket.SOCK_STREAM))
except OSError as e:
    same(e.errno, errno.ENFILE, "sockets: the errno after %d" % len(keep))
try: ok(d.client().text(CTL_STATUS) != "", "others can still connect")
except OSError as e: ok(False, "others can still connect (%s)" % e)
conns = []
for i in range(100):
    c = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET); c.connect(d.path); conns.append(c)
time.sleep(0.3); t0, c0 = time.monotonic(), d.cpu(); time.sleep(1)
ok(d.cpu() - c0 < 0.3, "connections without end: it does not spin (%.2f s)" % (d.cpu() - c0))
ok("no descriptors are left" in d.logged(), "the log says so")
late = conns.pop()
for c in conns: c.close()
late = Client(sock=late, hello=False)
try: late.call(HELLO, struct.pack("=II", 3, 0)); ok(True, "who waited is served when they have gone")
except OSError as e: ok(False, "who waited is served when they have gone (%s)" % e)
ok(d.alive(), "alpined lives")
done()
