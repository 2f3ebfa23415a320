# PostgreSQL: a process per connection, forked with it; pgbench on the peer.
KIND=server
PACKAGES="postgresql-15 postgresql-contrib"
TRIED="pgbench TPC-B, 8 clients for 6 s: balances add up; read-only with prepared statements; COPY of 500,000 rows out and in by checksum; LISTEN/NOTIFY; cancel; asleep when idle"

trial() {
	local main bin=/usr/lib/postgresql/15/bin
	mkdir "$TMP/pg"
	chown postgres "$TMP/pg"
	as() { runuser -u postgres -- "$@"; }
	as $bin/initdb -D "$TMP/pg/data" -A trust -N >"$TMP/initdb" 2>&1 || diag "$(tail -n 5 "$TMP/initdb")"
	echo "host all all $PEER/32 trust" >>"$TMP/pg/data/pg_hba.conf"
	bg postgres stack runuser -u postgres -- $bin/postgres -D "$TMP/pg/data" -k "$TMP/pg" -c listen_addresses=$US -c fsync=off -c autovacuum=off
	main=$BG
	port_open peer $US 5432
	export PGHOST=$US PGUSER=postgres PGCONNECT_TIMEOUT=10
	q() { peer timeout 60 psql -X -A -t -c "$1" postgres; }
	like "a query" "$(q 'select inet_server_addr(), inet_client_addr(), version()')" "^$US\|$PEER\|PostgreSQL 15"
	peer timeout 60 pgbench -q -i -s 5 postgres >"$TMP/init" 2>&1
	is "pgbench -i: 500,000 rows" "$(q 'select count(*) from pgbench_accounts')" 500000
	peer timeout 60 pgbench -c 8 -j 2 -T 6 postgres >"$TMP/bench" 2>&1
	like "pgbench: $(awk '/^tps/ {print $3}' "$TMP/bench") transactions/s, none failed" "$(cat "$TMP/bench")" "number of failed transactions: 0 "
	is "the balances add up" "$(q 'select (select sum(abalance) from pgbench_accounts) = (select sum(delta) from pgbench_history) and (select sum(bbalance) from pgbench_branches) = (select sum(delta) from pgbench_history)')" t
	peer timeout 60 pgbench -S -M prepared -c 8 -j 2 -T 3 postgres >"$TMP/bench" 2>&1
	like "read-only: $(awk '/^tps/ {print $3}' "$TMP/bench") transactions/s" "$(cat "$TMP/bench")" "number of failed transactions: 0 "
	q "\\copy pgbench_accounts to '$TMP/rows'" >/dev/null
	q "create table copy (like pgbench_accounts)" >/dev/null
	q "\\copy copy from '$TMP/rows'" >/dev/null
	is "COPY out and in: the same rows" "$(q 'select count(*) from copy natural join pgbench_accounts')" 500000
	is "a statement is cancelled by its time limit" "$(q "set statement_timeout='300ms'; select pg_sleep(20)" 2>&1 | grep -c 'statement timeout')" 1
	bg sleeper peer psql -X -c 'select pg_sleep(30)' postgres
	sleep 0.5
	is "... and by another session" "$(q "select pg_cancel_backend(pid) from pg_stat_activity where query ~ 'pg_sleep.30' and pid <> pg_backend_pid()")" t
	wait $BG
	like "... which is told" "$(cat "$TMP/sleeper.log")" "canceling statement due to user request"
	sleep 2
	asleep postgres $main postgres 3 60
	kill -INT "$(head -n 1 "$TMP/pg/data/postmaster.pid")"
	wait $main
	is "it stops" $? 0
}
