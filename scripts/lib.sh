# lib.sh - what the scripts share. Sourced; needs bash.
#
# Packages are named in three groups, so that each command installs only what it uses.

PKG_BUILD="gcc make pkg-config libc6-dev libnl-3-dev libnl-route-3-dev libcap-dev libseccomp-dev libbsd-dev libpcap-dev libconfuse-dev"
PKG_LAB="iproute2 iputils-ping net-tools util-linux procps nginx-light curl dnsmasq-base libnftables1 udhcpc vsftpd openssl"
PKG_TEST="perl mandoc systemd python3 python3-scapy socat iperf3 binutils gdb tcpdump tshark lftp tnftp strace"
PKG_LONG="clang libclang-rt-14-dev valgrind" # t/long_fuzz.t, t/long_sim.t

# `su -c` keeps an ordinary user's PATH, in which nginx and others are not.
case :$PATH: in *:/usr/sbin:*) ;; *) PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin ;; esac
ALPINE_TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
ALPINE_BUILD=${ALPINE_BUILD:-build}
case $ALPINE_BUILD in /*) ;; *) ALPINE_BUILD=$ALPINE_TOP/$ALPINE_BUILD ;; esac

say() { printf '%s\n' "$*"; }
die() {
	printf '%s: %s\n' "$(basename "$0")" "$*" >&2
	exit 1
}

# as_root COMMAND...: how to type that as root on this machine; a minimal Debian has no sudo.
as_root() {
	local line="$*"
	if command -v sudo >/dev/null; then say "sudo $line"; else say "su -c '$line'"; fi
}

need_root() {
	[ "$(id -u)" = 0 ] || die "must run as root (it makes network namespaces and installs packages); type: $(as_root "$0" "$@")"
}

# need_packages PKG...: installs those that are not there, and says which.
need_packages() {
	local p missing=()
	for p in "$@"; do
		[ "$(dpkg-query -W -f '${db:Status-Status}' "$p" 2>/dev/null)" = installed ] || missing+=("$p")
	done
	[ ${#missing[@]} -eq 0 ] && return 0
	[ "$(id -u)" = 0 ] || die "packages are missing; type: $(as_root apt-get install "${missing[@]}")"
	say "installing: ${missing[*]}"
	(install_packages "${missing[@]}") || exit 1
}

# install_packages PKG...: in a subshell of its own, whose end, by Ctrl-C too, takes back what it put
# there: servers among the packages are for the lab, and policy-rc.d keeps them from starting here.
install_packages() {
	local policy=/usr/sbin/policy-rc.d log
	log=$(mktemp)
	trap 'exit 1' INT TERM
	# the trap runs when this function's variables are gone: their values go into it
	trap "rm -f $log" EXIT
	if [ ! -e $policy ]; then
		trap "rm -f $log $policy" EXIT
		printf '#!/bin/sh\nexit 101\n' >$policy && chmod 755 $policy
	fi
	apt-get update -q >"$log" 2>&1 &&
		DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "$@" >>"$log" 2>&1 && return 0
	tail -n 20 "$log" >&2
	die "apt-get could not install $*; what it said is above"
}

# build [SANITIZE=1] [TARGET...]: quiet unless something fails.
build() {
	local log=$ALPINE_TOP/build/make.log
	mkdir -p "$ALPINE_TOP/build"
	if ! make -C "$ALPINE_TOP" -j"$(nproc)" "$@" >"$log" 2>&1; then
		grep -E '(error|warning|undefined reference|\*\*\*)[: ]' "$log" | grep -v -e ' -Werror ' | head -n 30 >&2
		die "make $* failed; its output is in $log"
	fi
}
