#!/usr/bin/python3
"""
tap_modes.t - the ways to attach (--attach): what works, who reaches whom, nothing left behind.

The machine is that of lib/machine.py. The router pings the stack, a program on the stack pings the router and
fetches 2 MB from it by TCP; the host's own way to the stack is as alpined(8)'s table says.
"""
import os, re, sys, threading
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from machine import *

SERVER = """
import socket
l = socket.create_server(("10.9.8.1", 7000))
print("ready", flush=True)
while True:
    c, a = l.accept(); c.sendall(b"x" * 2000000); c.close()
"""
FETCH = """
import socket
s = socket.create_connection(("10.9.8.1", 7000), 5); n = 0
while True:
    d = s.recv(65536)
    if not d: break
    n += len(d)
print(n)
"""
LISTEN = """
import socket
l = socket.create_server(("10.9.8.13", 7001)); print("ready", flush=True)
c, a = l.accept(); c.sendall(b"y" * 100000); c.close()
"""


def on_stack(*cmd):
    return subprocess.run([ALPINE_RUN, *cmd], capture_output=True, text=True, timeout=120)


def forwarded():
    lines = [l.split() for l in open("/proc/net/snmp") if l.startswith("Ip:")]
    return int(lines[1][lines[0].index("ForwDatagrams")])


def router_pings(router):
    router.run("ip neigh flush dev r0")
    return subprocess.run(router.enter + ["ping", "-n", "-c", "2", "-i", "0.2", "-W", "10", "10.9.8.13"],
                          capture_output=True, text=True)


def works(router, how, host_reaches):
    p = router_pings(router)
    ok(p.returncode == 0 and "DUP" not in p.stdout and "Redirect" not in p.stdout, how + ": the router reaches the stack", p.stdout)
    p = on_stack("ping", "-c", "1", "-W", "10", "10.9.8.1")
    ok(p.returncode == 0, "... the stack reaches the router", p.stdout, p.stderr)
    p = on_stack("/usr/bin/python3", "-c", FETCH)
    ok(p.stdout.strip() == "2000000", "... and fetches 2 MB", p.stdout, p.stderr)
    ok(ping("10.9.8.1"), "... the host reaches the router")
    sh("ip", "neigh", "flush", "all")
    ok(ping("10.9.8.13") == host_reaches, "... the host %s the stack" % ("reaches" if host_reaches else "does not reach"))


def host_fetches():
    p = subprocess.Popen([ALPINE_RUN, "/usr/bin/python3", "-c", LISTEN], stdout=subprocess.PIPE, text=True)
    p.stdout.readline()
    n, s = 0, __import__("socket").create_connection(("10.9.8.13", 7001), 60)
    while True:
        d = s.recv(65536)
        n += len(d)
        if not d:
            break
    ok(n == 100000, "the host itself fetches from the stack", n)
    p.wait(60)


def test_mode(router, before, how, host_reaches, *more, iface="eth0"):
    a = Alpined("--attach", how, *more, iface=iface)
    if not ok(a.ready, "--attach " + how, a.said()):
        return
    fwd = forwarded()
    works(router, how, host_reaches)
    if host_reaches:
        host_fetches()
    ok(forwarded() == fwd, "... the host forwards nothing", fwd, forwarded())
    ok(a.stop() == 0, "... detach", a.said())
    no_tap()
    same(before, "... all is as it was")
    ok(left_over() == [] and not nft_tables(), "... nothing is left", left_over(), nft_tables())


def nft_tables():
    return nft("list ruleset") if has_nft() else ""


def test_firewall(before):
    """Rules that name eth0 would not know the bridge."""
    if not has_nft():
        skip("rules that name eth0", "no libnftables1")
        return
    rule = "add rule inet fw in iifname \"%s\" tcp dport 22 accept"
    nft("add table inet fw\nadd chain inet fw in { type filter hook input priority 0; }\n" + rule % "eth0")
    a = Alpined()
    a.p.wait(60)
    ok(not a.ready and 'nftables rules name "eth0"' in a.said() and 'name "br-eth0" as well' in a.said(),
       "rules that name eth0: refused, told what to do", a.said())
    same(before, "... nothing is changed")
    nft(rule % "br-eth0")
    a = Alpined()
    ok(a.ready, "they name br-eth0 as well: attached", a.said())
    a.stop()
    no_tap()
    nft("delete table inet fw")
    same(before, "all is as it was")


def test_packet(router, before):
    """The host forwards, which is what makes hiding needed."""
    if not has_nft():
        skip("--attach packet", "no libnftables1")
        return
    with open("/proc/sys/net/ipv4/ip_forward", "w") as f:
        f.write("1")
    test_mode(router, before, "packet", False)
    test_mode(router, before, "packet", False, "--mac", "02:00:00:00:77:77")
    with open("/proc/sys/net/ipv4/ip_forward", "w") as f:
        f.write("0")
    a = Alpined("--attach", "packet")
    ok("alpine-alpine" in nft_tables(), "a table of ours", nft_tables())
    kill_both(a)
    ok("alpine-alpine" in nft_tables() and left_over() != [], "both killed: it is left")
    ok(restore().returncode == 0 and not nft_tables() and left_over() == [], "restore takes it away")
    same(before, "all is as it was")
    lib = [os.path.join(d, "libnftables.so.1") for d in ("/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib64", "/usr/lib")]
    lib = [f for f in lib if os.path.exists(f)]
    if lib and subprocess.run(["mount", "--bind", "/dev/null", lib[0]], capture_output=True).returncode == 0:
        a = Alpined("--attach", "packet")
        a.p.wait(60)
        ok(not a.ready and "apt-get install libnftables1" in a.said(), "without libnftables: what to do", a.said())
        subprocess.run(["umount", lib[0]])
        same(before, "... nothing is changed")


def kill_both(a):
    for pid in a.keepers():
        os.kill(pid, signal.SIGKILL)
    a.stop(signal.SIGKILL)
    wait_until(60, lambda: not a.keepers())


def test_macvtap(router, before):
    if not has_macvtap():
        a = Alpined("--attach", "macvtap")
        a.p.wait(60)
        ok(not a.ready and "macvtap" in a.said() and "--attach bridge" in a.said(), "no macvtap here: told what to do", a.said())
        skip("--attach macvtap", "this kernel has none")
        return
    if open("/proc/self/uid_map").read().split() != ["0", "0", "4294967295"]:
        a = Alpined("--attach", "macvtap")
        if not a.ready:
            a.p.wait(20)
            ok("in a user namespace there are no device nodes" in a.said(), "macvtap in a user namespace: told why", a.said())
            same(before, "... and changes nothing")
            skip("--attach macvtap", "it needs root outside of a user namespace")
            return
        a.stop()
    test_mode(router, before, "macvtap", False)
    a = Alpined("--attach", "macvtap")
    kill_both(a)
    ok(can("link show macvtap0"), "both killed: the macvtap is left")
    ok(restore().returncode == 0 and left_over() == [], "restore takes it away")
    same(before, "all is as it was")
    ip("link add mv0 link eth0 type macvlan mode bridge")
    mid = state()
    a = Alpined()
    a.p.wait(60)
    ok(not a.ready and "what is above it" in a.said(), "a macvlan above eth0: no bridge, told why", a.said())
    same(mid, "... and changes nothing")
    ip("link del mv0")


def test_bridge_of_others(router, before):
    """bridge=BR: eth0 is in somebody's bridge, with its address there."""
    for c in ("link add br7 type bridge", "link add d0 address 52:54:00:00:00:01 type veth peer name d1", "link set d0 master br7 up",
              "link set d1 up", "link set br7 up"):
        ip(c)
    time.sleep(0.1)
    settled()
    a = Alpined("--attach", "bridge=br8")
    a.p.wait(60)
    ok(not a.ready and "no bridge br8" in a.said(), "bridge=BR that is not there", a.said())
    empty = state()
    a = Alpined("--attach", "bridge=br7", iface=None)
    ok(a.ready and "52:54:00:00:00:01" in ip("link show br7"), "joining changes no bridge's address", ip("link"))
    a.stop()
    no_tap()
    test_mode(router, empty, "bridge=br7", True)
    ip("link set eth0 master br7")
    for c in ("addr del 10.9.8.2/24 dev eth0", "addr add 10.9.8.2/24 brd + dev br7", "route replace default via 10.9.8.1"):
        ip(c)
    time.sleep(0.1)
    settled()
    mid = state()
    test_mode(router, mid, "bridge=br7", True)
    test_mode(router, mid, "bridge=br7", True, iface=None)
    test_mode(router, mid, "bridge", True)
    ip("link set br7 down")
    down = state()
    a = Alpined(iface="br7")
    ok(a.ready, "a bridge that is down", a.said())
    ok("br7: <NO-CARRIER" not in ip("link show br7") and "UP" in ip("link show br7"), "... is up")
    a.stop()
    no_tap()
    ok("state DOWN" in ip("link show br7"), "... and down again", ip("link show br7"))


def test_tap():
    if not can("tuntap add dev tap7 mode tap"):
        skip("--attach tap=NAME", "ip tuntap does not work here")
        return
    look = lambda: re.sub("vnet_hdr (on|off)|qdisc [a-z_]+", "", ip("-d link show tap7"))
    before = look()
    a = Alpined("--attach", "tap=tap8")
    a.p.wait(60)
    ok(not a.ready and "no TAP tap8" in a.said(), "tap=NAME that is not there", a.said())
    a = Alpined("--attach", "tap=eth0")
    a.p.wait(60)
    ok(not a.ready and "not a TAP" in a.said(), "tap=NAME that is none", a.said())
    a = Alpined("--attach", "tap=tap7", "--mtu", "1300", iface=None)
    ok(a.ready and "mtu 1300" in ip("link show tap7"), "tap=NAME", a.said())
    ip("addr add 10.9.8.99/24 dev tap7")
    ip("route add 10.9.8.13 dev tap7")
    ok(ping("10.9.8.13"), "the host reaches the stack over it")
    ip("addr del 10.9.8.99/24 dev tap7")
    a.stop()
    ok(look() == before, "it is down again, its MTU the old one", before, look())
    ip("link del tap7")


def main():
    enter()
    router = make_machine(PLAIN)
    before = state()
    server = router.popen(["/usr/bin/python3", "-c", SERVER], stdout=subprocess.PIPE, text=True)
    server.stdout.readline()
    try:
        test_mode(router, before, "bridge", True)
        test_firewall(before)
        test_packet(router, before)
        test_macvtap(router, before)
        test_tap()
        test_bridge_of_others(router, before)
    finally:
        server.kill()
        router.close()
    done()


main()
