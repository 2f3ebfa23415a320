#!/bin/bash
# What the socket calls answer, thousands of lines of it, on the kernel's own stack and on Alpine: the
# same, but for t/sockapi/exceptions.
. "$(dirname "$0")/lib/lab.sh"
PROG=$TOP/build/t/prog_sockapi # plain in every build: the shim is
[ -x "$PROG" ] || skip_all "build/t/prog_sockapi is not built: make tests"
lab_start
grep -v -e '^#' -e '^$' "$TOP/t/sockapi/exceptions" >"$TMP/exceptions"
# AF_UNIX says POLLWRBAND wherever it says POLLOUT; TCP never does
plain() { sed 's/|WRBAND//'; }
both() { # both TOPIC...
	unshare --net sh -c 'ip link set lo up; exec "$@"' sh timeout 240 "$PROG" "$@" >"$TMP/$1.kernel" 2>&1 </dev/null &
	stack timeout 240 "$PROG" "$@" >"$TMP/$1.alpine" 2>&1 </dev/null
	wait $!
}
# few at a time: what is compared is what is ready after a while, on a machine that keeps up
for topics in "socket names" options "stream ends" "dgram message" "ready epoll" wait "bad ioctl" "mcast fdcalls"; do
	set -- $topics
	both "$@" &
	[ "$(jobs -rp | wc -l)" -lt 4 ] || wait -n
done
wait $(jobs -p)
both errqueue raw # alone: a raw socket sees what the others' datagrams come to
for topic in socket options stream dgram ready wait bad mcast errqueue; do
	diff <(plain <"$TMP/$topic.kernel") <(plain <"$TMP/$topic.alpine") | sed -n 's/^\([<>]\) \(.*\)/\2  (\1)/p' |
		grep -Evf "$TMP/exceptions" >"$TMP/$topic.diff"
	ok "$topic: $(wc -l <"$TMP/$topic.kernel") answers" test "$(wc -l <"$TMP/$topic.kernel")" -gt 10
	is "$topic: the same (< kernel's, > Alpine's)" "$(head -n 40 "$TMP/$topic.diff")" ""
done
# the kernel's are for a group of users, ours for everybody
ping_socket() { stack setpriv --reuid=65534 --regid=65534 --clear-groups timeout 240 "$PROG" raw; }
is "an ordinary user's echo request, its reply, its length" \
	"$(ping_socket | sed -n 's/^raw type 2: \(ping\|an answer\|its length\): //p' | xargs)" "24 1 24"
ctl sysctl net.inet.icmp.ping_users=0 >"$TMP/ctl.out" 2>&1
is "unless net.inet.icmp.ping_users is 0" "$(ping_socket | grep -c 'type 2: ICMP socket: -1 EACCES')" 1
done_testing
