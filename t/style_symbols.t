#!/bin/bash
# No global symbol of the kernel world has a name that libc has too: in one process, one would win.
cd "$(dirname "$0")/.." || exit 1
B=${ALPINE_BUILD:-build}
objs=$(ls $B/obj/kernel_glue/*.o $B/obj/bsdnet/*/*.o $B/obj/bsdnet/netinet/cc/*.o $B/obj/tapbridge/*.o $B/obj/rpc/bsd/*.o 2>/dev/null)
[ -n "$objs" ] || { echo "1..0 # SKIP nothing is built; type: make"; exit 0; }
ours=$(nm -g --defined-only $objs | awk 'NF == 3 {print $3}' | grep -vx -e main -e '__asan.*' -e '__odr_asan.*' | sort -u)
libs=$(ldconfig -p | awk '/x86-64|aarch64/ && /lib(c|m|pthread|nl-3|nl-route-3|cap|pcap)\.so/ {print $NF}')
theirs=$(nm -gD --defined-only $libs 2>/dev/null | awk 'NF == 3 {sub(/@.*/, "", $3); print $3}' | sort -u)
both=$(comm -12 <(echo "$ours") <(echo "$theirs"))
echo 1..1
if [ -z "$both" ]; then echo "ok 1 - $(wc -l <<<"$ours") symbols, none of them libc's"; else
	echo "not ok 1 - names of libc's"; sed 's/^/# /' <<<"$both"; exit 1
fi
