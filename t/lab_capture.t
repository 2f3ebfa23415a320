#!/bin/bash
# Packet sockets and netlink in the namespace of alpine-run: the device there shows what the stack's
# interface carries and has, takes frames that programs make, and lets nothing else out.
. "$(dirname "$0")/lib/lab.sh"
need python3 nsenter ip setpriv
lab_start
RUNDIR=${ALPINE_LAB_ROOT:-/run/alpine-lab}/$LAB/run
py() { printf '%s\n' "import socket, struct, fcntl, subprocess, sys, time, errno
def packet():
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3)); s.bind(('tap0', 0)); return s
def mac(): # as any program asks
    return fcntl.ioctl(socket.socket(type=socket.SOCK_DGRAM), 0x8927, struct.pack('16s24x', b'tap0'))[18:24]
def see(s, *wanted): # frames until each of them has come, or a minute is over: which have
    got, end = [False] * len(wanted), time.time() + 60
    while not all(got) and time.time() < end:
        s.settimeout(max(0.01, end - time.time()))
        try: f = s.recv(70000)
        except socket.timeout: break
        got = [g or w(f) for g, w in zip(got, wanted)]
    return got
def arp(source): # who has 10.11.12.1?
    return b'\xff' * 6 + source + struct.pack('!HHHBBH', 0x806, 1, 0x800, 6, 4, 1) + source + socket.inet_aton('10.11.12.13') + bytes(6) + socket.inet_aton('10.11.12.1')
" "$1" >"$TMP/prog.py"; stack ${2:-} timeout 120 /usr/bin/python3 "$TMP/prog.py" 2>&1; }

like "the namespace's kernel tells the stack's address" "$(stack ip -4 -o addr show dev tap0)" "inet 10\.11\.12\.13/24 brd 10\.11\.12\.255"
like "... its default route" "$(stack ip route)" "^default via 10\.11\.12\.1 dev tap0"
like "... the way to a host (netlink)" "$(stack ip route get 10.11.12.1)" "^10\.11\.12\.1 dev tap0 src 10\.11\.12\.13"
like "... and its MTU" "$(stack ip link show dev tap0)" "mtu 1500"
is "a packet socket sees what goes out and what comes in" "$(py "
s = packet(); u = socket.socket(type=socket.SOCK_DGRAM); u.sendto(b'is anybody there', ('10.11.12.1', 9))
us, peer = socket.inet_aton('10.11.12.13'), socket.inet_aton('10.11.12.1')
print(see(s, lambda f: f[26:34] == us + peer and f[23] == 17 and b'is anybody there' in f,
    lambda f: f[26:34] == peer + us and f[23] == 1 and f[34] == 3))")" "[True, True]"
is "with the stack's Ethernet address" "$(py "
s = packet(); u = socket.socket(type=socket.SOCK_DGRAM); u.sendto(b'hello', ('10.11.12.1', 9))
print(see(s, lambda f: f[6:12] == mac() and f[26:30] == socket.inet_aton('10.11.12.13')))")" "[True]"
is "a frame that a program makes goes out, and the answer comes in" "$(py "
s = packet(); s.send(arp(mac()))
print(see(s, lambda f: f[12:14] == b'\x08\x06' and f[20:22] == b'\x00\x02' and f[28:32] == socket.inet_aton('10.11.12.1')))")" "[True]"
is "a connection stays whole while somebody looks on" "$(py "
s = packet(); l = socket.create_server(('10.11.12.13', 7001)); r = 0
c = subprocess.Popen(['/usr/bin/python3', '-c', 'import socket; c = socket.create_connection((\"10.11.12.13\", 7001)); c.sendall(bytes(1 << 22))'])
a, b = l.accept()
while (d := a.recv(1 << 16)): r += len(d)
print(r, c.wait())")" "4194304 0"

# The wire, as the peer sees it, while programs in the namespace send without the stack.
peer timeout 300 /usr/bin/python3 -c "
import socket, sys
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3)); s.bind(('eth0', 0))
print('ready', flush=True)
while True: print(s.recv(2000)[6:12].hex(':'), flush=True)" >"$TMP/seen" 2>&1 &
SEEN=$!
wait_for 60 grep -q ready "$TMP/seen"
stack sleep 300 &
INSIDE=
inside() {
	INSIDE=$(for p in $(pgrep -x sleep); do
		grep -qz "^LD_PRELOAD=.*libalpine" "/proc/$p/environ" 2>/dev/null && grep -qz "ALPINE_LAB_HELD=.*/$LAB\$" "/proc/$p/environ" && echo "$p"
	done | head -n 1)
	[ -n "$INSIDE" ]
}
for i in $(seq 600); do inside && break; sleep 0.1; done
DEVICE=$(nsenter -t "$INSIDE" --net cat /sys/class/net/tap0/address 2>/dev/null || nsenter -t "$INSIDE" --net ip -o link show tap0 | sed 's/.*ether \([^ ]*\).*/\1/')
like "the device in the namespace has an Ethernet address of its own" "$DEVICE" "^..(:..){5}$"
nsenter -t "$INSIDE" --net timeout 60 bash -c 'echo ${EPOCHREALTIME/./}; (echo >/dev/tcp/10.11.12.1/80) 2>&1; echo ${EPOCHREALTIME/./}' >"$TMP/route"
is "without the shim: no route to a host, soon" "$(grep -o 'No route to host' "$TMP/route" | head -n 1)" "No route to host"
took=$((($(tail -n 1 "$TMP/route") - $(head -n 1 "$TMP/route")) / 1000))
ok "... before an unanswered ARP would say it, after 3 s ($took ms)" test $took -lt 2000
nsenter -t "$INSIDE" --net /usr/bin/python3 -c "
import socket
u = socket.socket(type=socket.SOCK_DGRAM); u.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
u.sendto(b'out', ('10.11.12.255', 9)); u.sendto(b'out', ('239.1.1.1', 9))"
py "
s = packet(); dev = s.getsockname()[4]; s.send(arp(dev)); s.send(arp(mac())); time.sleep(0.3)" >/dev/null
wait_for 60 grep -q "$(ctl ifconfig | grep -oE '(..:){5}..' | head -n 1)" "$TMP/seen"
sleep 0.3
kill $SEEN
OURS=$(ctl ifconfig | grep -oE '(..:){5}..' | head -n 1)
ok "what programs made is on the wire" grep -q "$OURS" "$TMP/seen"
is "nothing that the namespace's kernel sent is" "$(grep -c "$DEVICE" "$TMP/seen")" 0
chmod 711 "$(dirname "$RUNDIR")" "$RUNDIR"; chmod 666 "$RUNDIR/$LAB.sock"; chmod 755 "$TMP"
cat >"$TMP/look.py" <<'PY'
import errno, socket
try: socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
except OSError as e: print(errno.errorcode[e.errno])
PY
chmod 644 "$TMP/look.py"
is "an ordinary user may not look" "$(machine env ALPINE_RUNDIR="$RUNDIR" setpriv --reuid 65534 --regid 65534 --clear-groups \
	"$ALPINE_BUILD/bin/alpine-run" --name "$LAB" /usr/bin/python3 "$TMP/look.py")" EPERM
# ---- alpine-run --pcap
cat >"$TMP/pcap.py" <<'PY'
import socket, struct, sys
d = open(sys.argv[1], "rb").read(); at = 24; flags = []; own = 0
us = socket.inet_aton("10.11.12.13")
while at < len(d):
    sec, nsec, cap, size = struct.unpack("=IIII", d[at:at + 16]); f = d[at + 16:at + 16 + cap]; at += 16 + cap
    if f[12:14] == b"\x08\x00" and f[23] == 6: flags.append(("out " if f[26:30] == us else "in ") + str(f[47] & 0x17))
print(struct.unpack("=IHH", d[:8]), at == len(d), "out 2" in flags, any(x in flags for x in ("in 20", "in 4")), nsec < 10**9)
PY
chmod 644 "$TMP/pcap.py"
stack --pcap "$TMP/x.pcap" curl -s -m 60 http://10.11.12.1:9/ >/dev/null
is "--pcap: PROGRAM's exit status" $? 7
is "--pcap: a whole file, the request and its refusal in it" "$(/usr/bin/python3 "$TMP/pcap.py" "$TMP/x.pcap")" "(2712812621, 2, 4) True True True True"
like "--pcap: a file that cannot be" "$(stack --pcap /nonexistent/x true 2>&1; echo " $?")" '^alpine-run: --pcap /nonexistent/x: No such file or directory; name a file.*'
like "--pcap: a full disk is told, and the program not run" "$(stack --pcap /dev/full echo ran 2>&1)" '^alpine-run: --pcap /dev/full: No space left'
like "--pcap: an ordinary user may not look" "$(machine env ALPINE_RUNDIR="$RUNDIR" setpriv --reuid 65534 --regid 65534 --clear-groups \
	"$ALPINE_BUILD/bin/alpine-run" --name "$LAB" --pcap /dev/null echo ran 2>&1)" '^alpine-run: --pcap: Operation not permitted: .*run it as root|^alpine-run: --pcap: no device'
done_testing
