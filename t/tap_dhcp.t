#!/usr/bin/python3
"""
tap_dhcp.t - `alpined eth0 dhcp`: an address by udhcpc or dhclient from dnsmasq on the router, renewed, changed, lost.

The machine is that of lib/machine.py. T_LONG=1 waits for a renewal that the client does by itself (a minute).
"""
import os, re, shutil, sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from machine import *


class Dnsmasq:
    def __init__(self, router, first, last):
        self.dir = tempfile.mkdtemp()
        self.log = open(os.path.join(self.dir, "log"), "w+")
        self.p = router.popen(["dnsmasq", "--no-daemon", "--conf-file=/dev/null", "--port=0", "--interface=r0", "--bind-interfaces",
                               "--user=root", "--dhcp-range=%s,%s,255.255.255.0,2m" % (first, last), "--dhcp-authoritative",
                               "--dhcp-option=3,10.9.8.1", "--dhcp-option=6,10.9.8.1,10.9.8.2", "--log-dhcp", "--no-ping",
                               "--dhcp-leasefile=" + os.path.join(self.dir, "leases")],
                              stdout=self.log, stderr=self.log, stdin=subprocess.DEVNULL)

    def said(self):
        self.log.seek(0)
        return self.log.read()

    def stop(self):
        self.p.terminate()
        self.p.wait()
        shutil.rmtree(self.dir)


def client_pid():
    """The client has the name of its program, and eth0 as its interface."""
    out = []
    for pid in os.listdir("/proc"):
        try:
            words = open("/proc/%s/cmdline" % pid).read().split("\0")
            if words[0] in ("udhcpc", "dhclient") and "eth0" in words and os.environ["ALPINE_RUNDIR"] in \
               open("/proc/%s/environ" % pid).read():
                out.append(int(pid))
        except OSError:
            pass
    return out[0] if out else None


def addresses():
    return re.findall("inet (10[0-9.]+)", subprocess.run([ALPINECTL, "ifconfig"], capture_output=True, text=True).stdout)


def test_client(router, before, client, *more):
    server = Dnsmasq(router, "10.9.8.100", "10.9.8.105")
    start = time.time()
    a = Alpined("--mac", "02:00:00:00:33:33", *more, addr="dhcp")
    took = time.time() - start
    ok(a.ready and re.search("DHCP: tap0: inet 10.9.8.10[0-5]/24, default route via 10.9.8.1, for 120 s", a.said()),
       "%s: a lease, then ready (%.1f s)" % (client, took), a.said(), server.said())
    addr = (addresses() + [""])[0]
    ok(re.match("10.9.8.10[0-5]$", addr), "the stack has the address", addr)
    ok("02:00:00:00:33:33" in server.said(), "the server saw the stack's Ethernet address", server.said())
    router.run("ip neigh flush dev r0")
    ok(subprocess.run(router.enter + ["ping", "-c", "1", "-W", "10", addr], stdout=subprocess.DEVNULL).returncode == 0, "it answers")
    p = subprocess.run([ALPINE_RUN, "sh", "-c", "ping -c 1 -W 10 10.9.8.1; cat /etc/resolv.conf"], capture_output=True, text=True)
    ok("1 received" in p.stdout, "a program on it reaches the router", p.stdout, p.stderr)
    pid = client_pid()
    ok(pid is not None, "%s runs" % client)
    acks = server.said().count("DHCPACK")
    if client == "udhcpc":
        os.kill(pid, signal.SIGUSR1)
        ok(wait_until(60, lambda: server.said().count("DHCPACK") > acks), "told to, it renews, by unicast", server.said())
        ok(wait_until(60, lambda: "lease renewed for 120 s" in a.said()), "... and says so", a.said())
    if os.environ.get("T_LONG") == "1":
        acks = server.said().count("DHCPACK")
        ok(wait_until(100, lambda: server.said().count("DHCPACK") > acks), "it renews by itself", server.said())
    replies = subprocess.run(router.enter + ["ping", "-c", "2", "-i", "0.2", addr], capture_output=True, text=True).stdout
    ok("DUP" not in replies, "one host answers", replies)
    server.stop()
    # another server, which knows nothing of that address
    server = Dnsmasq(router, "10.9.8.110", "10.9.8.115")
    if client == "udhcpc":
        time.sleep(0.3)
        os.kill(pid, signal.SIGUSR1)
        ok(wait_until(60, lambda: any(x.startswith("10.9.8.11") for x in addresses())), "refused, it takes another address", a.said(), server.said())
        ok(len(addresses()) == 1, "... instead of the old one", addresses())
        ok(subprocess.run([ALPINE_RUN, "ping", "-c", "1", "-W", "10", "10.9.8.1"], stdout=subprocess.DEVNULL).returncode == 0, "and works")
    server.stop()
    a.stop(signal.SIGKILL if client == "udhcpc" else signal.SIGTERM)
    ok(wait_until(60, lambda: client_pid() is None), "the client ends with alpined")
    wait_until(60, lambda: not a.keepers())
    no_tap()
    same(before, "all is as it was")
    ok(wait_until(60, lambda: left_over() == []), "no file is left", left_over())


def main():
    enter()
    if not shutil.which("dnsmasq"):
        print("1..0 # skip no dnsmasq")
        return
    have = [c for c in ("udhcpc", "dhclient") if shutil.which(c)]
    router = make_machine(PLAIN)
    before = state()
    try:
        if not have:
            a = Alpined(addr="dhcp")
            a.p.wait(60)
            ok(not a.ready and "apt-get install udhcpc" in a.said(), "no client: what to do", a.said())
            skip("udhcpc, dhclient", "neither is installed")
        for c in have:
            # udhcpc is a link to busybox
            others = [shutil.which(o) for o in (("dhclient",) if c == "udhcpc" else ("busybox", "udhcpc")) if shutil.which(o)]
            hidden = [o for o in others if subprocess.run(["mount", "--bind", "/dev/null", o], capture_output=True).returncode == 0]
            test_client(router, before, c)
            for o in hidden:
                subprocess.run(["umount", o])
        a = Alpined("--attach", "packet", addr="dhcp")
        a.p.wait(60)
        ok(not a.ready and "filters by the address" in a.said(), "packet and dhcp: no, and why", a.said())
    finally:
        router.close()
    done()


main()
