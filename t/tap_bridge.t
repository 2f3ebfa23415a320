#!/usr/bin/python3
"""
tap_bridge.t - TAP and bridge, on a machine made of a network namespace.

    [ machine: eth0 10.9.8.2/24, fd00:9::2/64, routes ] --- veth --- [ router: r0 10.9.8.1/24 ]

Attaching must move addresses and routes to the bridge, detaching must bring back exactly what was,
and a failure must leave exactly what was. Needs root or a user namespace with /dev/net/tun.
"""
import json, os, subprocess, sys, time

HERE = os.path.dirname(os.path.abspath(__file__))
PROG = os.environ.get("PROG_BRIDGE", os.path.join(
    HERE, "..", os.environ.get("ALPINE_BUILD", "build"), "t", "prog_bridge"))
count = failed = 0


def ok(good, what, *more):
    global count, failed
    count += 1
    print("%sok %d - %s" % ("" if good else "not ", count, what), flush=True)
    if not good:
        failed += 1
        for line in more:
            print("#", line)


def enter_namespace():
    """Becomes root of a network namespace of its own, which goes when this process does."""
    if os.environ.get("TAP_BRIDGE_INSIDE"):
        return
    env = dict(os.environ, TAP_BRIDGE_INSIDE="1")
    how = ["unshare", "-n", "-m"] if os.geteuid() == 0 else ["unshare", "-r", "-n", "-m"]
    if subprocess.run(how + ["true"], stderr=subprocess.DEVNULL).returncode != 0:
        print("1..0 # skip no permission to make a network namespace")
        sys.exit(0)
    sys.exit(subprocess.run(how + [sys.executable, os.path.abspath(__file__)], env=env).returncode)


def ip(*args):
    return subprocess.run(["ip", *args], check=True, capture_output=True, text=True).stdout


def can(*args):
    return subprocess.run(["ip", *args], capture_output=True).returncode == 0


def state():
    """All that attaching may touch, without what changes by itself (indices, counters, ages)."""
    def scrub(x):
        if isinstance(x, dict):
            return {k: scrub(v) for k, v in x.items() if k not in
                    ("ifindex", "link_index", "qdisc", "valid_life_time", "preferred_life_time", "expires")}
        return [scrub(v) for v in x] if isinstance(x, list) else x
    out = {}
    for what in (["-d", "addr"], ["-d", "-4", "route", "show", "table", "all"],
                 ["-d", "-6", "route", "show", "table", "all"], ["rule"]):
        rows = scrub(json.loads(ip("-j", *what) or "[]"))
        out[" ".join(what)] = sorted(json.dumps(r, sort_keys=True) for r in rows)
    return out


def difference(a, b):
    return ["%s: %s %s" % (k, s, r) for k in a for s, x, y in (("-", a, b), ("+", b, a))
            for r in x[k] if r not in y[k]]


class Prog:
    """prog_bridge, until close()."""
    def __init__(self, *args):
        self.p = subprocess.Popen([PROG, *args], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE, text=True)
        self.said = self.p.stdout.readline().strip()

    def close(self):
        self.p.stdin.close()
        self.err = self.p.stderr.read().strip()
        return self.p.wait()


def fails(what, expect, *args):
    before = state()
    p = Prog(*args)
    status = p.close()
    ok(status == 1 and expect in p.err, what, "status %d, said %r" % (status, p.err))
    after = state()
    ok(before == after, "... and changes nothing", *difference(before, after))


def wait_settled():
    """IPv6 addresses must have passed duplicate address detection."""
    for _ in range(600):
        if "tentative" not in ip("-6", "addr"):
            return
        time.sleep(0.1)


def make_machine():
    holder = subprocess.Popen(["unshare", "-n", "sh", "-c", "echo; exec cat"], text=True,
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    holder.stdout.readline()
    ip("link", "set", "lo", "up")
    ip("link", "add", "eth0", "address", "02:00:00:00:09:02", "type", "veth", "peer", "name", "r0",
       "netns", str(holder.pid))
    for c in ("link set r0 up", "addr add 10.9.8.1/24 dev r0", "addr add fd00:9::1/64 dev r0 nodad"):
        subprocess.run(["nsenter", "-n", "-t", str(holder.pid), "ip"] + c.split(), check=True)
    for c in ("link set eth0 mtu 1400 up", "addr add 10.9.8.2/24 brd + dev eth0",
              "addr add 10.9.8.3/24 dev eth0", "addr add 10.7.0.1/32 dev eth0 label eth0:x",
              "addr add 10.6.0.9/24 dev eth0 metric 77",
              "addr add 10.5.0.9/24 dev eth0 noprefixroute",
              "addr add fd00:9::2/64 dev eth0 nodad",
              "route add 10.5.0.0/24 dev eth0 proto static metric 55",
              "route add default via 10.9.8.1 dev eth0 proto dhcp src 10.9.8.3 metric 100",
              "route add 192.0.2.0/24 via 10.9.8.1 dev eth0 table 77 mtu 1300",
              "route add 198.51.100.0/24 nexthop via 10.9.8.1 dev eth0 weight 2"
              " nexthop via 10.9.8.9 dev eth0 weight 1",
              "-6 route add default via fd00:9::1 dev eth0 metric 300",
              "rule add from 10.9.8.3 table 77"):
        ip(*c.split())
    wait_settled()
    time.sleep(0.5)
    wait_settled()
    return holder


def ping(*args):
    return subprocess.run(["ping", "-c", "1", "-W", "10", *args], stdout=subprocess.DEVNULL).returncode == 0


def test_tap():
    p = Prog("tap", "tapA")
    ok(p.said == "ready tapA mtu 1500 caps 7 mac 02", "a TAP: offloads, a local MAC", p.said)
    fails("a name in use", "in use by another program", "tap", "tapA")
    fails("another kind of interface", "another kind", "tap", "eth0")
    fails("a name too long", "longer than 15", "tap", "a" * 16)
    fails("an MTU too small", "not within", "tap", "tapB", "20")
    p.close()
    ok("tapA" not in ip("link"), "it goes with its program")
    p = Prog("tap", "", "9000")
    ok("ready tap0 mtu 9000" in p.said, "any name, a given MTU", p.said)
    p.close()


def test_attach(holder):
    before = state()
    p = Prog("attach", "eth0", "tapA")
    ok(p.said == "ready br-eth0", "attach", p.said, p.p.poll() is not None and p.p.stderr.read())
    br = json.loads(ip("-j", "-d", "addr", "show", "br-eth0"))[0]
    ok(br["address"] == "02:00:00:00:09:02" and br["mtu"] == 1400, "the bridge has the NIC's MAC and MTU")
    have = [a["local"] for a in br["addr_info"] if a["scope"] != "link"]
    ok(have == ["10.9.8.2", "10.7.0.1", "10.6.0.9", "10.5.0.9", "10.9.8.3", "fd00:9::2"] or
       sorted(have) == sorted(["10.9.8.2", "10.9.8.3", "10.7.0.1", "10.6.0.9", "10.5.0.9", "fd00:9::2"]),
       "... its addresses", have)
    eth = json.loads(ip("-j", "addr", "show", "eth0"))[0]
    ok(eth["master"] == "br-eth0" and all(a["scope"] == "link" for a in eth["addr_info"]),
       "the NIC is a port and has none", eth["addr_info"])
    ok("br-eth0" in ip("-d", "link", "show", "tapA"), "the TAP is the other port")
    routes = ip("-4", "route", "show", "table", "all") + ip("-6", "route", "show", "table", "all")
    for want in ("default via 10.9.8.1 dev br-eth0 proto dhcp src 10.9.8.3 metric 100",
                 "192.0.2.0/24 via 10.9.8.1 dev br-eth0 table 77",
                 "nexthop via 10.9.8.9 dev br-eth0 weight 1",
                 "10.6.0.0/24 dev br-eth0 proto kernel scope link src 10.6.0.9 metric 77",
                 "10.5.0.0/24 dev br-eth0 proto static scope link metric 55",
                 "default via fd00:9::1 dev br-eth0 metric 300"):
        ok(want in routes, "route " + want, *routes.split("\n"))
    ok(ping("10.9.8.1"), "the machine still reaches the router")
    ok(ping("-6", "fd00:9::1"), "... by IPv6 at once")
    ok(p.close() == 0, "detach", p.err)
    wait_settled()
    after = state()
    ok(before == after, "all is as it was", *difference(before, after))
    ok(ping("10.9.8.1") and ping("-6", "fd00:9::1"), "the router still answers")


def test_join():
    ip("link", "add", "br7", "type", "bridge")
    ip("link", "add", "d0", "type", "veth", "peer", "name", "d1")
    ip("link", "set", "d0", "master", "br7")
    before = state()
    for iface in ("d0", "br7"):
        p = Prog("attach", iface, "tapA")
        ok(p.said == "ready br7" and "br7" in ip("link", "show", "tapA"),
           "%s: the TAP joins its bridge" % iface, p.said)
        ok(p.close() == 0, "detach", p.err)
    after = state()
    ok(before == after, "the bridge stays as it was", *difference(before, after))
    ip("link", "del", "d0")
    p = Prog("attach", "eth0", "tapA", "br7")
    ok(p.said == "ready br7", "a bridge of that name is joined", p.said)
    p.close()
    ok("br7" in ip("link"), "... and not deleted")
    ip("link", "del", "br7")


def test_failures():
    fails("no such interface", "no interface nope0", "attach", "nope0", "tapA")
    fails("loopback", "not an Ethernet interface", "attach", "lo", "tapA")
    fails("the TAP itself", "is the TAP itself", "attach", "tapA", "tapA")
    fails("the bridge's name is taken", "not a bridge", "attach", "eth0", "tapA", "lo")
    fails("a bad name for the bridge", "cannot make the bridge", "attach", "eth0", "tapA", "a/b")
    if can("link", "add", "vrf9", "type", "vrf", "table", "9"):
        ip("link", "set", "eth0", "master", "vrf9")
        fails("a port of something else", "a port of vrf9", "attach", "eth0", "tapA")
        ip("link", "del", "vrf9")
    else:
        ok(True, "a port of something else # skip this kernel has no vrf")
    if can("link", "add", "link", "eth0", "name", "mv0", "type", "macvlan", "mode", "passthru"):
        fails("busy underneath", "cannot put the interface into", "attach", "eth0", "tapA")
        ip("link", "del", "mv0")
    else:
        ok(True, "busy underneath # skip this kernel has no macvlan")


def main():
    enter_namespace()
    if not os.path.exists(PROG):
        print("1..0 # skip no %s: make tests" % PROG)
        return 0
    if not os.access("/dev/net/tun", os.R_OK | os.W_OK):
        print("1..0 # skip no /dev/net/tun")
        return 0
    holder = make_machine()
    try:
        test_tap()
        test_attach(holder)
        test_join()
        test_failures()
    finally:
        holder.stdin.close()
        holder.wait()
    print("1..%d" % count)
    return 1 if failed else 0


sys.exit(main())
