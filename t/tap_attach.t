#!/usr/bin/python3
"""
tap_attach.t - alpined on a machine that has a lot on its eth0: all of it must come back, however it ends.

The machine is that of lib/machine.py. Killed and failed at every change that attaching and detaching make
(--fault), then restored: identical every time. Everyday every 37th change or so; T_LONG=1 (long_attach.t): all.
"""
import os, re, shutil, sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from machine import *

LONG = os.environ.get("T_LONG") == "1"


def attached(before):
    routes = ip("-4 route show table all") + ip("-6 route show table all")
    for want in ("default via 10.9.8.1 dev br-eth0 proto dhcp src 10.9.8.3 metric 100",
                 "192.0.2.0/24 via 10.9.8.1 dev br-eth0 table 77 mtu 1300",
                 "nexthop via 10.9.8.9 dev br-eth0 weight 1",
                 "10.3.0.0/24 dev br-eth0 proto kernel scope link src 10.3.0.9 metric 100",
                 "local 192.0.3.0/24 dev br-eth0",
                 "10.70.0.0/16 nhid 7 via 10.9.8.1 dev br-eth0",
                 "default via fd00:9::1 dev br-eth0 metric 300", "fd00:79::/64 dev br-eth0 table 78"):
        ok(want in routes, "route " + want, *routes.split("\n"))
    ok(not [r for r in routes.split("\n") if "dev eth0" in r and not r.startswith(("fe80:", "local fe80:", "multicast ff00:",
                                                                                 "anycast fe80:"))],
       "no route uses eth0", *[r for r in routes.split("\n") if "dev eth0" in r])
    a, b = [l.split()[:5] for l in ip("route show 203.0.113.0/24").strip().split("\n")]
    ok("br-eth0" in a and "eth1" in b, "which of two equally good routes is first: eth0's", a, b)
    a, b = [l.split()[:5] for l in ip("route show 203.0.112.0/24").strip().split("\n")]
    ok("eth1" in a and "br-eth0" in b, "... eth1's", a, b)
    rules = ip("rule")
    for want in ("501:\tfrom all iif br-eth0 lookup 77", "502:\tfrom all oif br-eth0", "503:\tnot from all fwmark 0x5 iif br-eth0"):
        ok(want in rules, "rule " + want, rules)
    ok("503:\tnot from all fwmark 0x5 iif eth0" not in rules, "an inverted rule moves", rules)
    ok("10.9.8.50 lladdr 02:00:00:00:50:50 PERMANENT" in ip("neigh show dev br-eth0"), "a permanent neighbour")
    ok("10.9.8.60" in ip("neigh show proxy dev br-eth0"), "a proxied one")
    ok("10.7.0.1/32 scope global br-eth0:x" in ip("addr show dev br-eth0"), "a label", ip("addr show dev br-eth0"))
    ok("fe80::ff:fe00:902" in ip("-6 addr show dev br-eth0"), "the link-local address")
    with open("/proc/sys/net/ipv4/conf/br-eth0/rp_filter") as f:
        ok(f.read() == "2\n", "sysctls")
    ok(ping("10.9.8.1") and ping("fd00:9::1"), "the machine reaches its router")
    ok(ping("10.9.8.13"), "and the stack")


def test_all(before):
    for i in range(1 if not LONG else 3):
        a = Alpined()
        if not ok(a.ready, "attach", a.said()):
            return
        attached(before)
        ok(a.stop() == 0, "detach", a.said())
        no_tap()
        same(before, "all is as it was")
        left = [l for l in ip("-4 addr show dev eth0").split("\n") if "valid_lft" in l and "forever" not in l]
        ok(len(left) == 1 and 3900 < int(left[0].split()[1][:-3]) <= 4000, "a lifetime goes on", left)
        ok(left_over() == [], "no file is left", left_over())
        ok(ping("10.9.8.1") and ping("fd00:9::1"), "the router still answers")


def changes():
    a = Alpined("--log-level", "debug")
    a.stop()
    no_tap()
    return int(re.search("by ([0-9]+) changes", a.said()).group(1))


def test_faults(before, what, total, stride):
    bad = met = 0
    for n in range(1, total + 1, stride):
        a = Alpined("--fault", "%s@%d" % (what, n))
        status = a.stop() if a.ready else a.p.wait(60)
        said = a.said()
        wait_until(60, lambda: not a.keepers())
        no_tap()
        if what == "fail" and not a.ready and state() != before:
            bad += 1
            ok(False, "change %d fails: rolled back" % n, said, *difference(before, state()))
        met += left_over() != [] or status != 0
        for again in range(2):
            r = restore(*(["--name", "alpine"] if n % 2 else []))
            after = state()
            if r.returncode != 0 or after != before or left_over() != []:
                bad += 1
                ok(False, "%s at change %d, restored %s" % (what, n, "twice" if again else "once"), r.stderr, said,
                   left_over(), *difference(before, after))
        if bad > 3:
            break
    ok(bad == 0 and met > (3 if what == "kill" else 0), "%s at %d of %d changes: identical every time" % (what, met, total))


def test_next_start(before):
    a = Alpined("--fault", "kill@50")
    a.p.wait(60)
    wait_until(60, lambda: not a.keepers())
    ok(not a.ready and state() != before, "killed in the middle")
    a = Alpined()
    ok(a.ready and "brought back" in a.said(), "the next start brings back, and attaches", a.said())
    ok(ping("10.9.8.13"), "it works")
    k = a.keepers()
    for pid in k:
        os.kill(pid, signal.SIGKILL)
    ok(wait_until(60, lambda: "alpined-keeper is gone" in a.said()), "the keeper killed: told", a.said())
    a.stop()
    no_tap()
    ok(state() != before and restore().returncode == 0, "restore")
    same(before, "all is as it was")


def test_running(before):
    a = Alpined()
    r = restore("--name", "alpine")
    ok(r.returncode == 1 and "running" in r.stderr and "alpinectl stop" in r.stderr, "a running one is not restored", r.stderr)
    r = restore()
    ok(r.returncode == 0 and ping("10.9.8.13"), "nor by a restore of all", r.stderr)
    a.p.send_signal(signal.SIGKILL)
    ok(wait_until(60, lambda: not a.keepers()), "alpined killed: the keeper undoes it")
    no_tap()
    same(before, "all is as it was")
    r = restore("--name", "nobody")
    ok(r.returncode == 0, "nothing to restore is no error", r.stderr)


def test_meanwhile(before):
    """What somebody changes while we are attached is kept, and said."""
    a = Alpined()
    for c in ("addr add 10.9.9.9/24 dev br-eth0", "addr del 10.6.0.9/24 dev br-eth0",
              "route add 172.16.0.0/12 via 10.9.8.1 dev br-eth0", "-4 route del default",
              "route add default via 10.9.8.7 dev br-eth0 metric 5", "rule add iif br-eth0 table 99 pref 600",
              "neigh add 10.9.8.70 lladdr 02:00:00:00:70:70 dev br-eth0 nud permanent",
              "neigh del 10.9.8.50 dev br-eth0"):
        ip(c)
    a.stop()
    said = a.said()
    for what in ("took away: .*10.6.0.9/24", "took away: .*via 10.9.8.1", "added: .*10.9.9.9/24", "added: .*172.16.0.0/12",
                 "added: .*10.9.8.7", "added: .*10.9.8.70", "took away: .*10.9.8.50"):
        ok(re.search("meanwhile somebody " + what, said), "said: " + what, said)
    now = ip("addr show dev eth0") + ip("route") + ip("rule") + ip("neigh show dev eth0")
    for want, there in (("10.9.9.9/24", True), ("10.6.0.9/24", False), ("172.16.0.0/12 via 10.9.8.1 dev eth0", True),
                        ("default via 10.9.8.1", False), ("default via 10.9.8.7 dev eth0 metric 5", True),
                        ("iif eth0 lookup 99", True), ("10.9.8.70 lladdr", True), ("10.9.8.50", False)):
        ok((want in now) == there, "kept: %s%s" % ("" if there else "no ", want), now)
    for c in ("addr del 10.9.9.9/24 dev eth0", "addr add 10.6.0.9/24 dev eth0 metric 77", "route del 172.16.0.0/12",
              "route del default via 10.9.8.7", "route add default via 10.9.8.1 dev eth0 proto dhcp src 10.9.8.3 metric 100",
              "rule del pref 600", "neigh del 10.9.8.70 dev eth0",
              "neigh add 10.9.8.50 lladdr 02:00:00:00:50:50 dev eth0 nud permanent"):
        ip(c)


def test_state_file(before):
    a = Alpined("--fault", "kill@40")
    a.p.wait(60)
    wait_until(60, lambda: not a.keepers())
    no_tap()
    path = os.path.join(os.environ["ALPINE_RUNDIR"], "alpine.state")
    good = open(path).read()
    ok(os.stat(path).st_mode & 0o777 == 0o600 and good.endswith("\nend\n"), "a state file, whole, its owner's")
    for what, text, said in (("cut off", good[:len(good) // 2], "cannot be understood"), ("empty", "", "cannot be understood"),
                             ("with a bad record", good.replace("\naddr 0 ", "\naddr 0 ffffffff", 1), "cannot be understood"),
                             ("of another namespace", re.sub("netns [0-9]+", "netns 1", good), "another network namespace")):
        with open(path, "w") as f:
            f.write(text)
        mid = state()
        r = restore("--name", "alpine")
        ok(r.returncode == 1 and said in r.stderr, "one %s: told" % what, r.stderr)
        same(mid, "... nothing is changed")
    with open(path, "w") as f:
        f.write(good)
    for what, spoil, mend in (("of somebody else's", lambda: os.chown(path, 65534, -1), lambda: os.chown(path, 0, -1)),
                              ("that others may write", lambda: os.chmod(path, 0o666), lambda: os.chmod(path, 0o600)),
                              ("that is a link", lambda: (os.rename(path, path + "x"), os.symlink(path + "x", path)), lambda: os.rename(path + "x", path))):
        mid = state()
        try:
            spoil()
        except OSError:
            skip("a state file %s" % what, "no second user here")
            continue
        r = restore("--name", "alpine")
        ok(r.returncode == 1 and "nobody else's is believed" in r.stderr, "one %s: told" % what, r.stderr)
        same(mid, "... nothing is changed")
        mend()
    ok(restore().returncode == 0, "the good one restores")
    same(before, "all is as it was")
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as f:
        f.write(re.sub("boot .*", "boot 0", good))
    ok(restore().returncode == 0 and left_over() == [], "one of another boot is removed", left_over())
    same(before, "... nothing is changed")


def test_ra(router):
    """Addresses and a route by router advertisements, with a temporary address (RFC 8981)."""
    if not shutil.which("dnsmasq"):
        return skip("router advertisements", "no dnsmasq")
    for f, v in (("use_tempaddr", "2"), ("accept_ra", "2")):
        with open("/proc/sys/net/ipv6/conf/eth0/" + f, "w") as out:
            out.write(v)
    for c in ("sysctl -qw net.ipv6.conf.all.forwarding=1", "ip addr add fd00:5::1/64 dev r0 nodad"):
        router.run(c)
    d = router.popen(["dnsmasq", "--no-daemon", "--conf-file=/dev/null", "--port=0", "--interface=r0", "--user=root", "--enable-ra",
                      "--dhcp-range=fd00:5::,ra-only,64,5m", "--ra-param=r0,4,600"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        if not wait_until(60, lambda: "temporary dynamic" in ip("-6 addr")):
            return skip("router advertisements", "none came")
        settled()
        before = state()
        a = Alpined()
        ok(ping("fd00:5::1"), "router advertisements: the machine reaches the router")
        ok("proto ra" in ip("-6 route show default dev br-eth0"), "... by the route that they made", ip("-6 route"))
        a.stop()
        no_tap()
        same(before, "all is as it was, the temporary address too")
        a = Alpined("--fault", "kill@150")
        a.p.wait() if not a.ready else a.stop()
        wait_until(60, lambda: not a.keepers())
        no_tap()
        restore()
        same(before, "... and after a SIGKILL")
    finally:
        d.terminate()
        d.wait()


def test_vlan(router):
    if not can("link add link eth0 name eth0.5 type vlan id 5"):
        return skip("a VLAN interface above eth0 goes on", "this kernel has no 8021q")
    for c in ("addr add 10.55.0.2/24 dev eth0.5", "link set eth0.5 up"):
        ip(c)
    for c in ("ip link add link r0 name r0.5 type vlan id 5", "ip addr add 10.55.0.1/24 dev r0.5", "ip link set r0.5 up"):
        router.run(c)
    time.sleep(0.2)
    settled()
    before = state()
    a = Alpined()
    ok(a.ready and ping("10.55.0.1") and ping("10.9.8.13"), "a VLAN interface above eth0 goes on", a.said())
    a.stop()
    no_tap()
    same(before, "all is as it was")
    ok(ping("10.55.0.1"), "... and after it")
    ip("link del eth0.5")


def main():
    enter()
    router = make_machine()
    before = state()
    try:
        test_all(before)
        test_next_start(before)
        test_running(before)
        total = changes()
        test_faults(before, "kill", total, 1 if LONG else 37)
        test_faults(before, "fail", total, 1 if LONG else 53)
        test_meanwhile(before)
        test_state_file(state())
        test_vlan(router)
        test_ra(router)
    finally:
        router.close()
    done()


main()
