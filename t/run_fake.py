#!/usr/bin/python3
"""A make-believe alpined for tests of alpine-run: it takes a namespace, gives sockets, and plays
the name server behind them.

usage: run_fake.py SOCKET DNS-ADDRESS [VERSION]     prints "ready" when it listens

Names under 'a.test' have the address 192.0.2.77; 'big.test' has 40 addresses (so that a UDP
answer is truncated); 'forged.test' is first answered with a wrong id and with a wrong question;
'none.test' is not answered, 'hold.test' for 3 s; other names do not exist. What happened is printed, one word a line.
"""
import array, os, select, socket, struct, sys, threading, time

MAGIC, DGRAM, VERSION = 0x414C5049, 0x414C5044, 1
HELLO, ATTACH, REKEY, SOCKET, CONNECT, GETSOCKOPT = 1, 2, 3, 4, 7, 11
path, dns = sys.argv[1], sys.argv[2]
version = int(sys.argv[3]) if len(sys.argv) > 3 else VERSION
pairs = {}  # SO_COOKIE of the program's end: our end, kind
SO_COOKIE = 57
lock = threading.Lock()


def say(*words):
    print(*words, flush=True)


def addr(host, port):
    sin = struct.pack("=H", socket.AF_INET) + struct.pack("!H", port) + socket.inet_aton(host) + bytes(8)
    return struct.pack("=I32s", 16, sin)


def answer(query, tcp):
    """What a name server says, and what a forger says before it."""
    end = 12
    labels = []
    while query[end]:
        labels.append(query[end + 1:end + 1 + query[end]].decode().lower())
        end += 1 + query[end]
    question, qtype = query[12:end + 5], struct.unpack("!H", query[end + 1:end + 3])[0]
    name = ".".join(labels)
    say("query", "tcp" if tcp else "udp", name)
    if name == "hold.test":
        time.sleep(3)
        return []
    if name == "none.test":
        return []
    wanted = {"a.test": ["192.0.2.77"], "forged.test": ["192.0.2.77"],
              "big.test": ["192.0.2.%d" % i for i in range(1, 41)]}
    hosts = wanted.get(name, []) if qtype == 1 else []
    rcode = 0 if name in wanted else 3
    records = b"".join(b"\xc0\x0c" + struct.pack("!HHIH", 1, 1, 60, 4) + socket.inet_aton(h) for h in hosts)
    flags = 0x8180 | rcode
    if len(records) > 480 and not tcp:
        flags, records, hosts = flags | 0x0200, b"", []
    good = query[:2] + struct.pack("!HHHHH", flags, 1, len(hosts), 0, 0) + question + records
    if name == "forged.test" and qtype == 1:
        evil = good.replace(socket.inet_aton("192.0.2.77"), socket.inet_aton("203.0.113.66"))
        return [bytes([evil[0] ^ 1]) + evil[1:], evil.replace(b"forged", b"xorged"), good]
    return [good]


def serve_dgram(end):
    while data := end.recv(70000):
        control = struct.unpack_from("=H", data, 6)[0]
        head, payload = data[:56], data[56 + control:]
        for text in answer(payload, False):
            end.send(struct.pack("=IHHiI", DGRAM, 56, 0, 0, 0) + head[16:52] + struct.pack("=I", len(text)) + text)


def serve_stream(end):
    data = b""
    while piece := end.recv(4096):
        data += piece
        while len(data) >= 2 and len(data) >= 2 + struct.unpack("!H", data[:2])[0]:
            size = struct.unpack("!H", data[:2])[0]
            for text in answer(data[2:2 + size], True):
                end.send(struct.pack("!H", len(text)) + text)
            data = data[2 + size:]
    end.close()


def request(op, body, fds):
    """error, reply's body, reply's descriptors"""
    if op == HELLO:
        return 0, struct.pack("=32s32s16sIII", b"fake", b"0", b"tap0", 1500, 1, 0) + addr("10.9.8.7", 24) \
            + bytes(36 * 7) + bytes(36 * 8), []
    if op == ATTACH:
        say("attach")
        listener = socket.socket(fileno=os.dup(fds[0]))
        threading.Thread(target=accept_all, args=(listener,), daemon=True).start()
        return 0, b"", []
    if op == SOCKET:
        kind = struct.unpack_from("=i", body, 4)[0]
        stream = kind & 15 == socket.SOCK_STREAM
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM if stream else socket.SOCK_SEQPACKET)
        ours.bind("\0alpine/fd/fake/%d" % ours.fileno())
        if kind & socket.SOCK_NONBLOCK:
            theirs.setblocking(False)
        threading.Thread(target=serve_stream if stream else serve_dgram, args=(ours,), daemon=True).start()
        return 0, b"", [theirs.detach()]
    if op == CONNECT:
        return 0, b"", []
    if op == GETSOCKOPT:
        return 0, struct.pack("=iiIi", 1, 4, 4, 0), []
    return 95, b"", []


def serve_control(conn):
    while True:
        fds = array.array("i")
        data, items, _, _ = conn.recvmsg(131072, socket.CMSG_SPACE(16))
        for level, kind, value in items:
            fds.frombytes(value[:len(value) // 4 * 4])
        if len(data) < 24:
            return
        _, _, op, seq, _, _, _, _ = struct.unpack("=IHHIIiHH", data[:24])
        to = conn
        if op == REKEY:
            to = socket.socket(fileno=os.dup(fds[0]))
            threading.Thread(target=serve_control, args=(to,), daemon=True).start()
            error, body, out = 0, b"", []
        else:
            error, body, out = request(op, data[24:], fds)
        head = struct.pack("=IHHIIiHH", MAGIC, version, op, seq, len(body), error, len(out), 0)
        to.sendmsg([head + body], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", out))] if out else [])
        for fd in list(fds) + out:
            os.close(fd)


def accept_all(listener):
    while True:
        select.select([listener], [], [])
        try:
            conn, _ = listener.accept()
        except BlockingIOError:
            continue
        conn.setblocking(True)
        threading.Thread(target=serve_control, args=(conn,), daemon=True).start()


server = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
server.bind(path)
server.listen(16)
say("ready")
accept_all(server)
