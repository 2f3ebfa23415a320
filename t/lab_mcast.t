#!/bin/bash
# Multicast between a program on the stack and a Linux host: both ways, by source, and IGMPv3 told.
. "$(dirname "$0")/lib/lab.sh"
need python3 tcpdump
lab_start
timeout 300 "$LABCMD" peer --name "$LAB" tcpdump -l -n -v -i eth0 igmp >"$TMP/igmp" 2>"$TMP/igmp.err" &
wait_for 60 grep -q listening "$TMP/igmp.err"
cat >"$TMP/recv.py" <<'PY'
import socket, struct, sys
how, group, me = sys.argv[1], "239.1.2.3", sys.argv[2]
a = socket.inet_aton
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind(("", 7300)); s.settimeout(60)
if how == "any": s.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, a(group) + a(me))
if how == "source": s.setsockopt(socket.IPPROTO_IP, 39, a(group) + a(me) + a("10.11.12.1"))
if how == "other": s.setsockopt(socket.IPPROTO_IP, 39, a(group) + a(me) + a("10.11.12.99"))
if how == "group_req": s.setsockopt(socket.IPPROTO_IP, 42, struct.pack("=I4xH2x", 0, socket.AF_INET) + a(group) + bytes(120))
if how == "blocked":
    s.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, a(group) + a(me))
    s.setsockopt(socket.IPPROTO_IP, 38, a(group) + a(me) + a("10.11.12.1"))
if how == "msfilter":
    s.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, a(group) + a(me))
    s.setsockopt(socket.IPPROTO_IP, 41, a(group) + a(me) + struct.pack("=II", 1, 1) + a("10.11.12.1"))
print("ready", flush=True)
print(s.recvfrom(100))
PY
cat >"$TMP/send.py" <<'PY'
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(sys.argv[1]))
s.bind((sys.argv[1], 7301)); s.sendto(b"to all", ("239.1.2.3", 7300))
if len(sys.argv) > 2: s.sendto(b"to you", (sys.argv[2], 7300)) # what is heard first by who shall not hear the other
PY
try() { # try HOW: what a program on the stack hears of a datagram of the peer's
	stack timeout 120 /usr/bin/python3 "$TMP/recv.py" "$1" 10.11.12.13 >"$TMP/out.$1" 2>&1 &
	wait_for 60 grep -q ready "$TMP/out.$1"
	peer /usr/bin/python3 "$TMP/send.py" 10.11.12.1 10.11.12.13
	wait $!
	tail -n 1 "$TMP/out.$1"
}
HEARD="(b'to all', ('10.11.12.1', 7301))"
NOTHING="(b'to you', ('10.11.12.1', 7301))"
is "a group" "$(try any)" "$HEARD"
is "one source of it" "$(try source)" "$HEARD"
is "MCAST_JOIN_GROUP" "$(try group_req)" "$HEARD"
is "IP_MSFILTER" "$(try msfilter)" "$HEARD"
is "another source" "$(try other)" "$NOTHING"
is "a blocked source" "$(try blocked)" "$NOTHING"
# as mDNS programs do: the same port with SO_REUSEADDR, here by two users
chmod 755 "$TMP"
for i in 1 2; do
	user=$([ $i = 1 ] || echo setpriv --reuid=65534 --regid=65534 --clear-groups)
	# shellcheck disable=SC2086
	stack $user timeout 120 /usr/bin/python3 "$TMP/recv.py" any 10.11.12.13 >"$TMP/shared.$i" 2>&1 &
	wait_for 60 grep -q ready "$TMP/shared.$i"
	SHARED[i]=$!
done
peer /usr/bin/python3 "$TMP/send.py" 10.11.12.1
wait "${SHARED[@]}"
is "two programs on one port hear it both" "$(tail -qn 1 "$TMP"/shared.[12])" "$HEARD"$'\n'"$HEARD"
peer timeout 120 /usr/bin/python3 "$TMP/recv.py" any 10.11.12.1 >"$TMP/out.peer" 2>&1 &
wait_for 60 grep -q ready "$TMP/out.peer"
stack /usr/bin/python3 "$TMP/send.py" 10.11.12.13
wait $!
is "the peer hears the stack" "$(tail -n 1 "$TMP/out.peer")" "(b'to all', ('10.11.12.13', 7301))"
ok "IGMPv3: the group is reported" wait_for 60 grep -q '10.11.12.13 > 224.0.0.22: .*igmp v3 report.*239.1.2.3 to_ex' "$TMP/igmp"
ok "IGMPv3: and the source" wait_for 60 grep -Eq '10.11.12.13 > 224.0.0.22: .*igmp v3 report.*239.1.2.3 (allow|to_in), 1 source' "$TMP/igmp"
like "netstat counts them" "$(ctl netstat -s -p igmp)" "[1-9][0-9]* membership reports sent"
done_testing
