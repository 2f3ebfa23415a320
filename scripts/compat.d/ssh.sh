# OpenSSH's client on the stack, to a server on the peer.
KIND=client
PACKAGES="openssh-client openssh-server"
TRIED="login, a terminal, exit code; scp of 256 MiB both ways; sftp; forwarding -L, -R, -D; a shared connection (ControlMaster); ProxyJump"

trial() {
	local opts main i
	ssh_keys
	sshd_at peer $PEER 22
	main=$SSHD
	mapfile -t opts < <(ssh_options)
	on() { stack timeout 60 ssh "${opts[@]}" "$@"; }
	like "login; the server sees the stack's address" "$(on root@$PEER 'echo $SSH_CONNECTION')" "^$US [0-9]+ $PEER 22\$"
	is "exit code" "$(on root@$PEER 'exit 7'; echo $?)" 7
	like "a terminal" "$(on -tt root@$PEER tty)" "^/dev/pts/"
	random file 256
	stack timeout 120 scp "${opts[@]}" -q "$TMP/file" root@$PEER:"$TMP/up"
	same "scp to the peer" "$TMP/file" "$TMP/up"
	stack timeout 120 scp "${opts[@]}" -q root@$PEER:"$TMP/up" "$TMP/down"
	same "scp from the peer" "$TMP/file" "$TMP/down"
	rm -f "$TMP/up" "$TMP/down"
	printf 'get %s %s\n' "$TMP/file" "$TMP/down" | stack timeout 60 sftp "${opts[@]}" -b - root@$PEER >/dev/null 2>&1
	same "sftp get" "$TMP/file" "$TMP/down"
	random part 32
	mkdir "$TMP/w" "$TMP/p"; mkdir "$TMP/w/root" "$TMP/p/root"
	ln "$TMP/part" "$TMP/w/root/"; ln "$TMP/part" "$TMP/p/root/"
	nginx_at stack $US "$TMP/w" 8080
	nginx_at peer $PEER "$TMP/p" 8081
	bg forward stack ssh "${opts[@]}" -N -L $US:9001:$PEER:8081 -R $PEER:9002:$US:8080 -D $US:9003 root@$PEER
	port_open peer $US 9001
	port_open peer $PEER 9002
	for i in "stack -L http://$US:9001" "peer -R http://$PEER:9002"; do
		set -- $i
		"$1" curl -sS --max-time 60 -o "$TMP/got" "$3/part"
		same "$2: 32 MiB" "$TMP/part" "$TMP/got"
		rm -f "$TMP/got"
	done
	stack curl -sS --max-time 60 -o "$TMP/got" --socks5 $US:9003 http://$PEER:8081/part
	same "-D: 32 MiB by SOCKS" "$TMP/part" "$TMP/got"
	kill $BG
	bg master stack ssh "${opts[@]}" -N -M -S "$TMP/master" root@$PEER
	wait_for 10 test -S "$TMP/master"
	is "a second session over the first connection" "$(on -S "$TMP/master" root@$PEER 'echo shared')" shared
	is "through another host" "$(on -o "ProxyCommand=ssh ${opts[*]} -W %h:%p root@$PEER" root@$PEER 'echo jumped')" jumped
}
