#!/bin/bash
# Who may include whom: the table of the layout, checked against every #include.
cd "$(dirname "$0")/.." || exit 1
N=0 BAD=0
check() { # check NAME OFFENDERS
	N=$((N + 1))
	if [ -z "$2" ]; then echo "ok $N - $1"; else echo "not ok $N - $1"; sed 's/^/# /' <<<"$2"; BAD=1; fi
}
inc() { grep -nE '^[[:space:]]*#[[:space:]]*include' "$@" /dev/null; }
kernel=$(ls kernel_glue/kern_*.c kernel_glue/subr_*.c kernel_glue/uma_*.c kernel_glue/include/{sys,vm,net,machine}/*.h bsdnet/*/*.[ch] bsdnet/netinet/cc/*.[ch] tapbridge/if_*.c rpc/bsd/*.c t/packetdrill/pd_{if,sys}.c t/sim/sim_*.c t/sim/testmod/*.c 2>/dev/null)
allowed='<(sys|vm|net|netinet|netinet6|machine|host|bsd|kern)/|<(stdarg|stdbool|stddef|stdint)\.h>|"(tapbridge/(link|wire)|rpc/bsd/[a-z_]+|rpc/server/tcplog|rpc/wire|t/sim/(sim|sim_var|tcplog|replay))\.h"|"counters\.h"|"/usr/include/bsd/sys/(queue|tree)\.h"|"kernel_glue/include/host/|"t/packetdrill/pd_sys\.h"'
check "the kernel world includes kernel headers only" "$(inc $kernel | grep -vE "$allowed")"
check "kernel_glue knows nothing of the stack" \
	"$(inc kernel_glue/*.c kernel_glue/include/{sys,vm,net,machine}/*.h | grep -E '<(netinet6?|kern)/|<net/(if|route|radix|eth|netisr)|mbuf\.h|socketvar|protosw|domain\.h|"(rpc|tapbridge)/')"
check "libc is met in host_*.c only" \
	"$(inc $(ls kernel_glue/*.c | grep -v /host_) | grep -E '<(stdio|stdlib|string|unistd|errno|pthread|time|signal)\.h>')"
check "bsdnet/sys and bsdnet/kern do not look upward to netinet" \
	"$(inc bsdnet/sys/*.h bsdnet/kern/*.c | grep -E '<netinet6?/')"
check "bsdnet does not know who runs it" "$(inc bsdnet/*/*.[ch] bsdnet/netinet/cc/* | grep -E '"(rpc|tapbridge|preload|netns_launcher)/|<host/')"
check "the stack's TCP is not known below netinet" "$(inc bsdnet/net/*.[ch] bsdnet/kern/*.c bsdnet/sys/*.h | grep -E 'tcp|udp')"
check "tapbridge knows interfaces, not protocols nor programs" "$(inc tapbridge/*.[ch] tapbridge/attach/*.[ch] | grep -E '<netinet/(tcp|udp)|"(rpc|preload|netns_launcher)/')"
check "the shim, the launcher and alpinectl know rpc's client and the wire format only" \
	"$(inc preload/*.[ch] netns_launcher/*.[ch] rpc/ctl/*.[ch] rpc/client.[ch] | grep -E '"(bsdnet|kernel_glue|tapbridge)/|"rpc/(server|bsd|alpined)/')"
check "rpc's server and daemon know the stack by bsock.h, in Linux's terms" \
	"$(inc rpc/server/*.[ch] rpc/alpined/*.[ch] | grep -E '"bsdnet/|"rpc/bsd/|<bsd/sys/socket' | grep -vE '"rpc/bsd/(bsock|linux_abi)\.h"')"
check "packetdrill's module knows the stack by rpc's and kernel_glue's neutral headers" \
	"$(inc $(ls t/packetdrill/*.[ch] | grep -v -e pd_if.c -e pd_sys.c) | grep '"' | grep -vE '"(t/packetdrill/|t/lib/tap\.h|rpc/bsd/(bsock|linux_abi)\.h|kernel_glue/include/host/)')"
check "the wire format includes nothing of ours" "$(inc rpc/wire.h | grep '"')"
check "#ifdef stands in host_*.c only" \
	"$(grep -nE '^[[:space:]]*#[[:space:]]*ifn?def|^[[:space:]]*#[[:space:]]*if ' $(ls bsdnet/*/*.c bsdnet/netinet/cc/*.c kernel_glue/kern_*.c kernel_glue/subr_*.c kernel_glue/uma_*.c rpc/bsd/*.c tapbridge/if_*.c 2>/dev/null))"
check "no file is over 1,000 lines" "$(wc -l $(git ls-files '*.c' '*.h' 2>/dev/null || ls */*.[ch]) | awk '$1 > 1000 && $2 != "total"')"
check "the host half of alpine-sim knows the stack by sim.h only" \
	"$(inc $(ls t/sim/*.c | grep -v /sim_) t/sim/{sim,tcplog,scenario}.h | grep -E '<(sys/(mbuf|param|systm|socketvar)|net/vnet|netinet/(tcp|udp|ip|in)_)|"(bsdnet|t/sim/sim_var)')"
echo "1..$N"
exit $BAD
