# bash completion for alpinectl(8), alpined(8) and alpine-run(1). Asks the running alpined for the
# names of its variables and interfaces.

_alpine_instances() {
	local dir
	for dir in ${ALPINE_RUNDIR:-/run/alpine ${XDG_RUNTIME_DIR:+$XDG_RUNTIME_DIR/alpine}}; do
		compgen -W "$(cd "$dir" 2>/dev/null && printf '%s\n' *.sock | sed -n 's/\.sock$//p' | grep -v '^\*$')" -- "$1"
	done
}

_alpinectl() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} word command='' target=() i
	COMPREPLY=()
	for ((i = 1; i < COMP_CWORD; i++)); do
		word=${COMP_WORDS[i]}
		case $word in
		-n | --name | -s | --socket) target=("$word" "${COMP_WORDS[i + 1]}"); i=$((i + 1)) ;;
		-*) ;;
		*) command=$word; break ;;
		esac
	done
	case $prev in
	-n | --name) mapfile -t COMPREPLY < <(_alpine_instances "$cur"); return ;;
	-s | --socket) mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
	esac
	local words=
	case $command in
	'') words="-n --name -s --socket -j --json -h --help -V --version arp doctor ifconfig netstat ping route status stop sysctl tcpdrop tcplog" ;;
	route)
		words="add change delete get show flush monitor"
		[ $((COMP_CWORD - i)) -gt 1 ] && words="default -net -host -netmask -ifp -interface -mtu -expire -reject -blackhole -static"
		;;
	ifconfig)
		words=$(alpinectl "${target[@]}" ifconfig 2>/dev/null | sed -n 's/^\([^ \t:]*\): flags.*/\1/p')
		[ $((COMP_CWORD - i)) -gt 1 ] && words="inet alias -alias netmask broadcast mtu up down"
		;;
	netstat) words="-an -rn -i -s -m -w -I -p -q" ;;
	arp) words="-an -s -d -a" ;;
	ping) words="-c -i -s -t -q" ;;
	tcpdrop) words="-a -l -s" ;;
	tcplog) words="start stop status" ;;
	sysctl) words="-a -d $(alpinectl "${target[@]}" sysctl -a 2>/dev/null | sed -n 's/^\([a-z][^:]*\): .*/\1/p')" ;;
	esac
	mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
}
complete -F _alpinectl alpinectl

_alpined() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
	case $prev in
	--config | -c | --pcap | -p | --socket | -s | --module) mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
	--user | -u) mapfile -t COMPREPLY < <(compgen -u -- "$cur"); return ;;
	--group) mapfile -t COMPREPLY < <(compgen -g -- "$cur"); return ;;
	--attach | -a) mapfile -t COMPREPLY < <(compgen -W "bridge bridge= macvtap packet tap=" -- "$cur"); return ;;
	--log-level | -l) mapfile -t COMPREPLY < <(compgen -W "emerg alert crit err warning notice info debug" -- "$cur"); return ;;
	esac
	case $cur in
	-*) mapfile -t COMPREPLY < <(compgen -W "$(alpined --help 2>/dev/null | grep -oE -- '--[a-z][a-z-]+' | sort -u)" -- "$cur") ;;
	*) mapfile -t COMPREPLY < <(cd /sys/class/net 2>/dev/null && compgen -W "$(echo *)" -- "$cur") ;;
	esac
}
complete -F _alpined alpined

_alpine_run() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
	case $prev in
	--name | -n) mapfile -t COMPREPLY < <(_alpine_instances "$cur"); return ;;
	esac
	case $cur in
	-*) mapfile -t COMPREPLY < <(compgen -W "$(alpine-run --help 2>/dev/null | grep -oE -- '--[a-z][a-z-]+' | sort -u)" -- "$cur") ;;
	*) mapfile -t COMPREPLY < <(compgen -c -- "$cur") ;;
	esac
}
complete -F _alpine_run -o default alpine-run
