#!/bin/bash
# What a user, a program and the wire can get wrong, and that everyone else goes on.
. "$(dirname "$0")/lib/lab.sh"
need python3 scapy
lab_start
D=$ALPINE_BUILD/bin/alpined
one_line() { # one_line NAME PATTERN COMMAND...: fails, says one line that matches
	local name=$1 pattern=$2 out status
	shift 2
	out=$(timeout 60 "$@" 2>&1 >/dev/null)
	status=$?
	is "$name: fails" "$([ $status -ne 0 ] && [ $status -ne 124 ] && [ $status -lt 126 ] && echo yes)" yes
	is "$name: in one line" "$(wc -l <<<"$out")" 1
	like "$name: says why" "$out" "$pattern"
}
before=$(machine ip -o link | wc -l)
one_line "no such command of the lab" "lab: no such command: frob; type: scripts/lab help" "$LABCMD" frob
one_line "no such interface" "alpined: .*nosuch0" "$LABCMD" machine --name "$LAB" "$D" --name x1 nosuch0 10.11.12.20/24
one_line "not an address" "alpined: .*10.11.12.300" "$LABCMD" machine --name "$LAB" "$D" --name x1 eth0 10.11.12.300/24
one_line "no prefix" "alpined: .*10.11.12.20" "$LABCMD" machine --name "$LAB" "$D" --name x1 eth0 10.11.12.20
one_line "a prefix too long" "alpined: .*/33" "$LABCMD" machine --name "$LAB" "$D" --name x1 eth0 10.11.12.20/33
one_line "a network address" "alpined: " "$LABCMD" machine --name "$LAB" "$D" --name x1 eth0 10.11.12.0/24
one_line "an MTU out of range" "alpined: .*[mM][tT][uU]" "$LABCMD" machine --name "$LAB" "$D" --name x1 --mtu 5 eth0 10.11.12.20/24
one_line "a MAC that is multicast" "alpined: .*" "$LABCMD" machine --name "$LAB" "$D" --name x1 --mac 01:00:00:00:00:01 eth0 10.11.12.20/24
one_line "a gateway that is not on the network" "alpined: .*gateway" "$LABCMD" machine --name "$LAB" "$D" --name x1 --gateway 192.0.2.1 eth0 10.11.12.20/24
one_line "a name in use" "alpined: .*$LAB" "$LABCMD" machine --name "$LAB" "$D" --name "$LAB" eth0 10.11.12.20/24
one_line "no arguments" "alpined: |usage" "$LABCMD" machine --name "$LAB" "$D"
# a copy where anybody may run it: the tree may lie in a home folder that is closed to others
chmod 711 "$TMP"
install -m 755 "$D" "$TMP/alpined"
one_line "no permission" "alpined: .*([pP]ermission|not permitted|root)" "$LABCMD" machine --name "$LAB" setpriv --reuid 65534 --clear-groups --inh-caps=-all --bounding-set=-all env ALPINE_RUNDIR="$TMP" "$TMP/alpined" --name x1 eth0 10.11.12.20/24
one_line "alpine-run without a daemon" "alpine-run: .*nobody-there" "$ALPINE_BUILD/bin/alpine-run" --name nobody-there true
one_line "alpinectl without a daemon" "alpinectl: .*nobody-there" "$ALPINE_BUILD/bin/alpinectl" --name nobody-there status
is "nothing was left behind" "$(machine ip -o link | wc -l)" "$before"

RUN=${ALPINE_LAB_ROOT:-/run/alpine-lab}/$LAB/run
cat >"$TMP/garbage.py" <<'PY'
import os, random, socket, struct, sys
path, seed = sys.argv[1], int(sys.argv[2]); r = random.Random(seed); n = 0
def dial():
    s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET); s.settimeout(60); s.connect(path); return s
for i in range(300):
    s = dial()
    try:
        if i % 3 == 0: s.send(r.randbytes(r.randrange(1, 4000)))
        else:       # a good header with something wrong behind it
            op = r.randrange(0, 80); body = r.randbytes(r.randrange(0, 200))
            if i % 3 == 1: s.send(struct.pack("=IHHIIiHH", 0x414c5049, 1, 1, 1, 8, 0, 0, 0) + struct.pack("=II", 1, 0)); s.recv(4096)
            s.send(struct.pack("=IHHIIiHH", 0x414c5049, 1, op if op != 65 else 3, i, r.choice([len(body), 0, 1 << 31, len(body) + 1]), 0, r.randrange(0, 3), 0) + body)
            s.recv(4096)
    except OSError: pass
    n += 1; s.close()
# a daemon of another version
s = dial(); s.send(struct.pack("=IHHIIiHH", 0x414c5049, 999, 1, 1, 8, 0, 0, 0) + struct.pack("=II", 1, 0))
try: m = s.recv(4096)
except OSError: m = b""
print(n)
PY
is "300 bad control conversations" "$(python3 "$TMP/garbage.py" "$RUN/$LAB.sock" 42)" 300
ok "alpined is still there" ctl status
ok "and the stack answers" peer ping -c 1 -W 10 10.11.12.13

cat >"$TMP/wire.py" <<'PY'
import random, sys
from scapy.all import *
conf.verb = 0; r = random.Random(7); mac = sys.argv[1]; dst = "10.11.12.13"; out = []
E = lambda t=0x800: Ether(dst=mac, type=t)
def frame(k):
    if k == 0: p = E(r.choice([0x800, 0x806, 0x86dd, 0x8100, r.randrange(65536)])) / Raw(r.randbytes(r.randrange(0, 1500)))
    elif k == 1: p = E() / IP(dst=dst, ihl=r.randrange(16), len=r.randrange(65536)) / Raw(r.randbytes(60))
    elif k == 2: p = E() / IP(dst=dst, frag=r.randrange(8191), flags=r.randrange(8), id=r.randrange(5), proto=17) / Raw(r.randbytes(r.randrange(1, 1400)))
    elif k == 3: p = E() / IP(dst=dst) / ICMP(type=r.randrange(256), code=r.randrange(256)) / Raw(r.randbytes(r.randrange(0, 200)))
    elif k == 4: p = E() / IP(dst=dst) / TCP(dport=r.choice([80, 7, 9999]), sport=r.randrange(65536), flags=r.randrange(512), dataofs=r.randrange(16), seq=r.randrange(2**32)) / Raw(r.randbytes(r.randrange(0, 100)))
    elif k == 5: p = E() / IP(dst=dst) / UDP(dport=r.randrange(65536), len=r.randrange(65536)) / Raw(r.randbytes(r.randrange(0, 100)))
    elif k == 6: p = E() / IP(dst=dst, options=[IPOption(bytes([r.choice([7, 68, 131, 137, 148, 1, r.randrange(256)]), r.randrange(40), r.randrange(40)]) + r.randbytes(9))]) / ICMP()
    elif k == 7: p = E(0x806) / Raw(bytes([0, 1, 8, 0, r.randrange(20), r.randrange(20), 0, r.randrange(10)]) + r.randbytes(r.randrange(0, 40)))
    elif k == 8: p = E() / IP(src=r.choice(["127.0.0.1", "255.255.255.255", "224.0.0.1", "0.0.0.0", dst]), dst=dst) / TCP(dport=80, flags="S")
    else: p = E() / IP(dst=dst) / ICMP(type=r.choice([3, 5, 11, 12]), code=r.randrange(6)) / IP(src=dst, dst="10.11.12.1", ihl=r.randrange(16)) / TCP(sport=80, dport=r.randrange(65536))
    return bytes(p)
for i in range(1500):
    try: b = frame(i % 10)
    except Exception: b = bytes(E()) + r.randbytes(60)   # scapy itself refuses some of these
    out.append(b[:1514])
s = conf.L2socket(iface="eth0")
for b in out: s.send(Raw(b))
print(len(out))
PY
MAC=$(ctl ifconfig | awk '$1 == "ether" {print $2; exit}')
is "1,500 bad frames on the wire" "$(peer /usr/bin/python3 "$TMP/wire.py" "$MAC" 2>&1 | tail -n 1)" 1500
ok "the stack answers" peer ping -c 3 -i 0.2 -W 10 10.11.12.13
like "and has counted them" "$(ctl netstat -s)" "[1-9][0-9]* .*(bad|short|dropped|discarded)"
done_testing
