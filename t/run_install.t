#!/bin/bash
# What `make install` puts where: files, pages, the unit, completion; that the pages tell of every
# option, key and variable; and that `make uninstall` takes it back.
set -u
cd "$(dirname "$0")/.." || exit 1
B=${ALPINE_BUILD:-build}
B=${B##*/}
export ASAN_OPTIONS=${ASAN_OPTIONS:-detect_leaks=0}
D=$(mktemp -d)
trap 'rm -rf "$D"' EXIT
N=0 BAD=0
check() { # check NAME OFFENDERS: passes when there are none
	N=$((N + 1))
	if [ -z "$2" ]; then echo "ok $N - $1"; else echo "not ok $N - $1"; sed 's/^/# /' <<<"$2" | head -20; BAD=1; fi
}
lines() { sort | uniq; }
missing() { comm -23 <(lines <<<"$1") <(lines <<<"$2"); }

# Nothing is compiled here: what is there is installed.
san=()
[ "$B" = build-sanitize ] && san=(SANITIZE=1)
ls_all() { (cd "$D" && find . -type f -o -type l | sort); }
check "make install" "$(make -s "${san[@]}" -o all install DESTDIR="$D" PREFIX=/usr 2>&1)"
check "the files are there" "$(missing "./usr/sbin/alpined
./usr/sbin/alpinectl
./usr/bin/alpine-run
./usr/lib/alpine/libalpine.so
./usr/share/man/man1/alpine-run.1
./usr/share/man/man4/alpine.4
./usr/share/man/man5/alpine.conf.5
./usr/share/man/man8/alpined.8
./usr/share/man/man8/alpinectl.8
./usr/share/bash-completion/completions/alpinectl
./usr/share/bash-completion/completions/alpined
./usr/share/bash-completion/completions/alpine-run
./usr/lib/systemd/system/alpined@.service
./usr/lib/sysusers.d/alpine.conf
./usr/share/doc/alpine/examples/alpine.conf
./usr/share/doc/alpine/examples/networkmanager.conf" "$(ls_all)")"
alpined=$D/usr/sbin/alpined

# ---- pages
if command -v mandoc >/dev/null; then
	# which other pages are here is the machine's business; alpine.4's list is made of descriptions
	check "the pages are well formed" \
		"$(mandoc -Tlint "$D"/usr/share/man/man?/* 2>/dev/null | grep -v -e 'referenced manual not found' -e 'alpine.4:.*STYLE')"
else
	echo "# mandoc is not installed: the pages' form is not looked at"
fi
page() { sed 's/\\-/-/g' "$D/usr/share/man/man$1/$2.$1"; }
long_options() { "$1" --help | grep -oE -- '--[a-z][a-z-]+' | sed 's/^--//' | lines; }
check "alpined.8 tells of every option" "$(for o in $(long_options "$alpined"); do page 8 alpined | grep -q -- "-$o\b" || echo "$o"; done)"
check "alpinectl.8 tells of every command" \
	"$(for c in $("$D/usr/sbin/alpinectl" --help | sed -n 's/^  \([a-z]*\).*/\1/p' | lines); do page 8 alpinectl | grep -q "Cm $c\b" || echo "$c"; done)"
keys=$(long_options "$alpined" | grep -vxE 'config|check|describe|restore|ready-fd|version|help')
check "alpine.conf.5 tells of every key" "$(for k in $keys interface address; do page 5 alpine.conf | grep -q "^.It Cm $k$" || echo "$k"; done)"
known=$(for k in $keys; do
	case $k in dns | sysctl | module) v='{}' ;; debug-clock | no-confine) v=false ;; *) v= ;; esac
	[ -n "$v" ] || continue
	echo "$k = $v" >"$D/key.conf"
	"$alpined" --config "$D/key.conf" --check 2>&1 | grep -q 'no such option' && echo "$k"
done)
check "and alpined knows them" "$known"
vars=$("$alpined" --describe)
check "every variable has a description" "$(grep -E ': *$' <<<"$vars")"
check "alpine.4 tells of every variable" "$(missing "$(cut -d: -f1 <<<"$vars")" "$(page 4 alpine | sed -n 's/^.It Va //p')")"
check "and of no other" "$(missing "$(page 4 alpine | sed -n 's/^.It Va //p')" "$(cut -d: -f1 <<<"$vars")")"

# ---- alpine.conf
conf() { printf '%s\n' "$@" >"$D/try.conf"; "$alpined" --config "$D/try.conf" --check 2>&1; }
want() { # want NAME REGEX LINE...: what --check says
	local name=$1 re=$2
	shift 2
	check "$name" "$(conf "$@" | grep -Evq -- "$re" && conf "$@"; conf "$@" | grep -Eq -- "$re" || echo "no: $re")"
}
sed 's/eth0/lo/' "$D/usr/share/doc/alpine/examples/alpine.conf" >"$D/example.conf"
check "the example is valid" "$("$alpined" --config "$D/example.conf" --check 2>&1 | grep -v 'no errors')"
want "an unknown key: file and line" "try.conf:3: no such option 'mut'; alpine.conf\(5\)" '# one' 'interface = lo' 'mut = 3'
want "a bad value: file, line, what was expected" "try.conf:2: MTU 3 is not a number from 576 to 65521" 'interface = lo' 'mtu = 3'
want "a bad list member" "try.conf:3: name server nobody is not an IPv4 address" 'dns = {' '10.0.0.1,' 'nobody }'
want "a quote in a comment" "try.conf:2: mode 0999" '# it'"'"'s "so' 'mode = 0999'
good='interface = lo
address = 10.0.0.9/24'
want "a sysctl that is not there" "net.inet.tcp.nosuch=1: no variable named net.inet.tcp.nosuch; alpined --describe" "$good" 'sysctl = { "net.inet.tcp.nosuch=1" }'
want "a value that it does not take" "ttl=256: invalid value; alpined --describe" "$good" 'sysctl = { "net.inet.ip.ttl=256" }'
want "one that is read only" "available=x: it is read only; " "$good" 'sysctl = { "net.inet.tcp.cc.available=x" }'
want "a user that is not there" "no such user: nobody-there; make it: useradd" "$good" 'user = nobody-there'
want "a TAP and an interface" "--tap tap9 attaches nothing, lo would have to be; leave one" "$good" 'tap = tap9'
want "an unfinished list" "try.conf:[12]: " 'dns = { 10.0.0.1'
want "a flag that is none" "try.conf:1: invalid boolean value" 'no-confine = perhaps'
want "the command line is asked too" "no interface and address given" '# nothing'
echo 'interface = lo
address = 10.0.0.9/24' >"$D/try.conf"
check "what follows on the command line wins" "$("$alpined" --config "$D/try.conf" --gateway 10.9.0.1 --check 10.9.0.2/24 2>&1 | grep -v 'no errors')"
check "a file that is not there" "$("$alpined" --config "$D/none.conf" 2>&1 | grep -v 'none.conf: No such file or directory; give its name with --config')"

# ---- the unit
unit=$D/usr/lib/systemd/system/alpined@.service
check "the unit names what is installed" "$(grep -c '^Exec.*=/usr/sbin/alpined ' "$unit" | grep -vx 2)"
if command -v systemd-analyze >/dev/null; then
	sed "s,/usr/sbin/,$D/usr/sbin/,; /^Documentation/d" "$unit" >"$D/alpined@.service"
	cp "$D/alpined@.service" "$D/alpined@check.service"
	check "systemd has nothing against it" "$(systemd-analyze verify --man=no "$D/alpined@check.service" 2>&1 | grep -i alpined)"
else
	echo "# systemd-analyze is not installed: the unit is not verified"
fi

# ---- completion
complete_for() { # complete_for LINE: what bash offers behind it
	bash -c '
		. "$1"; export PATH="$2/usr/sbin:$2/usr/bin:$PATH"
		COMP_WORDS=($3); case "$3" in *" ") COMP_WORDS+=("") ;; esac
		COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
		"_${COMP_WORDS[0]//-/_}"; printf "%s\n" "${COMPREPLY[@]}"' - \
		"$D/usr/share/bash-completion/completions/alpinectl" "$D" "$1" 2>&1
}
check "completion: commands" "$(complete_for 'alpinectl ne' | grep -vx netstat)"
check "of route" "$(complete_for 'alpinectl -n x route fl' | grep -vx flush)"
check "of alpined's options" "$(complete_for 'alpined --conf' | grep -vx -- --config)"
check "all commands are known to it" "$(missing "$("$D/usr/sbin/alpinectl" --help | sed -n 's/^  \([a-z]*\).*/\1/p')" "$(complete_for 'alpinectl ')")"

# ---- back
rm -f "$D"/*.conf "$D"/*.service
check "CONFDIR, for those who may not make /etc/alpine" "$(make -s "${san[@]}" -o all install PREFIX="$D/home" CONFDIR="$D/home/etc" 2>&1; test -d "$D/home/etc" || echo missing; rm -rf "$D/home")"
touch "$D/etc/alpine/lan.conf"
check "make uninstall leaves nothing but what is not its own" "$(make -s uninstall DESTDIR="$D" PREFIX=/usr 2>&1; ls_all | grep -vx ./etc/alpine/lan.conf)"
rm "$D/etc/alpine/lan.conf"
check "nor /etc/alpine, empty; a second time is no error" "$(make -s uninstall DESTDIR="$D" PREFIX=/usr 2>&1; find "$D" -path '*alpine*')"
echo "1..$N"
exit $BAD
