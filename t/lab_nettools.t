#!/bin/bash
# Debian's net-tools and ping under alpine-run show and change the BSD stack: ioctls and /proc/net.
#
#   peer 10.11.12.1 ---- switch ---- machine (10.11.12.2), alpined 10.11.12.13
. "$(dirname "$0")/lib/lab.sh"
need ifconfig route arp netstat ping setpriv ss
lab_start
PY=/usr/bin/python3

stack_fails() { # stack_fails NAME REGEX COMMAND...
	local name=$1 want=$2 out status=0
	shift 2
	out=$(stack "$@" 2>&1) || status=$?
	like "$name" "$out" "$want"
	[ $status != 0 ] || [ "$1" = ifconfig ] || diag "status 0 of: $*"
}

# ---- ping
like "ping" "$(stack ping -c 2 -i 0.2 -W 10 10.11.12.1)" '2 packets transmitted, 2 received, 0% packet loss'

# ---- ifconfig
like "ifconfig shows the stack's interface" "$(stack ifconfig | tr '\n' ' ')" \
	'tap0: flags=4163<UP,BROADCAST,RUNNING,MULTICAST>  mtu 1500 +inet 10\.11\.12\.13  netmask 255\.255\.255\.0  broadcast 10\.11\.12\.255 +ether 02:'
like "with its counters" "$(stack ifconfig tap0)" 'RX packets [1-9][0-9]*  bytes [1-9]'
like "and the loopback interface, by Linux's name" "$(stack ifconfig -a)" '^lo: flags=[0-9]+<UP,LOOPBACK,RUNNING'
like "its address" "$(stack ifconfig lo)" 'inet 127\.0\.0\.1  netmask 255\.0\.0\.0'
stack_fails "one that is not there" 'eth7: error fetching interface information: Device not found' ifconfig eth7
ok "mtu" stack ifconfig tap0 mtu 1400
like "is set in the stack" "$(ctl ifconfig tap0)" 'mtu 1400'
stack_fails "a silly mtu is refused" 'SIOCSIFMTU: Invalid argument' ifconfig tap0 mtu 1000000
stack ifconfig tap0 mtu 1500
ok "an alias by its label" stack ifconfig tap0:1 10.11.12.60 netmask 255.255.255.0
ok "answers the peer" peer ping -c 1 -W 10 10.11.12.60
like "is listed by its label" "$(stack ifconfig -a | tr '\n' ' ')" 'tap0:1: flags=[0-9]*<UP[^>]*>  mtu 1500 +inet 10\.11\.12\.60  netmask 255\.255\.255\.0'
ok "an alias by add" stack ifconfig tap0 add 10.11.12.61
is "both are there" "$(ctl ifconfig tap0 | grep -c 'inet ')" 3
ok "down takes a label's address away" stack ifconfig tap0:1 down
is "and only that" "$(ctl ifconfig tap0 | grep -oE 'inet [0-9.]+' | tr '\n' ' ')" "inet 10.11.12.13 inet 10.11.12.61 "
ok "a new first address" stack ifconfig tap0 10.11.12.44 netmask 255.255.255.0 up
is "takes the place of the old one" "$(ctl ifconfig tap0 | grep -oE 'inet [0-9.]+' | tr '\n' ' ')" "inet 10.11.12.44 inet 10.11.12.61 "
ok "down" stack ifconfig tap0 down
is "is down" "$(ctl ifconfig tap0 | grep -c '<UP')" 0
ok "up, with the address of before" stack ifconfig tap0 10.11.12.13 netmask 255.255.255.0 up
ok "Ethernet address" stack ifconfig tap0 hw ether 02:00:00:00:0a:0b
like "is changed" "$(ctl ifconfig tap0)" 'ether 02:00:00:00:0a:0b'
ok "the peer finds it" peer ping -c 3 -i 0.3 -W 10 10.11.12.13

# ---- route
ok "route add default" stack route add default gw 10.11.12.1
like "route -n" "$(stack route -n)" '^0\.0\.0\.0 +10\.11\.12\.1 +0\.0\.0\.0 +UG +0 +0 +[0-9]+ tap0$'
ok "a network" stack route add -net 10.5.0.0 netmask 255.255.0.0 gw 10.11.12.1
ok "a host by the interface" stack route add -host 10.6.6.6 dev tap0
ok "one that refuses" stack route add -net 10.8.0.0/16 reject
like "are shown by netstat -rn" "$(stack netstat -rn | tr '\n' ' ')" '10\.5\.0\.0 +10\.11\.12\.1 +255\.255\.0\.0 +UG .*10\.6\.6\.6 +0\.0\.0\.0 +255\.255\.255\.255 +UH .*10\.8\.0\.0 +- +255\.255\.0\.0 +!'
like "and by alpinectl" "$(ctl netstat -rn)" '^10\.5\.0\.0/16 +10\.11\.12\.1 +UGS'
stack_fails "twice" 'SIOCADDRT: File exists' route add -net 10.5.0.0/16 gw 10.11.12.1
stack_fails "a gateway on nobody's network" 'SIOCADDRT: Network is unreachable' route add -net 10.9.0.0/16 gw 10.77.0.1
stack_fails "no such device" 'SIOCADDRT: No such device' route add -net 10.9.0.0/16 dev eth7
ok "route del" stack route del -net 10.5.0.0/16
stack_fails "twice" 'SIOCDELRT: No such process' route del -net 10.5.0.0/16
ok "a device's name at the end of a page is no trap" stack $PY - <<'P'
import ctypes, mmap, socket, struct
libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
libc.mprotect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
page = libc.mmap(None, 8192, 3, 0x22, -1, 0)
libc.mprotect(page + 4096, 4096, 0)
ctypes.memmove(page + 4091, b"tap0\0", 5)
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sa = lambda a: struct.pack("=HH4s8x", socket.AF_INET, 0, socket.inet_aton(a))
def rtentry(dev):
    return bytearray(struct.pack("=Q", 0) + sa("10.7.7.7") + sa("0.0.0.0") + sa("0.0.0.0") +
        struct.pack("=Hh4xQBB6xh6xQQQH6x", 5, 0, 0, 0, 0, 0, dev, 0, 0, 0))
r = rtentry(page + 4091)
assert len(r) == 120
def call(cmd, r):
    b = ctypes.create_string_buffer(bytes(r))
    return libc.ioctl(s.fileno(), cmd, b) and ctypes.get_errno()
assert call(0x890B, r) == 0, "add"
assert call(0x890C, r) == 0, "delete"
assert call(0x890B, rtentry(page + 4096)) == 14, "EFAULT"
P

# ---- arp
peer ping -c 1 -W 10 10.11.12.13 >/dev/null
like "arp -n" "$(stack arp -n)" '^10\.11\.12\.1 +ether +[0-9a-f:]{17} +C +tap0$'
ok "arp -s" stack arp -s 10.11.12.77 02:00:00:00:00:77
like "is there" "$(stack arp -an 10.11.12.77)" '^\? \(10\.11\.12\.77\) at 02:00:00:00:00:77 \[ether\] PERM on tap0$'
like "in the stack" "$(ctl arp -an)" '\(10\.11\.12\.77\) at 02:00:00:00:00:77 on tap0 permanent'
ok "arp -d" stack arp -d 10.11.12.77
stack_fails "is gone" 'no entry' arp -n 10.11.12.77
stack_fails "twice" 'SIOCDARP\(dontpub\): No such device or address|No ARP entry' arp -d 10.11.12.77

# ---- netstat
stack $PY -c '
import socket, time
s = socket.create_server(("10.11.12.13", 4321))
u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); u.bind(("0.0.0.0", 4322))
r = socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)
c = socket.create_connection(("10.11.12.13", 4321))
print("up", flush=True); time.sleep(300)' >"$TMP/up" &
wait_for 60 test -s "$TMP/up"
out=$(stack netstat -an | tr '\n' ' ')
like "netstat -an: a listener with one in its queue" "$out" 'tcp +1 +0 10\.11\.12\.13:4321 +0\.0\.0\.0:\* +LISTEN'
like "a connection" "$out" 'tcp +0 +0 10\.11\.12\.13:[0-9]+ +10\.11\.12\.13:4321 +ESTABLISHED'
like "a datagram socket" "$out" 'udp +0 +0 0\.0\.0\.0:4322 +0\.0\.0\.0:\*'
like "a raw socket" "$out" 'raw +0 +0 0\.0\.0\.0:1 +0\.0\.0\.0:\* +7'
out=$(stack ss -antu 2>&1 | tr '\n' ' ')
like "ss: the listener, by /proc/net" "$out" 'tcp +LISTEN +1 +0 +10\.11\.12\.13:4321 +0\.0\.0\.0:\*'
like "ss: the connection" "$out" 'tcp +ESTAB +0 +0 +10\.11\.12\.13:[0-9]+ +10\.11\.12\.13:4321'
like "ss: the datagram socket" "$out" 'udp +UNCONN +0 +0 +0\.0\.0\.0:4322 +0\.0\.0\.0:\*'
is "ss complains of nothing" "$(stack ss -antuwx 2>&1 >/dev/null)" ""
like "netstat -i" "$(stack netstat -i)" '^tap0 +1500 +[1-9][0-9]* +0 +0 0 +[1-9][0-9]* +0 +0 +0 BMRU$'
like "netstat -s" "$(stack netstat -s | tr '\n' ' ')" 'Icmp: +[1-9][0-9]* ICMP messages received.*Tcp: +[1-9][0-9]* active connection openings +[1-9][0-9]* passive connection openings'
like "netstat -g" "$(stack netstat -gn)" '^tap0 +1 +224\.0\.0\.1$'
for path in /proc/net/dev /proc/self/net/dev /proc/thread-self/net/dev; do
	is "open $path" "$(stack $PY -c "import os; print(os.read(os.open('$path', 0), 9999).decode().count('tap0:'))")" 1
done
is "a thread with a small stack reads it" "$(stack $PY -c '
import threading
threading.stack_size(65536)
def f(): print(open("/proc/net/snmp").read().count("Tcp:"))
t = threading.Thread(target=f); t.start(); t.join()')" 2
is "files that the stack has nothing for are the namespace's" "$(stack head -c 3 /proc/net/unix)" Num

# ---- who may
if grep -q '^ *0 *0 *4294967295$' /proc/self/uid_map; then
as_nobody() { stack setpriv --reuid 65534 --regid 65534 --clear-groups "$@"; }
like "others may look" "$(as_nobody ifconfig tap0 2>&1)" 'inet 10\.11\.12\.13'
like "but not change addresses" "$(as_nobody ifconfig tap0 mtu 1300 2>&1)" 'SIOCSIFMTU: Operation not permitted'
like "nor routes" "$(as_nobody route del default 2>&1)" 'Operation not permitted'
like "nor neighbours" "$(as_nobody arp -s 10.11.12.78 02:00:00:00:00:78 2>&1)" 'Operation not permitted'
fi

# ---- more addresses than a screen has lines
for i in $(seq 2 80); do ctl ifconfig tap0 10.11.14.$i/24 alias; done
is "eighty addresses: SIOCGIFCONF and getifaddrs tell of them all" "$(stack $PY -c '
import ctypes, fcntl, socket, struct
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); room = ctypes.create_string_buffer(40 * 200)
n, _ = struct.unpack("iL", fcntl.ioctl(s, 0x8912, struct.pack("iL", len(room), ctypes.addressof(room))))
class A(ctypes.Structure): pass
A._fields_ = [("next", ctypes.POINTER(A)), ("name", ctypes.c_char_p), ("flags", ctypes.c_uint), ("addr", ctypes.POINTER(ctypes.c_ushort))]
p = ctypes.POINTER(A)(); ctypes.CDLL(None).getifaddrs(ctypes.byref(p)); m = 0
while p: m += bool(p.contents.addr) and p.contents.addr[0] == 2 and p.contents.name != b"lo"; p = p.contents.next
print(n // 40 > 79, m > 79)' 2>&1)" "True True"
done_testing
