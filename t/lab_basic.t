#!/bin/bash
# The first light of everything: ping, curl out, nginx in, names, the control tool.
#
#   peer 10.11.12.1 ---- switch ---- machine (10.11.12.2), alpined 10.11.12.13
. "$(dirname "$0")/lib/lab.sh"
need curl nginx dnsmasq ping
lab_start --dns 10.11.12.1

ok "peer pings the stack" peer ping -c 3 -i 0.2 -W 10 10.11.12.13
ok "the machine it runs on pings it too" machine ping -c 1 -W 10 10.11.12.13
ok "large pings are reassembled" peer ping -c 2 -i 0.2 -W 10 -s 20000 10.11.12.13

mkdir -p "$TMP/p/root" "$TMP/p/tmp" "$TMP/s/root" "$TMP/s/tmp"
chmod -R 755 "$TMP"
conf() {
	cat >"$1/nginx.conf" <<CONF
daemon off; worker_processes 2; user root; pid $1/pid; error_log $1/error.log;
events { worker_connections 512; }
http { access_log off; sendfile on; client_body_temp_path $1/tmp; proxy_temp_path $1/tmp;
 fastcgi_temp_path $1/tmp; uwsgi_temp_path $1/tmp; scgi_temp_path $1/tmp;
 server { listen $2:80; root $1/root; } }
CONF
}
conf "$TMP/p" 10.11.12.1
conf "$TMP/s" 10.11.12.13
echo from-linux >"$TMP/p/root/index.html"
echo from-alpine >"$TMP/s/root/index.html"
head -c 8M /dev/urandom >"$TMP/p/root/big"
ln "$TMP/p/root/big" "$TMP/s/root/big"
peer nginx -p "$TMP/p" -c "$TMP/p/nginx.conf" -e "$TMP/p/error.log" &
stack nginx -p "$TMP/s" -c "$TMP/s/nginx.conf" -e "$TMP/s/error.log" &
wait_for 60 peer curl -s --max-time 10 http://10.11.12.1/
wait_for 60 peer curl -s --max-time 10 http://10.11.12.13/

is "curl on the stack fetches a page" "$(stack curl -s --max-time 60 http://10.11.12.1/)" from-linux
stack curl -s --max-time 120 -o "$TMP/got" http://10.11.12.1/big
ok "and a file, unchanged" cmp "$TMP/got" "$TMP/p/root/big"
is "the peer fetches a page from nginx on the stack" "$(peer curl -s --max-time 60 http://10.11.12.13/)" from-alpine
peer curl -s --max-time 120 -o "$TMP/got" http://10.11.12.13/big
ok "and a file, unchanged" cmp "$TMP/got" "$TMP/s/root/big"
is "a program on the stack reaches another on the stack" \
	"$(stack curl -s --max-time 60 http://10.11.12.13/)" from-alpine
is "the machine's own Linux reaches it" "$(machine curl -s --max-time 60 http://10.11.12.13/)" from-alpine
is "a refused port is refused" "$(stack curl -s --max-time 10 http://10.11.12.1:81/; echo $?)" 7
is "and refuses" "$(peer curl -s --max-time 10 http://10.11.12.13:81/; echo $?)" 7
# ARP asks five times, a second apart; whoever tries in the 20 s after that is told at once.
stack curl -s --max-time 7 http://10.11.12.99/
down() { stack curl -sSv --max-time 5 http://10.11.12.99/ 2>&1 | grep -E "(Host is down|No route to host)"; }
ok "a host that is not there is down" wait_for 60 down

peer dnsmasq --no-daemon --no-resolv --no-hosts --conf-file=/dev/null --user=root --bind-interfaces \
	--listen-address=10.11.12.1 --address=/www.alpine.test/10.11.12.1 >"$TMP/dns.log" 2>&1 &
wait_for 60 sh -c "grep -q started '$TMP/dns.log'"
like "libc resolves a name over the stack" "$(stack getent ahostsv4 www.alpine.test)" "^10\.11\.12\.1 "
is "curl by name" "$(stack curl -s --max-time 60 http://www.alpine.test/)" from-linux
like "a name that is not there is not there" "$(stack getent ahostsv4 no.such.test; echo $?)" "^2$"

like "alpinectl status" "$(ctl status)" "10\.11\.12\.13"
like "alpinectl ifconfig" "$(ctl ifconfig)" "inet 10\.11\.12\.13 netmask 0xffffff00 broadcast 10\.11\.12\.255"
like "alpinectl netstat -an shows the listener" "$(ctl netstat -an)" "tcp4 .*10\.11\.12\.13\.80 .*LISTEN"
like "alpinectl netstat -s counts" "$(ctl netstat -s)" "[1-9][0-9]* packets? sent"
like "alpinectl netstat -m" "$(ctl netstat -m)" "mbufs? in use"
like "alpinectl sysctl reads" "$(ctl sysctl net.inet.ip.ttl)" "net\.inet\.ip\.ttl: 64"
ok "alpinectl sysctl writes" ctl sysctl net.inet.ip.ttl=63
like "and the wire shows it" "$(peer ping -c 1 -W 10 10.11.12.13)" "ttl="
like "an unknown sysctl is named" "$(ctl sysctl net.no.such 2>&1; echo $?)" "net\.no\.such"
done_testing
