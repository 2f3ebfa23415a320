#!/bin/bash
# alpined as a service: it reads a file, tells systemd that it is ready and that it stops
# (sd_notify(3)), ends on SIGTERM with status 0, and says nothing of the kind when it cannot start.
#
#   machine, no LAN: alpined's TAP is attached to nothing
. "$(dirname "$0")/lib/lab.sh"
[ "$(id -u)" = 0 ] || skip_all "needs root, or a user namespace: unshare -Ur $0"
[ -c /dev/net/tun ] && [ -r /dev/net/tun ] || skip_all "/dev/net/tun cannot be opened here"
trap lab_cleanup EXIT
"$LABCMD" up --name "$LAB" || exit 1
export ALPINE_RUNDIR=$TMP/run
mkdir "$TMP/run"

cat >"$TMP/svc.conf" <<'C'
# what /etc/alpine/svc.conf could be
tap = svc0
address = 10.12.0.2/24
gateway = 10.12.0.1
sysctl = { "net.inet.tcp.sendspace=40000" }
log-level = notice
C
cat >"$TMP/manager.py" <<'P'
# A service manager: starts alpined with NOTIFY_SOCKET, tells what it says and how it ends.
import os, signal, socket, subprocess, sys, time
name, how, argv = sys.argv[1], sys.argv[2], sys.argv[3:]
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind("\0" + name[1:] if name[0] == "@" else name)
s.settimeout(60)
p = subprocess.Popen(argv, env=dict(os.environ, NOTIFY_SOCKET=name), stderr=subprocess.DEVNULL)
said = []
try:
	if how == "run":
		said.append(s.recv(1000).decode())
		said.append("ready" if subprocess.call([os.environ["ALPINE_BUILD"] + "/bin/alpinectl", "-n", "svc", "--json",
			"sysctl", "net.inet.tcp.sendspace"], stdout=open(os.environ["TMP"] + "/sysctl", "w")) == 0 else "mute")
		p.send_signal(signal.SIGTERM)
	status = p.wait(60)
	s.settimeout(0.2)
	while True:
		said.append(s.recv(1000).decode())
except socket.timeout:
	pass
print(" ".join(said), p.wait(60))
P
export TMP
manager() { machine /usr/bin/python3 "$TMP/manager.py" "$@"; }
is "a path: READY=1, then STOPPING=1, status 0" \
	"$(manager "$TMP/notify" run "$ALPINE_BUILD/bin/alpined" --config "$TMP/svc.conf" --name svc)" "READY=1 ready STOPPING=1 0"
like "the file's variable was set" "$(cat "$TMP/sysctl")" '40000'
is "nothing is left" "$(ls "$TMP/run")" ""
is "an abstract name" \
	"$(manager "@alpine-t$$" run "$ALPINE_BUILD/bin/alpined" --config "$TMP/svc.conf" --name svc)" "READY=1 ready STOPPING=1 0"
is "who cannot start says nothing, and fails" \
	"$(manager "$TMP/notify2" fail "$ALPINE_BUILD/bin/alpined" --config "$TMP/svc.conf" --name svc --gateway 10.99.0.1)" " 1"
is "the restoring after the end has nothing to do" "$(machine "$ALPINE_BUILD/bin/alpined" --restore --name svc 2>&1; echo $?)" 0
done_testing
