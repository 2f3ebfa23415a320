/*
 * bsd_admin.c - what an administrator changes in the stack: routes, addresses, interfaces,
 * neighbours, connections (wire.h, RPC_CTL_CHANGE); and the two questions that belong to it, which
 * route a packet takes and what changes just now.
 *
 * A request is words: the object, the verb, and NAME=VALUE. An answer other than 0 is a Linux
 * errno; the text with it says what was wrong, where there is more to say. Who may ask is checked
 * before (ctl.c, bsd_ifioctl.c). Owns nothing.
 */
#include <sys/param.h>
#include <sys/systm.h>
#include <sys/errno.h>
#include <sys/socket.h>
#include <sys/socketvar.h>
#include <sys/sockio.h>
#include <net/ethernet.h>
#include <net/if_dl.h>
#include <net/if_llatbl.h>
#include <net/if_var.h>
#include <net/route.h>
#include <netinet/if_ether.h>
#include <netinet/in.h>
#include <netinet/in_pcb.h>
#include <netinet/in_var.h>
#include <netinet/tcp_var.h>

#include "rpc/bsd/bsd_admin.h"
#include "rpc/bsd/bsd_report.h"

#define WORDS_MAX 16
#define LIFETIME_MAX                                                                               \
	(INT32_MAX / 2) /* seconds; the clock, an sbintime_t, must hold the end of it */
#define REQUEST_MAX 512 /* bytes */

struct words {
	char text[REQUEST_MAX];
	char *word[WORDS_MAX];
	u_int n;
	struct report report;
};

/* ---- words ---- */

static bool
split(struct words *w, const char *request)
{
	char *s = w->text;

	if (strlcpy(w->text, request, sizeof(w->text)) >= sizeof(w->text))
		return (false);
	for (;;) {
		while (*s == ' ')
			*s++ = '\0';
		if (*s == '\0')
			return (true);
		if (w->n == WORDS_MAX)
			return (false);
		w->word[w->n++] = s;
		while (*s != ' ' && *s != '\0')
			s++;
	}
}

/* The value of name=..., or NULL. */
static const char *
value_of(const struct words *w, const char *name)
{
	size_t len = strlen(name);
	u_int i;

	for (i = 2; i < w->n; i++)
		if (strncmp(w->word[i], name, len) == 0 && w->word[i][len] == '=')
			return (w->word[i] + len + 1);
	return (NULL);
}

static bool
has_word(const struct words *w, const char *name)
{
	u_int i;

	for (i = 2; i < w->n; i++)
		if (strcmp(w->word[i], name) == 0)
			return (true);
	return (false);
}

/* 0 or EINVAL; without the word *value stays as it is. */
static int
number_of(const struct words *w, const char *name, u_long max, u_long *value)
{
	const char *s = value_of(w, name), *end;
	char *stop;
	u_long n;

	if (s == NULL)
		return (0);
	if (*s < '0' || *s > '9')
		return (EINVAL);
	n = strtoul(s, &stop, 10);
	end = stop;
	if (*end != '\0' || n > max)
		return (EINVAL);
	*value = n;
	return (0);
}

static void
set_sin(struct sockaddr_in *sin, struct in_addr in)
{
	*sin = (struct sockaddr_in){.sin_len = sizeof(*sin), .sin_family = AF_INET, .sin_addr = in};
}

static int
address_of(const struct words *w, const char *name, struct sockaddr_in *sin)
{
	const char *s = value_of(w, name);
	struct in_addr in;

	if (s == NULL || inet_aton(s, &in) == 0)
		return (EINVAL);
	set_sin(sin, in);
	return (0);
}

/* ADDRESS[/PREFIX]; without a prefix *mask is all ones. */
static int
network_of(const struct words *w, const char *name, struct sockaddr_in *sin, in_addr_t *mask)
{
	const char *s = value_of(w, name), *slash;
	char addr[INET_ADDRSTRLEN], *stop;
	struct in_addr in;
	u_long prefix = 32;

	if (s == NULL)
		return (EINVAL);
	slash = strchr(s, '/');
	if (slash != NULL) {
		prefix = strtoul(slash + 1, &stop, 10);
		if (slash[1] < '0' || slash[1] > '9' || *stop != '\0' || prefix > 32)
			return (EINVAL);
	}
	if (slash == NULL)
		slash = s + strlen(s);
	if ((size_t)(slash - s) >= sizeof(addr))
		return (EINVAL);
	strlcpy(addr, s, (size_t)(slash - s) + 1);
	if (inet_aton(addr, &in) == 0)
		return (EINVAL);
	set_sin(sin, in);
	*mask = prefix == 0 ? 0 : 0xffffffffu << (32 - prefix);
	return (0);
}

/* NULL and ENXIO when it names none that is there; NULL and 0 without the word. */
static struct ifnet *
interface_of(const struct words *w, int *error)
{
	const char *s = value_of(w, "ifp");
	struct ifnet *ifp;

	*error = 0;
	if (s == NULL)
		return (NULL);
	ifp = ifunit(s);
	if (ifp == NULL)
		*error = ENXIO;
	return (ifp);
}

/* ---- routes ---- */

int
bsd_route(int verb, const struct bsd_route *r)
{
	struct rt_addrinfo info = {.rti_flags = r->flags, .rti_mtu = r->mtu};
	struct sockaddr_in dst, mask, gw;

	set_sin(&dst, (struct in_addr){htonl(r->dst & r->mask)});
	set_sin(&mask, (struct in_addr){htonl(r->mask)});
	set_sin(&gw, (struct in_addr){htonl(r->gateway)});
	info.rti_dst = sintosa(&dst);
	info.rti_netmask = sintosa(&mask);
	info.rti_ifp = r->ifp;
	if (r->lifetime != 0)
		info.rti_lifetime = (sbintime_t)r->lifetime * SBT_1S;
	if ((r->flags & RTF_GATEWAY) != 0)
		info.rti_gateway = sintosa(&gw);
	if (r->mask == INADDR_BROADCAST)
		info.rti_flags |= RTF_HOST;
	switch (verb) {
	case RTM_ADD:
		return (rib_add_route(RT_DEFAULT_FIB, &info));
	case RTM_CHANGE:
		return (rib_change_route(RT_DEFAULT_FIB, &info));
	default:
		return (rib_del_route(RT_DEFAULT_FIB, &info));
	}
}

/* What `route change` leaves alone stays as it was. */
static int
keep_old(const struct words *w, struct bsd_route *r)
{
	struct sockaddr_in dst, mask;
	struct rtentry *rt;

	set_sin(&dst, (struct in_addr){htonl(r->dst & r->mask)});
	set_sin(&mask, (struct in_addr){htonl(r->mask)});
	rt = rib_lookup_exact(
	    RT_DEFAULT_FIB, sintosa(&dst), r->mask == INADDR_BROADCAST ? NULL : sintosa(&mask));
	if (rt == NULL)
		return (ESRCH);
	if ((r->flags & RTF_GATEWAY) == 0 && r->ifp == NULL) {
		r->ifp = rt->rt_nhop->nh_ifp;
		if ((rt->rt_nhop->nh_flags & NHF_GATEWAY) != 0) {
			r->flags |= RTF_GATEWAY;
			r->gateway = ntohl(rt->rt_nhop->gw4_sa.sin_addr.s_addr);
		}
	}
	if (value_of(w, "mtu") == NULL && (rt->rte_flags & RTF_FIXEDMTU) != 0)
		r->mtu = rt->rt_nhop->nh_mtu;
	if (!has_word(w, "reject") && !has_word(w, "blackhole") && !has_word(w, "plain"))
		r->flags |= rt->rte_flags & (RTF_REJECT | RTF_BLACKHOLE);
	return (0);
}

static int
route_args(const struct words *w, struct bsd_route *r)
{
	struct sockaddr_in dst, gw;
	u_long mtu = 0, lifetime = 0;
	in_addr_t mask;
	int error;

	if (network_of(w, "dst", &dst, &mask) != 0 || number_of(w, "mtu", UINT16_MAX, &mtu) != 0 ||
	    number_of(w, "lifetime", LIFETIME_MAX, &lifetime) != 0)
		return (EINVAL);
	*r = (struct bsd_route){.dst = ntohl(dst.sin_addr.s_addr),
	    .mask = mask,
	    .mtu = (uint32_t)mtu,
	    .lifetime = (uint32_t)lifetime,
	    .flags = RTF_STATIC};
	r->ifp = interface_of(w, &error);
	if (error != 0)
		return (error);
	if (value_of(w, "gateway") != NULL) {
		if (address_of(w, "gateway", &gw) != 0)
			return (EINVAL);
		r->gateway = ntohl(gw.sin_addr.s_addr);
		r->flags |= RTF_GATEWAY;
	}
	if (has_word(w, "reject"))
		r->flags |= RTF_REJECT;
	if (has_word(w, "blackhole"))
		r->flags |= RTF_BLACKHOLE;
	if (has_word(w, "proto1"))
		r->flags |= RTF_PROTO1;
	if (has_word(w, "proto2"))
		r->flags |= RTF_PROTO2;
	return (0);
}

static int
change_route(struct words *w, int verb)
{
	struct bsd_route r;
	int error = route_args(w, &r);

	if (error == 0 && verb == RTM_CHANGE)
		error = keep_old(w, &r);
	if (error == 0 && verb == RTM_DELETE)
		r.flags &= ~(RTF_REJECT | RTF_BLACKHOLE);
	return (error != 0 ? error : bsd_route(verb, &r));
}

static int
route_add(struct words *w)
{
	return (change_route(w, RTM_ADD));
}

static int
route_change(struct words *w)
{
	return (change_route(w, RTM_CHANGE));
}

static int
route_delete(struct words *w)
{
	return (change_route(w, RTM_DELETE));
}

struct flush {
	struct sockaddr_in dst[64], mask[64];
	bool host[64];
	u_int n;
};

/* Those that lead through a gateway, as route(8) says, and what was written by hand. */
static int
flush_one(struct rtentry *rt, void *arg)
{
	struct flush *f = arg;

	if ((rt->rte_flags & RTF_PINNED) != 0 ||
	    (rt->rte_flags & (RTF_GATEWAY | RTF_STATIC | RTF_DYNAMIC)) == 0)
		return (0);
	f->dst[f->n] = *satosin(&rt->rt_dst);
	f->mask[f->n] = *satosin(&rt->rt_mask);
	f->host[f->n] = (rt->rte_flags & RTF_HOST) != 0;
	return (++f->n == nitems(f->dst));
}

static int
route_flush(struct words *w)
{
	static struct flush f;
	struct rt_addrinfo info;
	char addr[INET_ADDRSTRLEN];
	u_int i;

	do {
		f.n = 0;
		(void)rib_walk(RT_DEFAULT_FIB, AF_INET, flush_one, &f);
		for (i = 0; i < f.n; i++) {
			info = (struct rt_addrinfo){.rti_dst = sintosa(&f.dst[i]),
			    .rti_netmask = sintosa(&f.mask[i]),
			    .rti_flags = f.host[i] ? RTF_HOST : 0};
			if (rib_del_route(RT_DEFAULT_FIB, &info) != 0)
				return (EIO);
			report_line(&w->report, "%s\t%d", inet_ntoa_r(f.dst[i].sin_addr, addr),
			    f.host[i] ? 32 : bitcount32(f.mask[i].sin_addr.s_addr));
		}
	} while (f.n == nitems(f.dst));
	return (0);
}

/* ---- interfaces ---- */

static int
interface_mtu(struct words *w)
{
	struct ifreq ifr = {0};
	u_long mtu = 0;
	int error;
	struct ifnet *ifp = interface_of(w, &error);

	if (ifp == NULL)
		return (error != 0 ? error : EINVAL);
	if (number_of(w, "mtu", INT32_MAX, &mtu) != 0 || mtu == 0)
		return (EINVAL);
	strlcpy(ifr.ifr_name, ifp->if_xname, sizeof(ifr.ifr_name));
	ifr.ifr_mtu = (int)mtu;
	return (ifioctl(NULL, SIOCSIFMTU, (caddr_t)&ifr, NULL));
}

static int
interface_up(struct words *w)
{
	int error;
	struct ifnet *ifp = interface_of(w, &error);

	if (ifp == NULL)
		return (error != 0 ? error : EINVAL);
	if_up(ifp);
	return (0);
}

static int
interface_down(struct words *w)
{
	int error;
	struct ifnet *ifp = interface_of(w, &error);

	if (ifp == NULL)
		return (error != 0 ? error : EINVAL);
	if_down(ifp);
	return (0);
}

/* The rules of ifconfig(8): an address again gets the new mask; without `alias` the first goes. */
int
bsd_address(struct ifnet *ifp, in_addr_t addr, in_addr_t mask, in_addr_t bcast, bool replace_first)
{
	struct in_addr in = {htonl(addr)};
	struct in_ifaddr *same = in_ifaddr_lookup(in), *first = in_ifaddr_first(ifp);
	in_addr_t oldmask = 0, oldbcast = 0, oldaddr = 0;
	bool was_first = false;
	int error;

	if (same != NULL && same->ia_ifp != ifp)
		return (EEXIST);
	if (same == NULL && replace_first)
		same = first;
	if (same != NULL) {
		oldaddr = ntohl(same->ia_addr.sin_addr.s_addr);
		oldmask = (in_addr_t)same->ia_subnetmask;
		oldbcast = ntohl(same->ia_broadaddr.sin_addr.s_addr);
		if (oldaddr == addr && oldmask == mask && (bcast == 0 || bcast == oldbcast))
			return (0);
		was_first = same == first;
		in_ifremove(same);
	}
	error = in_ifadd(ifp, addr, mask, bcast);
	if (error != 0 && same != NULL && in_ifadd(ifp, oldaddr, oldmask, oldbcast) == 0)
		in.s_addr = htonl(oldaddr);
	if (was_first && in_ifaddr_lookup(in) != NULL)
		in_ifmakefirst(in_ifaddr_lookup(in));
	return (error);
}

static int
interface_address(struct words *w)
{
	struct sockaddr_in addr, bcast = {.sin_addr.s_addr = INADDR_ANY};
	in_addr_t mask;
	int error;
	struct ifnet *ifp = interface_of(w, &error);

	if (ifp == NULL)
		return (error != 0 ? error : EINVAL);
	if (network_of(w, "address", &addr, &mask) != 0 ||
	    (value_of(w, "broadcast") != NULL && address_of(w, "broadcast", &bcast) != 0))
		return (EINVAL);
	error = bsd_address(ifp, ntohl(addr.sin_addr.s_addr), mask, ntohl(bcast.sin_addr.s_addr),
	    !has_word(w, "alias"));
	if (error == 0)
		if_up(ifp); /* as FreeBSD's interfaces come up with their first address */
	return (error);
}

static int
interface_delete(struct words *w)
{
	struct sockaddr_in addr;
	struct in_ifaddr *ia;
	in_addr_t mask;
	int error;
	struct ifnet *ifp = interface_of(w, &error);

	if (ifp == NULL)
		return (error != 0 ? error : EINVAL);
	if (network_of(w, "address", &addr, &mask) != 0)
		return (EINVAL);
	ia = in_ifaddr_lookup(addr.sin_addr);
	if (ia == NULL || ia->ia_ifp != ifp)
		return (EADDRNOTAVAIL);
	in_ifremove(ia);
	return (0);
}

/* ---- neighbours ---- */

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return (c - '0');
	if (c >= 'a' && c <= 'f')
		return (c - 'a' + 10);
	return (c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1);
}

static bool
parse_mac(const char *s, u_char mac[ETHER_ADDR_LEN])
{
	int i, high, low;

	for (i = 0; i < ETHER_ADDR_LEN; i++) {
		if ((high = hex_digit(*s)) < 0)
			return (false);
		s++;
		low = hex_digit(*s);
		if (low >= 0) {
			high = high * 16 + low;
			s++;
		}
		mac[i] = (u_char)high;
		if (i < ETHER_ADDR_LEN - 1 && *s++ != ':')
			return (false);
	}
	return (*s == '\0');
}

/* The interface on whose network addr is. */
struct ifnet *
bsd_neighbour_if(struct in_addr addr)
{
	struct sockaddr_in sin;
	struct ifaddr *ifa;

	set_sin(&sin, addr);
	ifa = ifa_ifwithnet(sintosa(&sin), 0, 0);
	return (ifa != NULL && lltable_get(ifa->ifa_ifp, AF_INET) != NULL ? ifa->ifa_ifp : NULL);
}

static int
arp_set_entry(struct words *w)
{
	const char *s = value_of(w, "mac");
	struct sockaddr_in addr;
	u_char mac[ETHER_ADDR_LEN];
	struct ifnet *ifp;

	if (address_of(w, "address", &addr) != 0 || s == NULL || !parse_mac(s, mac))
		return (EINVAL);
	ifp = bsd_neighbour_if(addr.sin_addr);
	if (ifp == NULL)
		return (ENETUNREACH);
	return (arp_set(ifp, addr.sin_addr, mac,
	    (has_word(w, "temp") ? 0 : LLE_STATIC) | (has_word(w, "pub") ? LLE_PUB : 0)));
}

int
bsd_arp_delete(struct in_addr addr)
{
	struct sockaddr_in sin;
	struct lltable *llt;
	struct llentry *lle;
	struct ifnet *ifp;

	set_sin(&sin, addr);
	TAILQ_FOREACH (ifp, &V_ifnet, if_link) {
		llt = lltable_get(ifp, AF_INET);
		lle = llt != NULL ? lltable_lookup(llt, sintosa(&sin)) : NULL;
		if (lle != NULL && (lle->la_flags & LLE_IFADDR) != 0)
			return (EINVAL);
		if (lle != NULL)
			return (arp_delete(ifp, addr));
	}
	return (ENOENT);
}

static int
arp_delete_entry(struct words *w)
{
	struct sockaddr_in addr;

	if (address_of(w, "address", &addr) != 0)
		return (EINVAL);
	return (bsd_arp_delete(addr.sin_addr));
}

static int
arp_flush_one(struct lltable *llt __unused, struct llentry *lle, void *count)
{
	if ((lle->la_flags & LLE_IFADDR) == 0) {
		++*(u_int *)count;
		lltable_delete_entry(lle);
	}
	return (0);
}

static int
arp_flush_all(struct words *w)
{
	struct lltable *llt;
	struct ifnet *ifp;
	u_int n = 0;

	TAILQ_FOREACH (ifp, &V_ifnet, if_link)
		if ((llt = lltable_get(ifp, AF_INET)) != NULL)
			(void)lltable_foreach_lle(llt, arp_flush_one, &n);
	report_line(&w->report, "%u", n);
	return (0);
}

/* ---- connections ---- */

static int
tcp_drop_one(struct words *w)
{
	struct sockaddr_in local, foreign;
	u_long lport = 0, fport = 0;
	struct inpcb *inp;
	struct tcpcb *tp;

	if (address_of(w, "local", &local) != 0 || address_of(w, "foreign", &foreign) != 0 ||
	    number_of(w, "lport", UINT16_MAX, &lport) != 0 ||
	    number_of(w, "fport", UINT16_MAX, &fport) != 0)
		return (EINVAL);
	inp = in_pcblookup(&V_tcbinfo, foreign.sin_addr, htons((uint16_t)fport), local.sin_addr,
	    htons((uint16_t)lport), 0, NULL);
	tp = inp != NULL && (inp->inp_flags & INP_DROPPED) == 0 ? intotcpcb(inp) : NULL;
	if (tp == NULL)
		return (ESRCH);
	if (tp->t_state == TCPS_TIME_WAIT)
		tcp_close(tp); /* the peer has ended it as well: nothing to tell */
	else
		tcp_drop(tp, ECONNABORTED);
	return (0);
}

/* ---- by name ---- */

static const struct {
	const char *object, *verb;
	int (*fn)(struct words *);
} changes[] = {
    {"route", "add", route_add},
    {"route", "change", route_change},
    {"route", "delete", route_delete},
    {"route", "flush", route_flush},
    {"interface", "mtu", interface_mtu},
    {"interface", "up", interface_up},
    {"interface", "down", interface_down},
    {"interface", "address", interface_address},
    {"interface", "delete", interface_delete},
    {"arp", "set", arp_set_entry},
    {"arp", "delete", arp_delete_entry},
    {"arp", "flush", arp_flush_all},
    {"tcp", "drop", tcp_drop_one},
};

int
bsd_change(const char *request, bsd_emit_fn *emit, void *arg)
{
	struct words w = {.report = {.emit = emit, .arg = arg}};
	int error;
	u_int i;

	if (!split(&w, request) || w.n < 2)
		return (LINUX_EINVAL);
	for (i = 0; i < nitems(changes); i++)
		if (strcmp(changes[i].object, w.word[0]) == 0 &&
		    strcmp(changes[i].verb, w.word[1]) == 0) {
			error = changes[i].fn(&w);
			return (error != 0 ? bsd_errno_to_linux(error) : 0);
		}
	return (LINUX_EOPNOTSUPP);
}
