#!/bin/bash
# alpinectl doctor finds what would keep alpined from working. Each ailment is made in namespaces
# of the test's own: files that are not there, others that are, a LAN where an address is taken.
#
#   peer 10.11.12.1 ---- switch ---- machine (10.11.12.2), no alpined
. "$(dirname "$0")/lib/lab.sh"
need unshare mount /usr/bin/python3
[ "$(id -u)" = 0 ] || skip_all "needs root, or a user namespace: unshare -Ur $0"
trap lab_cleanup EXIT
"$LABCMD" up --name "$LAB" || exit 1
CTL=$ALPINE_BUILD/bin/alpinectl
export ALPINE_RUNDIR=$TMP/run
mkdir -p "$TMP/run"

# sick PREPARATION ARGS...: what doctor says on the machine, in a mount namespace prepared so.
sick() {
	local prepare=$1
	shift
	machine unshare -m bash -c "mount --make-rprivate / && mount -t sysfs alpine /sys && { $prepare; } && exec \"\$@\"" - "$CTL" doctor "$@" 2>&1
}
finds() { # finds NAME REGEX PREPARATION ARGS...
	local name=$1 re=$2
	shift 2
	like "$name" "$(sick "$@" | tr '\n' '~' | sed 's/~ \{10,\}/ ; /g' | tr '~' '\n')" "$re"
}
ifindex=$(machine cat /sys/class/net/eth0/ifindex 2>/dev/null; machine ip -o link show eth0 | cut -d: -f1)
ifindex=$(tail -n 1 <<<"$ifindex")

out=$(sick true eth0 10.11.12.77/24)
is "a machine in good order: no problem" "$(grep '^problem' <<<"$out")" ""
like "who looks finds nothing" "$(sick true eth0 >/dev/null; echo $?)" '^0$'
like "and says what is fine" "$out" '^ok +address +nobody answers for 10\.11\.12\.77$'
is "records for scripts" "$(machine "$CTL" --json doctor lo 127.0.0.1/8 2>/dev/null | /usr/bin/python3 -c '
import json, sys
print([c["verdict"] for c in json.load(sys.stdin) if c["check"] in ("address", "interface")])')" "['problem', 'problem']"
is "a problem is exit status 1" "$(machine "$CTL" doctor nosuch >/dev/null 2>&1; echo $?)" 1

# ---- addresses
finds "an address in use, and by whom" 'problem +address +10\.11\.12\.1 is in use by [0-9a-f:]{17} ; +choose another' true eth0 10.11.12.1/24
finds "the machine's own" "problem +address +10\.11\.12\.2 is this machine's own" true eth0 10.11.12.2/24
finds "another network" 'warning +address +10\.77\.0\.1/24 is not on a network of eth0' true eth0 10.77.0.1/24
like "an address without its prefix" "$(sick true eth0 10.11.12.77 2>&1)" '10\.11\.12\.77 has no prefix; add it'

# ---- the interface
finds "one that is not there" 'problem +interface +eth7 is not there ; +ip link lists' true eth7
finds "one that is no Ethernet" 'problem +interface +lo is no Ethernet' true lo
finds "one that is wireless" 'problem +interface +eth0 is wireless.* ; +alpined --attach packet' \
	'mount -t tmpfs none /sys/class/net && mkdir -p /sys/class/net/eth0/wireless' eth0
finds "one that is a bond's" 'problem +interface +eth0 belongs to a bond' \
	'mount -t tmpfs none /sys/class/net && mkdir -p /sys/class/net/eth0/master' eth0
finds "one that is down" 'warning +interface +v0 is down' 'ip link add v0 type veth peer name v0p' v0
machine ip link del v0 2>/dev/null
finds "a switch of one MAC address" "warning +one MAC +VMware's switch drops.* ; .*forged transmits" \
	'mount -t tmpfs none /sys/class && mkdir -p /sys/class/dmi/id && echo "VMware, Inc." >/sys/class/dmi/id/sys_vendor' eth0

# ---- who else configures it
finds "NetworkManager" 'warning +manager +NetworkManager configures eth0.* ; .*networkmanager\.conf' \
	"mount -t tmpfs none /run && mkdir -p /run/NetworkManager/devices && printf '[device]\nmanaged=true\n' >/run/NetworkManager/devices/$ifindex" eth0
finds "NetworkManager that leaves it alone" 'ok +manager +nobody else configures eth0' \
	"mount -t tmpfs none /run && mkdir -p /run/NetworkManager/devices && printf '[device]\nmanaged=false\n' >/run/NetworkManager/devices/$ifindex" eth0
finds "systemd-networkd" 'warning +manager +systemd-networkd configures eth0.* ; .*systemd-networkd\.network' \
	"mount -t tmpfs none /run && mkdir -p /run/systemd/netif/links && echo ADMIN_STATE=configured >/run/systemd/netif/links/$ifindex" eth0
finds "systemd-networkd that leaves it alone" 'ok +manager' \
	"mount -t tmpfs none /run && mkdir -p /run/systemd/netif/links && echo ADMIN_STATE=unmanaged >/run/systemd/netif/links/$ifindex" eth0
finds "ifupdown" 'warning +manager +ifupdown knows eth0.* ; .*ifupdown' \
	'mount -t tmpfs none /etc && mkdir /etc/network && printf "auto eth0\niface eth0 inet dhcp\n" >/etc/network/interfaces' eth0
machine bash -c 'exec -a dhclient sleep 300' eth0 &
machine /usr/bin/python3 -c 'import os; os.execv("/bin/sh", ["dhclient", "-c", "sleep 300; :", "eth0"])' &
wait_for 60 sh -c "grep -qsz '^dhclient' /proc/[0-9]*/cmdline"
finds "a DHCP client" 'warning +dhcp +dhclient gets the address of eth0' true eth0
finds "one of another interface" 'ok +dhcp' 'ip link add v1 type veth peer name v1p' v1
machine ip link del v1 2>/dev/null

# ---- the kernel, the installation
finds "no /dev/net/tun" 'problem +tun +/dev/net/tun is not there.* ; +modprobe tun' 'mount -t tmpfs none /dev' eth0
finds "one that is no TUN" 'problem +tun' 'mount --bind /dev/null /dev/net/tun' eth0
like "no network namespaces" "$(unshare -Ur --net bash -c "echo 0 >/proc/sys/user/max_net_namespaces && '$CTL' doctor lo" 2>&1 | tr '\n' ' ')" \
	'problem +namespaces +network namespaces are switched off.*sysctl user\.max_net_namespaces=10000'
mkdir "$TMP/alone" && cp "$CTL" "$TMP/alone/alpinectl"
like "no shim" "$("$TMP/alone/alpinectl" doctor lo 2>&1)" 'problem +shim +alpine-run is not beside this program'
cp "$ALPINE_BUILD/bin/alpine-run" "$TMP/alone"
like "no library" "$("$TMP/alone/alpinectl" doctor lo 2>&1)" 'problem +shim +libalpine\.so is not there'
touch "$TMP/run/alpine.state"
like "what a killed alpined left" "$("$CTL" doctor lo 2>&1 | tr '\n' ' ')" 'warning +instance +.*alpine\.state: an alpined was killed.*alpined --restore'
rm "$TMP/run/alpine.state"
if grep -q '^ *0 *0 *4294967295$' /proc/self/uid_map; then
	/usr/bin/python3 -c "import socket, sys; s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET); s.bind(sys.argv[1])" "$TMP/run/alpine.sock"
	chmod 600 "$TMP/run/alpine.sock"
	chmod 755 "$TMP"
	like "a socket that is not for us" "$(setpriv --reuid 65531 --regid 65531 --clear-groups "$CTL" doctor lo 2>&1 | tr '\n' ' ')" \
		"problem +instance +.*may not be used by this user +be of the socket's group"
	like "no privileges" "$(setpriv --reuid 65531 --regid 65531 --clear-groups "$CTL" doctor lo 2>&1)" 'warning +privileges +no CAP_NET_ADMIN'
fi
done_testing
