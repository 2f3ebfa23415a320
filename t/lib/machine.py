"""
machine.py - a machine made of a network namespace, for tests of attaching.

    [ machine: eth0 10.9.8.2/24 ... ] --- veth --- [ router: r0 10.9.8.1/24, fd00:9::1/64 ]
      eth1 10.4.0.2/24: another NIC, which must never change

A test calls enter() first, then make_machine(), and compares state() before and after. Needs root or a
user namespace, and /dev/net/tun. Everything goes with the test's process.
"""
import json, os, signal, subprocess, sys, tempfile, time

HERE = os.path.dirname(os.path.abspath(__file__))
BUILD = os.environ.get("ALPINE_BUILD", "build")
BUILD = BUILD if BUILD.startswith("/") else os.path.join(HERE, "..", "..", BUILD)
ALPINED = os.path.join(BUILD, "bin", "alpined")
ALPINECTL = os.path.join(BUILD, "bin", "alpinectl")
ALPINE_RUN = os.path.join(BUILD, "bin", "alpine-run")
os.environ.setdefault("ASAN_OPTIONS", "detect_leaks=0:abort_on_error=1:verify_asan_link_order=0")
count = failed = 0


def ok(good, what, *more):
    global count, failed
    count += 1
    print("%sok %d - %s" % ("" if good else "not ", count, what), flush=True)
    if not good:
        failed += 1
        for line in more:
            for part in str(line).split("\n"):
                print("#", part, flush=True)
    return good


def skip(what, why):
    global count
    count += 1
    print("ok %d - %s # skip %s" % (count, what, why), flush=True)


def done():
    print("1..%d" % count)
    sys.exit(1 if failed else 0)


def enter():
    """Becomes root of a network namespace of its own, which goes when this process does."""
    if not os.path.exists(ALPINED):
        print("1..0 # skip no %s: make" % ALPINED)
        sys.exit(0)
    if not os.access("/dev/net/tun", os.R_OK | os.W_OK):
        print("1..0 # skip no /dev/net/tun")
        sys.exit(0)
    if os.environ.get("MACHINE_INSIDE") == "1":
        return
    env = dict(os.environ, MACHINE_INSIDE="1")
    how = ["unshare", "-n", "-m"] if os.geteuid() == 0 else ["unshare", "-r", "-n", "-m"]
    if subprocess.run(how + ["true"], stderr=subprocess.DEVNULL).returncode != 0:
        print("1..0 # skip no permission to make a network namespace")
        sys.exit(0)
    with tempfile.TemporaryDirectory() as run:
        env["ALPINE_RUNDIR"] = os.path.join(run, "run")
        sys.exit(subprocess.run(how + [sys.executable] + sys.argv, env=env).returncode)


def sh(*args):
    return subprocess.run(args, check=True, capture_output=True, text=True).stdout


def ip(line):
    return sh("ip", *line.split())


def can(line):
    return subprocess.run(["ip"] + line.split(), capture_output=True).returncode == 0


class Router:
    """The other end of the wire: a namespace with the machine's gateway."""
    def __init__(self):
        self.holder = subprocess.Popen(["unshare", "-n", "sh", "-c", "echo; exec cat"], text=True,
                                       stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.holder.stdout.readline()
        self.enter = ["nsenter", "-n", "-t", str(self.holder.pid)]

    def run(self, line):
        return subprocess.run(self.enter + line.split(), check=True, capture_output=True, text=True).stdout

    def popen(self, args, **more):
        return subprocess.Popen(self.enter + args, **more)

    def close(self):
        self.holder.stdin.close()
        self.holder.wait()


def plug(router):
    """eth0, with its other end in the router."""
    ip("link add eth0 address 02:00:00:00:09:02 type veth peer name r0 netns %d" % router.holder.pid)
    for c in ("ip link set r0 up", "ip addr add 10.9.8.1/24 dev r0", "ip addr add fd00:9::1/64 dev r0 nodad"):
        router.run(c)


PLAIN = ("link set eth0 up", "addr add 10.9.8.2/24 brd + dev eth0", "addr add fd00:9::2/64 dev eth0 nodad",
         "route add default via 10.9.8.1", "-6 route add default via fd00:9::1 dev eth0")
RICH = (
    "link set eth0 mtu 1400 up",
    "addr add 10.9.8.2/24 brd + dev eth0",
    "addr add 10.9.8.3/24 dev eth0",
    "addr add 10.7.0.1/32 dev eth0 label eth0:x",
    "addr add 10.6.0.9/24 dev eth0 metric 77",
    "addr add 10.5.0.9/24 dev eth0 noprefixroute",
    "addr add 10.5.1.9/24 dev eth0 valid_lft 4000 preferred_lft 3000",
    "addr add 10.5.2.9 peer 10.5.2.1/32 dev eth0 scope link",
    "addr add fd00:9::2/64 dev eth0 nodad",
    "addr add fd00:9::3/64 dev eth0 nodad noprefixroute",
    "addr add fd00:9:1::4/64 dev eth0 nodad valid_lft 4000 preferred_lft 3000",
    # as NetworkManager does it: its own route for the prefix, said to be the kernel's
    "addr add 10.3.0.9/24 dev eth0 noprefixroute",
    "route add 10.3.0.0/24 dev eth0 proto kernel scope link src 10.3.0.9 metric 100",
    "route add 10.5.0.0/24 dev eth0 proto static metric 55",
    "route add default via 10.9.8.1 dev eth0 proto dhcp src 10.9.8.3 metric 100",
    "route add 192.0.2.0/24 via 10.9.8.1 dev eth0 table 77 mtu 1300",
    "route add local 192.0.3.0/24 dev eth0",
    "route add 198.51.100.0/24 nexthop via 10.9.8.1 dev eth0 weight 2 nexthop via 10.9.8.9 dev eth0 weight 1",
    # equally good ones of two NICs: which is first must stay
    "link add eth1 address 02:00:00:00:09:03 type veth peer name eth1p",
    "link set eth1 up", "link set eth1p up",
    "addr add 10.4.0.2/24 dev eth1",
    "route add 203.0.113.0/24 via 10.9.8.1 dev eth0 metric 9",
    "route append 203.0.113.0/24 via 10.4.0.1 dev eth1 metric 9",
    "route add 203.0.112.0/24 via 10.4.0.1 dev eth1 metric 9",
    "route append 203.0.112.0/24 via 10.9.8.1 dev eth0 metric 9",
    "route add 203.0.111.0/24 nexthop via 10.9.8.1 dev eth0 nexthop via 10.4.0.1 dev eth1",
    "-6 addr add fd00:4::2/64 dev eth1 nodad",
    "-6 route add default via fd00:9::1 dev eth0 metric 300",
    "-6 route add fd00:77::/64 nexthop via fd00:9::1 dev eth0 weight 3 nexthop via fd00:4::1 dev eth1",
    "-6 route add fd00:78::/64 via fd00:9::1 dev eth0 expires 3000",
    "-6 route add fd00:79::/64 dev eth0 table 78",
    "nexthop add id 7 via 10.9.8.1 dev eth0", "nexthop add id 8 via 10.4.0.1 dev eth1",
    "nexthop add id 9 group 7/8",
    "route add 10.70.0.0/16 nhid 7", "route add 10.71.0.0/16 nhid 9",
    "rule add from 10.9.8.3 table 77 pref 500", "rule add iif eth0 table 77 pref 501",
    "rule add oif eth0 table 77 pref 502", "rule add not iif eth0 fwmark 5 table 78 pref 503",
    "-6 rule add iif eth0 table 78 pref 501",
    "neigh add 10.9.8.50 lladdr 02:00:00:00:50:50 dev eth0 nud permanent",
    "-6 neigh add fd00:9::50 lladdr 02:00:00:00:50:50 dev eth0 nud permanent",
    "neigh add proxy 10.9.8.60 dev eth0",
)


def wait_until(seconds, f):
    end = time.time() + seconds
    while not f():
        if time.time() > end:
            return False
        time.sleep(0.02)
    return True


def settled():
    """IPv6 addresses have passed duplicate address detection."""
    return wait_until(60, lambda: "tentative" not in ip("-6 addr"))


def make_machine(how=RICH):
    subprocess.run(["mount", "-t", "sysfs", "sysfs", "/sys"], capture_output=True)
    router = Router()
    ip("link set lo up")
    plug(router)
    for c in how:
        ip(c)
    with open("/proc/sys/net/ipv4/conf/eth0/rp_filter", "w") as f:
        f.write("2")
    # each gets its link-local address, some time after its carrier
    wait_until(60, lambda: all("fe80:" in ip("-6 addr show dev " + l["ifname"]) for l in json.loads(ip("-j link show up"))
                               if "LOWER_UP" in l["flags"] and "LOOPBACK" not in l["flags"]))
    time.sleep(0.3)
    settled()
    return router


CHANGING = ("valid_life_time", "preferred_life_time", "expires", "used", "updated", "confirmed", "probes", "refcnt",
            "num_tx_queues", "num_rx_queues", "used_time", "bridge_id", "gc_timer", "hello_timer", "hold_timer",
            "message_age_timer", "forward_delay_timer", "topology_change_timer", "tcn_timer", "topology_change")


def state():
    """All that attaching may touch, without what changes by itself (ages, counters)."""
    def scrub(x):
        if isinstance(x, dict):
            return {k: scrub(v) for k, v in x.items() if k not in CHANGING}
        return [scrub(v) for v in x] if isinstance(x, list) else x
    out = {}
    for what in ("-d addr", "-d link", "-d -4 route show table all", "-d -6 route show table all", "-4 rule", "-6 rule",
                 "nexthop", "neigh show nud permanent", "neigh show proxy"):
        rows = scrub(json.loads(ip("-j " + what) or "[]"))
        rows = [json.dumps(r, sort_keys=True) for r in rows if r != {}]
        # the kernel keeps IPv6 routes and neighbours in no order that means something
        out[what] = rows if "-4 route" in what or "rule" in what or "addr" in what else sorted(rows)
    out["rp_filter"] = [open("/proc/sys/net/ipv4/conf/eth0/rp_filter").read()] if can("link show eth0") else []
    return out


def difference(a, b):
    lines = ["%s: %s %s" % (k, s, r) for k in a for s, x, y in (("-", a, b), ("+", b, a)) for r in x[k] if r not in y[k]]
    return lines or ["%s: another order" % k for k in a if a[k] != b[k]]


def same(before, what):
    after = state()
    return ok(before == after, what, *difference(before, after))


def alpined_args(name="alpine", iface="eth0", addr="10.9.8.13/24"):
    return ["--name", name] + ([iface] if iface else []) + ([addr] if addr else [])


class Alpined:
    """alpined, from ready to stop(). self.ready tells whether it came up."""
    def __init__(self, *more, name="alpine", iface="eth0", addr="10.9.8.13/24", prefix=()):
        r, w = os.pipe()
        os.set_inheritable(w, True)
        self.log = tempfile.TemporaryFile("w+")
        self.p = subprocess.Popen(list(prefix) + [ALPINED] + alpined_args(name, iface, addr) + ["--ready-fd", str(w)] +
                                  list(more), stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, pass_fds=(w,))
        os.close(w)
        # the keeper closes what it inherited, so the end comes when alpined ends
        self.ready = os.read(r, 100) == b"ready\n"
        os.close(r)
        self.name = name

    def said(self):
        self.log.seek(0)
        return self.log.read()

    def keepers(self):
        out = []
        for pid in os.listdir("/proc"):
            try:
                if pid.isdigit() and open("/proc/%s/comm" % pid).read() == "alpined-keeper\n" and \
                   os.readlink("/proc/%s/ns/net" % pid) == os.readlink("/proc/self/ns/net"):
                    out.append(int(pid))
            except OSError:
                pass
        return out

    def stop(self, sig=signal.SIGTERM):
        if self.p.poll() is None:
            self.p.send_signal(sig)
        return self.p.wait(30)


def restore(*args):
    return subprocess.run([ALPINED, "--restore", *args], capture_output=True, text=True)


def no_tap():
    """The kernel takes a dead daemon's TAP away, a little later."""
    return wait_until(60, lambda: not any(l["ifname"].startswith(("tap", "macvtap")) for l in json.loads(ip("-j link"))))


def left_over():
    run = os.environ["ALPINE_RUNDIR"]
    return sorted(f for f in os.listdir(run) if not f.endswith(".sock")) if os.path.isdir(run) else []


def ping(*args):
    return subprocess.run(["ping", "-n", "-c", "1", "-W", "10", *args], stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL).returncode == 0


def has_nft():
    import ctypes
    try:
        ctypes.CDLL("libnftables.so.1")
    except OSError:
        return False
    return True


def has_macvtap():
    if not can("link add link eth0 name mvt9 type macvtap mode bridge"):
        return False
    ip("link del mvt9")
    return True


def nft(commands):
    """Runs them by libnftables; what they print."""
    import ctypes
    lib = ctypes.CDLL("libnftables.so.1")
    lib.nft_ctx_new.restype = ctypes.c_void_p
    lib.nft_ctx_get_output_buffer.restype = ctypes.c_char_p
    ctx = ctypes.c_void_p(lib.nft_ctx_new(0))
    lib.nft_ctx_buffer_output(ctx)
    lib.nft_run_cmd_from_buffer(ctx, commands.encode() + b"\n")
    out = lib.nft_ctx_get_output_buffer(ctx).decode()
    lib.nft_ctx_free(ctx)
    return out
