#!/bin/bash
# alpine-run against a make-believe alpined (run_fake.py): what it does to a program, and does not.
#
#   run_fake.py  <-- control socket --  alpine-run  -- namespace: PROGRAM, lo, port 53 --
set -u
TOP=$(cd "$(dirname "$0")/.." && pwd)
B=${ALPINE_BUILD:-$TOP/build}
case $B in /*) ;; *) B=$TOP/$B ;; esac
export ASAN_OPTIONS=${ASAN_OPTIONS:-detect_leaks=0:verify_asan_link_order=0}
RUN=$B/bin/alpine-run
N=0 FAILED=0
TMP=$(mktemp -d)
FAKE=
cleanup() {
	[ -n "$FAKE" ] && kill "$FAKE" 2>/dev/null
	rm -rf "$TMP"
}
trap cleanup EXIT
is() { # is NAME GOT WANT
	N=$((N + 1))
	if [ "$2" = "$3" ]; then
		echo "ok $N - $1"
	else
		echo "not ok $N - $1"
		printf 'got:  %s\nwant: %s\n' "$2" "$3" | sed 's/^/# /'
		FAILED=$((FAILED + 1))
	fi
}
like() { # like NAME GOT REGEX
	if grep -Eq -- "$3" <<<"$2"; then is "$1" 1 1; else is "$1" "$2" "$3"; fi
}
skip_all() {
	echo "1..0 # SKIP $*"
	exit 0
}
[ -x "$RUN" ] && [ -e "$B/lib/libalpine.so" ] || skip_all "alpine-run is not built"
command -v /usr/bin/python3 >/dev/null || skip_all "no python3"
unshare -n true 2>/dev/null || unshare -Un true 2>/dev/null || skip_all "no namespaces here"
fake() { # fake SOCKET [VERSION]
	/usr/bin/python3 "$TOP/t/run_fake.py" "$1" 10.9.8.53 ${2:+"$2"} >"$1.log" 2>&1 &
	FAKE=$!
	until grep -qs ready "$1.log"; do sleep 0.05; done
}
fake "$TMP/a.sock"
run() { timeout 120 "$RUN" --socket "$TMP/a.sock" --dns 10.9.8.53 "$@"; }
status() {
	"$@" >"$TMP/out" 2>"$TMP/err"
	echo $?
}

# exit status
is "PROGRAM's own exit code" "$(status run sh -c 'exit 7')" 7
is "128+N for signal N" "$(status run sh -c 'kill -9 $$')" 137
is "127: not found" "$(status run /nonexistent/program)" 127
like "... and says so" "$(cat "$TMP/err")" '^alpine-run: /nonexistent/program: No such file'
is "126: not executable" "$(status run /etc/passwd)" 126
is "125: no daemon" "$(status "$RUN" --name nobody-there true)" 125
like "... in one line, with what to type" "$(cat "$TMP/err")" '^alpine-run: cannot reach alpined \(.*nobody-there.*start it with: alpined --name nobody-there eth0 '
is "one line" "$(wc -l <"$TMP/err")" 1
is "125: a bad name" "$(status "$RUN" --name 'a b' true)" 125
is "125: an unknown option" "$(status "$RUN" --frobnicate true)" 125
is "125: a bad --dns" "$(status "$RUN" --dns example.org true)" 125
is "125: a fourth --dns" "$(status run --dns 10.0.0.1 --dns 10.0.0.2 --dns 10.0.0.3 true)" 125
like "... and says why" "$(cat "$TMP/err")" '^alpine-run: --dns 10.0.0.3: more than 3 name servers'
is "the same one again counts once" "$(status run --dns 10.0.0.1 --dns 10.0.0.2 --dns 10.0.0.1 true)" 0
is "125: no daemon at a path" "$(status "$RUN" --socket /nonexistent true)" 125
like "... with what to type" "$(cat "$TMP/err")" 'start it with: alpined --socket PATH '
mkdir -m 700 "$TMP/closed" && cp "$RUN" "$B/lib/libalpine.so" "$TMP/closed"
exec 8<"$TMP/closed/alpine-run"
as_nobody() { setpriv --reuid=65534 --regid=65534 --clear-groups "$@"; }
if as_nobody true 2>/dev/null; then
	like "a shim in a folder that is closed to the user" \
		"$(as_nobody /proc/self/fd/8 --socket "$TMP/a.sock" true 2>&1; echo $?)" '^alpine-run: libalpine.so .*may not enter: make install'
fi
exec 8<&-
is "125: an empty name" "$(status "$RUN" --name '' true)" 125
like "... is told as what it is" "$(cat "$TMP/err")" "^alpine-run: '' is not a name: [^;]*_ . -$"
is "125: a bad --ready-fd" "$(status "$RUN" --ready-fd 77 true)" 125
is "options end at PROGRAM" "$(run echo --name -n x)" "--name -n x"
is "-- ends options" "$(run -- echo hello)" "hello"
is "no PROGRAM is \$SHELL" "$(echo 'echo $0' | SHELL=/bin/sh run)" "/bin/sh"
is "quiet" "$(run true 2>&1)" ""
like "--version" "$(run --version)" '^alpine-run [0-9]'
(
	fake "$TMP/old.sock" 9
	status "$RUN" --socket "$TMP/old.sock" true >"$TMP/old.status"
	kill $FAKE
)
is "125: a daemon of another version" "$(cat "$TMP/old.status")" 125
like "... says which" "$(cat "$TMP/err")" 'daemon speaks version 9'

# what the program finds; both under timeout(1), which catches what nohup or a shell had ignored
what='umask; pwd; ulimit -n; id -u; id -g; grep -E "^(CapEff|CapPrm|CapInh|CapAmb|SigBlk|SigIgn|NoNewPrivs)" /proc/self/status; echo $((2+$(ls /proc/self/fd | wc -l)))'
cd /usr
here=$(umask 027; ulimit -n 777; trap '' USR2 CHLD; timeout 120 sh -c "$what")
there=$(umask 027; ulimit -n 777; trap '' USR2 CHLD; run sh -c "$what")
# One descriptor more is the shim's connection. In a user namespace of our own caps read alike.
is "umask, directory, limits, ids, capabilities, signals as without" "${there%$'\n'*}" "${here%$'\n'*}"
cd - >/dev/null
is "the environment is kept" "$(FOO=bar run sh -c 'echo $FOO')" bar
is "LD_PRELOAD is prepended, not replaced" "$(LD_PRELOAD=libm.so.6 run sh -c 'echo $LD_PRELOAD')" "$(readlink -f "$B/lib/libalpine.so"):libm.so.6"
is "stdin and stdout" "$(echo abc | run cat)" abc
is "lo, the stack's address, the name server's" "$(run ip -br -4 addr show | tr -s ' ' | cut -d' ' -f1,3-)" "lo 127.0.0.1/8 10.9.8.7/32 10.9.8.53/32 "
is "no route" "$(run ip route)" ""
like "resolv.conf is ours" "$(run cat /etc/resolv.conf)" '^nameserver 10.9.8.53$'
is "the host's is not touched" "$(grep -c 'Made by alpine-run' /etc/resolv.conf)" 0
is "no mount of ours is seen outside" "$(grep -c alpine /proc/self/mountinfo)" 0
is "nothing is left in /tmp" "$(run ls -d /tmp/resolv.conf 2>&1 | grep -c 'No such')" 1

# names
is "a name" "$(run getent ahostsv4 a.test | head -n 1 | tr -s ' ')" "192.0.2.77 STREAM a.test"
is "a truncated answer is asked for by TCP" "$(run getent ahostsv4 big.test | grep -c STREAM)" 40
is "it was" "$(grep -c '^query tcp big.test' "$TMP/a.sock.log")" 1
is "a forged answer is not taken" "$(run getent ahostsv4 forged.test | head -n 1 | cut -d' ' -f1)" 192.0.2.77
is "a name that is not" "$(status run getent ahostsv4 nope.test)" 2
is "AI_ADDRCONFIG sees the stack's address" "$(run /usr/bin/python3 -c 'import socket; print(socket.getaddrinfo("a.test", 80, type=1, flags=socket.AI_ADDRCONFIG)[0][4][0])')" 192.0.2.77
is "fifty at once" "$(run sh -c 'for i in $(seq 50); do getent ahostsv4 a.test & done; wait' | grep -c STREAM)" 50

cat >"$TMP/reset.py" <<'PY'
import ctypes, os, socket, struct, time
def cpu():
    f = open("/proc/%d/stat" % os.getppid()).read().split()
    return (int(f[13]) + int(f[14])) / os.sysconf("SC_CLK_TCK")
q = b"\1\2\1\0\0\1\0\0\0\0\0\0\4hold\4test\0\0\1\0\1"
s = socket.socket(fileno=ctypes.CDLL("libc.so.6").socket(2, 1, 0)) # the namespace's, as libc's resolver has it
s.connect(("10.9.8.53", 53)); s.sendall(struct.pack("!H", len(q)) + q); time.sleep(0.2)
s.shutdown(socket.SHUT_WR); time.sleep(0.1)
s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)); s.close()
before = cpu(); time.sleep(1); print("idle" if cpu() - before < 0.08 else "spins: %.2f s" % (cpu() - before))
PY
is "who asked by TCP has hung up, the server has not answered: the launcher sleeps" "$(run /usr/bin/python3 "$TMP/reset.py")" idle
is "few descriptors: thirty names that nobody answers leave some for the next" \
	"$(ulimit -Sn 30; run sh -c 'for i in $(seq 30); do timeout 1 getent ahostsv4 none.test & done; sleep 0.5; getent ahostsv4 a.test | grep -c STREAM' 2>&1)" 1

# processes
"$RUN" --socket "$TMP/a.sock" --ready-fd 5 sh -c 'sleep 0.3; exit 7' 5> >(:) 2>/dev/null
is "--ready-fd to a pipe that nobody reads: PROGRAM's exit code" $? 7
is "the launcher waits for daemons" "$(run sh -c "(sleep 1; echo late >$TMP/late) >/dev/null 2>&1 & exit 3"; echo $?; cat "$TMP/late")" $'3\nlate'
"$RUN" --socket "$TMP/a.sock" sh -c 'trap "exit 9" TERM; echo up; while :; do sleep 0.1; done' >"$TMP/up" &
pid=$!
until grep -q up "$TMP/up"; do sleep 0.05; done
kill -TERM $pid
wait $pid
is "SIGTERM reaches PROGRAM, its exit code comes back" $? 9
"$RUN" --socket "$TMP/a.sock" --ready-fd 5 sleep 0.3 5>"$TMP/ready"
is "--ready-fd" "$(cat "$TMP/ready")" ready
{ sh -c "\"$RUN\" --socket \"$TMP/a.sock\" --die-with-parent sh -c 'echo \$\$ >$TMP/pid; sleep 60; :' & until [ -s $TMP/pid ]; do sleep 0.05; done; kill -9 \$\$"; } >/dev/null 2>&1 # bash tells of who is killed
for _ in $(seq 600); do [ -d "/proc/$(cat "$TMP/pid")" ] && sleep 0.1; done
is "--die-with-parent" "$([ -d "/proc/$(cat "$TMP/pid")" ] && echo alive)" ""

# job control: the program stops, so does the launcher, and both go on
is "Ctrl-Z and fg" "$(timeout 120 /usr/bin/python3 - "$RUN" "$TMP/a.sock" <<'PY'
import os, pty, signal, sys
pid, fd = pty.fork()
if pid == 0:  # a shell's part: a job in the foreground, in a process group of its own
    signal.signal(signal.SIGTTOU, signal.SIG_IGN)
    job = os.fork()
    if job == 0:
        os.setpgid(0, 0)
        os.tcsetpgrp(0, os.getpid())
        os.execv(sys.argv[1], [sys.argv[1], "--socket", sys.argv[2], "sh", "-c", "echo up; read line; echo got $line"])
    _, status = os.waitpid(job, os.WUNTRACED)
    print("stopped" if os.WIFSTOPPED(status) else "ended", flush=True)
    os.killpg(job, signal.SIGCONT)
    _, status = os.waitpid(job, 0)
    print("exit", os.WEXITSTATUS(status), flush=True)
    os._exit(0)
text = b""
def until(word):
    global text
    while word not in text:
        text += os.read(fd, 1000)
until(b"up")
os.write(fd, b"\x1a")
until(b"stopped")
os.write(fd, b"x\n")
until(b"got x")
until(b"exit 0")
print(0)
PY
)" 0
is "Ctrl-C ends both, as a signal" "$(timeout 120 /usr/bin/python3 - "$RUN" "$TMP/a.sock" <<'PY'
import os, pty, sys
pid, fd = pty.fork()
if pid == 0:
    os.execv(sys.argv[1], [sys.argv[1], "--socket", sys.argv[2], "sh", "-c", "echo up; exec sleep 60"])
text = b""
while b"up" not in text:
    text += os.read(fd, 1000)
os.write(fd, b"\x03")
_, status = os.waitpid(pid, 0)
print(os.WEXITSTATUS(status))
PY
)" 130

# the daemon goes
run sh -c "echo up >$TMP/up2; until [ -e $TMP/gone ]; do sleep 0.1; done; getent ahostsv4 a.test; /usr/bin/python3 -c 'import socket
try: socket.socket()
except OSError as e: print(e.errno)'" >"$TMP/out2" 2>&1 &
pid=$!
until [ -s "$TMP/up2" ]; do sleep 0.05; done
kill "$FAKE"
touch "$TMP/gone"
wait $pid
is "alpined dies: no name, no socket (ENETDOWN), no hanging" "$(cat "$TMP/out2")" 100
FAKE=
echo "1..$N"
[ "$FAILED" = 0 ]
