#!/bin/bash
# The next program is on the stack too, whatever environment it is given and by which call; and who is
# not under the shim has no network at all.
. "$(dirname "$0")/lib/lab.sh"
need python3 nsenter
lab_start
cat >"$TMP/serve.py" <<'PY'
import socketserver
class H(socketserver.BaseRequestHandler):
    def handle(self): self.request.sendall(self.client_address[0].encode())
class S(socketserver.ThreadingTCPServer): allow_reuse_address = True; request_queue_size = 64
S(("10.11.12.1", 7001), H).serve_forever()
PY
peer /usr/bin/python3 "$TMP/serve.py" &
disown; wait_for 60 peer bash -c 'exec 3<>/dev/tcp/10.11.12.1/7001'
# who: says which address the server saw, and the environment it was given
cat >"$TMP/who" <<'SH'
#!/bin/bash
exec 3<>/dev/tcp/10.11.12.1/7001 && read -r x <&3
echo "$x" ${A:+A=$A}
SH
chmod 755 "$TMP" "$TMP/who"
cat >"$TMP/exec.py" <<'PY'
import ctypes, os, subprocess, sys
C = ctypes.CDLL(None, use_errno=True); who = sys.argv[2].encode(); way = sys.argv[1]
vec = lambda *s: (ctypes.c_char_p * (len(s) + 1))(*s, None)
argv, env, null = vec(who), vec(b"A=1"), ctypes.c_char_p()
sys.stdout.flush()
def wait(pid): os.waitpid(pid, 0)
def spawn(f):
    p = ctypes.c_int(); assert f(ctypes.byref(p), who, None, None, argv, env) == 0; wait(p.value)
if way == "execve": C.execve(who, argv, env)
if way == "execve-null": C.execve(who, argv, None)
if way == "execv": C.clearenv(); C.execv(who, argv)
if way == "execvp": C.clearenv(); C.execvp(who, argv)
if way == "execvpe": C.execvpe(who, argv, env)
if way == "execl": C.clearenv(); C.execl(who, who, b"one", b"two", b"3", b"4", b"5", b"6", null)
if way == "execlp": C.clearenv(); C.execlp(who, who, null)
if way == "execle": C.execle(who, who, b"one", b"two", null, env)
if way == "execveat": C.execveat(-100, who, argv, env, 0)
if way == "fexecve": C.fexecve(os.open("/bin/bash", os.O_RDONLY), vec(b"bash", who), env)
if way == "syscall": C.syscall(59, who, argv, env)
if way == "posix_spawn": spawn(C.posix_spawn)
if way == "posix_spawnp": spawn(C.posix_spawnp)
if way == "system": C.clearenv(); C.system(who)
if way == "popen":
    C.clearenv(); C.popen.restype = ctypes.c_void_p; C.pclose.argtypes = [ctypes.c_void_p]
    C.pclose(C.popen(who, b"w"))
if way == "subprocess": subprocess.run([who], env={"A": "1"})
if way == "other-preload": C.execve(who, argv, vec(b"A=1", b"LD_PRELOAD=libm.so.6"))
if way == "bad-environment": print(C.execve(who, argv, ctypes.c_void_p(8)), ctypes.get_errno())
PY
for way in execve execve-null execv execvp execvpe execl execlp execle execveat fexecve syscall posix_spawn posix_spawnp \
	system popen subprocess other-preload; do
	got=$(stack timeout 120 /usr/bin/python3 "$TMP/exec.py" $way "$TMP/who" 2>&1)
	case $way in
	execve-null | execv | execvp | execl | execlp | system | popen) want=10.11.12.13 ;;
	*) want="10.11.12.13 A=1" ;;
	esac
	is "$way: on the stack, with its environment" "$got" "$want"
done
is "a bad environment is EFAULT" "$(stack timeout 120 /usr/bin/python3 "$TMP/exec.py" bad-environment "$TMP/who" 2>&1)" "-1 14"
is "env -i, twice" "$(stack env -i /usr/bin/env -i "$TMP/who")" 10.11.12.13
is "another's LD_PRELOAD stays, behind the shim" \
	"$(stack env LD_PRELOAD=libm.so.6 sh -c 'echo $LD_PRELOAD' | sed 's/.*libalpine.so/shim/')" "shim:libm.so.6"
is "an environment that has the shim is handed on as it is" \
	"$(stack env | sort | grep -v ^_= | sha256sum)" "$(stack sh -c 'exec env' | sort | grep -v ^_= | sha256sum)"
stack sleep 300 &
RUN=$!
wait_for 60 sh -c "ps -o comm= --ppid \$(pgrep -f 'alpine-run --name $LAB sleep 300' | head -n 1) | grep -q sleep"
INSIDE=$(pgrep -f '^sleep 300' | while read -r p; do
	[ "$(readlink "/proc/$p/ns/net")" != "$(readlink /proc/self/ns/net)" ] && grep -qz "ALPINE_LAB_HELD=.*/$LAB\$" "/proc/$p/environ" && echo "$p"
done | head -n 1)
ok "a program in the namespace, without the shim, reaches nothing" \
	sh -c "test -n '$INSIDE' && ! nsenter -t '$INSIDE' --net timeout 3 bash -c 'echo >/dev/tcp/10.11.12.1/7001'"
kill $RUN
done_testing
