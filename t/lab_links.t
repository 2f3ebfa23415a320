#!/usr/bin/python3
"""
lab_links.t - links that go and come under alpined: it survives, says so, and recovers.

The machine is that of lib/machine.py. eth0 down and up, its cable pulled, eth0 deleted and plugged again, the
bridge deleted; also for macvtap and packet sockets, and for a bridge of somebody else's.
"""
import os, sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from machine import *


def hears(a, text, seconds=60):
    return ok(wait_until(seconds, lambda: text in a.said()), "said: " + text, a.said())


def ctl(*args):
    return subprocess.run([ALPINECTL, *args], capture_output=True, text=True).stdout


def reaches(router, what, seconds=60):
    def try_():
        router.run("ip neigh flush dev r0")
        return subprocess.run(router.enter + ["ping", "-n", "-c", "1", "-W", "1", "10.9.8.13"],
                              stdout=subprocess.DEVNULL).returncode == 0
    ok(wait_until(seconds, try_), what)


def alive(a):
    ok(a.p.poll() is None, "alpined is alive", a.said())


def test_down_up(router, before):
    a = Alpined()
    reaches(router, "attached")
    ok("active" in ctl("ifconfig"), "the stack's interface has a carrier", ctl("ifconfig"))
    router.run("ip link set r0 down")
    hears(a, "eth0: link is down")
    ok(wait_until(60, lambda: "no carrier" in ctl("ifconfig")), "so has the stack's interface", ctl("ifconfig"))
    router.run("ip link set r0 up")
    hears(a, "eth0: link is up")
    router.run("ip -6 addr replace fd00:9::1/64 dev r0 nodad")
    ok(wait_until(60, lambda: "no carrier" not in ctl("ifconfig")), "... its carrier is back", ctl("ifconfig"))
    reaches(router, "it recovers")
    a.stop()
    no_tap()
    settled()
    same(before, "all is as it was")


def test_unplugged(router, before):
    a = Alpined()
    ip("link del eth0")
    hears(a, "eth0 is gone")
    ok("10.9.8.2/24" in ip("addr show br-eth0") and ping("10.9.8.13"), "the machine has its address, and the stack")
    plug(router)
    hears(a, "eth0 is back")
    hears(a, "eth0 is in the bridge again")
    reaches(router, "the stack is reached again")
    ok(ping("10.9.8.1"), "the machine reaches its router")
    alive(a)
    a.stop()
    no_tap()
    ok("10.9.8.2/24" in ip("addr show eth0") and "default via 10.9.8.1 dev eth0" in ip("route"),
       "in the end the new eth0 has what the old one had", ip("addr"), ip("route"))
    ok(ping("10.9.8.1") and left_over() == [], "and works", left_over())
    ip("-6 addr replace fd00:9::2/64 dev eth0 nodad")


def test_bridge_deleted(router):
    time.sleep(0.2)
    settled()
    before = state()
    a = Alpined()
    for i in range(2):
        ip("link del br-eth0")
        hears(a, "somebody deleted this bridge")
        ok(wait_until(60, lambda: a.said().count("attached again") == i + 1), "attached again", a.said())
        reaches(router, "the stack is reached again")
        ok(ping("10.9.8.1"), "the machine reaches its router", ip("addr"), ip("route"))
    ip("link set eth0 nomaster")
    hears(a, "eth0: somebody took it out of the bridge")
    ip("link set eth0 master br-eth0")
    hears(a, "eth0 is in the bridge again")
    reaches(router, "the stack is reached again")
    alive(a)
    a.stop()
    no_tap()
    settled()
    same(before, "all is as it was")
    ok(left_over() == [], "no file is left", left_over())


def test_foreign_bridge_deleted(router):
    make = ("link add br7 type bridge", "link set eth0 master br7", "link set br7 up")
    for c in make:
        ip(c)
    a = Alpined("--attach", "bridge=br7", iface=None)
    reaches(router, "in somebody's bridge")
    ip("link del br7")
    hears(a, "br7: somebody deleted this bridge")
    for c in make:
        ip(c)
    hears(a, "attached again")
    reaches(router, "it is joined again")
    a.stop()
    ok("br7" in ip("link"), "and stays")
    ip("link del br7")


def test_others(router, how):
    if not (has_nft() if how == "packet" else has_macvtap()):
        skip("--attach " + how, "no libnftables1" if how == "packet" else "this kernel has no macvtap")
        return
    a = Alpined("--attach", how)
    ok(a.ready, "--attach " + how, a.said())
    reaches(router, how)
    ip("link del eth0")
    hears(a, "eth0 is gone")
    alive(a)
    plug(router)
    for c in PLAIN:
        ip(c)
    hears(a, "attached again")
    reaches(router, "%s: the stack is reached again" % how)
    a.stop()
    ok(no_tap() and left_over() == [], "nothing is left", left_over())
    ok(ping("10.9.8.1"), "the machine reaches its router")


def main():
    enter()
    router = make_machine(PLAIN)
    before = state()
    try:
        test_down_up(router, before)
        test_unplugged(router, before)
        test_bridge_deleted(router)
        test_foreign_bridge_deleted(router)
        test_others(router, "packet")
        test_others(router, "macvtap")
    finally:
        router.close()
    done()


main()
