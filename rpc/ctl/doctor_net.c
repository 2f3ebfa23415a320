/*
 * doctor_net.c - alpinectl doctor's checks of the interface, of who else configures it, and of the
 * address that the stack shall have. Reads /sys, /proc and /run; asks the LAN by ARP (RFC 5227)
 * when it may. Owns nothing.
 */
#include <arpa/inet.h>
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <ifaddrs.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <netinet/if_ether.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "rpc/ctl/alpinectl.h"
#include "rpc/ctl/doctor.h"

#define PROBES 3
#define PROBE_WAIT_MS 300

static bool
in_sys(const struct patient *p, const char *what)
{
	char path[128];

	snprintf(path, sizeof(path), "/sys/class/net/%s/%s", p->iface, what);
	return (access(path, F_OK) == 0);
}

static bool
wireless(const struct patient *p)
{
	return (in_sys(p, "wireless") || in_sys(p, "phy80211"));
}

void
check_interface(const struct patient *p)
{
	struct ifreq ifr;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), type, flags;

	if (p->iface == NULL) {
		finding(WARNING, "interface", "name one: alpinectl doctor IFACE",
		    "none was named, and there is no default route to find it by");
		return;
	}
	memset(&ifr, 0, sizeof(ifr));
	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", p->iface);
	if (fd < 0 || p->ifindex == 0 || ioctl(fd, SIOCGIFHWADDR, &ifr) != 0) {
		finding(PROBLEM, "interface", "ip link lists those there are", "%s is not there",
		    p->iface);
		if (fd >= 0)
			close(fd);
		return;
	}
	type = ifr.ifr_hwaddr.sa_family;
	flags = ioctl(fd, SIOCGIFFLAGS, &ifr) == 0 ? ifr.ifr_flags : 0;
	close(fd);
	if (type != ARPHRD_ETHER)
		finding(PROBLEM, "interface", "name an Ethernet interface", "%s is no Ethernet",
		    p->iface);
	else if (wireless(p))
		finding(PROBLEM, "interface", "alpined --attach packet",
		    "%s is wireless: an access point takes frames of one MAC address only",
		    p->iface);
	else if (in_sys(p, "master") && !in_sys(p, "brport"))
		finding(PROBLEM, "interface", "name the interface above it",
		    "%s belongs to a bond or a team", p->iface);
	else if ((flags & IFF_UP) == 0)
		finding(WARNING, "interface", "ip link set IFACE up", "%s is down", p->iface);
	else if ((flags & IFF_RUNNING) == 0)
		finding(WARNING, "interface", "plug it in", "%s has no carrier", p->iface);
	else
		finding(FINE, "interface", "", "%s%s", p->iface,
		    in_sys(p, "bridge")	  ? " is a bridge: the stack joins it"
		    : in_sys(p, "brport") ? " is in a bridge: the stack joins that"
					  : "");
}

/* Where more than one MAC address on a port is not welcome. */
void
check_one_mac(const struct patient *p)
{
	static const struct {
		const char *text, *who, *mend;
	} hosts[] = {
	    {"VMware", "VMware's switch drops frames of other MAC addresses",
		"allow forged transmits and promiscuous mode, or alpined --attach packet"},
	    {"Microsoft", "Hyper-V's switch drops frames of other MAC addresses",
		"enable MAC address spoofing, or alpined --attach packet"},
	    {"Amazon", "Amazon's network drops frames of other MAC and IP addresses",
		"give the instance a second private address, and alpined --attach packet with it"},
	    {"Google", "Google's network drops frames of other MAC and IP addresses",
		"give the instance an alias IP, and alpined --attach packet with it"},
	    {"DigitalOcean", "the provider's network may drop frames of other MAC addresses",
		"alpined --attach packet"},
	};
	char vendor[128] = "", link[256], path[128];
	ssize_t n;
	size_t i;

	if (p->iface == NULL || p->ifindex == 0)
		return;
	snprintf(path, sizeof(path), "/sys/class/net/%s/device/driver", p->iface);
	n = readlink(path, link, sizeof(link) - 1);
	link[n > 0 ? n : 0] = '\0';
	(void)first_line(vendor, sizeof(vendor), "/sys/class/dmi/id/sys_vendor");
	for (i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++)
		if (strstr(vendor, hosts[i].text) != NULL) {
			finding(WARNING, "one MAC", hosts[i].mend, "%s", hosts[i].who);
			return;
		}
	finding(FINE, "one MAC", "", "nothing is known that drops frames of a second MAC address");
}

/* Does a key of a file have this value? */
static bool
file_says(const char *path, const char *key, const char *value)
{
	char line[256];
	bool found = false;
	FILE *f = fopen(path, "re");

	if (f == NULL)
		return (false);
	while (!found && fgets(line, sizeof(line), f) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		found = strncmp(line, key, strlen(key)) == 0 && line[strlen(key)] == '=' &&
			strcmp(line + strlen(key) + 1, value) == 0;
	}
	fclose(f);
	return (found);
}

/* Does ifupdown's configuration name it? */
static bool
in_interfaces(const char *iface)
{
	char line[256], word[32], name[32];
	bool found = false;
	FILE *f = fopen("/etc/network/interfaces", "re");

	if (f == NULL)
		return (false);
	while (!found && fgets(line, sizeof(line), f) != NULL)
		found = sscanf(line, " %31s %31s", word, name) == 2 && strcmp(word, "iface") == 0 &&
			strcmp(name, iface) == 0;
	fclose(f);
	return (found);
}

void
check_managers(const struct patient *p)
{
	char path[64];
	unsigned managed = 0;

	if (p->iface == NULL || p->ifindex == 0)
		return;
	snprintf(path, sizeof(path), "/run/NetworkManager/devices/%d", p->ifindex);
	if (file_says(path, "managed", "true") || file_says(path, "managed", "1")) {
		finding(WARNING, "manager",
		    "put share/doc/alpine/examples/networkmanager.conf into "
		    "/etc/NetworkManager/conf.d; it says how",
		    "NetworkManager configures %s, and would undo what alpined does", p->iface);
		managed++;
	}
	snprintf(path, sizeof(path), "/run/systemd/netif/links/%d", p->ifindex);
	if (access(path, F_OK) == 0 && !file_says(path, "ADMIN_STATE", "unmanaged")) {
		finding(WARNING, "manager",
		    "put share/doc/alpine/examples/systemd-networkd.network into "
		    "/etc/systemd/network, or netplan.yaml into /etc/netplan; they say how",
		    "systemd-networkd configures %s, and would undo what alpined does", p->iface);
		managed++;
	}
	if (in_interfaces(p->iface)) {
		finding(WARNING, "manager",
		    "put share/doc/alpine/examples/ifupdown into /etc/network/interfaces.d; it "
		    "says how",
		    "ifupdown knows %s: ifdown would take its addresses from the bridge", p->iface);
		managed++;
	}
	if (managed == 0)
		finding(FINE, "manager", "", "nobody else configures %s", p->iface);
}

/* A DHCP client on the interface: "dhclient ... eth0". */
static bool
is_dhcp_client(const char *pid, const char *iface, char name[32])
{
	static const char *const clients[] = {"dhclient", "dhcpcd", "udhcpc"};
	char path[300], args[1024];
	const char *word, *base;
	bool client = false, on_it = false;
	size_t n, i;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%s/cmdline", pid);
	f = fopen(path, "re");
	if (f == NULL)
		return (false);
	n = fread(args, 1, sizeof(args) - 1, f);
	fclose(f);
	args[n] = '\0';
	for (word = args; word < args + n; word += strlen(word) + 1) {
		base = strrchr(word, '/') != NULL ? strrchr(word, '/') + 1 : word;
		for (i = 0; word == args && i < sizeof(clients) / sizeof(clients[0]); i++)
			if (strcmp(base, clients[i]) == 0) {
				client = true;
				snprintf(name, 32, "%.31s", base);
			}
		on_it = on_it || strcmp(word, iface) == 0;
	}
	return (client && on_it);
}

void
check_dhcp(const struct patient *p)
{
	const struct dirent *e;
	char name[32] = "";
	bool found = false;
	DIR *dir;

	if (p->iface == NULL || p->ifindex == 0 || (dir = opendir("/proc")) == NULL)
		return;
	while (!found && (e = readdir(dir)) != NULL)
		found = isdigit((unsigned char)e->d_name[0]) &&
			is_dhcp_client(e->d_name, p->iface, name);
	closedir(dir);
	if (found)
		finding(WARNING, "dhcp",
		    "give the machine a fixed address, or run the client on a bridge of yours and "
		    "alpined --attach bridge=BR",
		    "%s gets the address of %s: it would go on there, and the address is on the "
		    "bridge",
		    name, p->iface);
	else
		finding(FINE, "dhcp", "", "no DHCP client of the machine runs on %s", p->iface);
}

void
check_netfilter(const struct patient *p)
{
	char line[16];

	(void)p;
	if (first_line(line, sizeof(line), "/proc/sys/net/bridge/bridge-nf-call-iptables") &&
	    line[0] == '1')
		finding(WARNING, "br_netfilter", "sysctl net.bridge.bridge-nf-call-iptables=0",
		    "iptables' rules of FORWARD apply to bridged frames, and may drop the stack's");
	else
		finding(FINE, "br_netfilter", "", "iptables' rules do not apply to bridged frames");
}

/* ---- the address ---- */

/* Is it the machine's own; is it on a network of the interface? */
static bool
compare_addresses(const struct patient *p, bool *own)
{
	uint32_t mask = 0xffffffffu << (32 - p->prefix), a;
	struct ifaddrs *list, *i;
	bool near = false;

	*own = false;
	if (getifaddrs(&list) != 0)
		return (false);
	for (i = list; i != NULL; i = i->ifa_next) {
		struct sockaddr_in sin;

		if (i->ifa_addr == NULL || i->ifa_addr->sa_family != AF_INET)
			continue;
		memcpy(&sin, i->ifa_addr, sizeof(sin));
		a = ntohl(sin.sin_addr.s_addr);
		*own = *own || a == p->addr;
		near = near || (strcmp(i->ifa_name, p->iface) == 0 && ((a ^ p->addr) & mask) == 0);
	}
	freeifaddrs(list);
	return (near);
}

static bool
probe_reply(int fd, uint32_t addr, char mac[18])
{
	struct ether_arp arp;
	uint32_t spa;
	ssize_t n = recv(fd, &arp, sizeof(arp), MSG_DONTWAIT);

	if (n < (ssize_t)sizeof(arp))
		return (false);
	memcpy(&spa, arp.arp_spa, sizeof(spa));
	if (ntohl(spa) != addr)
		return (false);
	snprintf(mac, 18, "%02x:%02x:%02x:%02x:%02x:%02x", arp.arp_sha[0], arp.arp_sha[1],
	    arp.arp_sha[2], arp.arp_sha[3], arp.arp_sha[4], arp.arp_sha[5]);
	return (true);
}

static long
now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (ts.tv_sec * 1000 + ts.tv_nsec / 1000000);
}

/* RFC 5227 2.1.1: a request from 0.0.0.0. -1: could not ask; 0 nobody; 1 somebody. */
static int
probe(const struct patient *p, char mac[18])
{
	struct sockaddr_ll to = {.sll_family = AF_PACKET,
	    .sll_protocol = htons(ETH_P_ARP),
	    .sll_ifindex = p->ifindex,
	    .sll_halen = ETH_ALEN};
	struct ether_arp arp = {.ea_hdr = {.ar_hrd = htons(ARPHRD_ETHER),
				    .ar_pro = htons(ETH_P_IP),
				    .ar_hln = ETH_ALEN,
				    .ar_pln = 4,
				    .ar_op = htons(ARPOP_REQUEST)}};
	uint32_t target = htonl(p->addr);
	int fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, htons(ETH_P_ARP)), i, heard = 0;
	struct pollfd pfd = {.fd = fd, .events = POLLIN};
	struct ifreq ifr;
	long end, left;

	memset(&ifr, 0, sizeof(ifr));
	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", p->iface);
	memset(to.sll_addr, 0xff, ETH_ALEN);
	if (fd < 0 || ioctl(fd, SIOCGIFHWADDR, &ifr) != 0 ||
	    bind(fd, (struct sockaddr *)&to, sizeof(to)) != 0) {
		if (fd >= 0)
			close(fd);
		return (-1);
	}
	memcpy(arp.arp_sha, ifr.ifr_hwaddr.sa_data, ETH_ALEN);
	memcpy(arp.arp_tpa, &target, sizeof(target));
	for (i = 0; i < PROBES && heard == 0; i++) {
		if (sendto(fd, &arp, sizeof(arp), 0, (struct sockaddr *)&to, sizeof(to)) < 0)
			heard = -1;
		end = now_ms() + PROBE_WAIT_MS;
		while (heard == 0 && (left = end - now_ms()) > 0)
			if (poll(&pfd, 1, (int)left) > 0 && probe_reply(fd, p->addr, mac))
				heard = 1;
	}
	close(fd);
	return (heard);
}

void
check_address(const struct patient *p)
{
	char mac[18] = "", text[16];
	bool own, near;
	int heard;

	if (!p->have_addr || p->iface == NULL || p->ifindex == 0)
		return;
	address_text(p->addr, text);
	near = compare_addresses(p, &own);
	if (own) {
		finding(PROBLEM, "address", "choose another of the same network",
		    "%s is this machine's own", text);
		return;
	}
	heard = probe(p, mac);
	if (heard > 0)
		finding(PROBLEM, "address", "choose another of the same network",
		    "%s is in use by %s", text, mac);
	else if (!near)
		finding(WARNING, "address", "choose one of the networks of the interface",
		    "%s/%d is not on a network of %s", text, p->prefix, p->iface);
	else if (heard < 0)
		finding(WARNING, "address", "use root",
		    "whether somebody has %s cannot be asked: %s", text, strerror(errno));
	else
		finding(FINE, "address", "", "nobody answers for %s", text);
}
