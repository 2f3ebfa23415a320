#!/bin/bash
# scripts/gdb/alpine.py in a real gdb, on a packet test: what each command and printer shows of a
# stack whose contents that test determines.
cd "$(dirname "$0")/.." || exit 1
command -v gdb >/dev/null || { echo "1..0 # SKIP gdb is not installed"; exit 0; }
gdb -nx -batch -ex 'python print(1)' 2>/dev/null | grep -q 1 || { echo "1..0 # SKIP this gdb has no python"; exit 0; }
TMP=$(mktemp -d)
trap 'rm -rf "$TMP"' EXIT
N=0 BAD=0
like() { # like NAME SECTION REGEX: the output between the marks of that section
	N=$((N + 1))
	if sed -n "/^== $2\$/,/^== /p" "$TMP/out" | grep -Eq -- "$3"; then
		echo "ok $N - $1"
	else
		echo "not ok $N - $1"
		echo "# pattern: $3"
		sed -n "/^== $2\$/,/^== /p" "$TMP/out" | sed 's/^/# /'
		BAD=1
	fi
}
section() { printf 'echo \\n== %s\\n\n%s\n' "$1" "${2:-$1}"; }
{
	echo 'set pagination off'
	echo 'source scripts/gdb/alpine.py'
	echo 'break tcp_input if curvnet != vnet0'
	echo 'run'
	section packet 'alpine packet *mp'
	section mbuf 'alpine mbuf *mp'
	section mbuf-printer 'print **mp'
	section vnets 'alpine vnets'
	section vnet 'alpine vnet'
	section routes 'alpine routes'
	section inpcbs 'alpine inpcbs'
	echo 'delete'
	echo 'break tcp_output if tp->t_state == 4'
	echo 'continue'
	section tcp 'alpine tcp'
	section tcpcb 'alpine tcpcb tp'
	section tcpcb-printer 'print *tp'
	section socket 'alpine socket tp->t_inpcb->inp_socket'
	section inpcb-printer 'print *tp->t_inpcb'
	section conninfo 'print tp->t_inpcb->inp_inc'
	section callouts 'alpine callouts'
	section v 'alpine v tcp_do_sack'
	section v-pattern 'alpine v tcp_do_rfc*'
	section v-names 'alpine v'
	# the SYN,ACK was the stack's only packet before this connection's
	section function 'print $V("tcpstat").tcps_accepts'
	section other 'alpine vnet vnet0'
	section other-tcp 'alpine tcp'
	section none 'python
try: gdb.execute("alpine vnet nosuch")
except gdb.error as e: print("error:", e)
end'
	section wrong 'python
try: gdb.execute("alpine mbuf")
except gdb.error as e: print("error:", e)
end'
	section end 'kill'
} >"$TMP/script"
timeout 60 gdb -nx -batch -x "$TMP/script" build/t/pkt_tcp >"$TMP/out" 2>&1

like "the headers of a packet" packet '^IP 10\.0\.0\.2\.1001 > 10\.0\.0\.1\.80 TCP S seq 0 ack 0 win 65535 len 0'
like "an mbuf" mbuf '^  0x[0-9a-f]+ DATA len 60 data 0x[0-9a-f]+ flags PKTHDR packet of 60 from tap0'
like "its bytes" mbuf '^  0000  45 00 00 3c .* E\.\.<'
like "print of an mbuf" mbuf-printer '^\$1 = \{0x[0-9a-f]+ DATA len 60'
like "the stacks, the current one marked" vnets '^\* 0x[0-9a-f]+ \{h id 1, 1 sockets, 2 interfaces'
like "and the first one" vnets '^  0x[0-9a-f]+ \{vnet0 id 0'
like "a stack's interfaces" vnet '^  tap0 +mtu 1500 '
like "its routes" routes '^10\.0\.0\.0/24 +link +tap0 +mtu 1500 used 0 UP'
like "its pcbs" inpcbs '\{tcp 0\.0\.0\.0:80 <-> 0\.0\.0\.0:0 .*socket 0x'
like "its connections" tcp 'ESTABLISHED +10\.0\.0\.1:80 <-> 10\.0\.0\.2:1002 +cwnd [1-9][0-9]* flight 0'
like "a listener" tcp 'LISTEN +0\.0\.0\.0:80 '
like "a connection: state by name" tcpcb '^tcpcb 0x[0-9a-f]+ ESTABLISHED 10\.0\.0\.1:80 <-> 10\.0\.0\.2:1002'
like "sequences from its ISS" tcpcb 'una 1 nxt 1 max 1 wnd 65535 flight 0'
like "its algorithm" tcpcb 'cc (cubic|newreno) cwnd [1-9]'
like "its timers by name" tcpcb 'timers KEEP in 7[0-9]+\.[0-9]+ s'
like "print of a tcpcb" tcpcb-printer '= \{ESTABLISHED 10'
like "a socket" socket '^STREAM protocol 6 state .*ISCONNECTED'
like "its buffers" socket '^so_rcv: 0 of [1-9][0-9]* bytes, .*flags AUTOSIZE'
like "and its connection" socket '^tcpcb 0x'
like "print of an inpcb" inpcb-printer '= \{tcp 10\.0\.0\.1:80 <-> 10\.0\.0\.2:1002 flags INHASHLIST'
like "print of an in_conninfo" conninfo '= \{10\.0\.0\.1:80 <-> 10\.0\.0\.2:1002\}'
like "callouts, by the names of their functions" callouts '^ +[0-9.]+ s +tcp_timer_fire +arg 0x[0-9a-f]+ vnet h'
like "a V_ variable" v '^V_tcp_do_sack = 1'
like "those that fit a pattern" v-pattern '^V_tcp_do_rfc3465 = 1'
like "the names of all" v-names '^V_rib4'
like "in an expression" function '^\$[0-9]+ = [0-9]+'
like "another stack" other '^\{vnet0 id 0'
N=$((N + 1))
if sed -n '/^== other-tcp$/,/^== none/p' "$TMP/out" | grep -q ESTABLISHED; then
	echo "not ok $N - has other connections"; BAD=1
else
	echo "ok $N - has other connections"
fi
like "a stack that is not there" none '^error: no stack named nosuch; .alpine vnets. lists them'
like "no argument" wrong '^error: give an expression: a pointer to a struct mbuf'
echo "1..$N"
[ $BAD = 0 ] || sed 's/^/# /' "$TMP/out" | tail -n 40
exit $BAD
