#!/bin/bash
# What alpined is when it stands: no capability, a user of its own, nothing of the file system, a
# filter; who may use the stack, and which privileges programs have there.
#
#   peer 10.11.12.1 ---- switch ---- machine (10.11.12.2), alpined 10.11.12.13
. "$(dirname "$0")/lib/lab.sh"
need setpriv unshare ping
PY=/usr/bin/python3
real_root() { grep -q '^ *0 *0 *4294967295$' /proc/self/uid_map; } # or in a user namespace of one user?
group=0
real_root && group=65533
lab_start --group $group --mode 0660 --gateway 10.11.12.1 eth0 10.11.12.13/24
pid=$(alpined_pid)
run=${ALPINE_LAB_ROOT:-/run/alpine-lab}/$LAB/run
field() { sed -n "s/^$1:[[:space:]]*//p" "/proc/$pid/status"; }

# ---- the daemon
is "no capability" "$(field CapEff) $(field CapPrm) $(field CapInh) $(field CapAmb)" \
	"0000000000000000 0000000000000000 0000000000000000 0000000000000000"
is "and none can come back" "$(field CapBnd) $(field NoNewPrivs)" "0000000000000000 1"
is "a filter of system calls" "$(field Seccomp)" 2
if real_root; then
	like "a user of its own, and no groups" "$(field Uid | cut -f1)/$(field Groups)" '^(6[1-5][0-9]{3}|'"$(id -u alpine 2>/dev/null || echo none)"')/ *$'
	ok "every thread alike" sh -c "! grep -L 'CapEff:.0000000000000000' /proc/$pid/task/*/status | grep ."
fi
case $ALPINE_BUILD in
*sanitize*) echo "# a sanitizer keeps the root in sight, to name functions" ;;
*) is "an empty root" "$(ls -A "/proc/$pid/root/" 2>&1)" "" ;;
esac
is "no network but its own" "$(nsenter -t "$pid" -n ip -o link 2>/dev/null | grep -vc 'lo:')" 0
ok "status works all the same" sh -c "'$LABCMD' ctl --name $LAB status | grep -q 'resident *[1-9]'"
ok "and the stack" stack ping -c 1 -W 10 10.11.12.1

# ---- the socket
is "the socket's group and mode" "$(stat -c '%g %a' "$run/$LAB.sock")" "$group 660"
as() { # as GROUP CMD...: an ordinary user, of that group
	local group=$1
	shift
	ALPINE_RUNDIR=$run setpriv --reuid 65531 --regid "$group" --clear-groups "$@"
}
if real_root; then
	ok "its group may look" as 65533 "$ALPINE_BUILD/bin/alpinectl" -n "$LAB" status
	like "not change" "$(as 65533 "$ALPINE_BUILD/bin/alpinectl" -n "$LAB" route flush 2>&1)" 'not permitted'
	like "others may not connect" "$(as 65532 "$ALPINE_BUILD/bin/alpinectl" -n "$LAB" status 2>&1)" "socket's group"
fi

# ---- programs' privileges
cat >"$TMP/try.py" <<'P'
import socket, sys
def attempt(f):
    try:
        f()
        return "yes"
    except OSError as e:
        return e.strerror.split()[-1]
def port():
    s = socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1); s.bind(("10.11.12.13", 81))
print(attempt(port), attempt(lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)),
      attempt(lambda: socket.socket().bind(("10.11.12.13", 8181))))
P
chmod 755 "$TMP" && chmod 644 "$TMP/try.py"
is "root: port 81, a raw socket, port 8181" "$(stack $PY "$TMP/try.py")" "yes yes yes"
if real_root; then
	user() { stack setpriv --reuid 65531 --regid 65531 --clear-groups "$@"; }
	is "an ordinary user: 8181 only" "$(user $PY "$TMP/try.py")" "denied permitted yes"
	if $PY -c 'import socket; a, b = socket.socketpair(); a.getsockopt(socket.SOL_SOCKET, 77)' 2>/dev/null; then
		is "with CAP_NET_BIND_SERVICE: port 81" "$(user --inh-caps=+net_bind_service --ambient-caps=+net_bind_service $PY "$TMP/try.py")" "yes permitted yes"
		is "with CAP_NET_RAW: the raw socket" "$(user --inh-caps=+net_raw --ambient-caps=+net_raw $PY "$TMP/try.py")" "denied yes yes"
		is "with another capability: neither" "$(user --inh-caps=+sys_time --ambient-caps=+sys_time $PY "$TMP/try.py")" "denied permitted yes"
		is "a child has them too" "$(user --inh-caps=+net_raw --ambient-caps=+net_raw $PY -c "
import os, sys
if os.fork() == 0:
    sys.argv = ['try']; exec(open('$TMP/try.py').read()); sys.stdout.flush(); os._exit(0)
os.wait()")" "denied yes yes"
		is "all of them in a user namespace of its own: worth nothing" "$(user unshare --user --map-root-user $PY "$TMP/try.py")" "denied permitted yes"
		like "CAP_NET_ADMIN changes the stack" "$(user --inh-caps=+net_admin --ambient-caps=+net_admin ifconfig tap0 mtu 1450 2>&1; ctl ifconfig tap0)" 'mtu 1450'
	else
		echo "# this kernel has no SO_PEERPIDFD: capabilities of users are not looked at"
	fi
fi

# ---- the end
wait_for 60 sh -c "[ -S '$run/$LAB.sock' ]"
kill -9 "$pid"
ok "after SIGKILL the socket is swept away" wait_for 60 sh -c "! [ -e '$run/$LAB.sock' ]"
like "alpinectl says who is missing" "$(ctl status 2>&1)" "no alpined named $LAB is running"
wait_for 60 sh -c "! grep -q '^State:.[RSDTtI]' /proc/$pid/status"
"$LABCMD" alpined --name "$LAB" >/dev/null
pid=$(alpined_pid)
ok "another one starts" ctl status
ctl stop
wait_for 60 sh -c "! kill -0 $pid 2>/dev/null"
is "and leaves nothing" "$(ls "$run")" ""
"$LABCMD" alpined --name "$LAB" --no-confine --gateway 10.11.12.1 eth0 10.11.12.13/24 >/dev/null
pid=$(alpined_pid)
is "--no-confine: no filter" "$(field Seccomp)" 0
like "and a word in the log" "$("$LABCMD" log --name "$LAB")" 'not confined'
done_testing
