#!/bin/bash
# alpinectl tcplog: a record for each segment of a transfer, to a file that alpinectl opens and to
# its output, in both formats; who may; what happens when the file cannot take it.
#
#   peer 10.11.12.1 ---- switch ---- machine (10.11.12.2), alpined 10.11.12.13
. "$(dirname "$0")/lib/lab.sh"
need curl python3 socat
PY=/usr/bin/python3
lab_start

chmod 755 "$TMP"
head -c 3000000 /dev/zero >"$TMP/big"
(cd "$TMP" && peer $PY -m http.server --bind 10.11.12.1 80 >/dev/null 2>&1) &
wait_for 60 peer curl -s --max-time 10 -o /dev/null http://10.11.12.1/
fetch() { stack curl -s --max-time 120 -o /dev/null http://10.11.12.1/big; }
counter() { ctl netstat -s -p tcp | awk "/$1/ {print \$1; exit}"; }

like "status before any" "$(ctl tcplog status)" "^running +no"
like "no log to stop" "$(ctl tcplog stop 2>&1)" "none is running; alpinectl tcplog start FILE"
in0=$(counter "packets received") out0=$(counter "packets sent")
ok "a log to a file begins" ctl tcplog start "$TMP/log.csv"
like "only one at a time" "$(ctl tcplog start "$TMP/other" 2>&1)" "one is running; alpinectl tcplog stop"
ok "a transfer" fetch
like "status tells how much" "$(ctl tcplog status)" "^records +[1-9]"
stop=$(ctl tcplog stop)
in1=$(counter "packets received") out1=$(counter "packets sent")
like "nothing was dropped" "$stop" "^dropped +0$"
records=$(awk '/^records/ {print $2}' <<<"$stop")
cat >"$TMP/look.py" <<'PY'
import csv, json, sys
f = open(sys.argv[1])
rows = list(csv.DictReader(f)) if sys.argv[1].endswith("csv") else [json.loads(l) for l in f]
ins = [r for r in rows if r["dir"] == "in"]
data = {}
for r in ins:
    if int(r["len"]):
        data[int(r["rseq"])] = max(data.get(int(r["rseq"]), 0), int(r["len"]))
acked = max([int(r["rack"]) for r in rows if r["dir"] == "out"] or [0])
times = [int(r["time_ns"]) for r in rows]
print(len(rows), len(ins), len(rows) - len(ins), sum(data.values()) > 3000000, acked > 3000000,
      times == sorted(times), rows[-1]["cc"] if rows else "-", rows[0]["flags"] if rows else "-")
PY
got=$($PY "$TMP/look.py" "$TMP/log.csv")
is "the file has the records that status counted" "${got%% *}" "$records"
is "one for each segment that netstat -s counts" "$(cut -d' ' -f2,3 <<<"$got")" "$((in1 - in0)) $((out1 - out0))"
like "the whole transfer is in them, in order of time" "$got" "True True True cubic S$"

ok "JSON lines, of one port" ctl tcplog start --port 80 "$TMP/log.jsonl"
fetch
ctl tcplog stop >"$TMP/stop"
like "each line is an object" "$($PY "$TMP/look.py" "$TMP/log.jsonl")" "True True True cubic S$"
ctl tcplog start --addr 10.9.0.0/16 "$TMP/none.csv"
fetch
like "a filter that fits nothing" "$(ctl tcplog stop)" "^records +0$"
is "leaves the line of names" "$(wc -l <"$TMP/none.csv")" 1

# a stream to alpinectl's output, ended by its end
ctl tcplog start >"$TMP/stream.csv" &
pid=$!
wait_for 60 sh -c "'$LABCMD' ctl --name '$LAB' tcplog status | grep -q '^running *yes'"
fetch
ok "and stops" ctl tcplog stop
ok "the stream ends with it" wait $pid
like "the stream has it all" "$($PY "$TMP/look.py" "$TMP/stream.csv")" "True True True cubic S$"
ctl tcplog start | head -n 1 >"$TMP/first" &
wait_for 60 sh -c "'$LABCMD' ctl --name '$LAB' tcplog status | grep -q '^running *yes'"
fetch
ok "a reader that goes ends the log" wait_for 60 sh -c "'$LABCMD' ctl --name '$LAB' tcplog status | grep -q 'reader is gone'"

# a pipe whose reader does not read: the stack goes on, what does not fit is dropped and told
ctl sysctl net.inet.tcp.log.records=16 >/dev/null
mkfifo "$TMP/fifo"
sleep 1000 <"$TMP/fifo" &
sleeper=$!
wait_for 60 sh -c "'$LABCMD' ctl --name '$LAB' tcplog start '$TMP/fifo'"
for _ in 1 2 3 4 5 6 7 8; do fetch; done
ok "transfers go on although nobody reads the log" fetch
like "and status tells what was dropped" "$(ctl tcplog status)" "^dropped +[1-9]"
kill $sleeper
wait $sleeper 2>/dev/null
ctl sysctl net.inet.tcp.log.records=16384 >/dev/null

ok "a full disk" ctl tcplog start /dev/full
fetch
like "ends the log and says why" "$(ctl tcplog status)" "^ended +No space left on device"
sock=$(ctl status | awk '/^socket / {print $2}')
chgrp nogroup "$sock"
as_nobody() { setpriv --reuid 65534 --regid 65534 --clear-groups "$ALPINE_BUILD/bin/alpinectl" --socket "$sock" "$@" 2>&1; }
chmod 711 "$(dirname "$sock")" "$(dirname "$(dirname "$sock")")"
like "others may look" "$(as_nobody tcplog status)" "^running +no"
like "and not start one" "$(as_nobody tcplog start -)" "not permitted; run it as root"
like "a bad port" "$(ctl tcplog start --port 99999 "$TMP/x" 2>&1)" "port=99999 is not a port"
is "what is refused makes no file" "$(ls "$TMP/x" "$TMP/other" 2>/dev/null)" ""
like "a bad format" "$(ctl tcplog start --format xml "$TMP/x" 2>&1)" "format=xml is neither csv nor jsonl"
like "no such directory" "$(ctl tcplog start "$TMP/no/x" 2>&1)" "No such file or directory"
ok "and the daemon works on" fetch

# the end of the daemon is the end of the log: the resets that it sends are in it
(peer socat -u TCP-LISTEN:81,bind=10.11.12.1 /dev/null &)
stack $PY -c 'import socket, time; s = socket.create_connection(("10.11.12.1", 81)); print("up", flush=True); time.sleep(60)' >"$TMP/up" 2>/dev/null &
wait_for 60 grep -q up "$TMP/up"
ok "a log until the end" ctl tcplog start "$TMP/end.csv"
pid=$(alpined_pid)
ctl stop
wait_for 60 sh -c "! kill -0 $pid"
like "ends with the reset" "$(tail -n 1 "$TMP/end.csv" | cut -d, -f3,9,16)" "^out,81,RA?$"
done_testing
