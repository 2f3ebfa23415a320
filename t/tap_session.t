#!/usr/bin/python3
"""
tap_session.t - connections of the machine live through attaching and detaching; for how long they wait.

The machine is that of lib/machine.py. A session (a line forth, a line back, by TCP, as ssh's), a bulk transfer
and datagrams every millisecond run between router and machine all the time. The longest time without
an answered datagram is told: alpined(8) quotes it. 5 times; T_TIMES=100 (long_attach.t): as often.
"""
import os, select, socket, statistics, sys, threading
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from machine import *

TIMES = int(os.environ.get("T_TIMES", "5"))
ECHO = """
import socket, threading
u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); u.bind(("10.9.8.1", 7000))
t = socket.create_server(("10.9.8.1", 7001))
def udp():
    while True:
        d, a = u.recvfrom(2000); u.sendto(d, a)
def tcp(c):
    while True:
        d = c.recv(65536)
        if not d: return
        c.sendall(d)
threading.Thread(target=udp, daemon=True).start()
print("ready", flush=True)
while True:
    c, a = t.accept(); threading.Thread(target=tcp, args=(c,), daemon=True).start()
"""


class Beat(threading.Thread):
    """Datagrams, one each millisecond; when were they answered?"""
    def __init__(self):
        super().__init__(daemon=True)
        self.s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.s.connect(("10.9.8.1", 7000))
        self.s.setblocking(False)
        self.end, self.longest, self.last = False, 0, time.monotonic()

    def run(self):
        nxt = time.monotonic()
        while not self.end:
            now = time.monotonic()
            try:
                if now >= nxt:
                    nxt = now + 0.001
                    self.s.send(b"x")
            except OSError:
                pass
            select.select([self.s], [], [], 0.001)
            try:
                while self.s.recv(10):
                    now = time.monotonic()
                    self.longest = max(self.longest, now - self.last)
                    self.last = now
            except OSError:
                pass

    def take(self):
        x, self.longest = self.longest, 0
        return x * 1000


class Bulk(threading.Thread):
    """1 MB/s there and back, without an end."""
    def __init__(self):
        super().__init__(daemon=True)
        self.s = socket.create_connection(("10.9.8.1", 7001), 60)
        self.end, self.bytes, self.bad = False, 0, None

    def run(self):
        block = bytes(range(256)) * 40
        try:
            while not self.end:
                self.s.sendall(block)
                got = b""
                while len(got) < len(block):
                    got += self.s.recv(65536)
                if got != block:
                    self.bad = "other bytes"
                    return
                self.bytes += len(block)
                time.sleep(0.01)
        except OSError as e:
            self.bad = e


def session_says(s, text):
    s.sendall(text.encode() + b"\n")
    got = b""
    while not got.endswith(b"\n"):
        d = s.recv(1000)
        if not d:
            return False
        got += d
    return got.decode().strip() == text


def main():
    enter()
    router = make_machine()
    before = state()
    server = router.popen(["/usr/bin/python3", "-c", ECHO], stdout=subprocess.PIPE, text=True)
    server.stdout.readline()
    session = socket.create_connection(("10.9.8.1", 7001), 60)
    session.settimeout(60)
    beat, bulk = Beat(), Bulk()
    beat.start()
    bulk.start()
    time.sleep(0.3)
    beat.take()
    time.sleep(1)
    rest = beat.take()
    attach, detach, bad = [], [], []
    try:
        for i in range(TIMES):
            a = Alpined()
            time.sleep(0.1)
            attach.append(beat.take())
            if not a.ready or not session_says(session, "attached %d" % i):
                bad.append("%d: attached: %s" % (i, a.said()))
            a.stop()
            time.sleep(0.1)
            detach.append(beat.take())
            no_tap()
            if not session_says(session, "detached %d" % i) or state() != before:
                bad += ["%d: detached" % i] + difference(before, state())
            if len(bad) > 2:
                break
        ok(not bad, "%d times attached and detached: the session goes on, all as it was" % TIMES, *bad)
        ok(bulk.bad is None and bulk.is_alive() and bulk.bytes > 10000 * TIMES, "so does a bulk transfer", bulk.bad, bulk.bytes)
        for what, x in (("attach", attach), ("detach", detach)):
            print("# %s: without an answer for %.1f ms (median), %.1f ms (most); at rest %.1f ms" %
                  (what, statistics.median(x), max(x), rest))
            ok(statistics.median(x) < max(500, 20 * rest), "%s interrupts for less than half a second, or 20 times what this machine does" % what, x)
    finally:
        beat.end = bulk.end = True
        server.kill()
        router.close()
    done()


main()
