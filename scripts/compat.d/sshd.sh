# OpenSSH's server: re-executes itself for each connection, closes all descriptors first, confines the
# process that speaks to strangers by chroot and seccomp, and hands descriptors back and forth.
KIND=server
PACKAGES="openssh-server openssh-client netcat-openbsd strace"
TRIED="login with keys as root and as a user, PAM, a terminal; privilege separation and sandbox on; scp and sftp of 1 GiB both ways; forwarding -L, -R, -D; 20 logins at once; asleep when idle"

trial() {
	local opts main i pids=() good=0 child
	ssh_keys
	sshd_at stack $US 22
	main=$SSHD
	mapfile -t opts < <(ssh_options)
	on() { peer timeout 60 ssh "${opts[@]}" "$@"; }
	is "root logs in, a command's output" "$(on root@$US 'id -un; pwd')" "root
/root"
	is "its exit code" "$(on root@$US 'exit 7'; echo $?)" 7
	is "a user logs in" "$(on $FTP_USER@$US 'id -un; id -u')" "$FTP_USER
64999"
	is "standard input goes there, output comes back" "$(head -c 3000000 "$ALPINE_BUILD/bin/alpined" | on root@$US sha256sum)" \
		"$(head -c 3000000 "$ALPINE_BUILD/bin/alpined" | sha256sum)"
	like "a terminal" "$(on -tt root@$US 'tty; echo $SSH_CONNECTION')" "^/dev/pts/"
	like "the session knows its addresses" "$(on root@$US 'echo $SSH_CONNECTION')" "^$PEER [0-9]+ $US 22\$"
	is "a wrong key is refused" "$(peer ssh "${opts[@]:2}" -o IdentitiesOnly=yes -i "$TMP/ssh/host" root@$US true >/dev/null 2>&1; echo $?)" 255
	# a connection that has not said yet who it is: who serves it?
	bg talk peer sh -c "(printf 'SSH-2.0-none\r\n'; sleep 8) | nc $US 22"
	wait_for 5 grep -q SSH-2.0 "$TMP/talk.log"
	sleep 0.3
	child=$(for i in $(descendants "$main"); do [ "$(stat -c %U "/proc/$i" 2>/dev/null)" = sshd ] && echo "$i"; done | head -n 1)
	is "the process before login: user sshd, chrooted, under seccomp" \
		"$(readlink "/proc/$child/root"; sed -n 's/^Seccomp:\t//p' "/proc/$child/status")" "/run/sshd
2"
	random file 1024
	peer timeout 120 scp "${opts[@]}" -q "$TMP/file" root@$US:"$TMP/up"
	same "scp of 1 GiB to it" "$TMP/file" "$TMP/up"
	peer timeout 120 scp "${opts[@]}" -q root@$US:"$TMP/up" "$TMP/down"
	same "scp of 1 GiB from it" "$TMP/file" "$TMP/down"
	rm -f "$TMP/up" "$TMP/down"
	printf 'put %s\nls -l %s\n' "$TMP/file $TMP/up" "$TMP/up" | peer timeout 120 sftp "${opts[@]}" -b - root@$US >/dev/null 2>&1
	same "sftp put" "$TMP/file" "$TMP/up"
	rm -f "$TMP/up"
	random part 64
	mkdir "$TMP/w" "$TMP/p"; mkdir "$TMP/w/root" "$TMP/p/root"
	ln "$TMP/part" "$TMP/w/root/"; ln "$TMP/part" "$TMP/p/root/"
	nginx_at stack $US "$TMP/w" 8080
	nginx_at peer $PEER "$TMP/p" 8081
	bg forward peer ssh "${opts[@]}" -N -L $PEER:9001:$US:8080 -R $US:9002:$PEER:8081 -D $PEER:9003 root@$US
	port_open peer $PEER 9001
	port_open peer $US 9002
	peer curl -sS --max-time 60 -o "$TMP/l" http://$PEER:9001/part
	same "-L: 64 MiB from a server beside it" "$TMP/part" "$TMP/l"
	stack curl -sS --max-time 60 -o "$TMP/r" http://$US:9002/part
	same "-R: 64 MiB to a client beside it" "$TMP/part" "$TMP/r"
	peer curl -sS --max-time 60 -o "$TMP/d" --socks5 $PEER:9003 http://$US:8080/part
	same "-D: 64 MiB by SOCKS" "$TMP/part" "$TMP/d"
	kill $BG
	for i in $(seq 20); do on root@$US "echo $i" >"$TMP/many.$i" 2>&1 & pids+=($!); done
	wait "${pids[@]}"
	for i in $(seq 20); do [ "$(tail -n 1 "$TMP/many.$i")" = $i ] && good=$((good + 1)); done
	is "20 logins at once" $good 20
	sleep 1
	asleep sshd "$main" sshd
	diag "$(grep -iE 'error|fatal' "$TMP/sshd.stack.log" | sort | uniq -c | head -n 5)"
}
