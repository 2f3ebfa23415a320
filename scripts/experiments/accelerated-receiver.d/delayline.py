"""delayline.py - a long line between two bridges: frames of one TAP come out of the other later.

    delayline.py TAP TAP RATE_MBIT DELAY_MS QUEUE_PACKETS

Each way has a queue in front of a sender of that rate, then the delay. What comes when the queue is
full is lost. Makes the TAPs, without offloads, so that what passes is segments as on a cable; prints
"ready"; on SIGTERM tells what was carried and lost. Runs where there is no netem.
"""
import collections
import fcntl
import select
import signal
import struct
import sys
import time
import os

TUNSETIFF, IFF_TAP, IFF_NO_PI = 0x400454CA, 0x0002, 0x1000


class Way:
    def __init__(self, out, rate, delay, limit):
        self.out, self.rate, self.delay, self.limit = out, rate, delay, limit
        self.free = 0.0  # when the line has sent all that it took
        self.line = collections.deque()  # (sent, arrives, frame)
        self.carried = self.lost = 0

    def take(self, frame, now):
        waiting = sum(1 for _ in self.queued(now))
        if waiting >= self.limit:
            self.lost += 1
            return
        self.free = max(now, self.free) + (len(frame) + 24) * 8 / self.rate
        self.line.append((self.free, self.free + self.delay, frame))

    def queued(self, now):
        for sent, _, _ in reversed(self.line):
            if sent <= now:
                return
            yield sent

    def deliver(self, now):
        while self.line and self.line[0][1] <= now:
            try:
                os.write(self.out, self.line.popleft()[2])
                self.carried += 1
            except OSError:
                self.lost += 1


def tap(name):
    fd = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(fd, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TAP | IFF_NO_PI))
    return fd


def main():
    a, b = tap(sys.argv[1]), tap(sys.argv[2])
    rate, delay, limit = float(sys.argv[3]) * 1e6, float(sys.argv[4]) / 1e3, int(sys.argv[5])
    ways = {a: Way(b, rate, delay, limit), b: Way(a, rate, delay, limit)}
    running = [True]
    signal.signal(signal.SIGTERM, lambda *_: running.clear())
    print("ready", flush=True)
    while running:
        now = time.monotonic()
        for w in ways.values():
            w.deliver(now)
        due = min((w.line[0][1] for w in ways.values() if w.line), default=now + 0.2)
        try:
            ready, _, _ = select.select([a, b], [], [], max(0.0, min(due - time.monotonic(), 0.2)))
        except InterruptedError:
            continue
        for fd in ready:
            try:
                for _ in range(64):
                    ways[fd].take(os.read(fd, 65536), time.monotonic())
            except (BlockingIOError, OSError):  # empty, or not up yet
                pass
    for name, w in zip(sys.argv[1:3], ways.values()):
        print("from %s: %d frames carried, %d lost" % (name, w.carried, w.lost), flush=True)


main()
