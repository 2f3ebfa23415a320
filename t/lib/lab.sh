# lab.sh - for lab tests: a lab of our own, TAP output, everything removed in the end. Sourced.
#
# A test says `lab_start`, uses peer/machine/stack, reports with ok/is/like, ends with done_testing.
set -u
TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
export ALPINE_BUILD=${ALPINE_BUILD:-build}
case $ALPINE_BUILD in /*) ;; *) ALPINE_BUILD=$TOP/$ALPINE_BUILD ;; esac
export ALPINE_BUILD
export ASAN_OPTIONS=${ASAN_OPTIONS:-detect_leaks=0:abort_on_error=1:verify_asan_link_order=0}
export LC_ALL=C # what programs say is compared
LAB=${LAB:-t$$}
export ALPINE_LAB_NAME=$LAB
LABCMD=$TOP/scripts/lab
TMP=$(mktemp -d)
TESTS=0 FAILED=0

# What runs has the caller's standard error; bash itself, which would tell of each that is killed, has none.
peer() { "$LABCMD" peer --name "$LAB" "$@" 2>&19 19>&-; } 19>&2 2>/dev/null
machine() { "$LABCMD" machine --name "$LAB" "$@" 2>&19 19>&-; } 19>&2 2>/dev/null
stack() { "$LABCMD" run --name "$LAB" "$@" 2>&19 19>&-; } 19>&2 2>/dev/null
ctl() { "$LABCMD" ctl --name "$LAB" "$@" 2>&19 19>&-; } 19>&2 2>/dev/null
diag() { sed 's/^/# /' <<<"$*"; }

ok() { # ok NAME COMMAND...: passes when COMMAND does
	local name=$1
	shift
	TESTS=$((TESTS + 1))
	local status=0
	"$@" >"$TMP/ok.out" 2>&1 || status=$?
	if [ $status = 0 ]; then
		echo "ok $TESTS - $name"
	else
		echo "not ok $TESTS - $name"
		diag "status $status of: $*"
		tail -n 20 "$TMP/ok.out" | sed 's/^/# /'
		FAILED=$((FAILED + 1))
	fi
}
is() { # is NAME GOT WANT
	TESTS=$((TESTS + 1))
	if [ "$2" = "$3" ]; then
		echo "ok $TESTS - $1"
	else
		echo "not ok $TESTS - $1"
		diag "got:  $2"
		diag "want: $3"
		FAILED=$((FAILED + 1))
	fi
}
like() { # like NAME GOT REGEX
	TESTS=$((TESTS + 1))
	if grep -Eq -- "$3" <<<"$2"; then
		echo "ok $TESTS - $1"
	else
		echo "not ok $TESTS - $1"
		diag "got:     $2"
		diag "pattern: $3"
		FAILED=$((FAILED + 1))
	fi
}
skip_all() {
	echo "1..0 # SKIP $*"
	trap - EXIT
	rm -rf "$TMP"
	exit 0
}
need() { # need COMMAND...: skip with the reason when one is not installed
	local c
	for c in "$@"; do
		command -v "$c" >/dev/null || skip_all "$c is not installed"
	done
}
wait_for() { # wait_for SECONDS COMMAND...: until it succeeds; a minute, for a busy machine
	local end=$(($(date +%s) + $1))
	shift
	until "$@" >/dev/null 2>&1; do
		[ "$(date +%s)" -lt "$end" ] || return 1
		sleep 0.05
	done
}
lab_cleanup() {
	local status=$?
	if [ "$FAILED" -gt 0 ] || [ $status -ne 0 ]; then
		"$LABCMD" log --name "$LAB" 2>/dev/null | tail -n 30 | sed 's/^/# alpined: /'
	fi
	# not a word of bash for each of its jobs that ends with the lab
	exec 3>&2 2>/dev/null
	"$LABCMD" down --name "$LAB" 2>&3
	kill $(jobs -p)
	wait
	exec 2>&3 3>&-
	rm -rf "$TMP"
}
lab_start() { # lab_start [ALPINED-ARGS]
	[ "$(id -u)" = 0 ] || skip_all "needs root, or a user namespace: unshare -Ur $0"
	[ -c /dev/net/tun ] && [ -r /dev/net/tun ] || skip_all "/dev/net/tun cannot be opened here"
	trap lab_cleanup EXIT
	trap 'exit 1' INT TERM
	"$LABCMD" up --name "$LAB" || exit 1
	"$LABCMD" alpined --name "$LAB" "$@" || { echo "Bail out! alpined did not start"; exit 1; }
}
alpined_pid() { cat "${ALPINE_LAB_ROOT:-/run/alpine-lab}/$LAB/alpined.pid"; }
done_testing() {
	echo "1..$TESTS"
	[ "$FAILED" = 0 ]
	exit $?
}
