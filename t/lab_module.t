#!/bin/bash
# alpined --module: code of one's own in the stack: the accelerated receiver's, which makes more ACKs
# of each; what is said of a file that is no module.
#
#   peer 10.11.12.1 ---- switch ---- machine (10.11.12.2), alpined 10.11.12.13
. "$(dirname "$0")/lib/lab.sh"
CC=${CC:-cc}
need python3 curl tcpdump ${CC%% *}
PY=/usr/bin/python3
ok "a module compiles" "$TOP/scripts/module" "$TOP/scripts/experiments/accelerated-receiver.d/accel.c" "$TMP/accel.so"
lab_start --module "$TMP/accel.so,dupacks=3" --pcap "$TMP/trace.pcap"
like "the log names it" "$("$LABCMD" log --name "$LAB")" "^module $TMP/accel.so: dupacks=3"
chmod 755 "$TMP"
head -c 300000 /dev/urandom >"$TMP/file"
(cd "$TMP" && peer $PY -m http.server --bind 10.11.12.1 80 >/dev/null 2>&1) &
wait_for 60 peer curl -s --max-time 10 -o /dev/null http://10.11.12.1/
stack curl -s --max-time 120 -o "$TMP/got" http://10.11.12.1/file
ok "a file comes unchanged" cmp "$TMP/file" "$TMP/got"
pid=$(alpined_pid)
ctl stop
wait_for 60 sh -c "! kill -0 $pid"
# ACKs without data, and how many of them say what the one before said
tcpdump -Z root -nr "$TMP/trace.pcap" 'src 10.11.12.13 and tcp[13] == 16' 2>/dev/null |
	awk '{for (i = 1; i < NF; i++) if ($i == "ack") {n++; same += $(i + 1) == last; last = $(i + 1)}}
		END {print n, same, (same * 4 >= n * 3 - 8) ? "three of four" : "too few"}' >"$TMP/acks"
like "each ACK went out four times" "$(cat "$TMP/acks")" "^[1-9][0-9]+ [1-9][0-9]+ three of four"

again() { "$LABCMD" alpined --name "$LAB" "$@" 2>&1; }
like "no such file" "$(again --module "$TMP/no.so")" "module .*no.so: .*No such file or directory; scripts/module"
echo 'int x;' >"$TMP/x.c"
${CC:-cc} -shared -fPIC -o "$TMP/x.so" "$TMP/x.c"
like "no module" "$(again --module "$TMP/x.so")" "has no function alpine_module_init"
cat >"$TMP/y.c" <<'END'
#include <sys/param.h>
#include <sys/errno.h>
#include <host/module.h>
int alpine_module_init(const struct alpine_module_host *h, const char *args) { return (args[0] == '7' ? EDOM : 0); }
END
ok "a module of one function" "$TOP/scripts/module" "$TMP/y.c"
like "one that refuses" "$(again --module "$TMP/y.so,7")" "its initialization failed"
done_testing
