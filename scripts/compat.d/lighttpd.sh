# lighttpd: epoll, sendfile or writev, two workers.
KIND=server
PACKAGES="lighttpd apache2-utils"
TRIED="2 workers; 256 MiB by checksum; 8,000 requests by 32 clients, keep-alive and not; graceful restart; asleep when idle"

trial() {
	local main
	mkdir -p "$TMP/l/root"
	chmod 755 "$TMP/l" "$TMP/l/root"
	random l/root/big 256
	head -c 5000 /dev/urandom >"$TMP/l/root/small"
	printf 'server.document-root="%s"\nserver.port=80\nserver.bind="%s"\nserver.pid-file="%s"\nserver.errorlog="%s"\nserver.max-worker=2\nserver.feature-flags=("server.graceful-restart-bg"=>"enable")\n' \
		"$TMP/l/root" $US "$TMP/l/pid" "$TMP/l/error" >"$TMP/l/conf"
	bg lighttpd stack lighttpd -D -f "$TMP/l/conf"
	main=$BG
	port_open peer $US 80
	peer curl -sS --max-time 60 -o "$TMP/got" http://$US/big
	same "256 MiB" "$TMP/got" "$TMP/l/root/big"
	peer ab -q -n 4000 -c 32 -k http://$US/small >"$TMP/ab" 2>&1
	ok "4,000 requests, keep-alive" ab_sound "$TMP/ab" 4000
	peer ab -q -n 4000 -c 32 http://$US/small >"$TMP/ab" 2>&1
	ok "4,000 connections" ab_sound "$TMP/ab" 4000
	sleep 1
	asleep lighttpd $main lighttpd 3 40 # a clock, once a second in each worker
	kill -INT "$(cat "$TMP/l/pid")"
	wait $main
	is "a graceful stop" $? 0
}
