#!/bin/bash
# 256 MiB each way by checksum (half of it sanitized), and iperf3 both ways. A gibibyte: t/long_bulk.t.
. "$(dirname "$0")/lib/lab.sh"
need socat iperf3
lab_start
MIB=256
case $ALPINE_BUILD in *sanitize*) MIB=128 ;; esac
MIB=${T_MIB:-$MIB}
# listening PORT PEER-OR-STACK: somebody does there
listening() {
	case $2 in
	peer) wait_for 60 sh -c "'$LABCMD' peer --name '$LAB' ss -Hltn 'sport = :$1' | grep -q ." ;;
	stack) wait_for 60 sh -c "'$LABCMD' ctl --name '$LAB' netstat -an | grep -q '^tcp4 .*\.$1 .*LISTEN'" ;;
	esac
}
head -c ${MIB}M /dev/urandom >"$TMP/data"
WANT=$(sha256sum <"$TMP/data")

peer sh -c "socat -u TCP-LISTEN:7001,reuseaddr - | sha256sum >'$TMP/sum.out'" &
listening 7001 peer
stack socat -u "OPEN:$TMP/data" TCP:10.11.12.1:7001
wait $!
is "$MIB MiB out, by checksum" "$(cat "$TMP/sum.out")" "$WANT"

peer socat -u "OPEN:$TMP/data" TCP-LISTEN:7002,reuseaddr &
listening 7002 peer
is "$MIB MiB in, by checksum" "$(stack socat -u TCP:10.11.12.1:7002 - | sha256sum)" "$WANT"
wait $!

stack sh -c "socat -u TCP-LISTEN:7003,reuseaddr - | sha256sum >'$TMP/sum.in'" &
listening 7003 stack
peer socat -u "OPEN:$TMP/data" TCP:10.11.12.13:7003
wait $!
is "$MIB MiB to a server on the stack, by checksum" "$(cat "$TMP/sum.in")" "$WANT"

json() { python3 -c 'import json,sys; d=json.load(sys.stdin); print(d.get("error") or int(d["end"][sys.argv[1]]["bits_per_second"] > 1e6))' "$1"; }
peer iperf3 -s -p 7101 >"$TMP/iperf.peer" 2>&1 &
stack iperf3 -s -p 7101 >"$TMP/iperf.stack" 2>&1 &
listening 7101 peer
listening 7101 stack
is "iperf3 from the stack" "$(stack iperf3 -c 10.11.12.1 -p 7101 -t 1 -J | json sum_received)" 1
is "iperf3 to the stack, reverse" "$(stack iperf3 -c 10.11.12.1 -p 7101 -t 1 -R -J | json sum_received)" 1
is "iperf3, four streams" "$(stack iperf3 -c 10.11.12.1 -p 7101 -t 1 -P 4 -J | json sum_received)" 1
is "iperf3 to a server on the stack" "$(peer iperf3 -c 10.11.12.13 -p 7101 -t 1 -J | json sum_received)" 1
is "and reverse" "$(peer iperf3 -c 10.11.12.13 -p 7101 -t 1 -R -J | json sum_received)" 1
is "iperf3 by UDP from the stack" "$(stack iperf3 -u -b 50M -c 10.11.12.1 -p 7101 -t 1 -J | json sum)" 1
is "iperf3 by UDP to the stack" "$(stack iperf3 -u -b 50M -R -c 10.11.12.1 -p 7101 -t 1 -J | json sum)" 1
done_testing
