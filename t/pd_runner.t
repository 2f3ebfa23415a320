#!/bin/bash
# pd_runner.t - pdrun says no when a script is wrong, and why: script, line, what was expected.
cd "$(dirname "$0")/.." || exit 1
RUN=${ALPINE_BUILD:-build}/t/pdrun
[ -x "$RUN" ] || { echo "1..0 # SKIP $RUN is not built; type: make tests"; exit 0; }
D=$(mktemp -d) || exit 1
trap 'rm -rf "$D"' EXIT
N=0 BAD=0
PASSIVE='0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
+0 bind(3, ..., ...) = 0
+0 listen(3, 1) = 0
+.1 < S 0:0(0) win 65535 <mss 1000>
+0 > S. 0:0(0) ack 1 win 65535 <mss 1460>
+.1 < . 1:1(0) ack 1 win 65535
+0 accept(3, ..., ...) = 4'

result() { # result GOOD NAME
	N=$((N + 1))
	if [ "$1" = 0 ]; then echo "ok $N - $2"; else echo "not ok $N - $2"; sed 's/^/# /' "$D/out"; BAD=1; fi
}
good() { # good NAME SCRIPT
	printf '%s\n' "$2" >"$D/a.pkt"
	"$RUN" "$D/a.pkt" >"$D/out" 2>&1
	result $? "passes: $1"
}
bad() { # bad NAME REGEX SCRIPT: it fails, and says so
	printf '%s\n' "$3" >"$D/a.pkt"
	"$RUN" "$D/a.pkt" >"$D/out" 2>&1
	local status=$?
	[ $status = 1 ] && grep -q '^not ok 1' "$D/out" && grep -Eq -- "$2" "$D/out"
	result $? "fails: $1"
}

good "a handshake" "$PASSIVE"
bad "another number" 'a.pkt:9: seq is 1, expected 2' "$PASSIVE
+0 write(4, ..., 10) = 10
+0 > P. 2:12(10) ack 1"
bad "another length" 'a.pkt:9: the length is 10, expected 11' "$PASSIVE
+0 write(4, ..., 10) = 10
+0 > P. 1:12(11) ack 1"
bad "a call that never returns" 'a.pkt:8: it takes too long' "$PASSIVE
+0 read(4, ..., 10) = 10"
bad "another acknowledgment" 'a.pkt:5: ack is 1, expected 2' "${PASSIVE/ack 1 win 65535 <mss 1460>/ack 2 win 65535 <mss 1460>}"
bad "another window" 'win is 65535, expected 100' "${PASSIVE/ack 1 win 65535 <mss 1460>/ack 1 win 100 <mss 1460>}"
bad "other flags" 'a.pkt:5: the flags are others' "${PASSIVE/> S./> SP.}"
bad "other options" 'the TCP options are others' "${PASSIVE/mss 1460/mss 1459}"
bad "more options" '4 bytes of TCP options, expected 8' "${PASSIVE/mss 1460/mss 1460,nop,nop,sackOK}"
bad "expected and actual" 'actual: .*8080>50000 S. 0:0\(0\) ack 1 win 65535 <mss 1460>.* at [0-9.]+ s' "${PASSIVE/mss 1460/mss 1459}"
bad "the ECN field" 'the ECN field is 0, expected 2' "${PASSIVE/> S./> [ect0] S.}"
bad "TTL" 'TTL is 64, expected 63' "${PASSIVE/> S./> [ttl 63] S.}"
bad "too late" 'a.pkt:5: the packet came at 0.100[0-9]* s, expected 0.150' "${PASSIVE/+0 > S./+.05 > S.}"
bad "out of a range of time" 'expected 0.150000 to 0.180000' "${PASSIVE/+0 > S./+.05~+.08 > S.}"
bad "no packet" 'a.pkt:9: no packet came' "0 \`sysctl -q net.inet.tcp.always_keepalive=0\`
+${PASSIVE}
+0 > . 1:1(0) ack 1"
bad "a packet that no line expects" 'a packet came that no line expects' "$PASSIVE
+0 write(4, ..., 10) = 10"
bad "another result" 'a.pkt:8: write: returned 10, expected 11' "$PASSIVE
+0 write(4, ..., 10) = 11"
bad "another errno" 'failed with ENOTCONN \(107\), expected EPIPE' '0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
+0 write(3, ..., 10) = -1 EPIPE'
bad "other data" 'read: the data is "bcd' "$PASSIVE
+0 < P. 1:4(3) ack 1 win 65535
+0 read(4, \"xyz\", 3) = 3"
bad "another option's value" 'getsockopt: the value is 65536' '0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
+0 getsockopt(3, SOL_SOCKET, SO_RCVBUF, [65535], [4]) = 0'
bad "a call that ends early" 'read: it ended at 0.300[0-9]* s, expected 0.500' "$PASSIVE
+0...0.3 read(4, ..., 10) = 3
+.1 < P. 1:4(3) ack 1 win 65535
+.04 > . 1:1(0) ack 4
+.3 close(4) = 0"
bad "the peer's address" 'accept: the address is 192.0.2.1 port 50000' "${PASSIVE/accept(3, ..., ...)/accept(3, {sa_family = AF_INET, sin_port = htons(1\), sin_addr = inet_addr(\"192.0.2.1\"\)\}, ...)}"
bad "an assertion" 'assert tcpi_snd_mss == 999 .*does not hold: 1000 and 999' "$PASSIVE
+0 %{ assert tcpi_snd_mss == 999 }%"
bad "a name in an assertion" "nothing is called 'tcpi_nonsense'" "$PASSIVE
+0 %{ assert tcpi_nonsense == 1 }%"
bad "a command" 'a.pkt:8: `exit 3` ended with 3' "$PASSIVE
+0 \`exit 3\`"
bad "poll's answer" 'revents of number 1 is 0x4' "$PASSIVE
+0 poll([{fd=4, events=POLLIN|POLLOUT, revents=POLLIN}], 1, 0) = 1"
bad "no value" "expected a value" '0 socket(..., SOCK_STREAM, ) = '
bad "a flag of TCP" 'expected TCP flags' '0 < X 0:0(0) win 1'
bad "lengths" 'is not 5 bytes' '0 < . 1:7(5) ack 1 win 1'
bad "an option" "no TCP option 'mmss'" '0 < S 0:0(0) win 1 <mmss 5>'
bad "an errno's name" "'ENONSENSE' is no errno" '0 socket(..., SOCK_STREAM, IPPROTO_TCP) = -1 ENONSENSE'
bad "an unknown call" 'dance: no such call here' '0 dance(3) = 0'
bad "an option of the script" 'a.pkt:1: --dance=1: not known' '--dance=1
0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3'
bad "a comment" 'a comment has no end' '0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3 /* x'
bad "a flag of the module" "no flag 'dance'" '--so_flags="dance=1"
0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3'
bad "nothing" 'no events' '// only this'
echo "1..$N"
exit $BAD
