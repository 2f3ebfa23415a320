#!/bin/bash
# alpinectl administers a running stack: routes, addresses, neighbours, connections; what it
# prints, what it refuses, and who may.
#
#   peer 10.11.12.1 ---- switch ---- machine (10.11.12.2), alpined 10.11.12.13
. "$(dirname "$0")/lib/lab.sh"
need curl ping setpriv
lab_start

json() { ctl --json "$@" | /usr/bin/python3 -c "import json,sys; d=json.load(sys.stdin); print($JSON)"; }
fails() { # fails NAME REGEX ARGS: alpinectl exits 1 and says so
	local name=$1 want=$2 out status=0
	shift 2
	out=$(ctl "$@" 2>&1) || status=$?
	like "$name" "$status $out" "^1 .*$want"
}

# ---- routes
like "the default route of the command line" "$(ctl route show)" '^default +10\.11\.12\.1 +UGS'
like "route get tells the way" "$(ctl route -n get 10.11.12.1 | tr '\n' ' ')" 'route to: 10\.11\.12\.1 .*interface: tap0 +local addr: 10\.11\.12\.13 .*flags: <UP>'
like "route add prints as FreeBSD's" "$(ctl route add -net 10.1 10.11.12.1 -mtu 1400)" '^add net 10\.1\.0\.0/16: gateway 10\.11\.12\.1$'
fails "twice is refused, with what to do" "already; alpinectl route change" route add 10.1.0.0/16 10.11.12.2
ok "change replaces the gateway" ctl route change 10.1.0.0/16 10.11.12.2
like "and keeps the mtu" "$(ctl netstat -rn)" '^10\.1\.0\.0/16 +10\.11\.12\.2 +UGS +0 +1400 +tap0'
ok "a netmask as of old" ctl route add -net 10.5.0.0 -netmask 255.255.0.0 10.11.12.1
ok "a host by an interface" ctl route add -host 10.2.2.2 -iface tap0
is "and in JSON" "$(JSON='d[0]["destination"], d[0]["prefix"], d[0]["flags"]' json route get 10.2.2.2)" "10.2.2.2 32 UHS"
ok "a route that refuses" ctl route add 10.3.0.0/16 -reject
like "programs see it" "$(stack curl -s -m 5 http://10.3.0.1/ 2>&1; echo $?)" '^7$'
ok "delete by gateway" ctl route delete 10.5.0.0/16 10.11.12.1
fails "only with the right gateway" "no route to net 10.1.0.0/16 by gateway" route delete 10.1.0.0/16 10.11.12.1
fails "a gateway on nobody's network" "gateway 10\.77\.1\.1 cannot be reached" route add 10.9.0.0/16 10.77.1.1
fails "no such interface" "interface foo0 does not exist" route add 10.9.0.0/16 -iface foo0
fails "an interface's own network stays" "belongs to an interface" route delete 10.11.12.0/24
fails "a bad address is named" "bad address: 10\.300" route add 10.300.1.1/32 10.11.12.1
fails "an unknown command" "no such command: frobnicate" route frobnicate
is "flush tells what went" "$(ctl route flush | sort | tr '\n' ' ')" "10.1.0.0/16 done 10.2.2.2/32 done 10.3.0.0/16 done default done "
is "and leaves the interfaces' own" "$(ctl netstat -rn | grep -cE '^(10|127)\.')" 4
fails "an unknown destination is explained" "no route leads to 8\.8\.8\.8, and there is no default route" route get 8.8.8.8
like "a program gets ENETUNREACH" "$(stack curl -sS -m 5 http://8.8.8.8/ 2>&1)" 'Network is unreachable|Failed to connect|Couldn.t connect'

# ---- words that mean nothing here are refused, not passed over
fails "stop takes no name" "stop takes no words: lan; .*alpinectl -n NAME" stop lan
fails "nor does status" "status takes no words" status lan
fails "a sysctl that is not there, with a value" "no variable named net\.nosuch; " sysctl net.nosuch=1
fails "a sysctl that is read only" "net\.inet\.tcp\.cc\.available is read only" sysctl net.inet.tcp.cc.available=x
fails "a group of them" "net\.inet\.ip is no variable, but holds some; alpinectl sysctl NAME" sysctl net.inet.ip=3
ctl route add 10.66.0.0/16 10.11.12.1 >/dev/null
fails "flush takes all or nothing" "flush takes no words: 10\.66\.0\.0/16" route flush 10.66.0.0/16
like "... and did nothing then" "$(ctl route get 10.66.1.1)" "gateway: 10\.11\.12\.1"
ctl route delete 10.66.0.0/16 >/dev/null
fails "an algorithm that is not there" "algorithm=foo: invalid value" sysctl net.inet.tcp.cc.algorithm=foo
fails "netstat -I" "interface nosuch does not exist" netstat -I nosuch
fails "netstat -p" "one of tcp, udp, icm" netstat -p foo
fails "netstat -s -p" "one of tcp, udp, ip" netstat -s -p foo
fails "a netmask with holes" "netmask 255.0.255.0 has holes, or is empty; write it" ifconfig tap0 10.11.12.21 netmask 255.0.255.0
fails "tcpdrop -s" "no connection can be in state FOO; one of SYN_SENT" tcpdrop -a -s FOO
fails "an instance that is not there, by its name" "alpined --name nosuch IFACE" -n nosuch status
fails "and by its socket" "no alpined listens there \(/nonexistent: " -s /nonexistent status
fails "arp HOST" "10\.11\.12\.99: no entry" --json arp 10.11.12.99
ctl arp -s 10.11.12.98 02:00:00:00:00:98
ctl arp -s 10.11.12.97 02:00:00:00:00:97
is "JSON has what was asked for, too" "$(JSON='len(d), d[0]["mac"]' json arp 10.11.12.98)" "1 02:00:00:00:00:98"
is "interfaces" "$(JSON='[i["name"] for i in d]' json netstat -I lo0)" "['lo0']"
ctl arp -d 10.11.12.98 >/dev/null
ctl arp -d 10.11.12.97 >/dev/null

pid=$(JSON='d["pid"]' json status)
kill -STOP "$pid"
ctl status >"$TMP/stopped" 2>&1 &
wait_for 60 grep -q 'does not answer yet' "$TMP/stopped"
kill -CONT "$pid"
wait $!
like "a stopped alpined is said, and waited for" "$(tr '\n' ' ' <"$TMP/stopped")" 'does not answer yet: is it stopped.*name +'

# ---- monitor
ctl route monitor >"$TMP/monitor" 2>&1 &
monitor=$!
ctl --json route monitor >"$TMP/monitor.json" 2>&1 &
monitor2=$!
wait_for 60 sh -c "[ \"\$('$LABCMD' ctl --name $LAB --json status | grep -o '\"connections\": [0-9]*' | grep -o '[0-9]*')\" -ge 3 ]"
ctl route add default 10.11.12.1 >/dev/null
ctl ifconfig tap0 alias 10.11.12.14/24
ctl ifconfig tap0 -alias 10.11.12.14
ctl route change default 10.11.12.2 >/dev/null
wait_for 60 grep -q RTM_CHANGE "$TMP/monitor.json"
kill $monitor $monitor2
like "the monitor tells of a new route" "$(tr '\n' ' ' <"$TMP/monitor")" 'RTM_ADD: flags:<UP,GATEWAY,STATIC> sockaddrs: <DST,GATEWAY,NETMASK>  default/0 10\.11\.12\.1'
like "of an address" "$(tr '\n' ' ' <"$TMP/monitor")" 'RTM_NEWADDR: address being added to iface: tap0  10\.11\.12\.14/24.*RTM_DELADDR'
is "and in lines of JSON" "$(/usr/bin/python3 -c 'import json,sys
print([json.loads(l)["message"] for l in open(sys.argv[1]) if json.loads(l)["destination"] == "0.0.0.0"])' "$TMP/monitor.json")" "['RTM_ADD', 'RTM_CHANGE']"
ctl route change default 10.11.12.1 >/dev/null

# ---- addresses
ok "an alias" ctl ifconfig tap0 inet 10.11.12.20 netmask 255.255.255.0 alias
ok "answers" peer ping -c 1 -W 5 10.11.12.20
like "is shown" "$(ctl ifconfig tap0)" 'inet 10\.11\.12\.20 netmask 0xffffff00 broadcast 10\.11\.12\.255'
ok "goes" ctl ifconfig tap0 -alias 10.11.12.20
fails "twice it is not there" "tap0 has no address 10\.11\.12\.20" ifconfig tap0 delete 10.11.12.20
fails "a network is no address" "cannot be an interface's address" ifconfig tap0 10.12.0.0/16 alias
fails "an address wants a prefix" "has no prefix" ifconfig tap0 10.12.0.1 alias
ok "the MTU" ctl ifconfig tap0 mtu 1400
is "is set" "$(JSON='[r["mtu"] for r in d if r["name"] == "tap0"][0]' json ifconfig)" 1400
fails "a silly one is refused" "tap0 cannot have an MTU of 20" ifconfig tap0 mtu 20
ctl ifconfig tap0 mtu 1500
ok "down" ctl ifconfig tap0 down
is "is silent" "$(peer ping -c 1 -W 1 10.11.12.13 >/dev/null 2>&1; echo $?)" 1
ok "up" ctl ifconfig tap0 up
ok "its routes have gone: the default route again" ctl route add default 10.11.12.1
ok "answers again" peer ping -c 3 -i 0.3 -W 5 10.11.12.13
fails "no such interface" "interface eth9 does not exist" ifconfig eth9 up

# ---- neighbours
ok "arp -s" ctl arp -s 10.11.12.77 02:00:00:00:00:77
like "is permanent" "$(ctl arp -an)" '^\? \(10\.11\.12\.77\) at 02:00:00:00:00:77 on tap0 permanent \[ethernet\]'
ok "arp -d" ctl arp -d 10.11.12.77
fails "is gone" "10\.11\.12\.77: no entry" arp 10.11.12.77
fails "not our network" "not on a network of ours" arp -s 10.77.0.1 02:00:00:00:00:77
ok "arp -d -a" ctl arp -d -a
is "leaves nobody" "$(ctl arp -an | wc -l)" 0

# ---- ping, the live view
like "ping" "$(ctl ping -c 2 -i 0.1 10.11.12.1)" '2 packets transmitted, 2 packets received, 0\.0% packet loss'
is "ping an absent host fails" "$(ctl ping -c 1 -t 1 10.11.12.200 >/dev/null 2>&1; echo $?)" 2
is "ping in JSON" "$(JSON='d["received"]' json ping -c 1 -s 3000 10.11.12.1)" 1
like "netstat -w" "$(ctl netstat -w 0.1 -q 2 -I tap0 | tail -n 1)" '^ +[0-9]+ +0 +0 +[0-9]+ +[0-9]+ +0 +[0-9]+ +0$'
like "netstat -p udp shows no TCP" "$(ctl netstat -an -p udp | grep -c tcp4)" '^0$'

# ---- connections
cat >"$TMP/tcp.py" <<'PY'
import socket, sys
if sys.argv[1] == "listen":
	s = socket.create_server(("10.11.12.1", 4000))
	c = s.accept()[0]
	print("peer", c.recv(1) == b"" and "end" or "data", flush=True)
else:
	s = socket.create_connection(("10.11.12.1", 4000))
	try:
		print(s.recv(1))
	except OSError as e:
		print(e.strerror)
PY
peer /usr/bin/python3 "$TMP/tcp.py" listen >"$TMP/peer" 2>&1 &
wait_for 60 sh -c "'$LABCMD' peer --name $LAB grep -q ':0FA0 00000000:0000 0A' /proc/net/tcp"
stack /usr/bin/python3 "$TMP/tcp.py" connect >"$TMP/dropped" 2>&1 &
wait_for 60 sh -c "'$LABCMD' ctl --name $LAB netstat -n | grep -q ESTABLISHED"
port=$(ctl netstat -n | sed -n 's/.*10\.11\.12\.13\.\([0-9]*\) .*ESTABLISHED/\1/p')
fails "no such connection" "no such connection" tcpdrop 10.11.12.13 1 10.11.12.1 4000
like "tcpdrop" "$(ctl tcpdrop 10.11.12.13 "$port" 10.11.12.1 4000)" "10.11.12.1 4000: dropped"
ok "it is gone" sh -c "! '$LABCMD' ctl --name $LAB netstat -n | grep -q ESTABLISHED"

wait_for 60 test -s "$TMP/dropped"
is "the program is told" "$(cat "$TMP/dropped")" "Software caused connection abort"
wait_for 60 test -s "$TMP/peer"
like "and the peer" "$(cat "$TMP/peer")" "ConnectionResetError"

# ---- who may
as_nobody() { ALPINE_RUNDIR=${ALPINE_LAB_ROOT:-/run/alpine-lab}/$LAB/run setpriv --reuid 65534 --regid 0 --clear-groups "$ALPINE_BUILD/bin/alpinectl" -n "$LAB" "$@"; }
if as_nobody status >/dev/null 2>&1; then
	ok "who may use the socket may read" as_nobody netstat -rn
	like "but not change" "$(as_nobody route flush 2>&1)" 'not permitted'
	like "nor drop" "$(as_nobody tcpdrop -a 2>&1; as_nobody stop 2>&1)" 'not permitted'
	is "nothing changed" "$(ctl netstat -rn | grep -c '^default')" 1
else
	echo "# nobody's turn is left out: the socket cannot be reached by another user here"
fi
done_testing
