# nginx: workers share a listener, reload hands it on, files go by sendfile.
KIND=server
PACKAGES="nginx-light apache2-utils wrk strace"
TRIED="4 workers, sendfile; 256 MiB by checksum; wrk with 128 connections; 20,000 requests of ab while it reloads 6 times: none lost; PUT; asleep when idle"

trial() {
	local main before after i
	mkdir -p "$TMP/n/root/put" "$TMP/n/tmp"
	random n/root/big 256
	head -c 4096 /dev/urandom >"$TMP/n/root/small"
	nginx_at stack $US "$TMP/n"
	main=$BG
	sed -i 's/worker_processes 2/worker_processes 4/' "$TMP/n/nginx.conf"
	kill -HUP "$(cat "$TMP/n/pid")"
	sleep 0.5
	is "four workers" "$(pgrep -c -P "$(cat "$TMP/n/pid")")" 4
	peer curl -sS --max-time 60 -o "$TMP/got" http://$US/big
	same "256 MiB" "$TMP/got" "$TMP/n/root/big"
	peer curl -sS --max-time 60 -T "$TMP/n/root/small" http://$US/put/up
	same "PUT" "$TMP/n/root/put/up" "$TMP/n/root/small"
	peer wrk -t 2 -c 128 -d 5s http://$US/small >"$TMP/wrk" 2>&1
	like "wrk, 128 connections: $(awk '/Requests.sec/ {print $2}' "$TMP/wrk") requests/s" "$(cat "$TMP/wrk")" "requests in"
	is "no errors in wrk" "$(grep -E 'Socket errors|Non-2xx' "$TMP/wrk")" ""
	before=$(pgrep -P "$(cat "$TMP/n/pid")" | sort | tr '\n' ' ')
	bg ab peer ab -q -s 20 -n 20000 -c 32 http://$US/small
	for i in 1 2 3 4 5 6; do sleep 0.7; kill -HUP "$(cat "$TMP/n/pid")"; done
	wait $BG
	after=$(pgrep -P "$(cat "$TMP/n/pid")" | sort | tr '\n' ' ')
	ok "20,000 requests during 6 reloads, none lost" ab_sound "$TMP/ab.log" 20000
	ok "the workers are others now" test "$before" != "$after"
	sleep 2
	asleep nginx "$main" nginx
	kill -QUIT "$(cat "$TMP/n/pid")"
	wait "$main"
	is "a graceful stop ends alpine-run with 0" $? 0
}
