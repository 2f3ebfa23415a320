# env.sh - what the tests of alpine-sim (t/sim_*.t) share. Sourced by bash, from the top folder.
B=${ALPINE_BUILD:-build}
SIM=$B/bin/alpine-sim
EX=t/sim/examples
export ASAN_OPTIONS=${ASAN_OPTIONS:-detect_leaks=0:abort_on_error=1}
N=0 FAILED=0
TMP=$(mktemp -d)
trap 'rm -rf "$TMP"' EXIT
ok() { # ok NAME COMMAND...: does it succeed?
	local name=$1 out
	shift
	N=$((N + 1))
	if out=$("$@" 2>&1); then echo "ok $N - $name"; else
		echo "not ok $N - $name"
		printf '%s\n' "$* failed:" "$out" | head -n 20 | sed 's/^/# /'
		FAILED=$((FAILED + 1))
	fi
}
is() { # is NAME GOT WANT
	N=$((N + 1))
	if [ "$2" = "$3" ]; then echo "ok $N - $1"; else
		echo "not ok $N - $1"
		printf 'got:  %s\nwant: %s\n' "$2" "$3" | sed 's/^/# /'
		FAILED=$((FAILED + 1))
	fi
}
like() { # like NAME GOT REGEX
	if grep -Eq -- "$3" <<<"$2"; then is "$1" 1 1; else is "$1" "$2" "$3"; fi
}
skip() { # skip NAME WHY
	N=$((N + 1))
	echo "ok $N - $1 # SKIP $2"
}
finish() {
	echo "1..$N"
	[ $FAILED = 0 ]
	exit
}
# json FILE EXPRESSION: of a summary, d; flow(name), line(link, from)
json() {
	/usr/bin/python3 - "$1" "$2" <<'END'
import json, sys
d = json.load(open(sys.argv[1]))
def flow(name): return next(f for f in d["flows"] if f["name"] == name)
def line(link, frm): return next(l for l in d["lines"] if l["link"] == link and l["from"] == frm)
print(eval(sys.argv[2]))
END
}
# other_build: the other build's folder, if it is there and of the same sources
other_build() {
	local o=build-sanitize s=SANITIZE=1
	[ "$B" != build ] && o=build s=
	[ -x $o/bin/alpine-sim ] && make -q $s $o/bin/alpine-sim >/dev/null 2>&1 && echo $o
}
[ -x "$SIM" ] || { echo "1..0 # SKIP alpine-sim is not built; type: make"; exit 0; }
