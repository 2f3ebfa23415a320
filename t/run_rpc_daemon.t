#!/usr/bin/env python3
"""alpined as a process: the bridge comes and goes with it, however it ends; sd_notify, --ready-fd,
privileges, signals, command line.

    this namespace: eth0 10.9.8.2/24 -- veth -- far     alpined eth0 10.9.8.13/24
"""
import json, os, re, signal, sys, socket, stat, subprocess, tempfile, threading, time
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from rpcwire import *

in_namespace()
dir = tempfile.mkdtemp(prefix="alpine-t-")
os.environ["ALPINE_RUNDIR"] = dir + "/run"
D = BUILD + "/bin/alpined"
run("ip", "link", "add", "eth0", "type", "veth", "peer", "name", "far")
run("ip", "addr", "add", "10.9.8.2/24", "dev", "eth0")
run("ip", "link", "set", "eth0", "up"); run("ip", "link", "set", "far", "up")
run("ip", "route", "add", "default", "via", "10.9.8.1", "metric", "50")

def network():
    out = [subprocess.run(["ip", "-j", *a], capture_output=True, text=True).stdout
           for a in (["addr", "show", "eth0"], ["route"])]
    links = subprocess.run(["ip", "-br", "link"], capture_output=True, text=True).stdout
    a = json.loads(out[0])[0]
    return ([x["local"] for x in a["addr_info"] if x["family"] == "inet"], a.get("master"),
            sorted(json.dumps(r, sort_keys=True) for r in json.loads(out[1])),
            sorted(re.findall(r"^(\w[\w.-]*)", links, re.M)))

def start(*args, **kw):
    r, w = os.pipe()
    p = subprocess.Popen([D, "--ready-fd", str(w), *args], pass_fds=(w,), stderr=subprocess.PIPE, text=True, **kw)
    os.close(w)
    line = os.read(r, 100); os.close(r)
    return p, line

def refused(what, *args, contains=""):
    p = subprocess.run([D, *args], capture_output=True, text=True, timeout=60)
    lines = p.stderr.strip().split("\n")
    ok(p.returncode == 1 and len(lines) == 1 and lines[0].startswith("alpined: ") and contains in p.stderr and
       not p.stdout, "%s: %s" % (what, lines[0]))

before = network()
for sig, name in ((signal.SIGTERM, "SIGTERM"), (signal.SIGINT, "SIGINT"), (signal.SIGKILL, "SIGKILL")):
    p, line = start("eth0", "10.9.8.13/24")
    same(line, b"ready\n", "started; --ready-fd")
    during = network()
    ok(during[0] == [] and during[1] == "br-eth0" and "tap0" in during[3], "eth0 is in br-eth0")
    same(subprocess.run(["ping", "-c1", "-W10", "-q", "10.9.8.13"], stdout=subprocess.DEVNULL).returncode, 0, "the machine itself reaches it")
    p.send_signal(sig); status = p.wait(60)
    same(status, -9 if sig == signal.SIGKILL else 0, name)
    ok(until(lambda: network() == before), "the network is what it was after " + name)
    if sig != signal.SIGKILL:
        ok(not os.path.exists(dir + "/run"), "and the run directory that it made is gone")
    p.stderr.close()
if network() != before:
    print("# before %r\n# after  %r" % (before, network()))

p, _ = start("eth0", "10.9.8.13/24")
st = open("/proc/%d/status" % p.pid).read()
same(re.findall(r"^Cap(?:Prm|Eff|Inh):\s*(\w+)", st, re.M), ["0" * 16] * 3, "no capability is left")
same(re.findall(r"^NoNewPrivs:\s*(\d)", st, re.M), ["1"], "nor a way to new ones")
ok(os.stat("/proc/%d/ns/net" % p.pid).st_ino != os.stat("/proc/self/ns/net").st_ino, "a network namespace of its own")
s = os.stat(dir + "/run/alpine.sock")
same(oct(stat.S_IMODE(s.st_mode)), "0o660", "the control socket is for its user and group")
same(subprocess.run([BUILD + "/bin/alpinectl", "stop"]).returncode, 0, "alpinectl stop")
same(p.wait(60), 0, "status 0"); p.stderr.close()
ok(until(lambda: network() == before), "the network is what it was after alpinectl stop")

# sd_notify
n = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); n.bind(dir + "/notify"); n.settimeout(60)
p, _ = start("--tap", "tap7", "10.9.8.13/24", env=dict(os.environ, NOTIFY_SOCKET=dir + "/notify"))
same(n.recv(100), b"READY=1", "sd_notify: ready"); p.terminate()
same(n.recv(100), b"STOPPING=1", "sd_notify: stopping"); p.wait(60); p.stderr.close()

# the run directory is made for --socket, too
p, line = start("--tap", "tap7", "--socket", dir + "/own/x.sock", "10.9.8.13/24",
                env=dict(os.environ, ALPINE_RUNDIR=dir + "/own"))
same(line, b"ready\n", "a control socket by --socket, in the run directory")
p.terminate(); p.wait(10); p.stderr.close()
ok(until(lambda: not os.path.exists(dir + "/own")), "which is gone in the end")

# a program's connections end with it
p, _ = start("--tap", "tap7", "10.9.8.13/24")
c = Client(dir + "/run/alpine.sock"); l = c.socket(socket.SOCK_STREAM); l.bind("127.0.0.1", 0); l.listen(1)
a = c.socket(socket.SOCK_STREAM); a.connect(*l.name()); b = l.accept()[0]
p.kill(); p.wait(); p.stderr.close()
same((a.recv(1), b.recv(1)), (b"", b""), "alpined killed: programs' reads end, none hangs")
try:
    last = l.s.recv(1)
except ConnectionResetError: # what bars writing to a listener was unread
    last = b""
same(last, b"", "alpined killed: a listener's too")
p, line = start("--tap", "tap7", "10.9.8.13/24")
same(line, b"ready\n", "and it starts again"); p.terminate(); p.wait(60); p.stderr.close()

# pcap
p, _ = start("--pcap", dir + "/trace", "--tap", "tap7", "10.9.8.13/24")
run("ip", "link", "set", "tap7", "up"); time.sleep(0.2); p.terminate(); p.wait(60); p.stderr.close()
ok(open(dir + "/trace", "rb").read(4) in (b"\x4d\x3c\xb2\xa1", b"\xd4\xc3\xb2\xa1", b"\xa1\xb2\x3c\x4d"), "--pcap writes a trace")

p, line = start("--mtu", "9000", "eth0", "10.9.8.13/24"); p.terminate()
ok("MTU 9000, but eth0 takes 1500" in p.communicate()[1], "an MTU that the LAN does not take is warned of")

# the command line
refused("no arguments")
refused("no such interface", "nosuch0", "10.9.8.13/24", contains="nosuch0")
refused("no prefix", "eth0", "10.9.8.13", contains="10.9.8.13")
refused("prefix 0", "eth0", "10.9.8.13/0"); refused("prefix 33", "eth0", "10.9.8.13/33")
refused("not an address", "eth0", "10.9.8.300/24"); refused("IPv6", "eth0", "fd00::1/64")
refused("the network", "eth0", "10.9.8.0/24"); refused("its broadcast", "eth0", "10.9.8.255/24")
refused("multicast", "eth0", "224.0.0.5/24"); refused("loopback", "eth0", "127.0.0.2/8")
refused("gateway elsewhere", "--gateway", "192.0.2.1", "eth0", "10.9.8.13/24", contains="gateway")
refused("gateway is itself", "--gateway", "10.9.8.13", "eth0", "10.9.8.13/24")
refused("multicast MAC", "--mac", "01:00:00:00:00:01", "eth0", "10.9.8.13/24")
refused("no MAC", "--mac", "hello", "eth0", "10.9.8.13/24")
refused("MTU too small", "--mtu", "575", "eth0", "10.9.8.13/24"); refused("MTU too large", "--mtu", "65536", "eth0", "10.9.8.13/24")
refused("a bad name", "--name", "a/b", "eth0", "10.9.8.13/24"); refused("an unknown option", "--frob", "eth0", "10.9.8.13/24", contains="--frob")
refused("an unknown sysctl", "--sysctl", "net.nosuch=1", "--tap", "tap7", "10.9.8.13/24", contains="net.nosuch")
refused("a bad log level", "--log-level", "loud", "eth0", "10.9.8.13/24")
refused("too many arguments", "eth0", "10.9.8.13/24", "x")
refused("a trace that cannot be", "--pcap", "/nosuch/dir/x", "--tap", "tap7", "10.9.8.13/24")
refused("a socket that cannot be", "--socket", "/nosuch/dir/x", "--tap", "tap7", "10.9.8.13/24", contains="ALPINE_RUNDIR")
refused("a file where a directory is needed", "--socket", D + "/x", "--tap", "tap7", "10.9.8.13/24", contains="Not a directory; give --socket")
refused("an interface without an address", "eth0", contains="no address is given for interface eth0")
refused("no Ethernet interface", "lo", "10.9.8.13/24", contains="lo is not an Ethernet interface")
refused("a user that would wrap to root", "--user", "4294967296", "eth0", "10.9.8.13/24", contains="no such user: 4294967296")
refused("a group that would wrap", "--group", "4294967296", "eth0", "10.9.8.13/24", contains="no such group: 4294967296")
refused("a descriptor that is not open", "--ready-fd", "77", "eth0", "10.9.8.13/24", contains="descriptor 77 is not open")
same(network(), before, "and nothing was touched")
ok(not os.path.exists(dir + "/run") or os.listdir(dir + "/run") == [], "nothing is left behind")
same(subprocess.run([D, "--version"], capture_output=True, text=True).stdout.split()[0], "alpined", "--version")
ok("usage" in subprocess.run([D, "--help"], capture_output=True, text=True).stdout, "--help")

# without root: a user namespace
p = subprocess.run(["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", "unshare", "-rn", "true"], stderr=subprocess.DEVNULL) \
    if os.geteuid() == 0 and shutil.which("setpriv") else None
tun = os.stat("/dev/net/tun").st_mode & 0o006 == 0o006
if p is not None and p.returncode == 0 and tun:
    os.chmod(dir, 0o777)
    os.makedirs(dir + "/user"); os.chmod(dir + "/user", 0o777)
    r, w = os.pipe()
    cmd = 'exec "$0" --tap tap0 --ready-fd %d 10.9.8.13/24' % w
    p = subprocess.Popen(["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", "unshare", "-rn", "sh", "-c", cmd, os.path.abspath(D)],
                         env=dict(os.environ, ALPINE_RUNDIR=dir + "/user"), pass_fds=(w,), stderr=subprocess.PIPE, text=True)
    os.close(w); line = os.read(r, 100)
    if not ok(line == b"ready\n", "runs in a user namespace, without root"):
        print("# " + p.stderr.read())
    p.terminate(); p.wait(60); p.stderr.close()
else:
    ok(True, "in a user namespace # SKIP no user namespaces, or /dev/net/tun is root's")
# its run directory, where it cannot use root's: that of the user
if p is not None and shutil.which("setpriv") and os.geteuid() == 0:
    os.chmod(dir, 0o777)
    os.makedirs(dir + "/xdg"); os.chmod(dir + "/xdg", 0o777)
    env = {k: v for k, v in os.environ.items() if k != "ALPINE_RUNDIR"}
    p = subprocess.run(["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", "unshare", "-rn", "timeout", "1",
                        os.path.abspath(D), "--tap", "tap0", "10.9.8.13/24"],
                       env=dict(env, XDG_RUNTIME_DIR=dir + "/xdg"), capture_output=True, text=True)
    ok("control socket" not in p.stderr and (tun or "/dev/net/tun" in p.stderr), "a user namespace's root: in $XDG_RUNTIME_DIR")
else:
    ok(True, "a user namespace's run directory # SKIP no user namespaces")

# another starts at the same moment, and does not listen yet
os.makedirs(dir + "/run", exist_ok=True)
early = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET); early.bind(dir + "/run/both.sock")
threading.Timer(0.1, lambda: early.listen(5)).start()
refused("two at once: the first stays", "--name", "both", "--tap", "tap7", "10.9.8.13/24", contains="is running")
ok(os.path.exists(dir + "/run/both.sock"), "and so does its socket")
early.close()
p, line = start("--name", "both", "--tap", "tap7", "10.9.8.13/24")
same(line, b"ready\n", "one that nobody listens at is a dead one's"); p.terminate(); p.wait(10)
shutil.rmtree(dir)
done()
