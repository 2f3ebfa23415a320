#!/usr/bin/python3
"""
lab_instances.t - several instances on one eth0: the second joins the bridge of the first, the last one out restores.

The machine is that of lib/machine.py, with everything on its eth0.
"""
import os, sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from machine import *

ONE, TWO, THREE = ("one", "10.9.8.13"), ("two", "10.9.8.14"), ("three", "10.9.8.15")


def start(who, **more):
    a = Alpined(name=who[0], addr=who[1] + "/24", **more)
    ok(a.ready, "start " + who[0], a.said())
    return a


def on(who, *cmd):
    return subprocess.run([ALPINE_RUN, "--name", who[0], *cmd], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0


def test_two(before, first):
    one, two = start(ONE), start(TWO)
    ok(ping(ONE[1]) and ping(TWO[1]), "the machine reaches both")
    ok(on(ONE, "ping", "-c", "1", "-W", "10", TWO[1]), "they reach each other")
    a, b = (one, two) if first == "one" else (two, one)
    left = TWO if first == "one" else ONE
    a.stop()
    ok(ping(left[1]) and ping("10.9.8.1"), "%s ends: %s and the machine go on" % (first, left[0]))
    ok("10.9.8.2/24" in ip("addr show br-eth0"), "... on the bridge")
    b.stop()
    no_tap()
    same(before, "the last one out: all is as it was")
    ok(left_over() == [], "no file is left", left_over(), one.said(), two.said())


def test_killed(before):
    """All die at once; then one comes by another name."""
    one, two = start(ONE), start(TWO)
    for pid in one.keepers():
        os.kill(pid, signal.SIGKILL)
    one.stop(signal.SIGKILL)
    two.stop(signal.SIGKILL)
    wait_until(60, lambda: not one.keepers())
    no_tap()
    ok(left_over() and state() != before, "four processes killed")
    three = start(THREE)
    ok(ping(THREE[1]) and ping("10.9.8.1"), "a third one joins what they left")
    three.stop()
    no_tap()
    same(before, "and brings eth0 back")
    r = restore()
    ok(r.returncode == 0 and left_over() == [], "restore finds nothing to do", r.stderr, left_over())
    same(before, "... and does nothing")


def test_kill_at_once(before):
    one, two = start(ONE), start(TWO)
    one.p.kill()
    two.p.kill()
    one.p.wait()
    two.p.wait()
    ok(wait_until(60, lambda: not one.keepers()), "both alpineds killed: their keepers end")
    no_tap()
    same(before, "all is as it was")
    ok(left_over() == [], "no file is left", left_over())


def test_foreign_port(before):
    one = start(ONE)
    ip("link add vm0 type veth peer name vm1")
    ip("link set vm0 master br-eth0")
    one.stop()
    ok("bridge br-eth0 stays: vm0 is in it" in one.said() and "alpined --restore" in one.said(), "a foreign port: the bridge stays, told",
       one.said())
    no_tap()
    ok("10.9.8.2/24" in ip("addr show br-eth0") and ping("10.9.8.1"), "the machine goes on with it")
    one = start(ONE)
    ok(ping(ONE[1]), "the next start joins it")
    one.stop()
    no_tap()
    ip("link del vm0")
    r = restore("--name", "one")
    ok(r.returncode == 0, "the port is out: restore", r.stderr)
    same(before, "all is as it was")
    ok(left_over() == [], "no file is left", left_over())


def test_same_name(before):
    one = start(ONE)
    again = Alpined(name="one", addr="10.9.8.16/24")
    again.p.wait(60)
    ok(not again.ready and "one is running" in again.said(), "a name that is taken", again.said())
    ok(ping(ONE[1]), "... harms nothing")
    one.stop()
    no_tap()
    same(before, "all is as it was")


def main():
    enter()
    router = make_machine()
    before = state()
    try:
        test_two(before, "one")
        test_two(before, "two")
        test_killed(before)
        test_kill_at_once(before)
        test_foreign_port(before)
        test_same_name(before)
    finally:
        router.close()
    done()


main()
