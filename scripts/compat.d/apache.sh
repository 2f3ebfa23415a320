# Apache, with its prefork and its event module.
KIND=server
PACKAGES="apache2-bin apache2-utils"
TRIED="prefork and event: 256 MiB by checksum, 8,000 requests by 32 clients (keep-alive and not), graceful restarts under load without a lost request, CGI by mod_cgid, asleep when idle"

conf() { # conf MPM
	local m=/usr/lib/apache2/modules
	mkdir -p "$TMP/a/root/cgi" && chmod 755 "$TMP/a/root"
	printf '#!/bin/sh\necho "Content-Type: text/plain"; echo; echo "$REMOTE_ADDR $REQUEST_METHOD"; cat\n' >"$TMP/a/root/cgi/who"
	chmod 755 "$TMP/a/root/cgi/who"
	cat >"$TMP/a/$1.conf" <<CONF
ServerRoot $TMP/a
ServerName alpine.test
Listen $US:80
PidFile $TMP/a/pid
ErrorLog $TMP/a/$1.error
DefaultRuntimeDir $TMP/a
Mutex file:$TMP/a
LoadModule mpm_$1_module $m/mod_mpm_$1.so
LoadModule authz_core_module $m/mod_authz_core.so
LoadModule mime_module $m/mod_mime.so
LoadModule $([ "$1" = event ] && echo "cgid_module $m/mod_cgid.so" || echo "cgi_module $m/mod_cgi.so")
$([ "$1" = event ] && echo "ScriptSock $TMP/a/cgisock")
TypesConfig /dev/null
User www-data
Group www-data
EnableSendfile on
MaxKeepAliveRequests 0
DocumentRoot $TMP/a/root
<Directory $TMP/a/root>
  Require all granted
</Directory>
<Directory $TMP/a/root/cgi>
  Options +ExecCGI
  SetHandler cgi-script
</Directory>
CONF
}
trial() {
	local mpm main i
	mkdir "$TMP/a"
	for mpm in prefork event; do
		conf $mpm
		[ -e "$TMP/a/root/big" ] || { random a/root/big 256; head -c 3000 /dev/urandom >"$TMP/a/root/small"; }
		bg $mpm stack apache2 -d "$TMP/a" -f "$TMP/a/$mpm.conf" -DFOREGROUND
		main=$BG
		port_open peer $US 80
		peer curl -sS --max-time 60 -o "$TMP/got" http://$US/big
		same "$mpm: 256 MiB" "$TMP/got" "$TMP/a/root/big"
		peer ab -q -n 4000 -c 32 -k http://$US/small >"$TMP/ab" 2>&1
		ok "$mpm: 4,000 requests, keep-alive" ab_sound "$TMP/ab" 4000
		bg ab peer ab -q -s 20 -n 4000 -c 32 http://$US/small
		for i in 1 2; do sleep 0.5; kill -USR1 "$(cat "$TMP/a/pid")"; done
		wait $BG
		ok "$mpm: 4,000 requests during graceful restarts, none lost" ab_sound "$TMP/ab.log" 4000
		is "$mpm: a CGI program" "$(peer curl -sS --max-time 20 -d text http://$US/cgi/who)" "$PEER POST
text"
		sleep 1
		asleep "Apache, $mpm" $main apache2 3 60 # it looks after its children once a second
		kill -WINCH "$(cat "$TMP/a/pid")"
		wait $main
		is "$mpm: a graceful stop" $? 0
		[ ! -s "$TMP/a/$mpm.error" ] || diag "$(grep -iE 'error|crit' "$TMP/a/$mpm.error" | head -n 3)"
	done
}
