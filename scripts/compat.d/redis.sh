# redis, by its own benchmark, and by what must add up.
KIND=server
PACKAGES="redis-server redis-tools strace"
TRIED="redis-benchmark (50 clients, pipelines of 16, values of 64 KiB); 10 clients increment one counter 2,000 times each; 32 MiB value; publish/subscribe; a replica on the peer; asleep when idle"

r() { peer redis-cli -h $US -p 6379 "$@"; }
trial() {
	local main i pids=() n
	mkdir "$TMP/r" "$TMP/r2"
	bg redis stack redis-server --bind $US --protected-mode no --dir "$TMP/r" --save '' --proto-max-bulk-len 64mb
	main=$BG
	port_open peer $US 6379
	peer redis-benchmark -h $US -q -n 30000 -c 50 -t ping,set,get,incr,lpush,lrange_100 >"$TMP/b1" 2>&1
	like "redis-benchmark: $(tr '\r' '\n' <"$TMP/b1" | grep '^GET.*requests per' | head -n 1)" "$(cat "$TMP/b1")" "LRANGE_100.* requests per second"
	peer redis-benchmark -h $US -q -n 100000 -c 50 -P 16 -t set,get >"$TMP/b2" 2>&1
	like "pipelines of 16" "$(cat "$TMP/b2")" "GET: [1-9][0-9.]+ requests per second"
	peer redis-benchmark -h $US -q -n 2000 -c 20 -d 65536 -t set,get >"$TMP/b3" 2>&1
	like "values of 64 KiB" "$(cat "$TMP/b3")" "GET: [1-9][0-9.]+ requests per second"
	for i in 1 2 3 4 5 6 7 8 9 10; do r -r 2000 incr counter >/dev/null & pids+=($!); done
	wait "${pids[@]}"
	is "ten clients, 2,000 increments each" "$(r get counter)" 20000
	random value 32
	r -x set value <"$TMP/value" >/dev/null
	r get value | head -c 32M >"$TMP/value.got"
	same "a value of 32 MiB" "$TMP/value" "$TMP/value.got"
	bg sub peer timeout 10 redis-cli -h $US subscribe news
	wait_for 5 grep -q subscribe "$TMP/sub.log"
	is "publish reaches a subscriber" "$(r publish news hello)" 1
	ok "... with its text" wait_for 5 grep -q hello "$TMP/sub.log"
	kill $BG
	bg replica peer redis-server --bind $PEER --protected-mode no --port 6380 --dir "$TMP/r2" --save '' --replicaof $US 6379
	ok "a replica on the peer is in step" wait_for 20 sh -c "'$LABCMD' peer redis-cli -h $PEER -p 6380 get counter | grep -qx 20000"
	peer redis-cli -h $PEER -p 6380 shutdown nosave >/dev/null 2>&1
	sleep 1.5
	asleep redis "$main" redis-server 3 150 # its clock ticks ten times a second, five calls each
	r shutdown nosave >/dev/null 2>&1
	wait "$main"
	is "its exit code" $? 0
}
