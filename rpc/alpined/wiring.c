/*
 * wiring.c - alpined's wire: what the options ask for, made by the keeper, opened here.
 *
 *	bridge		a TAP of ours; the keeper puts it into a bridge
 *	macvtap		the keeper makes it and hands over its device
 *	packet		a packet socket on the interface, from the keeper, who hides us from
 *			the host
 *	tap		a TAP that is there, or that we make: attached to nothing
 *
 * Called by alpined.c. Owns the link and, in it, the descriptor. The order is such that nothing can
 * be received before the stack is ready: tap_start() comes later.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "kernel_glue/include/host/host.h"
#include "rpc/alpined/keeper.h"
#include "rpc/server/server.h"
#include "rpc/alpined/wiring.h"

static struct link *wire;

/* What we are on, as far as it has a name. */
static const char *
place(const struct options *opt)
{
	if (opt->iface != NULL)
		return (opt->iface);
	return (opt->tap != NULL ? opt->tap : opt->bridge);
}

/*
 * What tells this machine from others, as text: its id, or, where it has none (a container, a
 * minimal installation), the Ethernet address of the interface that we join.
 */
static bool
machine_identity(const struct options *opt, char *id, int size)
{
	struct ifreq ifr;
	const uint8_t *mac = (const uint8_t *)ifr.ifr_hwaddr.sa_data;
	FILE *f = fopen("/etc/machine-id", "re");
	bool found = f != NULL && fgets(id, size, f) != NULL && id[0] != '\n';
	int fd;

	if (f != NULL)
		fclose(f);
	if (found)
		return (found);
	memset(&ifr, 0, sizeof(ifr));
	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", place(opt));
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	found = fd >= 0 && ioctl(fd, SIOCGIFHWADDR, &ifr) == 0;
	if (found)
		snprintf(id, (size_t)size, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2],
		    mac[3], mac[4], mac[5]);
	if (fd >= 0)
		close(fd);
	return (found);
}

/* The same every time for the same name on the same machine: neighbours keep knowing us. */
static void
choose_mac(const struct options *opt, uint8_t mac[6])
{
	uint64_t hash = 0xcbf29ce484222325u;
	char id[64] = "";
	const char *parts[3] = {id, opt->name, place(opt)}, *s;
	int i;

	if (!machine_identity(opt, id, sizeof(id)))
		host_random_bytes(&hash, sizeof(hash));
	for (i = 0; i < 3; i++)
		for (s = parts[i]; *s != '\0'; s++)
			hash = (hash ^ (uint8_t)*s) * 0x100000001b3u;
	mac[0] = 0x02; /* local, unicast */
	for (i = 1; i < 6; i++)
		mac[i] = (uint8_t)(hash >> (8 * i));
}

static uint32_t
interface_mtu(const char *iface)
{
	struct ifreq ifr;
	uint32_t mtu = 0;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	memset(&ifr, 0, sizeof(ifr));
	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", iface);
	if (fd >= 0 && ioctl(fd, SIOCGIFMTU, &ifr) == 0 && ifr.ifr_mtu >= 576)
		mtu = (uint32_t)ifr.ifr_mtu;
	if (fd >= 0)
		close(fd);
	return (mtu);
}

/* The interface's own address: in packet mode the switch, and the NIC, see no other. */
static void
interface_mac(const char *iface, uint8_t mac[6])
{
	struct ifreq ifr;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	memset(&ifr, 0, sizeof(ifr));
	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", iface);
	if (fd < 0 || ioctl(fd, SIOCGIFHWADDR, &ifr) != 0)
		fail("`ip link` lists the interfaces", "%s has no Ethernet address: %s", iface,
		    strerror(errno));
	memcpy(mac, ifr.ifr_hwaddr.sa_data, 6);
	close(fd);
}

static void
fill_spec(const struct options *opt, const char *dir, uint32_t mtu, struct attach_spec *spec)
{
	memset(spec, 0, sizeof(*spec));
	spec->mode = opt->attach;
	snprintf(spec->name, sizeof(spec->name), "%s", opt->name);
	snprintf(spec->dir, sizeof(spec->dir), "%s", dir);
	snprintf(spec->iface, IFNAMSIZ, "%s", opt->iface != NULL ? opt->iface : "");
	snprintf(spec->bridge, IFNAMSIZ, "%s", opt->bridge != NULL ? opt->bridge : "");
	spec->bridge_exists = opt->bridge_exists;
	memcpy(spec->mac, opt->mac, 6);
	memcpy(spec->addr, opt->addr, 4);
	spec->prefix = opt->prefix;
	spec->mtu = mtu;
}

static void
ask_keeper(const struct attach_spec *spec, const char *fault, struct keeper_told *told)
{
	int error = keeper_start(fault);

	if (error != 0)
		fail("", "cannot start the process that attaches: %s", strerror(error));
	if (keeper_attach(spec, told) != 0)
		fail(told->error.hint, "%s", told->error.text);
}

static void
open_tap(const struct options *opt, uint32_t mtu, char *tap)
{
	struct link_error le = {.text = ""};

	wire = tap_open(opt->tap, opt->mac, mtu, &le);
	if (wire == NULL)
		fail(le.hint, "%s", le.text);
	snprintf(tap, IFNAMSIZ, "%s", tap_name(wire));
}

struct link *
wiring_open(struct options *opt, const char *dir, char *tap, char *bridge)
{
	struct link_error le = {.text = ""};
	struct keeper_told told;
	struct attach_spec spec;
	uint32_t mtu = opt->mtu, lan_mtu = 0;

	if (opt->attach == ATTACH_PACKET && !opt->have_mac)
		interface_mac(opt->iface, opt->mac);
	else if (!opt->have_mac)
		choose_mac(opt, opt->mac);
	if (opt->attach != ATTACH_TAP)
		lan_mtu = interface_mtu(place(opt));
	if (mtu == 0)
		mtu = lan_mtu < OPTIONS_MTU_MAX ? lan_mtu : OPTIONS_MTU_MAX;
	else if (lan_mtu != 0 && mtu > lan_mtu)
		log_line(4, "warning: MTU %u, but %s takes %u: longer packets are lost there", mtu,
		    place(opt), lan_mtu);
	fill_spec(opt, dir, mtu, &spec);
	if (opt->attach == ATTACH_TAP) {
		snprintf(spec.tap, IFNAMSIZ, "%s", opt->tap);
		if (opt->tap_exists)
			ask_keeper(&spec, opt->fault, &told);
		open_tap(opt, mtu, tap);
		return (wire);
	}
	if (opt->attach == ATTACH_BRIDGE) {
		open_tap(opt, mtu, tap);
		snprintf(spec.tap, IFNAMSIZ, "%s", tap);
		ask_keeper(&spec, opt->fault, &told);
		snprintf(bridge, IFNAMSIZ, "%s", told.bridge);
		return (wire);
	}
	ask_keeper(&spec, opt->fault, &told);
	snprintf(tap, IFNAMSIZ, "%s", opt->attach == ATTACH_MACVTAP ? told.tap : opt->iface);
	wire = tap_from_fd(
	    told.fd, tap, opt->mac, mtu != 0 ? mtu : 1500, opt->attach == ATTACH_PACKET, &le);
	if (wire == NULL)
		fail(le.hint, "%s", le.text);
	return (wire);
}

/* The keeper says that frames can pass or not, or hands over a new device. */
void
wiring_event(const struct keeper_told *told)
{
	int error;

	if (wire == NULL || wire->ifp == NULL) {
		if (told->fd >= 0)
			close(told->fd);
		return;
	}
	if (told->fd >= 0) {
		error = tap_replace_fd(
		    wire, told->fd, told->tap[0] != '\0' ? told->tap : tap_name(wire));
		if (error != 0)
			log_line(3, "%s: cannot be watched: %s", told->tap, strerror(error));
	}
	if_link_state(wire, told->carrier);
}
