#!/bin/bash
# scripts/lab down: all that is the lab's ends, alpined in good order, without a word; and nothing
# else does, although the kernel gives the numbers of namespaces and processes that went to others.
. "$(dirname "$0")/lib/lab.sh"
need /usr/bin/python3 unshare
lab_start
ROOT=${ALPINE_LAB_ROOT:-/run/alpine-lab}
DIR=$ROOT/$LAB
alive() { grep -q '^State:[[:space:]]*[RSD]' "/proc/$1/status" 2>/dev/null; }
gone() { ! alive "$1"; }

# a server on the stack, one that overwrote its environment, a daemon, which would complain of a lost network;
# a master that starts a worker for each that ends
cat >"$TMP/serve.py" <<'PY'
import os, socket, sys
l = socket.create_server((sys.argv[1], 7001))
open(sys.argv[2], "w").write(str(os.getpid()))
while True: l.accept()[0].recv(10)
PY
stack /usr/bin/python3 "$TMP/serve.py" 10.11.12.13 "$TMP/stack.pid" 2>"$TMP/stack.err" &
peer env -i /usr/bin/python3 "$TMP/serve.py" 10.11.12.1 "$TMP/peer.pid" 2>"$TMP/peer.err" &
stack sh -c "setsid sh -c 'echo \$\$ >$TMP/daemon.pid; sleep 1000; :' </dev/null >/dev/null 2>&1 &" &
cat >"$TMP/master.py" <<'PY'
import os, sys, time
def worker():
    pid = os.fork()
    if pid == 0:
        os.write(log, b"%d\n" % os.getpid())
        time.sleep(1000)
    return pid
log = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
for i in range(16): worker()
open(sys.argv[2], "w").write(str(os.getpid()))
while True:
    os.wait()
    worker()
PY
stack env -i /usr/bin/python3 "$TMP/master.py" "$TMP/workers" "$TMP/master.pid" &
for f in stack peer daemon master; do wait_for 60 test -s "$TMP/$f.pid"; done
ALPINED=$(alpined_pid)
sleep 1000 &
OTHER=$!
"$LABCMD" down --name "$LAB" >"$TMP/down.out" 2>&1
is "down says nothing" "$(cat "$TMP/down.out")" ""
for f in stack peer daemon master; do ok "ended: $f" gone "$(cat "$TMP/$f.pid")"; done
left=0
while read -r pid; do
	alive "$pid" && left=$((left + 1)) && kill -KILL "$pid"
done <"$TMP/workers"
is "and no worker was started anew meanwhile" $left 0
ok "ended: alpined" gone "$ALPINED"
is "not a word of the servers" "$(cat "$TMP/stack.err" "$TMP/peer.err")" ""
ok "the folder is gone" test ! -e "$DIR"
ok "another process goes on" alive $OTHER

# The holders die; others get their namespaces' numbers, and alpined's.
"$LABCMD" up --name "$LAB"
nets= holders=
for role in switch peer machine; do
	read -r pid _ <"$DIR/$role"
	holders="$holders $pid" nets="$nets $(readlink "/proc/$pid/ns/net")"
done
# shellcheck disable=SC2086
kill -KILL $holders
for pid in $holders; do wait_for 60 gone "$pid"; done
echo $OTHER >"$DIR/alpined.pid"
strangers=() same=0
for _ in $(seq 20); do
	unshare --net sleep 1000 &
	strangers+=($!)
	wait_for 60 sh -c "[ \$(cat /proc/$!/comm) = sleep ]"
	case "$nets " in *" $(readlink /proc/$!/ns/net) "*) same=$((same + 1)) ;; esac
	[ $same -lt 3 ] || break
done
echo "# $same of ${#strangers[@]} namespaces have numbers of before"
ok "a lab whose holders died goes down" "$LABCMD" down --name "$LAB"
left=0
for pid in "${strangers[@]}"; do alive "$pid" && left=$((left + 1)); done
is "whoever has their numbers now goes on" "$left" "${#strangers[@]}"
ok "and who has alpined's number" alive $OTHER
kill "${strangers[@]}" $OTHER
ok "a lab that is not there goes down" "$LABCMD" down --name "$LAB"
done_testing
