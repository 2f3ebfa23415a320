# _lib.sh - what the trials of compat.d share. Sourced by compat after t/lib/lab.sh.
#
# The stack is 10.11.12.13 ($US), the Linux host 10.11.12.1 ($PEER). "$TMP" is the trial's folder.
. "$ALPINE_TOP/scripts/ftp.sh"
US=10.11.12.13 PEER=10.11.12.1
PY=/usr/bin/python3

# bg NAME COMMAND...: runs it in the background; its output is in NAME.log, its pid in $BG. In a
# session of its own: Apache and lighttpd end by a signal to their whole process group.
bg() {
	local name=$1 where=()
	shift
	case $1 in
	stack) where=("$LABCMD" run --name "$LAB"); shift ;;
	peer) where=("$LABCMD" peer --name "$LAB"); shift ;;
	esac
	setsid ${where[@]+"${where[@]}"} "$@" >"$TMP/$name.log" 2>&1 </dev/null &
	BG=$!
}

# random FILE MIB
random() { head -c "$2M" /dev/urandom >"$TMP/$1" && chmod 644 "$TMP/$1"; }

# same NAME FILE FILE
same() { ok "$1" cmp "$2" "$3"; }

# port_open WHERE ADDRESS PORT [SECONDS]: waits until somebody listens there.
port_open() {
	wait_for "${4:-15}" "$1" $PY -c "import socket; socket.create_connection(('$2', $3), 2)" ||
		diag "nobody listens at $2 port $3"
}

# descendants PID: it and all below it.
descendants() {
	local p
	for p in $(ps -o pid= --ppid "$1"); do descendants "$p"; done
	echo "$1"
}

# settled PID...: until they have not been scheduled for half a second; what they begin with is over.
settled() {
	local now before='' i
	for i in $(seq 120); do
		now=$(cat $(printf '/proc/%s/task/*/status ' "$@") 2>/dev/null | grep ctxt_switches)
		[ "$now" != "$before" ] || return 0
		before=$now
		sleep 0.5
	done
}

# asleep NAME PID COMM [SECONDS]: under strace, the processes COMM below PID make next to no system
# call while nobody asks anything of them. Sleeping on a futex or by the clock is a language's own clock, not the network's.
asleep() {
	local pids calls
	pids=$(for p in $(descendants "$2"); do grep -qE "^($3)" "/proc/$p/comm" 2>/dev/null && echo "$p"; done)
	[ -n "$pids" ] || { ok "$1: a process named $3" false; return; }
	# shellcheck disable=SC2086
	settled $pids
	timeout -s INT "${4:-3}" strace -f -qq -e trace='!futex,restart_syscall,clock_nanosleep,nanosleep' -o "$TMP/strace" \
		$(printf -- '-p %s ' $pids) 2>/dev/null
	calls=$(grep -cvE 'resumed|<unfinished|\?\?\?' "$TMP/strace")
	[ "$calls" -le "${5:-12}" ] || diag "$(head -n 20 "$TMP/strace")"
	ok "$1 is asleep when idle ($calls system calls in ${4:-3} s)" test "$calls" -le "${5:-12}"
}

# nginx_at WHERE ADDRESS FOLDER [PORT]: a plain web server for clients' trials; logs to FOLDER.
nginx_at() {
	mkdir -p "$3/tmp" "$3/root"
	chmod 755 "$3" "$3/root"
	cat >"$3/nginx.conf" <<CONF
daemon off; worker_processes 2; user root; pid $3/pid; error_log $3/error.log;
events { worker_connections 1024; }
http { access_log $3/access.log; sendfile on; client_max_body_size 2g; client_body_temp_path $3/tmp;
 proxy_temp_path $3/tmp; fastcgi_temp_path $3/tmp; uwsgi_temp_path $3/tmp; scgi_temp_path $3/tmp;
 server { listen $2:${4:-80}; root $3/root; autoindex on;
  location /put { dav_methods PUT DELETE; create_full_put_path on; } } }
CONF
	bg "nginx.$1" "$1" nginx -p "$3" -c "$3/nginx.conf" -e "$3/error.log"
	port_open "$1" "$2" "${4:-80}"
}

# ab_sound FILE COUNT: what ab printed: every request was answered, in full, with 200.
ab_sound() {
	grep -E '^(Complete|Failed|Non-2xx|Requests per)' "$1" | sed 's/^/# /'
	grep -q "^Complete requests: *$2\$" "$1" && grep -q '^Failed requests: *0$' "$1" && ! grep -q '^Non-2xx' "$1"
}

# ssh_keys: $TMP/ssh with a client's key, a server's, and an account that takes the key.
ssh_keys() {
	mkdir -p "$TMP/ssh" /run/sshd
	ftp_account "$TMP/ssh"
	ssh-keygen -q -t ed25519 -N '' -f "$TMP/ssh/id"
	ssh-keygen -q -t ed25519 -N '' -f "$TMP/ssh/host"
	cp "$TMP/ssh/id.pub" "$TMP/ssh/authorized"
	chmod 644 "$TMP/ssh/authorized"
}

# sshd_at WHERE ADDRESS PORT: Debian's sshd, with its privilege separation, sandbox and PAM.
sshd_at() {
	cat >"$TMP/ssh/sshd.$1" <<CONF
ListenAddress $2:$3
HostKey $TMP/ssh/host
AuthorizedKeysFile $TMP/ssh/authorized
StrictModes no
PermitRootLogin prohibit-password
PasswordAuthentication no
UsePAM yes
GatewayPorts clientspecified
PidFile $TMP/ssh/pid.$1
MaxStartups 100
Subsystem sftp internal-sftp
CONF
	bg "sshd.$1" unshare --mount sh -c 'for f in passwd group shadow; do mount --bind "$1/$f" /etc/$f || exit 1; done
		shift; exec "$@"' sh "$TMP/ssh" "$LABCMD" "${1/stack/run}" /usr/sbin/sshd -D -e -f "$TMP/ssh/sshd.$1"
	SSHD=$BG
	port_open peer "$2" "$3"
}
ssh_options() {
	printf '%s\n' -i "$TMP/ssh/id" -o BatchMode=yes -o StrictHostKeyChecking=no -o LogLevel=ERROR \
		-o "UserKnownHostsFile=$TMP/ssh/known" -o ConnectTimeout=20
}
