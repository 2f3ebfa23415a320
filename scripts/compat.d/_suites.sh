# _suites.sh - test suites of libraries, from Debian's source packages, on the kernel's stack and on
# Alpine, side by side. Sourced by compat.
#
# A suite is fetched and built in a folder of its own under /tmp, and runs there: first in a fresh
# network namespace (lo up), then under alpine-run in a lab. A number of passed tests per column;
# under a line, what passed on the kernel and not here.
SUITES="libuv libevent tcl"
SUITE_LIMIT=${COMPAT_LIMIT:-600} # seconds for a run of one

suite_source() { # suite_source NAME: Debian's name of its source package
	case $1 in libuv) echo libuv1 ;; libevent) echo libevent ;; tcl) echo tcl8.6 ;; esac
}

# suite_build NAME: in the source's folder
suite_build() {
	case $1 in
	libuv) cmake -S . -B o -DBUILD_TESTING=ON && make -C o -j2 uv_run_tests ;;
	libevent)
		cmake -S . -B o -DEVENT__DISABLE_OPENSSL=ON -DEVENT__DISABLE_MBEDTLS=ON -DEVENT__LIBRARY_TYPE=STATIC \
			-DEVENT__DISABLE_SAMPLES=ON -DEVENT__DISABLE_BENCHMARK=ON && make -C o -j2 regress
		;;
	esac
}

# suite_command NAME: what runs it, in the source's folder, into $SUITE_COMMAND
suite_command() {
	case $1 in
	libuv) SUITE_COMMAND=(env UV_RUN_AS_ROOT=1 o/uv_run_tests) ;;
	libevent) SUITE_COMMAND=(o/bin/regress) ;;
	tcl) SUITE_COMMAND=(tclsh8.6 tests/all.tcl -singleproc 1 -verbose pass -file "socket.test http.test http11.test event.test") ;;
	esac
}

# suite_passed NAME FILE: the names of the tests that passed, sorted
suite_passed() {
	case $1 in
	libuv) sed -n '/# SKIP/d; s/^ok [0-9]* - //p' "$2" ;;
	libevent) sed -n 's/^ *\([a-z0-9_]*\/[A-Za-z0-9_]*\): .*OK$/\1/p' "$2" ;;
	tcl) sed -n 's/^++++ \(.*\) PASSED$/\1/p' "$2" ;;
	esac | sort -u
}

suite_reason() { # suite_reason TEST: why it may differ
	case $1 in
	*6* | *dual_stack* | *_early_bad_bind* | socket-15.1.[2578]) echo "no IPv6 sockets yet" ;;
	getaddrinfo_fail*) echo "the lab's name server is silent" ;;
	*) echo "UNEXPLAINED" ;;
	esac
}

suite_fetch() { # suite_fetch NAME: its source in $DIR/NAME, built
	local apt=(-o Dir::State::lists="$DIR/lists" -o Dir::Cache="$DIR" -o Dir::Etc::sourcelist="$DIR/sources.list"
		-o Dir::Etc::sourceparts=- -o APT::Sandbox::User=root)
	local code

	if [ ! -e "$DIR/sources.list" ]; then
		code=$(. /etc/os-release && echo "$VERSION_CODENAME")
		echo "deb-src [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian $code main" \
			>"$DIR/sources.list"
		mkdir -p "$DIR/lists/partial" "$DIR/archives/partial"
		apt-get -qq "${apt[@]}" update || die "cannot fetch the list of Debian's source packages"
	fi
	(cd "$DIR" && apt-get -qq "${apt[@]}" source "$(suite_source "$1")" && mv -- *-*/ "$1" && rm -f -- *.tar.* *.dsc &&
		cd "$1" && suite_build "$1") >"$DIR/$1.build" 2>&1 ||
		{ tail -n 5 "$DIR/$1.build" >&2; die "$1 cannot be built"; }
}

suite_run() { # suite_run NAME COLUMN COMMAND...
	local name=$1 column=$2
	shift 2
	suite_command "$name"
	(cd "$DIR/$name" && timeout -k 5 "$SUITE_LIMIT" "$@" "${SUITE_COMMAND[@]}") \
		>"$DIR/$name.$column" 2>&1 </dev/null
	suite_passed "$name" "$DIR/$name.$column" >"$DIR/$name.$column.ok"
}

compare_suites() { # compare_suites NAME...
	local s t why bad=0
	need_root
	need_packages $PKG_BUILD $PKG_LAB dpkg-dev cmake tcl8.6
	build all
	DIR=$(mktemp -d) LAB=suites$$
	trap '"$ALPINE_TOP/scripts/lab" down --name "$LAB"; rm -rf "$DIR"' EXIT
	trap 'exit 1' INT TERM
	"$ALPINE_TOP/scripts/lab" up --name "$LAB" && "$ALPINE_TOP/scripts/lab" alpined --name "$LAB" || exit 1
	printf '%-12s %-20s %8s %8s\n' suite version kernel alpine
	for s in "$@"; do
		suite_fetch "$s"
		suite_run "$s" kernel unshare --net sh -c 'ip link set lo up; exec "$@"' sh
		suite_run "$s" alpine "$ALPINE_TOP/scripts/lab" run --name "$LAB"
		printf '%-12s %-20s %8d %8d\n' "$s" "$(cd "$DIR/$s" && dpkg-parsechangelog -S Version)" \
			"$(wc -l <"$DIR/$s.kernel.ok")" "$(wc -l <"$DIR/$s.alpine.ok")"
		while read -r t; do
			why=$(suite_reason "$t")
			[ "$why" = UNEXPLAINED ] && bad=1
			printf '    %s: %s\n' "$t" "$why"
		done < <(comm -23 "$DIR/$s.kernel.ok" "$DIR/$s.alpine.ok")
	done
	return $bad
}

# What compare_suites printed, on standard input, as the page has it.
suites_section() {
	printf '\n## Suites of libraries\n\n'
	printf "From Debian's source packages: how many tests passed on the kernel's stack and on this one, by\n"
	printf '`scripts/compat --page suites`. The exceptions passed on the kernel alone; `scripts/compat suites` names\n'
	printf 'each of them.\n\n| suite | version | kernel | alpine | exceptions |\n|---|---|---|---|---|\n'
	awk 'function row(  r, text) {
			for (r in why)
				text = text (text == "" ? "" : "; ") why[r] " " r
			if (suite != "")
				printf "| %s | %s | %s |\n", suite, columns, text == "" ? "none" : text
			delete why
		}
		/^[a-z]/ && $1 != "suite" { row(); suite = $1; columns = $2 " | " $3 " | " $4 }
		/^ / { sub(/^.*: /, ""); why[$0]++ }
		END { row() }'
}

suites() { # suites [NAME..]; with --page all of them, into the page
	local s status
	for s in "$@"; do
		case " $SUITES " in *" $s "*) ;; *) die "no such suite: $s; there are: $SUITES" ;; esac
	done
	if [ "$page" = 0 ]; then
		[ $# -gt 0 ] || set -- $SUITES
		compare_suites "$@"
		return
	fi
	[ $# = 0 ] || die "--page suites takes no names: the page has them all"
	ROWS=$(mktemp -d)
	(compare_suites $SUITES) | tee "$ROWS/suites.out"
	status=${PIPESTATUS[0]}
	if grep -q '^libuv' "$ROWS/suites.out"; then
		suites_section <"$ROWS/suites.out" >"$ROWS/suites.md"
		write_page
	fi
	rm -rf "$ROWS"
	return "$status"
}
