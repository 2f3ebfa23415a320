# lib.sh - what the scripts share. Sourced; needs bash.
#
# Packages are named in three groups, so that each command installs only what it uses.

PKG_BUILD="gcc make pkg-config libc6-dev libnl-3-dev libnl-route-3-dev libcap-dev libbsd-dev libpcap-dev"
PKG_LAB="iproute2 iputils-ping util-linux procps nginx-light curl dnsmasq-base"
PKG_TEST="perl python3 socat iperf3 tcpdump tshark python3-scapy netcat-openbsd gdb binutils libcap2-bin psmisc"

ALPINE_TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
ALPINE_BUILD=${ALPINE_BUILD:-build}
case $ALPINE_BUILD in /*) ;; *) ALPINE_BUILD=$ALPINE_TOP/$ALPINE_BUILD ;; esac

say() { printf '%s\n' "$*"; }
die() {
	printf '%s: %s\n' "$(basename "$0")" "$*" >&2
	exit 1
}

need_root() {
	[ "$(id -u)" = 0 ] || die "must run as root (it makes network namespaces and installs packages); type: sudo $0 $*"
}

# need_packages PKG...: installs those that are not there, and says which.
need_packages() {
	local p missing=()
	for p in "$@"; do
		[ "$(dpkg-query -W -f '${db:Status-Status}' "$p" 2>/dev/null)" = installed ] || missing+=("$p")
	done
	[ ${#missing[@]} -eq 0 ] && return 0
	say "installing: ${missing[*]}"
	[ "$(id -u)" = 0 ] || die "packages are missing; type: sudo apt-get install ${missing[*]}"
	local log
	log=$(mktemp)
	# Servers among them are for the lab: nothing may start on this machine.
	local policy=/usr/sbin/policy-rc.d mine=0
	if [ ! -e $policy ]; then
		printf '#!/bin/sh\nexit 101\n' >$policy && chmod 755 $policy && mine=1
	fi
	if ! { apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "${missing[@]}"; } >"$log" 2>&1; then
		[ $mine = 1 ] && rm -f $policy
		tail -n 20 "$log" >&2
		die "apt-get could not install ${missing[*]}; its output is in $log"
	fi
	[ $mine = 1 ] && rm -f $policy
	rm -f "$log"
}

# build [SANITIZE=1] [TARGET...]: quiet unless something fails.
build() {
	local log
	log=$(mktemp)
	if ! make -C "$ALPINE_TOP" -j"$(nproc)" "$@" >"$log" 2>&1; then
		grep -E '(error|warning|undefined reference|\*\*\*)[: ]' "$log" | grep -v -e ' -Werror ' | head -n 30 >&2
		die "make $* failed; its output is in $log"
	fi
	rm -f "$log"
}
