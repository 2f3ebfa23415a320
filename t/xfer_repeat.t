#!/usr/bin/env bash
# xfer_repeat.t - the same seed gives the same frames at the same times, in every run and in every
# build: nothing in the stack, the wire or the tests may depend on addresses, the allocator, the
# compiler's order of evaluation or memory that nobody wrote.
set -u
cd "$(dirname "$0")/.." || exit 1
seed=20011126
frames() # BUILD ROUND
{
	ASAN_OPTIONS=detect_leaks=0 timeout 120 "$1/t/xfer_tcp" $seed "$2" 2>/dev/null |
		sed -n 's/^# frames //p'
}
if [ ! -x build/t/xfer_tcp ] || [ ! -x build-sanitize/t/xfer_tcp ]; then
	echo "1..0 # skip not both builds are there (make tests; make SANITIZE=1 tests)"
	exit 0
fi
# one build may be of older sources (scripts/check --fast makes only the plain one)
if ! make -q build/t/xfer_tcp 2>/dev/null || ! make -q SANITIZE=1 build-sanitize/t/xfer_tcp 2>/dev/null; then
	echo "1..0 # skip the builds are not both of these sources (make tests; make SANITIZE=1 tests)"
	exit 0
fi
rounds=(1 4 12)
echo "1..${#rounds[@]}"
n=0 failed=0
for r in "${rounds[@]}"; do
	n=$((n + 1))
	a=$(frames build "$r") b=$(frames build "$r") c=$(frames build-sanitize "$r")
	if [ -n "$a" ] && [ "$a" = "$b" ] && [ "$a" = "$c" ]; then
		echo "ok $n - round $r: $a, twice, and sanitized"
	else
		echo "not ok $n - round $r: plain '$a', again '$b', sanitized '$c'"
		failed=1
	fi
done
exit $failed
