#!/bin/bash
# alpine-run where it is less at home: in a chroot, for an ordinary user, with a terminal.
. "$(dirname "$0")/lib/lab.sh"
need python3 setpriv script setcap
lab_start
RUNDIR=${ALPINE_LAB_ROOT:-/run/alpine-lab}/$LAB/run
chmod 755 "$TMP"
cat >"$TMP/serve.py" <<'PY'
import socketserver
class H(socketserver.BaseRequestHandler):
    def handle(self): self.request.sendall(self.client_address[0].encode() + b"\n")
class S(socketserver.ThreadingTCPServer): allow_reuse_address = True
S(("10.11.12.1", 7001), H).serve_forever()
PY
peer /usr/bin/python3 "$TMP/serve.py" >/dev/null 2>&1 &
disown
wait_for 60 peer bash -c 'exec 3<>/dev/tcp/10.11.12.1/7001'
cat >"$TMP/who" <<'SH'
exec 3<>/dev/tcp/10.11.12.1/7001 && read -r x <&3 && echo "$x"
SH

# A chroot that is an ordinary folder, with what it needs and no more: no /proc.
R=$TMP/root
PLAIN=$ALPINE_BUILD
case $ALPINE_BUILD in *sanitize*) PLAIN=$TOP/build ;; esac # ASan wants /proc
mkdir -p "$R/build/bin" "$R/build/lib" "$R/run/alpine" "$R/etc" "$R/mnt" "$R/bin"
cp "$PLAIN/bin/alpine-run" "$R/build/bin/"
cp "$PLAIN/lib/libalpine.so" "$R/build/lib/"
cp /bin/bash /bin/cat /bin/ls "$R/bin/"
echo "nameserver 192.0.2.53" >"$R/etc/resolv.conf"
for f in bin/bash bin/cat bin/ls build/bin/alpine-run; do
	ldd "$R/$f" | grep -o '/[^ ]*' | while read -r l; do mkdir -p "$R$(dirname "$l")"; cp -n "$l" "$R$l"; done
done
cp "$TMP/who" "$R/who"
in_chroot() { # in_chroot COMMAND...: with the daemon's socket in there
	machine unshare --mount --propagation shared sh -c 'mount --bind "$1" "$2/run/alpine" && r=$2 && shift 2 && ALPINE_RUNDIR=/run/alpine exec chroot "$r" "$@"' sh "$RUNDIR" "$R" "$@"
}
RUN="/build/bin/alpine-run --name $LAB"
is "in a chroot that is no mount point" "$(in_chroot $RUN /bin/bash /who 2>&1)" 10.11.12.13
is "... with a resolv.conf of ours" "$(in_chroot $RUN /bin/cat /etc/resolv.conf 2>&1 | grep -c 'Made by alpine-run')" 1
is "... which is the chroot's own again outside" "$(cat "$R/etc/resolv.conf")" "nameserver 192.0.2.53"
is "... in its working directory and its root" "$(in_chroot /bin/bash -c "cd /build && $RUN /bin/bash -c 'pwd; echo /*'" 2>&1)" "/build
/bin /build /etc /lib /lib64 /mnt /run /who"
is "no mount of ours is left" "$(grep -c "$TMP" /proc/self/mounts)" 0

# An ordinary user: who may use the daemon is a question of the socket's permissions.
chmod 711 "$(dirname "$RUNDIR")" "$RUNDIR" 2>/dev/null
USER_RUN=(machine env ALPINE_RUNDIR="$RUNDIR" setpriv --reuid 65534 --regid 65534 --clear-groups)
like "without permission: what to do" "$("${USER_RUN[@]}" "$ALPINE_BUILD/bin/alpine-run" --name "$LAB" true 2>&1; echo $?)" "cannot reach alpined.*ask as the user"
is "... and the exit code" "$("${USER_RUN[@]}" "$ALPINE_BUILD/bin/alpine-run" --name "$LAB" true >/dev/null 2>&1; echo $?)" 125
chmod 666 "$RUNDIR/$LAB.sock"
is "with permission" "$("${USER_RUN[@]}" "$ALPINE_BUILD/bin/alpine-run" --name "$LAB" bash "$TMP/who" 2>&1)" 10.11.12.13
is "as the user it was" "$("${USER_RUN[@]}" "$ALPINE_BUILD/bin/alpine-run" --name "$LAB" id -u 2>&1)" 65534
cp /bin/grep "$TMP/capable" && chmod 755 "$TMP/capable" && setcap cap_net_raw+ep "$TMP/capable"
is "a program with file capabilities has the shim too, and no capability" \
	"$("${USER_RUN[@]}" "$ALPINE_BUILD/bin/alpine-run" --name "$LAB" "$TMP/capable" -hoE 'libalpine.so|CapEff.*' /proc/self/maps /proc/self/status | sort -u | tr '\n\t' ', ')" \
	"CapEff: 0000000000000000,libalpine.so,"

# The terminal and job control are the caller's.
is "a terminal is a terminal" "$(machine script -qec "$LABCMD run --name $LAB sh -c 'test -t 0 && test -t 1 && echo tty'" /dev/null </dev/null | tr -d '\r')" tty
cat >"$TMP/jobs.py" <<'PY'
import os, pty, re, sys, time
pid, fd = pty.fork()
if pid == 0: os.execvpe("bash", ["bash", "--norc", "--noprofile", "-i"], dict(os.environ, TERM="dumb"))
log = b""
def until(pattern, seconds=60):
    global log
    end = time.time() + seconds
    os.set_blocking(fd, False)
    while time.time() < end:
        try: log += os.read(fd, 4096)
        except BlockingIOError: time.sleep(0.02)
        except OSError: break
        m = re.search(pattern, log)
        if m: log = log[m.end():]; return True
    print("# waited in vain for", pattern, log)
    return False
def say(line): os.write(fd, line)
say(b"PS1='$ '\n"); until(rb"\n\$ ")
say(b" ".join(a.encode() for a in sys.argv[1:]) + b" sh -c 'echo begun; exec cat'\n"); until(rb"\nbegun\r\n")
say(b"echoed\n"); print("typed", until(rb"echoed\r\nechoed\r\n"))
say(b"\x1a"); print("stopped", until(rb"Stopped[^$]*\$ "))
say(b"fg\n"); until(rb"fg\r\n[^\n]*cat'?\r\n"); say(b"again\n"); print("continued", until(rb"again\r\nagain\r\n"))
say(b"\x03"); until(rb"\$ "); say(b"echo status=$?\n"); print("interrupted", until(rb"status=130"))
say(b"exit\n"); until(rb"exit")
PY
is "typing, Ctrl-Z, fg, Ctrl-C" "$(machine timeout 300 /usr/bin/python3 "$TMP/jobs.py" "$LABCMD" run --name "$LAB" | tr '\n' ',')" \
	"typed True,stopped True,continued True,interrupted True,"
# a daemon that does not answer
pid=$(ctl status | sed -n 's/^pid *//p')
kill -STOP "$pid"
stack echo ran >"$TMP/stopped" 2>&1 &
wait_for 60 grep -q 'does not answer yet' "$TMP/stopped"
kill -CONT "$pid"
wait $!
is "a stopped alpined is said, and waited for" "$(sed 's/ (ps).*//' "$TMP/stopped" | tr '\n' '|')" "alpine-run: alpined does not answer yet: is it stopped|ran|"
done_testing
