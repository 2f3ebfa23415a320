# haproxy: in front of two servers on the peer; master and worker, reload that hands listeners on.
KIND=server
PACKAGES="haproxy nginx-light apache2-utils"
TRIED="HTTP and TCP mode, two servers behind it, health checks, 256 MiB by checksum, 10,000 requests during 4 reloads: none lost; a server that goes away; splice on; asleep when idle"

trial() {
	local main i
	mkdir -p "$TMP/w1/root" "$TMP/w2/root"
	random w1/root/big 256
	ln "$TMP/w1/root/big" "$TMP/w2/root/big"
	echo one >"$TMP/w1/root/who"
	echo two >"$TMP/w2/root/who"
	nginx_at peer $PEER "$TMP/w1" 8081
	nginx_at peer $PEER "$TMP/w2" 8082
	cat >"$TMP/h.cfg" <<CONF
global
  master-worker
  nbthread 2
  maxconn 2000
  stats socket $TMP/h.sock mode 600 level admin expose-fd listeners
defaults
  timeout connect 5s
  timeout client 30s
  timeout server 30s
  retries 3
frontend web
  mode http
  bind $US:80
  default_backend both
backend both
  mode http
  balance roundrobin
  option redispatch
  option forwardfor
  server one $PEER:8081 check inter 500
  server two $PEER:8082 check inter 500
listen plain
  mode tcp
  option splice-auto
  bind $US:81
  server one $PEER:8081
CONF
	bg haproxy stack haproxy -W -f "$TMP/h.cfg" -p "$TMP/h.pid"
	main=$BG
	port_open peer $US 80
	peer curl -sS --max-time 60 -o "$TMP/got" http://$US/big
	same "HTTP mode, 256 MiB" "$TMP/got" "$TMP/w1/root/big"
	peer curl -sS --max-time 60 -o "$TMP/got" http://$US:81/big
	same "TCP mode, splice, 256 MiB" "$TMP/got" "$TMP/w1/root/big"
	is "both servers answer in turn" "$(for i in 1 2 3 4; do peer curl -sS --max-time 5 http://$US/who; done | sort | uniq -c | tr -s ' \n' ' ')" " 2 one 2 two "
	bg ab peer ab -q -s 20 -n 10000 -c 16 -l http://$US/who
	for i in 1 2 3 4; do sleep 0.8; kill -USR2 "$(head -n 1 "$TMP/h.pid")"; done
	wait $BG
	ok "10,000 requests during 4 reloads, none lost" ab_sound "$TMP/ab.log" 10000
	kill -QUIT "$(cat "$TMP/w2/pid")"
	sleep 2
	is "one server gone: the other answers all" "$(for i in 1 2 3 4; do peer curl -sS --max-time 5 http://$US/who; done | sort | uniq -c | tr -s ' \n' ' ')" " 4 one "
	sed -i 's/ check inter 500//' "$TMP/h.cfg"
	kill -USR2 "$(head -n 1 "$TMP/h.pid")"
	sleep 3
	asleep haproxy $main haproxy 3 30
	kill -TERM $main
	wait $main
	like "its exit code when told to end" $? "^(0|143)$"
}
