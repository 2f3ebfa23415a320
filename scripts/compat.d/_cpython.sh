# _cpython.sh - CPython's own tests on the kernel's stack and on Alpine, side by side. Sourced by
# compat.
#
# Each module runs in a fresh network namespace (lo up), then under alpine-run in a lab of its own.
# A number of passed tests per column; under a line, what passed on the kernel and not here.
MODULES="test_socket test_select test_poll test_epoll test_selectors test_socketserver test_ftplib
	test_httplib test_httpservers test_smtplib test_poplib test_imaplib test_ssl test_telnetlib
	test_urllib2_localnet test_xmlrpc test_asyncio"
LIMIT=${COMPAT_LIMIT:-900} # seconds for a module
PYTHON=/usr/bin/python3.11

# A test's name is its class's path; its verdict stands at the end of that line or a later one.
passed() {
	awk '/^test[A-Za-z0-9_]* \(/ { name = $1 " " $2 } / ?ok$/ && name != "" { print name; name = "" }' "$1" | sort -u
}

# reason TEST: why it may differ.
reason() {
	case $1 in
	*IPv6* | *ipv6* | *IPV6* | *UDP6* | *UDPLITE6* | *Inet6* | *RFC3542* | test_tcp6* | *dual_stack* | *flowinfo* | *no_matching_family*)
		echo "no IPv6 sockets yet" ;;
	*connect_racing*) echo "skips itself: a non-blocking connect that was refused is not tried again on that socket" ;;
	*) echo "UNEXPLAINED" ;;
	esac
}

# What cpython printed, on standard input, as the page has it.
cpython_section() {
	printf "\n## CPython's tests\n\n"
	printf "Debian's libpython3.11-testsuite: how many tests passed on the kernel's stack and on this one, by\n"
	printf '`scripts/compat --page cpython`. The exceptions passed on the kernel alone; `scripts/compat cpython` names\n'
	printf 'each of them.\n\n| module | kernel | alpine | exceptions |\n|---|---|---|---|\n'
	awk 'function row(  r, text) {
			for (r in why)
				text = text (text == "" ? "" : "; ") why[r] " " r
			if (module != "")
				printf "| %s | %s | %s |\n", module, columns, text == "" ? "none" : text
			delete why
		}
		/^test_/ { row(); module = $1; columns = $2 " | " $3 }
		/^ / { sub(/^.*\): /, ""); why[$0]++ }
		END { row() }'
}

cpython() { # cpython [MODULE..]; with --page all of them, into the page
	local status
	if [ "$page" = 0 ]; then
		compare_columns "$@"
		return
	fi
	[ $# = 0 ] || die "--page cpython takes no modules: the page has them all"
	ROWS=$(mktemp -d)
	(compare_columns) | tee "$ROWS/cpython.out"
	status=${PIPESTATUS[0]}
	if grep -q '^test_' "$ROWS/cpython.out"; then
		cpython_section <"$ROWS/cpython.out" >"$ROWS/cpython.md"
		write_page
	fi
	rm -rf "$ROWS"
	return "$status"
}

compare_columns() {
	local m bad=0 run=("$PYTHON" -m test -u network -v --timeout=600 -i '*VSOCK*')
	[ $# -gt 0 ] || set -- $MODULES
	need_root ${arguments[@]+"${arguments[@]}"}
	need_packages $PKG_BUILD $PKG_LAB libpython3.11-testsuite
	build all
	DIR=$(mktemp -d) LAB=cpython$$
	trap '"$ALPINE_TOP/scripts/lab" down --name "$LAB"; rm -rf "$DIR"' EXIT
	trap 'exit 1' INT TERM
	"$ALPINE_TOP/scripts/lab" up --name "$LAB" && "$ALPINE_TOP/scripts/lab" alpined --name "$LAB" || exit 1
	cd "$DIR" || exit 1
	printf '%-24s %8s %8s\n' module kernel alpine
	for m in "$@"; do
		timeout -k 5 "$LIMIT" unshare --net sh -c 'ip link set lo up; exec "$@"' sh "${run[@]}" "$m" \
			>kernel.out 2>&1 </dev/null
		timeout -k 5 "$LIMIT" "$ALPINE_TOP/scripts/lab" run --name "$LAB" "${run[@]}" "$m" \
			>alpine.out 2>&1 </dev/null
		passed kernel.out >kernel.ok
		passed alpine.out >alpine.ok
		printf '%-24s %8d %8d\n' "$m" "$(wc -l <kernel.ok)" "$(wc -l <alpine.ok)"
		while read -r t; do
			why=$(reason "$t")
			[ "$why" = UNEXPLAINED ] && bad=1
			printf '    %s: %s\n' "$t" "$why"
		done < <(comm -23 kernel.ok alpine.ok)
	done
	return $bad
}

