#!/usr/bin/python3
"""Socket calls, one by one, to be run under alpine-run. TAP on standard output.

usage: shim_net.py PEER          a Linux host on which `shim_net.py --serve PEER` runs
The server echoes TCP on 7101 and UDP on 7102, refuses 7109, and on 7103 resets what connects.
"""
import array, ctypes, errno, fcntl, ipaddress, os, select, signal, socket, struct, subprocess, sys, termios, threading, time

count = failed = 0


def ok(good, name, note=""):
    global count, failed
    count += 1
    failed += not good
    print(("ok" if good else "not ok"), count, "-", name, flush=True)
    if not good and note != "":
        print("# got", note, flush=True)


def is_(got, want, name):
    ok(got == want, name, "%r, want %r" % (got, want))


def error(call, *args):
    try:
        call(*args)
    except OSError as e:
        return errno.errorcode.get(e.errno, str(e))
    return "none"


def serve(host):
    def tcp(port, handler):
        s = socket.create_server((host, port), backlog=64)
        def loop():
            while True:
                threading.Thread(target=handler, args=(s.accept()[0],), daemon=True).start()
        threading.Thread(target=loop, daemon=True).start()
    def echo(c):
        while data := c.recv(65536):
            c.sendall(data)
        c.close()
    def reset(c):
        c.recv(1)
        c.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        c.close()
    tcp(7101, echo)
    tcp(7103, reset)
    u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    u.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    u.bind((host, 7102))
    print("ready", flush=True)
    while True:
        data, who = u.recvfrom(65536)
        u.sendto(data, who)


def dial(port=7101):
    return socket.create_connection((PEER, port), 10)


def exactly(s, n):
    data = b""
    while len(data) < n and (piece := s.recv(n - len(data))):
        data += piece
    return data


def test_stream():
    s = dial()
    s.settimeout(None)
    s.sendall(b"hello")
    is_(s.recv(3, socket.MSG_PEEK), b"hel", "MSG_PEEK")
    is_(s.recv(5, socket.MSG_WAITALL), b"hello", "MSG_WAITALL")
    is_(error(s.recv, 1, socket.MSG_DONTWAIT), "EAGAIN", "MSG_DONTWAIT")
    s.sendall(b"abcdef")
    time.sleep(0.2)
    buf = array.array("i", [0])
    fcntl.ioctl(s, termios.FIONREAD, buf)
    is_(buf[0], 6, "FIONREAD")
    is_(s.recvfrom(6)[0], b"abcdef", "recvfrom")
    is_(s.getpeername(), (PEER, 7101), "getpeername")
    ok(s.getsockname()[0] != "0.0.0.0" and s.getsockname()[1] > 0, "getsockname", s.getsockname())
    for level, name, value in ((socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1), (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)):
        s.setsockopt(level, name, value)
        ok(s.getsockopt(level, name) != 0, "option %d.%d" % (level, name))
    is_(s.getsockopt(socket.SOL_SOCKET, socket.SO_TYPE), socket.SOCK_STREAM, "SO_TYPE")
    is_(s.getsockopt(socket.SOL_SOCKET, socket.SO_DOMAIN), socket.AF_INET, "SO_DOMAIN")
    is_(s.getsockopt(socket.SOL_SOCKET, socket.SO_PROTOCOL), socket.IPPROTO_TCP, "SO_PROTOCOL")
    is_(s.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN), 0, "SO_ACCEPTCONN")
    is_(struct.unpack("iii", s.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)), (0, -1, -1), "SO_PEERCRED")
    is_(error(s.setsockopt, socket.IPPROTO_TCP, 9999, 1), "ENOPROTOOPT", "an option that is not")
    error(s.connect, (PEER, 7101))  # after a non-blocking one Linux says yes, once
    is_(error(s.connect, (PEER, 7101)), "EISCONN", "connect again")
    is_(error(s.listen), "EINVAL", "listen on a connection")
    is_(error(s.accept), "EINVAL", "accept on a connection")
    start = time.monotonic()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", 0, 200000))
    is_(error(s.recv, 1), "EAGAIN", "SO_RCVTIMEO")
    ok(0.15 < time.monotonic() - start < 2, "... after that time")
    s.shutdown(socket.SHUT_WR)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", 0, 0))
    is_(s.recv(10), b"", "half close comes back as end of file")
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    is_(error(s.send, b"x"), "EPIPE", "send after SHUT_WR")
    s.close()


def test_errors():
    is_(error(socket.create_connection, (PEER, 7109), 10), "ECONNREFUSED", "connection refused")
    s = socket.socket()
    s.setblocking(False)
    is_(s.connect_ex((PEER, 7109)), errno.EINPROGRESS, "non-blocking connect")
    p = select.poll()
    p.register(s, select.POLLOUT)
    events = p.poll(5000)
    ok(events and events[0][1] & select.POLLOUT, "POLLOUT when it failed", events)
    is_(s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR), errno.ECONNREFUSED, "SO_ERROR")
    is_(s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR), 0, "... once")
    s = dial(7103)
    s.send(b"x")
    is_(error(s.recv, 1), "ECONNRESET", "a reset while reading")
    s = dial(7103)
    s.send(b"x")
    time.sleep(0.3)
    first, second = error(s.send, b"y"), error(s.send, b"y")
    ok(first in ("ECONNRESET", "EPIPE") and second == "EPIPE", "a reset while writing", (first, second))
    s = socket.socket()
    is_(error(s.getpeername), "ENOTCONN", "getpeername of none")
    is_(error(s.bind, ("192.0.2.1", 0)), "EADDRNOTAVAIL", "bind to a foreign address")
    is_(error(s.shutdown, socket.SHUT_RDWR), "ENOTCONN", "shutdown of none")
    s.bind(("", 0))
    ok(s.getsockname()[1] > 0, "bind to port 0")
    t = socket.socket()
    is_(error(t.bind, s.getsockname()), "EADDRINUSE", "bind to a port in use")
    is_(error(socket.socket, socket.AF_INET, socket.SOCK_STREAM, 200), "EPROTONOSUPPORT", "an unknown protocol")


def test_listener():
    l = socket.socket()
    l.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    l.bind(("", 0))
    l.listen(8)
    port = l.getsockname()[1]
    is_(l.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN), 1, "SO_ACCEPTCONN of a listener")
    l.setblocking(False)
    is_(error(l.accept), "EAGAIN", "nobody to accept")
    l.setblocking(True)
    c = [socket.create_connection(("127.0.0.1", port), 10) for _ in range(5)]
    a = [l.accept() for _ in range(5)]
    is_(sorted(x[1] for x in a), sorted(x.getsockname() for x in c), "accept tells the peers")
    for i, (conn, _) in enumerate(a):
        conn.sendall(b"%d" % i)
    is_(sorted(x.recv(1) for x in c), [b"%d" % i for i in range(5)], "and they talk")
    pid = os.fork()
    if pid == 0:
        conn, _ = l.accept()
        conn.sendall(b"child")
        os._exit(0)
    x = socket.create_connection(("127.0.0.1", port), 10)
    is_(exactly(x, 5), b"child", "a child accepts on its parent's listener")
    os.waitpid(pid, 0)
    result = []
    def waiter():
        result.append(error(l.accept))
    t = threading.Thread(target=waiter)
    t.start()
    time.sleep(0.2)
    l.shutdown(socket.SHUT_RDWR)
    t.join(5)
    is_(result, ["EINVAL"], "shutdown wakes accept")


def test_signals():
    l = socket.create_server(("", 0))
    hits = []
    signal.signal(signal.SIGALRM, lambda *a: hits.append(1))
    signal.siginterrupt(signal.SIGALRM, True)
    libc = ctypes.CDLL(None, use_errno=True)
    signal.setitimer(signal.ITIMER_REAL, 0.2)
    got = libc.accept(l.fileno(), None, None)
    is_((got, errno.errorcode.get(ctypes.get_errno())), (-1, "EINTR"), "a signal interrupts accept")
    s = socket.socket()
    sin = struct.pack("=H", 2) + struct.pack("!H", 9) + ipaddress.ip_address(PEER).packed[:3] + b"\xc8" + bytes(8)
    signal.setitimer(signal.ITIMER_REAL, 0.2)
    got = libc.connect(s.fileno(), sin, 16)
    is_((got, errno.errorcode.get(ctypes.get_errno())), (-1, "EINTR"), "a signal interrupts connect")
    got = libc.connect(s.fileno(), sin, 16)
    is_((got, errno.errorcode.get(ctypes.get_errno())), (-1, "EALREADY"), "which goes on")
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", 0, 300000))
    got = libc.connect(s.fileno(), sin, 16)
    is_((got, errno.errorcode.get(ctypes.get_errno())), (-1, "EINPROGRESS"), "SO_SNDTIMEO bounds connect")


def test_urgent():
    l = socket.create_server(("127.0.0.1", 0))
    c = socket.create_connection(l.getsockname(), 10)
    a, _ = l.accept()
    c.sendall(b"ab")
    c.send(b"!", socket.MSG_OOB)
    c.sendall(b"cd")
    p = select.poll()
    p.register(a, select.POLLPRI)
    ok(bool(p.poll(3000)), "urgent data: POLLPRI")
    time.sleep(0.2)
    is_(a.recv(1, socket.MSG_OOB), b"!", "MSG_OOB")
    is_(exactly(a, 4), b"abcd", "the rest in order")
    is_(error(a.recv, 1, socket.MSG_OOB | socket.MSG_DONTWAIT), "EINVAL", "no more of it")


def test_datagrams():
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.settimeout(5)
    s.sendto(b"one", (PEER, 7102))
    is_(s.recvfrom(100), (b"one", (PEER, 7102)), "sendto, recvfrom")
    s.sendto(b"", (PEER, 7102))
    is_(s.recvfrom(100), (b"", (PEER, 7102)), "an empty datagram")
    s.sendto(b"x" * 9000, (PEER, 7102))
    is_(len(s.recv(65536)), 9000, "a fragmented one")
    s.sendto(b"x" * 20000, (PEER, 7102))
    is_(len(s.recv(65536)), 20000, "a larger one (net.inet.ip.maxfragsperpacket is 16)")
    is_(error(s.sendto, b"x" * 65508, (PEER, 7102)), "EMSGSIZE", "too large")
    ok(error(s.sendto, b"x", (PEER, 0)) in ("EINVAL", "EADDRNOTAVAIL"), "port 0")  # Linux, BSD
    is_(error(s.send, b"x"), "EDESTADDRREQ", "send without a destination")
    s.sendto(b"truncated", (PEER, 7102))
    data, _, flags, _ = s.recvmsg(4, 0)
    is_((data, flags & socket.MSG_TRUNC), (b"trun", socket.MSG_TRUNC), "recvmsg tells of truncation")
    s.connect((PEER, 7102))
    s.send(b"two")
    is_(s.recv(100), b"two", "connected")
    is_(s.getpeername(), (PEER, 7102), "getpeername")
    s.sendmsg([b"sc", b"at", b"ter", b"", b"ed", b"!"])
    bufs = [bytearray(3), bytearray(100)]
    n = s.recvmsg_into(bufs)[0]
    is_((n, bytes(bufs[0]), bytes(bufs[1][:6])), (10, b"sca", b"ttered"), "scatter, gather")
    start = [b"%04d" % i for i in range(200)]
    got = []
    for d in start:
        s.send(d)
        if len(got) + 8 < len(start) and select.select([s], [], [], 0)[0]:
            got.append(s.recv(100))
    while len(got) < 200 and select.select([s], [], [], 1)[0]:
        got.append(s.recv(100))
    is_(got, start, "two hundred, in order")
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.settimeout(2)
    s.connect((PEER, 7109))
    s.send(b"x")
    is_(error(s.recv, 1), "ECONNREFUSED", "ECONNREFUSED by ICMP")
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.setsockopt(socket.IPPROTO_IP, 8, 1)  # IP_PKTINFO
    s.settimeout(5)
    s.sendto(b"x", (PEER, 7102))
    _, items, _, _ = s.recvmsg(10, 100)
    ok(any(i[:2] == (socket.IPPROTO_IP, 8) for i in items), "IP_PKTINFO", items)
    a, b = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
    a.bind(("127.0.0.1", 0))
    b.bind(("127.0.0.1", 0))
    b.settimeout(5)
    os.write((a.connect(b.getsockname()), a.fileno())[1], b"by write")
    select.select([b], [], [], 5)
    is_(os.read(b.fileno(), 100), b"by write", "write and read, over lo0")
    is_(socket.socket(socket.AF_INET, socket.SOCK_DGRAM).getsockname(), ("0.0.0.0", 0), "an unbound name")


def test_interfaces():
    names = dict((n, i) for i, n in socket.if_nameindex())
    ok(any(n.startswith("lo") for n in names) and len(names) >= 2, "if_nameindex", names)
    for n, i in names.items():
        is_((socket.if_nametoindex(n), socket.if_indextoname(i)), (i, n), "index of " + n)
    ok(error(socket.if_nametoindex, "nosuch0") != "none", "an interface that is not")
    libc = ctypes.CDLL(None, use_errno=True)
    class ifaddrs(ctypes.Structure):
        pass
    ifaddrs._fields_ = [("next", ctypes.POINTER(ifaddrs)), ("name", ctypes.c_char_p), ("flags", ctypes.c_uint),
                        ("addr", ctypes.POINTER(ctypes.c_ubyte * 16)), ("mask", ctypes.POINTER(ctypes.c_ubyte * 16))]
    head, found = ctypes.POINTER(ifaddrs)(), []
    is_(libc.getifaddrs(ctypes.byref(head)), 0, "getifaddrs")
    p = head
    while p:
        a = bytes(p.contents.addr.contents)
        if a[0] == socket.AF_INET:
            found.append(str(ipaddress.ip_address(a[4:8])))
        p = p.contents.next
    libc.freeifaddrs(head)
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.connect((PEER, 9))
    ok(s.getsockname()[0] in found, "it lists the address that is used", found)


def test_processes():
    s = dial()
    libc = ctypes.CDLL(None, use_errno=True)
    pid = libc.syscall(56, 17 | 0x40000000, 0, 0, 0, 0)  # raw clone(CLONE_NEWNET)
    if pid == 0:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        t = dial()
        t.sendall(b"child")
        os._exit(0 if exactly(t, 5) == b"child" else 1)
    if pid < 0:
        print("# no CLONE_NEWNET here")
    else:
        is_(os.waitpid(pid, 0)[1], 0, "a raw clone in another network namespace")
    pid = os.fork()
    if pid == 0:
        os.closerange(3, 70000)
        t = dial()
        t.sendall(b"child")
        os._exit(0 if exactly(t, 5) == b"child" else 1)
    is_(os.waitpid(pid, 0)[1], 0, "a child that closed everything")
    s.sendall(b"parent")
    is_(exactly(s, 6), b"parent", "the parent goes on")
    s.settimeout(None)
    code = "import os,sys,socket; t=socket.socket(fileno=0); t.sendall(b'x'); print(t.recv(1), t.family.name)"
    p = subprocess.run([sys.executable, "-c", code], stdin=s.fileno(), capture_output=True, text=True)
    is_(p.stdout.strip(), "b'x' AF_INET", "a connection as standard input of another program")
    code = "import os; d=socket=None; print(os.read(0, 10))"
    u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    u.connect((PEER, 7102))
    u.send(b"dgram")
    p = subprocess.run([sys.executable, "-c", code], stdin=u.fileno(), capture_output=True, text=True)
    is_(p.stdout.strip(), "b'dgram'", "a datagram socket inherited through exec")
    left, right = socket.socketpair()
    if os.fork() == 0:
        t = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        t.connect((PEER, 7102))
        socket.send_fds(right, [b"x"], [t.fileno()])
        os._exit(0)
    t = socket.socket(fileno=socket.recv_fds(left, 1, 1)[1][0])
    t.settimeout(5)
    t.send(b"passed")
    is_(t.recv(100), b"passed", "a datagram socket by SCM_RIGHTS")
    errors = []
    def work():
        try:
            for _ in range(20):
                with dial() as c:
                    c.sendall(b"12345")
                    assert exactly(c, 5) == b"12345"
        except Exception as e:
            errors.append(repr(e))
    threads = [threading.Thread(target=work) for _ in range(8)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    is_(errors, [], "eight threads, 160 connections")


if sys.argv[1] == "--serve":
    serve(sys.argv[2])
PEER = sys.argv[1]
for test in (test_stream, test_errors, test_listener, test_signals, test_urgent, test_datagrams, test_interfaces, test_processes):
    print("#", test.__name__, flush=True)
    try:
        test()
    except Exception as e:
        ok(False, "%s: %s" % (test.__name__, type(e).__name__), "%s (line %s)" % (e, e.__traceback__.tb_next.tb_lineno if e.__traceback__.tb_next else "?"))
print("1..%d" % count)
sys.exit(failed != 0)
