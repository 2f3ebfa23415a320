# vsftpd.sh - the trials of lab_vsftpd.t, long_vsftpd.t: the size is what differs. Sourced.
#
#   vsftpd_trials MIB MIB_EACH_OF_MANY
#
# One vsftpd on the stack and one on the peer; three clients on the other side of each, active and
# passive; then ten sessions with each server at the same time.
. "$TOP/scripts/ftp.sh"
ALPINE_TOP=$TOP

vsftpd_trials() {
	local client mode i way pids=() good=0
	head -c "$1M" /dev/urandom >"$TMP/file"
	head -c "$2M" /dev/urandom >"$TMP/part"
	chmod 644 "$TMP/file" "$TMP/part"
	vsftpd_up stack 10.11.12.13
	vsftpd_up peer 10.11.12.1
	for mode in passive active; do
		for client in curl lftp tnftp; do
			ok "$mode, $client on the peer, the server on the stack: LIST, GET, PUT of $1 MiB" \
				ftp_trial $client $mode 10.11.12.13 "$TMP/stack" file a peer
			ok "$mode, $client on the stack, the server on the peer: LIST, GET, PUT of $1 MiB" \
				ftp_trial $client $mode 10.11.12.1 "$TMP/peer" file a stack
		done
	done
	like "active mode came from port 20" "$(ctl netstat -an)" "10\.11\.12\.13\.20 .*10\.11\.12\.1\."
	vsftpd_anonymous
	vsftpd_confined
	for i in $(seq 10); do
		for way in "peer 10.11.12.13 stack" "stack 10.11.12.1 peer"; do
			vsftpd_one_of_many "$i" $way &
			pids+=($!)
		done
	done
	for i in "${pids[@]}"; do wait "$i" && good=$((good + 1)); done
	is "ten sessions to each server at once, $2 MiB both ways in each" "$good" 20
	[ "$good" = 20 ] || diag "$(tail -n 3 "$TMP"/many.*)"
	like "the servers wrote their logs" "$(wc -l <"$TMP/stack/log.transfers")" "^[0-9]{2,}$"
}

vsftpd_up() { # vsftpd_up WHERE ADDRESS
	mkdir "$TMP/$1" && chmod 755 "$TMP"
	ftp_account "$TMP/$1"
	ftp_config "$TMP/$1" "$2"
	ln "$TMP/file" "$TMP/part" "$TMP/$1/home/"
	ln "$TMP/part" "$TMP/$1/pub/"
	ftp_server "$1" "$TMP/$1" >"$TMP/$1/log" 2>&1 &
	wait_for 60 peer curl -sS --max-time 60 "ftp://$2/" || diag "$(cat "$TMP/$1/log")"
}

vsftpd_one_of_many() { # vsftpd_one_of_many I CLIENT-SIDE ADDRESS SERVER-SIDE
	local clients=(curl lftp tnftp) modes=(passive active)
	ftp_trial ${clients[$1 % 3]} ${modes[$1 % 2]} "$3" "$TMP/$4" part "$1" "$2" >"$TMP/many.$2.$1" 2>&1
}

vsftpd_anonymous() {
	local m
	for m in "" "--ftp-port -"; do
		peer curl -sS --max-time 60 $m -o "$TMP/anonymous" ftp://10.11.12.13/part
		ok "anonymous GET ${m:+(active)}" cmp "$TMP/anonymous" "$TMP/part"
		peer curl -sS --max-time 60 $m -T "$TMP/part" ftp://10.11.12.13/in/anonymous
		ok "anonymous PUT ${m:+(active)}" cmp "$TMP/stack/pub/in/anonymous" "$TMP/part"
		rm -f "$TMP/stack/pub/in/anonymous"
	done
	is "a wrong password is refused" \
		"$(peer curl -sS --max-time 60 "ftp://$FTP_USER:wrong@10.11.12.13/" >/dev/null 2>&1; echo $?)" 67
}

# While a session is open: its process is another user's, in another root and another network
# namespace than the server's, and goes on talking to a client.
vsftpd_confined() {
	local got
	got=$(peer /usr/bin/python3 - "$FTP_USER" "$FTP_PASSWORD" "$TMP/stack" <<'PY'
import ftplib, glob, os, sys
user, password, folder = sys.argv[1:]
f = ftplib.FTP("10.11.12.13", timeout=60)
f.login(user, password)
def link(p, what):
    try: return os.readlink("/proc/%s/%s" % (p, what))
    except OSError: return ""
pids = [p.split("/")[2] for p in glob.glob("/proc/[0-9]*/exe")]
pids = [p for p in pids if link(p, "exe").endswith("/vsftpd")]
mine = [p for p in pids if link(p, "root") == folder + "/home"]
args = lambda p: open("/proc/%s/cmdline" % p, "rb").read().split(b"\0")
server = [p for p in pids if p not in mine and (folder + "/vsftpd.conf").encode() in args(p)]
status = dict(l.split(":", 1) for l in open("/proc/%s/status" % mine[0]))
apart = server and all(link(mine[0], "ns/net") != link(p, "ns/net") for p in server)
print(len(mine), status["Uid"].split()[0], apart, f.pwd(), len(f.nlst()) > 0)
f.quit()
PY
)
	is "the session's process: confined root, its user, its own network namespace; it serves" \
		"$got" "1 64999 True / True"
}
