#!/bin/bash
# TCP's socket options as a Linux program asks for them: bsdnet/netinet/TCP-OPTIONS.md's table.
. "$(dirname "$0")/lib/lab.sh"
need python3
lab_start
cat >"$TMP/server.py" <<'PY'
import socket, threading, time
l = socket.create_server(("10.11.12.1", 7001), backlog=64)
def serve(c):
    mode = c.recv(1)
    if mode == b"s": time.sleep(300)          # reads nothing
    while (d := c.recv(65536)): c.sendall(d[:100])
while True: threading.Thread(target=serve, args=(l.accept()[0],), daemon=True).start()
PY
peer python3 "$TMP/server.py" &
wait_for 60 peer python3 -c 'import socket; socket.create_connection(("10.11.12.1", 7001))'
py() { printf '%s\n' "import socket, errno, struct, time, select
T = socket.IPPROTO_TCP
A = ('10.11.12.1', 7001)
def dial(mode=b'e'):
    s = socket.create_connection(A, 60); s.sendall(mode); return s
def until(s, f): # f(info(s)) holds; for a minute
    end = time.time() + 60
    while not f(i := info(s)) and time.time() < end: time.sleep(0.05)
    return i
def get(s, o): return s.getsockopt(T, o)
def info(s, n=232):
    b = s.getsockopt(T, socket.TCP_INFO, n)
    names = 'rto ato snd_mss rcv_mss unacked sacked lost retrans fackets last_data_sent last_ack_sent last_data_recv last_ack_recv pmtu rcv_ssthresh rtt rttvar snd_ssthresh snd_cwnd advmss reordering rcv_rtt rcv_space total_retrans'.split()
    d = dict(zip(names, struct.unpack_from('24I', b, 8))); d['state'], d['ca'], d['len'] = b[0], b[1], len(b)
    if len(b) >= 232:
        d.update(zip('pacing max_pacing bytes_acked bytes_received segs_out segs_in notsent min_rtt data_segs_in data_segs_out rate busy rwnd sndbuf delivered delivered_ce bytes_sent bytes_retrans dsack reord ooo snd_wnd'.split(),
            struct.unpack_from('=QQQQ6IQQQQIIQQIIII', b, 104)))
    return d
def no(f, *a):
    try: f(*a); return 'taken'
    except OSError as e: return errno.errorcode[e.errno]
$1" >"$TMP/prog.py"; stack timeout 180 python3 "$TMP/prog.py" 2>&1; }

is "numbers are kept and given back" "$(py "
s = socket.socket()
for o, v in ((1, 1), (3, 1), (4, 30), (5, 7), (6, 3), (7, 4), (8, 20), (10, 50000), (12, 1), (18, 9000), (23, 5), (25, 4096)):
    s.setsockopt(T, o, v); print(get(s, o), end=' ')")" "1 1 30 7 3 4 20 50000 1 9000 5 4096 "
is "bounds are Linux's" "$(py "
s = socket.socket()
print(*(no(s.setsockopt, T, o, v) for o, v in ((4, 0), (4, 32768), (5, 0), (6, 0), (6, 128), (7, 0), (7, 128), (2, 40000), (18, -1), (23, -1), (30, 2))))")" \
	"EINVAL EINVAL EINVAL EINVAL EINVAL EINVAL EINVAL EINVAL EINVAL EINVAL EINVAL"
is "what is not known is ENOPROTOOPT" "$(py "
s = socket.socket(); print(*(no(s.setsockopt, T, o, 1) for o in (16, 17, 28, 29, 36, 99)), no(s.getsockopt, T, 99))")" \
	"ENOPROTOOPT ENOPROTOOPT ENOPROTOOPT ENOPROTOOPT ENOPROTOOPT ENOPROTOOPT ENOPROTOOPT"
is "TCP_ULP: a kernel without it" "$(py "
print(no(socket.socket().setsockopt, T, 31, b'tls'))")" ENOENT
is "TCP_CC_INFO: nothing" "$(py "print(len(dial().getsockopt(T, 26, 100)))")" 0
is "TCP_INFO: as much as there is room for" "$(py "
s = dial(); print(info(s, 104)['len'], info(s, 8 + 96)['len'], info(s)['len'], len(s.getsockopt(T, socket.TCP_INFO, 1000)) >= 232)")" "104 104 232 True"
is "TCP_INFO: a conversation" "$(py "
t = time.time(); s = dial(); t = (time.time() - t) * 1e6; s.sendall(b'x' * 999); n = 0
while n < 100: n += len(s.recv(4096))
i = until(s, lambda i: i['bytes_acked'] == 1000)
print(i['state'], i['ca'], i['bytes_acked'], i['bytes_sent'], i['bytes_received'] >= 100, i['notsent'], i['unacked'],
    i['snd_mss'], i['pmtu'], 0 < i['min_rtt'] < t, i['rtt'] > 0, i['total_retrans'], i['data_segs_out'] in (1, 2), i['segs_in'] >= 3, i['rate'] > 0)")" \
	"1 0 1000 1000 True 0 0 1448 1500 True True 0 True True True"
is "TCP_INFO: a peer that does not read" "$(py "
s = dial(b's'); s.setblocking(False)
try:
    while True: s.send(b'x' * 65536)
except BlockingIOError: pass
i = until(s, lambda i: i['rwnd'] > 200000)
print(i['snd_wnd'] < 5000, i['notsent'] > 0, i['rwnd'] > 200000, i['busy'] >= i['rwnd'])")" "True True True True"
is "TCP_NOTSENT_LOWAT bounds what waits in the stack" "$(py "
s = dial(b's'); s.setsockopt(T, 25, 20000); s.setblocking(False)
try:
    while True: s.send(b'x' * 65536)
except BlockingIOError: pass
time.sleep(0.5); print(0 < until(s, lambda i: i['notsent'] <= 20000)['notsent'] <= 20000)")" True
is "TCP_SYNCNT 1: gives up after one more SYN" "$(py "
s = socket.socket(); s.setsockopt(T, socket.TCP_SYNCNT, 1); t = time.time()
r = no(s.connect, ('10.11.12.99', 9)); print(r in ('ETIMEDOUT', 'EHOSTUNREACH'), time.time() - t < 30)")" "True True"
done_testing
