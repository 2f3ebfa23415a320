#!/bin/bash
# What breaks in programs like this (t/pitfalls/README.md): on Linux's own stack first, where every
# check must hold, then on ours; and what only a shell can show.
#
#   peer 10.11.12.1: pitfalls --serve ---- switch ---- alpined 10.11.12.13: pitfalls
. "$(dirname "$0")/lib/lab.sh"
need python3
lab_start
PIT=$ALPINE_BUILD/bin/pitfalls
chmod 755 "$TMP"
cp "$PIT" "$TMP/pitfalls" # where every user may run it
PIT=$TMP/pitfalls
timeout 600 "$LABCMD" peer --name "$LAB" "$PIT" --serve 10.11.12.1 >"$TMP/serve.log" 2>&1 &
wait_for 60 peer python3 -c 'import socket; socket.create_connection(("10.11.12.1", 7201))'
# a process outside of the namespace, which a program inside hands a connection
cat >"$TMP/outside.py" <<'PY'
import os, socket, sys
s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); os.chmod(sys.argv[1], 0o777); s.listen(4)
while True:
    c, _ = s.accept(); fd = socket.recv_fds(c, 1, 1)[1][0]
    if os.read(fd, 6) == b"inside": os.write(fd, b"outside")
    os.close(fd); c.close()
PY
timeout 600 python3 "$TMP/outside.py" "$TMP/outside.sock" >"$TMP/outside.log" 2>&1 &
OUTSIDE=$!
wait_for 60 test -S "$TMP/outside.sock"
export PITFALLS_OUTSIDE=$TMP/outside.sock

# Where we differ from Linux, and why. A check named here that passes after all is a failure.
declare -A DIFFERS=(
	["1: getc of a reset is an error"]="the pair's end is end of file; stdio reads below the shim, which would ask why"
	["9: poll of a new socket"]="a new pair is writable, and no POLLHUP"
	["9: POLLIN, POLLERR and POLLHUP"]="a reset: an AF_UNIX end has no POLLERR without unread data; read() says ECONNRESET"
	["14: are not enough"]="poll() of an AF_UNIX socket does not know SO_RCVLOWAT; read() does"
	["13: POLLERR"]="an error is a record in the pair: POLLIN"
)
each() { # each STACK FILE: that program's checks become ours
	local line name bad
	while read -r line; do
		case $line in
		"ok "* | "not ok "*)
			TESTS=$((TESTS + 1)) name=${line#* - } bad=
			case $line in not*) bad=1 ;; esac
			local why=${DIFFERS[$name]:-}
			[ "$1" = Alpine ] || why=
			[ -z "$why" ] || case $bad in 1) bad= name="$name (differs: $why)" ;; *) bad=1 name="$name: passes, but is listed as different" ;; esac
			[ -z "$bad" ] || FAILED=$((FAILED + 1))
			echo "${bad:+not }ok $TESTS - $1: $name" ;;
		"# "*) echo "$line" ;;
		esac
	done <"$2"
	like "$1: all of it ran" "$(grep '^1\.\.' "$2")" '^1\.\.[0-9]+$'
}
timeout 300 "$LABCMD" machine --name "$LAB" "$PIT" 10.11.12.1 >"$TMP/linux.tap" 2>"$TMP/linux.err"
each Linux "$TMP/linux.tap"
timeout 300 "$LABCMD" run --name "$LAB" "$PIT" 10.11.12.1 >"$TMP/ours.tap" 2>"$TMP/ours.err"
each Alpine "$TMP/ours.tap"
is "both made the same checks" "$(grep '^1\.\.' "$TMP/ours.tap")" "$(grep '^1\.\.' "$TMP/linux.tap")"

cat >"$TMP/dial.py" <<'PY'
import socket
try: s = socket.create_connection(("10.11.12.1", 7201), 60); print("from", s.getsockname()[0])
except OSError as e: print(e.strerror)
PY
# past the shim's own exec: libc's, by its handle, with an environment that names no shim
cat >"$TMP/bare.py" <<'PY'
import ctypes, sys
libc = ctypes.CDLL("libc.so.6")
argv = (ctypes.c_char_p * 3)(b"/usr/bin/python3", sys.argv[1].encode(), None)
env = (ctypes.c_char_p * 2)(*([sys.argv[2].encode()] if len(sys.argv) > 2 else [None]), None)
libc.execve(argv[0], argv, env)
PY
cat >"$TMP/ring.py" <<'PY'
import ctypes, errno
libc = ctypes.CDLL(None, use_errno=True)
print(libc.syscall(425, 4, bytes(256)), errno.errorcode.get(ctypes.get_errno())) # io_uring_setup
PY
is "19: there is no io_uring" "$(stack /usr/bin/python3 "$TMP/ring.py" 2>&1)" "-1 ENOSYS"
is "20: a program's own LD_PRELOAD is kept, ours comes first" "$(LD_PRELOAD=libm.so.6 stack sh -c 'echo "$LD_PRELOAD"' | grep -c 'libalpine.so.*libm.so.6')" 1
is "20: a scrubbed environment keeps the stack" "$(stack env -i timeout 60 /usr/bin/python3 "$TMP/dial.py" 2>&1)" "from 10.11.12.13"
like "20: a program without the shim reaches nothing" "$(stack timeout 60 /usr/bin/python3 "$TMP/bare.py" "$TMP/dial.py" 2>&1)" '^(Network is unreachable|No route to host)$'
like "21: nor with a shim that cannot be loaded" "$(stack timeout 60 /usr/bin/python3 "$TMP/bare.py" "$TMP/dial.py" LD_PRELOAD=/nonexistent.so 2>/dev/null)" '^(Network is unreachable|No route to host)$'
is "23: a program that daemonizes goes on, and alpine-run waits for it" \
	"$(stack sh -c "setsid sh -c 'sleep 0.5; exec /usr/bin/python3 $TMP/dial.py >$TMP/late.out 2>&1' </dev/null >/dev/null 2>&1 & exit 0"; cat "$TMP/late.out")" "from 10.11.12.13"
is "26: /proc/net/dev is the stack's" "$(stack cat /proc/net/dev 2>&1 | grep -c 'tap0:')" 1
is "26: /proc/net/route has the default route" "$(stack cat /proc/net/route 2>&1 | awk '$2 == "00000000"' | wc -l)" 1
kill $OUTSIDE
done_testing
