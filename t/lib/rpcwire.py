"""rpcwire - a client of rpc/wire.h for tests, and a stack to try it on. Python's library only.

A Daemon runs build/bin/alpined on a TAP in the network namespace that the test is in (tests
start themselves again under unshare -n); the other end of the TAP is this machine's kernel.
"""
import atexit, os, socket, struct, subprocess, sys, time, errno, shutil, tempfile

BUILD = os.environ.get("ALPINE_BUILD", "build")
MAGIC, DGRAM_MAGIC, ACCEPT_MAGIC, VERSION = 0x414C5049, 0x414C5044, 0x414C5041, 1
(HELLO, ATTACH, REKEY, SOCKET, BIND, LISTEN, CONNECT, GETSOCKNAME, GETPEERNAME, SETSOCKOPT,
 GETSOCKOPT, SHUTDOWN, IOCTL, SENDTO, ERRQUEUE, MIRROR, CAPTURE) = range(1, 18)
CTL_STATUS, CTL_STOP, CTL_SYSCTL, CTL_REPORT = range(64, 68)
STACK, PEER = "10.11.12.13", "10.11.12.1"

def addr(host, port, family=socket.AF_INET):
    raw = struct.pack("=H", family) + struct.pack("!H", port) + socket.inet_aton(host) + bytes(8)
    return struct.pack("=I", len(raw)) + raw.ljust(32, b"\0")

def unaddr(raw):
    n, = struct.unpack_from("=I", raw)
    if n == 0:
        return None
    return socket.inet_ntoa(raw[8:12]), struct.unpack_from("!H", raw, 6)[0]

class Error(OSError):
    pass

class Client:
    def __init__(self, path=None, sock=None, hello=True):
        self.s = sock or socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.s.settimeout(60)
        if path is not None:
            self.s.connect(path)
        self.seq = 0
        if hello:
            self.call(HELLO, struct.pack("=II", 1, 0))

    def send(self, op, body=b"", fds=(), **over):
        self.seq += 1
        head = dict(magic=MAGIC, version=VERSION, op=op, seq=self.seq, len=len(body), error=0,
                    nfds=len(fds), flags=0)
        head.update(over)
        msg = struct.pack("=IHHIIiHH", head["magic"], head["version"], head["op"], head["seq"],
                          head["len"], head["error"], head["nfds"], head["flags"]) + body
        socket.send_fds(self.s, [msg], list(fds)) if fds else self.s.send(msg)

    def receive(self):
        msg, fds, _, _ = socket.recv_fds(self.s, 140000, 4)
        if not msg:
            raise EOFError("alpined closed the connection")
        m = struct.unpack_from("=IHHIIiHH", msg)
        return m, msg[24:], fds

    def call(self, op, body=b"", fd=None, raw=False):
        """The reply's body and descriptors; Error when it is an errno (unless raw)."""
        self.send(op, body, () if fd is None else (fd,))
        out = b""
        while True:
            m, data, fds = self.receive()
            out += data
            if not m[7] & 1:
                break
        if raw:
            return m[5], out, fds
        if m[5]:
            for f in fds:
                os.close(f)
            raise Error(m[5], os.strerror(m[5]))
        return out, fds

    # what a program does
    def socket(self, type, proto=0, domain=socket.AF_INET):
        _, fds = self.call(SOCKET, struct.pack("=iii", domain, type, proto))
        return Sock(self, fds[0])

    def text(self, op, text=""):
        return self.call(op, text.encode())[0].decode()

class Sock:
    """A program's end, with the calls that go by request."""
    def __init__(self, client, fd):
        self.c = client
        self.s = socket.socket(fileno=fd)
        self.s.settimeout(60)

    def fileno(self): return self.s.fileno()
    def close(self): self.s.close()
    def recv(self, *a): return self.s.recv(*a)
    def sendall(self, *a): return self.s.sendall(*a)

    def bind(self, host, port): self.c.call(BIND, addr(host, port), self.fileno())
    def listen(self, n): self.c.call(LISTEN, struct.pack("=i", n), self.fileno())
    def name(self): return unaddr(self.c.call(GETSOCKNAME, b"", self.fileno())[0])
    def peer(self): return unaddr(self.c.call(GETPEERNAME, b"", self.fileno())[0])

    def connect(self, host, port, nonblock=False):
        e, _, fds = self.c.call(CONNECT, struct.pack("=I", nonblock) + addr(host, port),
                                self.fileno(), raw=True)
        if e == errno.EINPROGRESS and not nonblock:
            answer = os.read(fds[0], 4)
            os.close(fds[0])
            e, = struct.unpack("=i", answer)
        if e:
            raise Error(e, os.strerror(e))

    def accept(self):
        msg, fds, _, _ = socket.recv_fds(self.s, 80, 1)
        if not msg:
            raise Error(errno.EINVAL, "listener is shut")
        assert struct.unpack_from("=I", msg)[0] == ACCEPT_MAGIC and len(msg) == 80
        return Sock(self.c, fds[0]), unaddr(msg[8:44]), unaddr(msg[44:80])

    def setsockopt(self, level, name, value):
        if isinstance(value, int):
            value = struct.pack("=i", value)
        self.c.call(SETSOCKOPT, struct.pack("=iiI", level, name, len(value)) + value, self.fileno())

    def getsockopt(self, level, name, size=4):
        out, _ = self.c.call(GETSOCKOPT, struct.pack("=iiI", level, name, size), self.fileno())
        n, = struct.unpack_from("=I", out, 8)
        return out[12:12 + n]

    def optint(self, level, name):
        return struct.unpack("=i", self.getsockopt(level, name))[0]

    def error(self):
        return self.optint(socket.SOL_SOCKET, socket.SO_ERROR)

    def shutdown(self, how):
        self.c.call(SHUTDOWN, struct.pack("=i", how), self.fileno())
        self.s.shutdown(how)

    def ioctl(self, cmd, arg=b""):
        out, _ = self.c.call(IOCTL, struct.pack("=QII", cmd, len(arg), 0) + arg, self.fileno())
        return out[16:]

    # datagrams
    def frame(self, payload, to=None, control=b"", flags=0):
        a = addr(*to) if to else bytes(36)
        return struct.pack("=IHHiI", DGRAM_MAGIC, 56, len(control), 0, flags) + a + \
            struct.pack("=I", len(payload)) + control + payload

    def sendto(self, payload, to=None, control=b""):
        out, _ = self.c.call(SENDTO, self.frame(payload, to, control), self.fileno())
        return struct.unpack("=i", out)[0]

    def write(self, payload, to=None, control=b""):
        self.s.send(self.frame(payload, to, control))

    def recvfrom(self):
        msg = self.s.recv(70000)
        magic, hl, cl, e, flags = struct.unpack_from("=IHHiI", msg)
        assert magic == DGRAM_MAGIC and hl == 56, "no datagram header"
        if e:
            raise Error(e, os.strerror(e))
        n, = struct.unpack_from("=I", msg, 52)
        assert len(msg) == 56 + cl + n
        self.control, self.flags = msg[56:56 + cl], flags
        return msg[56 + cl:], unaddr(msg[16:52])

class Daemon:
    def __init__(self, *args, name="t", under=()):
        self.dir = tempfile.mkdtemp(prefix="alpine-t-")
        atexit.register(shutil.rmtree, self.dir, True)
        atexit.register(shutil.rmtree, self.dir, ignore_errors=True)
        self.env = dict(os.environ, ALPINE_RUNDIR=self.dir)
        self.name, self.path = name, "%s/%s.sock" % (self.dir, name)
        r, w = os.pipe()
        self.log = open(self.dir + "/log", "w+")
        self.p = subprocess.Popen(
            [*under, BUILD + "/bin/alpined", "--tap", "tap0", "--name", name, "--ready-fd", str(w), *args,
             STACK + "/24"], env=self.env, pass_fds=(w,), stderr=self.log, stdin=subprocess.DEVNULL)
        os.close(w)
        atexit.register(self.p.kill)
        if os.read(r, 16) != b"ready\n":
            bail("alpined did not start: " + self.logged())
        os.close(r)
        run("ip", "addr", "add", PEER + "/24", "dev", "tap0")
        run("ip", "link", "set", "tap0", "up")
        # both ends are awake when this answers
        run("ping", "-c1", "-W10", "-q", STACK)

    def client(self, **a): return Client(self.path, **a)
    def ctl(self, *args):
        return subprocess.run([BUILD + "/bin/alpinectl", "--name", self.name, *args], env=self.env,
                              capture_output=True, text=True, timeout=60)
    def logged(self):
        self.log.flush(); return open(self.dir + "/log").read()
    def cpu(self):
        f = open("/proc/%d/stat" % self.p.pid).read().split()
        return (int(f[13]) + int(f[14])) / os.sysconf("SC_CLK_TCK")
    def fds(self): return len(os.listdir("/proc/%d/fd" % self.p.pid))
    def alive(self): return self.p.poll() is None
    def stop(self):
        self.p.terminate()
        status = self.p.wait(60)
        log = self.logged()
        left = os.listdir(self.dir)
        shutil.rmtree(self.dir)
        return status, log, [x for x in left if x != "log"]

def run(*cmd):
    subprocess.run(cmd, check=True, stdout=subprocess.DEVNULL)

# TAP
_n = _bad = 0
def ok(cond, what):
    global _n, _bad
    _n += 1
    _bad += not cond
    print("%sok %d - %s" % ("" if cond else "not ", _n, what), flush=True)
    return cond
def same(got, want, what):
    if not ok(got == want, what):
        print("# got  %r\n# want %r" % (got, want), flush=True)
def raises(number, what, fn, *a, **k):
    try:
        fn(*a, **k)
        got = 0
    except OSError as e:
        got = e.errno
    same(errno.errorcode.get(got, got), errno.errorcode[number], what)
def until(cond, seconds=60.0):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if cond():
            return True
        time.sleep(0.01)
    return bool(cond())
def bail(why):
    print("Bail out! " + why, flush=True)
    sys.exit(1)
def done():
    print("1..%d" % _n)
    sys.exit(_bad > 0)

def in_namespace():
    """Starts this test again in a network namespace of its own; skips where that is impossible."""
    if os.environ.get("RPCWIRE_NS") == str(os.getppid()) or os.environ.get("RPCWIRE_NS") == "yes":
        run("ip", "link", "set", "lo", "up")
        return
    how = ["unshare", "-n"] if os.geteuid() == 0 else ["unshare", "-rn"]
    if subprocess.run(how + ["true"], stderr=subprocess.DEVNULL).returncode != 0:
        print("1..0 # SKIP no permission for a network namespace"); sys.exit(0)
    if not os.access("/dev/net/tun", os.R_OK | os.W_OK):
        print("1..0 # SKIP no /dev/net/tun"); sys.exit(0)
    os.environ["RPCWIRE_NS"] = "yes"
    os.execvp(how[0], how + [sys.executable, *sys.argv])
