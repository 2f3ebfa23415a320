#!/usr/bin/python3
"""mktrace.py IN.pcap FORMAT OUT: the Ethernet trace IN in another form, for t/sim_replay.t.

FORMAT: usec, swapped (the other byte order), pcapng, raw, sll, sll2, null, loop; or cut (the last frame
not whole), badsum (a TCP sum wrong in packet 10), late (the stamps past 2038),
years (packet 3 comes 40 years after the others), offload (no TCP sums at all in what 10.0.0.1 sends)."""
import struct
import sys


def read(path):
    d = open(path, "rb").read()
    frames, at = [], 24
    while at < len(d):
        sec, nsec, n, wire = struct.unpack_from("<IIII", d, at)
        frames.append((sec, nsec, d[at + 16:at + 16 + n]))
        at += 16 + n
    return frames


def write(path, frames, link=1, nano=True, order="<"):
    with open(path, "wb") as f:
        f.write(struct.pack(order + "IHHiIII", 0xa1b23c4d if nano else 0xa1b2c3d4, 2, 4, 0, 0, 262144, link))
        for sec, nsec, p in frames:
            f.write(struct.pack(order + "IIII", sec, nsec if nano else nsec // 1000, len(p), len(p)) + p)


def pcapng(path, frames):
    def block(kind, body):
        body += b"\0" * (-len(body) % 4)
        return struct.pack("<II", kind, len(body) + 12) + body + struct.pack("<I", len(body) + 12)
    with open(path, "wb") as f:
        f.write(block(0x0a0d0d0a, struct.pack("<IHHq", 0x1a2b3c4d, 1, 0, -1)))
        tsresol = struct.pack("<HHB3xHH", 9, 1, 9, 0, 0)
        f.write(block(1, struct.pack("<HHI", 1, 0, 262144) + tsresol))
        for sec, nsec, p in frames:
            t = sec * 10**9 + nsec
            f.write(block(6, struct.pack("<IIIII", 0, t >> 32, t & 0xffffffff, len(p), len(p)) + p))


def ip_only(frames):
    return [f for f in frames if f[2][12:14] == b"\x08\0"]


def behind(frames, header):
    return [(s, n, header + p[14:]) for s, n, p in ip_only(frames)]


source, form, out = sys.argv[1:]
frames = read(source)
if form == "usec":
    write(out, frames, nano=False)
elif form == "late":
    write(out, [(s + 2**31 - frames[0][0] - 1, n, p) for s, n, p in frames])
elif form == "years":
    write(out, [(s + (i == 2) * 40 * 365 * 86400, n, p) for i, (s, n, p) in enumerate(frames)])
elif form == "swapped":
    write(out, frames, order=">")
elif form == "pcapng":
    pcapng(out, frames)
elif form == "raw":
    write(out, behind(frames, b""), link=101)
elif form == "sll":
    write(out, behind(frames, struct.pack(">HHH8sH", 0, 1, 6, b"\2\0\0\0\0\2", 0x0800)), link=113)
elif form == "sll2":
    write(out, behind(frames, struct.pack(">HHIHBB8s", 0x0800, 0, 2, 1, 0, 6, b"\2\0\0\0\0\2")), link=276)
elif form == "null":
    write(out, behind(frames, struct.pack("<I", 2)), link=0)
elif form == "loop":
    write(out, behind(frames, struct.pack(">I", 2)), link=108)
elif form == "cut":
    write(out, frames)
    d = open(out, "rb").read()
    open(out, "wb").write(d[:-10])
elif form == "badsum":
    ip = 0
    for i, (s, n, p) in enumerate(frames):
        if p[12:14] == b"\x08\0" and p[26:30] == b"\x0a\0\0\1" and len(p) > 100 and ip == 0:
            frames[i] = (s, n, p[:50] + bytes([p[50] ^ 1]) + p[51:])
            print(i + 1)
            ip = 1
    write(out, frames)
else:
    sys.exit("no such format: " + form)
