# redis-cli (hiredis) and redis-benchmark on the stack, redis on the peer.
KIND=client
PACKAGES="redis-tools redis-server"
TRIED="pipe of 100,000 commands, a 32 MiB value by checksum, blocking pop, redis-benchmark with 50 connections"

trial() {
	bg redis peer redis-server --bind $PEER --protected-mode no --save '' --dir "$TMP"
	port_open peer $PEER 6379
	r() { stack timeout 30 redis-cli -h $PEER "$@"; }
	is "ping" "$(r ping)" PONG
	seq 100000 | sed 's/.*/SET k& &/' >"$TMP/commands"
	like "--pipe of 100,000 commands" "$(stack timeout 30 redis-cli -h $PEER --pipe <"$TMP/commands" 2>&1)" "errors: 0, replies: 100000"
	is "... all there" "$(r dbsize)" 100000
	random value 32
	stack timeout 30 redis-cli -h $PEER -x set value <"$TMP/value" >/dev/null
	r get value | head -c 32M >"$TMP/got"
	same "32 MiB there and back" "$TMP/value" "$TMP/got"
	bg pop stack timeout 20 redis-cli -h $PEER blpop list 15
	sleep 0.5
	r rpush list element >/dev/null
	ok "a blocking pop wakes" wait_for 5 grep -q element "$TMP/pop.log"
	stack timeout 60 redis-benchmark -h $PEER -q -n 20000 -c 50 -t set,get >"$TMP/b" 2>&1
	like "redis-benchmark: $(tr '\r' '\n' <"$TMP/b" | grep '^GET.*requests per' | head -n 1)" "$(cat "$TMP/b")" "GET: [1-9][0-9.]+ requests per second"
}
