#!/bin/sh
# long_attach.t - tap_attach.t killed and failed at every change, and tap_session.t 100 times. The long suite.
cd "$(dirname "$0")" || exit 1
if [ "${ALPINE_BUILD:-build}" != build ]; then
	echo "1..0 # skip it is run for the plain build"
	exit 0
fi
n=0 bad=0
step() { # step NAME COMMAND...: one test, whose own output is a comment
	name=$1 n=$((n + 1))
	shift
	if "$@" >/tmp/long_attach.$$ 2>&1; then
		echo "ok $n - $name"
		grep -E '^# (attach|detach):' /tmp/long_attach.$$
	else
		echo "not ok $n - $name"
		grep -v '^ok' /tmp/long_attach.$$ | sed 's/^/# /'
		bad=1
	fi
	rm -f /tmp/long_attach.$$
}
step "killed and failed at every change" env T_LONG=1 ./tap_attach.t
step "100 times attached and detached, with traffic" env T_TIMES=100 ./tap_session.t
echo "1..$n"
exit $bad
