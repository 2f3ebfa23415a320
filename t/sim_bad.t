#!/bin/bash
# What is wrong in a scenario is told with its file and line, and what was expected; nothing crashes.
cd "$(dirname "$0")/.." || exit 1
. t/sim/env.sh
bad() { # bad NAME LINE REGEX: the scenario on stdin; line 0 the whole file
	local out
	cat >"$TMP/bad.conf"
	out=$("$SIM" "$TMP/bad.conf" 2>&1)
	is "$1: 2" "$?" 2
	if [ "$2" = 0 ]; then like "$1" "$out" "bad.conf: .*$3"; else like "$1" "$out" "bad.conf:$2: .*$3"; fi
}
OK=$'host a {}\nhost b {}\nlink w { ends = {a, b} rate = 10Mbit }'
F='bulk f { from = a to = b bytes = 1kB }'
bad "no such section" 1 'no such option .hosts.; expected one of: seed duration .* host router' <<<'hosts a {}'
bad "no such option" 2 'no such option .adress.; expected in "host a" one of: count sysctl' <<<$'host a {\n adress = 1\n}'
bad "no value" 3 'unexpected token' <<<$'host a {\n count =\n}'
bad "a brace too few" 1 'the . of this line has no .; expected one' <<<$'host a {\n count = 3\n'
bad "twice the same" 3 'count is given a second time; the first is in line 2' <<<$'host a {\n count = 3\n count = 4\n}'
bad "twice the same host" 2 "duplicate title" <<<$'host a {}\nhost a {}'
bad "a host and a router" 2 'there is a host or router of that name' <<<$'host a {}\nrouter a {}'
bad "a bad name" 1 'expected a name of letters' <<<'host "1a" {}'
bad "a long name" 1 'expected a name of letters' <<<'host abcdefghijklmnopqrstuvwxyz {}'
bad "not a number" 2 'count = many: expected a whole number' <<<$'host a {\n count = many\n}'
bad "out of range" 1 'count = 0: expected 1 to 65536' <<<'host a { count = 0 }'
bad "not a time" 3 'delay = 5: expected a time with its unit' <<<$'host a {}\nhost b {}\nlink w { ends = {a, b} delay = 5 }'
bad "not a rate" 3 'rate = 10Mb: expected a rate in bits per second' <<<$'host a {}\nhost b {}\nlink w { ends = {a, b} rate = 10Mb }'
bad "a rate of nothing" 3 'rate = 0Mbit: expected more than 0' <<<$'host a {}\nhost b {}\nlink w { ends = {a, b} rate = 0Mbit }'
bad "a time too short" 1 'interval = 0s: expected 1000ns to' <<<$'interval = 0s'
bad "not a chance" 3 'duplicate = 110%: expected a chance' <<<$'host a {}\nhost b {}\nlink w { ends = {a, b} duplicate = 110% }'
bad "not yes or no" 3 'pcap = maybe: expected yes or no' <<<$'host a {}\nhost b {}\nlink w { ends = {a, b} pcap = maybe }'
bad "no such host" 2 'c: expected the name of a host or router' <<<$'host a {}\nlink w { ends = {a, c} }'
bad "one end" 2 'expected ends = .HOST, HOST' <<<$'host a {}\nlink w { ends = {a} }'
bad "no ends" 2 'expected ends' <<<$'host a {}\nlan w { rate = 1Mbit }'
bad "both ends one host" 2 'both ends are a' <<<$'host a {}\nlink w { ends = {a, a} }'
bad "groups of different size" 3 '2 hosts to 3; expected as many, or one' <<<$'host a { count = 2 }\nhost b { count = 3 }\nlink w { ends = {a, b} }'
bad "an address that is none" 3 'expected HOST or HOST@ADDRESS' <<<$'host a {}\nhost b {}\nlink w { ends = {a@10.0.0.256, b} }'
bad "an address outside its network" 5 'no host.s address in 10.1.0.0/24' <<<$'host a {}\nhost b {}\nlink w {\n network = 10.1.0.0/24\n ends = {a@10.2.0.1, b}\n}'
bad "the same address twice" 3 'the address of two ends' <<<$'host a {}\nhost b {}\nlink w { ends = {a@10.0.0.1, b@10.0.0.1} }'
bad "a network with host bits" 3 'network = 10.0.0.1/24: expected ADDRESS/LENGTH' <<<$'host a {}\nhost b {}\nlink w { ends = {a, b} network = 10.0.0.1/24 }'
bad "networks that overlap" 4 'overlap' <<<$'host a {}\nhost b {}\nlink w { ends = {a, b} network = 10.1.0.0/24 }\nlink v { ends = {a, b} network = 10.1.0.128/25 }'
bad "a network too small" 2 'expected a wider network' <<<$'host a { count = 7 }\nlan w { ends = {a} network = 10.1.0.0/29 }'
bad "a queue of no kind" 3 'expected droptail, red or codel' <<<$'host a {}\nhost b {}\nlink w { ends = {a, b} rate = 1Mbit queue fifo { limit = 10p } }'
bad "a queue without a rate" 3 'a line without a rate has none' <<<$'host a {}\nhost b {}\nlink w { ends = {a, b} queue droptail { limit = 10p } }'
bad "a limit without its unit" 3 'limit = 10: expected packets or bytes' <<<$'host a {}\nhost b {}\nlink w { ends = {a, b} rate = 1Mbit queue droptail { limit = 10 } }'
bad "RED upside down" 3 'expected 0 < min < max' <<<$'host a {}\nhost b {}\nlink w { ends = {a, b} rate = 1Mbit queue red { min = 30p max = 10p } }'
bad "RED in two units" 3 'both in packets or both in bytes' <<<$'host a {}\nhost b {}\nlink w { ends = {a, b} rate = 1Mbit queue red { min = 30p max = 10kB } }'
bad "CoDel's for RED" 3 'target is for queue codel' <<<$'host a {}\nhost b {}\nlink w { ends = {a, b} rate = 1Mbit queue red { target = 5ms } }'
bad "a loss of no kind" 3 'expected random, gilbert or scripted' <<<$'host a {}\nhost b {}\nlink w { ends = {a, b} loss some { rate = 1% } }'
bad "a loss without a rate" 3 '"rate" is missing; expected rate = a chance' <<<$'host a {}\nhost b {}\nlink w { ends = {a, b} loss random { } }'
bad "packets of a random loss" 3 'packets is for loss scripted' <<<$'host a {}\nhost b {}\nlink w { ends = {a, b} loss random { rate = 1% packets = {3} } }'
bad "packet 0" 3 "expected a packet's number" <<<$'host a {}\nhost b {}\nlink w { ends = {a, b} loss scripted { packets = {0} } }'
bad "a range backwards" 3 "expected a packet's number" <<<$'host a {}\nhost b {}\nlink w { ends = {a, b} loss scripted { packets = {9-5} } }'
bad "datagrams at no rate" 4 'rate = 0bit: expected more than 0' <<<"$OK"$'\nonoff f { from = a to = b protocol = udp rate = 0bit stop = 1s }'
bad "traffic without end in no time" 0 'time stands still at 0.0.* expected rate = ... or delay' <<<$'duration = 1s\nhost a {}\nhost b {}\nlink w { ends = {a, b} }\nbulk f { from = a to = b }'
bad "no traffic and no end" 0 'expected duration' <<<"$OK"
bad "traffic without an end" 4 'never ends; expected stop = ..., bytes = ' <<<"$OK"$'\nbulk f { from = a to = b }'
bad "from nobody" 4 '"from" is missing' <<<"$OK"$'\nbulk f { to = b }'
bad "to oneself" 4 'from and to are both a' <<<"$OK"$'\nbulk f { from = a to = a bytes = 1kB }'
bad "stop before start" 4 'expected a time after start' <<<"$OK"$'\nbulk f { from = a to = b start = 2s stop = 1s }'
bad "an option of another kind of flow" 4 'no such option .think.' <<<"$OK"$'\nbulk f { from = a to = b think = 1s }'
bad "no such algorithm" 4 'cc = vegas2: expected' <<<"$OK"$'\nbulk f { from = a to = b bytes = 1kB cc = vegas2 }'
bad "no such socket option" 4 'sockopt TCP_FAST=1: no such option' <<<"$OK"$'\nbulk f { from = a to = b bytes = 1kB sockopt = {"TCP_FAST=1"} }'
bad "a socket option that is no number" 4 'sockopt TCP_NODELAY=yes: invalid value' <<<"$OK"$'\nbulk f { from = a to = b bytes = 1kB sockopt = {"TCP_NODELAY=yes"} }'
bad "a socket option without quotes" 4 'a value with = , or blanks in it stands in quotes' <<<"$OK"$'\nbulk f { from = a to = b bytes = 1kB sockopt = {TCP_NODELAY=1} }'
bad "a port that is taken" 5 'port 80 on b: address in use' <<<"$OK"$'\nbulk f { from = a to = b bytes = 1kB port = 80 }\nbulk g { from = a to = b bytes = 1kB port = 80 }'
bad "flows of one name" 5 'there is a flow of that name, in line 4' <<<"$OK"$'\nbulk f { from = a to = b bytes = 1kB }\nshort f { from = a to = b arrivals = 1/s size = 1kB count = 1 }'
bad "arrivals without a time" 4 'arrivals = 5: expected so many per time' <<<"$OK"$'\nshort f { from = a to = b arrivals = 5 size = 1kB count = 1 }'
bad "a size that is none" 4 'size = big: expected bytes' <<<"$OK"$'\nshort f { from = a to = b arrivals = 5/s size = big count = 1 }'
bad "no such sysctl" 1 'sysctl net.inet.nothing=1 on a: no such name' <<<$'host a { sysctl = {"net.inet.nothing=1"} }\n'"${OK#*$'\n'}"$'\n'"$F"
bad "a sysctl out of range" 2 'sysctl net.inet.ip.ttl=256 on b: invalid value' <<<$'host a {}\nhost b { sysctl = {"net.inet.ip.ttl=256"} }\nlink w { ends = {a, b} }\n'"$F"
bad "a sysctl without a value" 1 'expected NAME=VALUE' <<<$'host a { sysctl = {"net.inet.ip.ttl"} }'
bad "a module that is not there" 1 'module = none.so: .*cannot open' <<<$'host a { module = none.so }\n'"${OK#*$'\n'}"$'\n'"$F"
bad "a route that is none" 1 'routes: .*expected "NETWORK/LENGTH via ADDRESS"' <<<$'host a { routes = {"10.9.0.0/16 by 10.0.0.2"} }\n'"${OK#*$'\n'}"$'\n'"$F"
bad "a route by nobody" 1 'routes: .*unreachable' <<<$'host a { routes = {"10.9.0.0/16 via 192.0.2.1"} }\n'"${OK#*$'\n'}"$'\n'"$F"
bad "a host on no link" 5 'c is on no link or lan' <<<"$OK"$'\nhost c {}\nbulk f { from = a to = c bytes = 1kB }'
bad "an empty file" 0 'there is no host' </dev/null
bad "bytes that are no text" 1 '.' <<<$'\001\002\377 {{{{ = = }'
is "a file that is not there" "$("$SIM" /no/such.conf 2>&1)" "/no/such.conf: cannot read the scenario: No such file or directory"
like "two files" "$("$SIM" x y 2>&1)" '^alpine-sim: y: expected one scenario only; type: alpine-sim --help$'
like "none" "$("$SIM" 2>&1)" 'no scenario given; type: '
like "a replay's option" "$("$SIM" --listen 80 x 2>&1)" '--listen is for --replay, not for scenarios; type: '
like "a scenario's option" "$("$SIM" --replay x --json 2>&1)" '--json is for scenarios, not for --replay; type: '
like "a replay and a scenario" "$("$SIM" --replay x --host 10.0.0.1 y 2>&1)" 'y: --replay takes no scenario; type: '
is "no such option" "$("$SIM" --foo x 2>&1; echo $?)" "$SIM: unrecognized option '--foo'"$'\ntype: alpine-sim --help\n2'
is "a trace that is not there" "$("$SIM" --replay /no/such.pcap --host 10.0.0.1 2>&1)" \
	"alpine-sim: /no/such.pcap: No such file or directory; expected a pcap or pcapng file"
like "a folder that cannot be" "$("$SIM" -o /proc/x $EX/two-hosts.conf 2>&1)" 'cannot make the folder /proc/x'
printf '%s\n' "$OK" "$F" >"$TMP/good.conf"
like "from a pipe" "$("$SIM" - <"$TMP/good.conf")" '^f +cubic +1000 B|^f +cubic +1.00 kB'
ok "what is right runs" "$SIM" "$TMP/good.conf"
like "nobody answers: the flow says why" "$(printf 'host a {}\nhost b {}\nlink w { ends = {a, b} loss random { rate = 1 } }\n%s\n' "$F" >"$TMP/dead.conf"; "$SIM" "$TMP/dead.conf")" '^f .* failed 1: (connection timed out|host is down|host unreachable)'
finish
