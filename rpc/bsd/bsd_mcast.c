/*
 * bsd_mcast.c - multicast options that name sources, from Linux's structures and numbers to BSD's
 * (RFC 3678). Called by bsd_sockopt.c.
 */
#include <sys/param.h>
#include <sys/systm.h>
#include <sys/malloc.h>
#include <sys/socket.h>
#include <netinet/in.h>
#include <netinet/in_var.h>

#include "rpc/bsd/bsd_var.h"
#include "rpc/bsd/linux_abi.h"

static MALLOC_DEFINE(M_MSFILTER, "msfilter", "multicast filters on their way");

#define MSFILTER_MAX 512 /* sources in one request */

static int
bsd_name(int name)
{
	switch (name) {
	case LINUX_IP_ADD_SOURCE_MEMBERSHIP:
		return (IP_ADD_SOURCE_MEMBERSHIP);
	case LINUX_IP_DROP_SOURCE_MEMBERSHIP:
		return (IP_DROP_SOURCE_MEMBERSHIP);
	case LINUX_IP_BLOCK_SOURCE:
		return (IP_BLOCK_SOURCE);
	case LINUX_IP_UNBLOCK_SOURCE:
		return (IP_UNBLOCK_SOURCE);
	case LINUX_MCAST_JOIN_GROUP:
		return (MCAST_JOIN_GROUP);
	case LINUX_MCAST_LEAVE_GROUP:
		return (MCAST_LEAVE_GROUP);
	case LINUX_MCAST_JOIN_SOURCE_GROUP:
		return (MCAST_JOIN_SOURCE_GROUP);
	case LINUX_MCAST_LEAVE_SOURCE_GROUP:
		return (MCAST_LEAVE_SOURCE_GROUP);
	case LINUX_MCAST_BLOCK_SOURCE:
		return (MCAST_BLOCK_SOURCE);
	case LINUX_MCAST_UNBLOCK_SOURCE:
		return (MCAST_UNBLOCK_SOURCE);
	default:
		return (-1);
	}
}

bool
bsd_is_source_option(int name)
{
	return (bsd_name(name) != -1 || name == LINUX_IP_MSFILTER || name == LINUX_MCAST_MSFILTER);
}

static struct sockaddr_storage
storage_of(uint32_t addr)
{
	const struct sockaddr_in sin = {
	    .sin_len = sizeof(sin), .sin_family = AF_INET, .sin_addr.s_addr = addr};
	struct sockaddr_storage ss;

	memset(&ss, 0, sizeof(ss));
	memcpy(&ss, &sin, sizeof(sin));
	return (ss);
}

static uint32_t
address_of(const struct sockaddr_storage *ss)
{
	struct sockaddr_in sin;

	memcpy(&sin, ss, sizeof(sin));
	return (sin.sin_addr.s_addr);
}

/* A Linux sockaddr_storage that should hold an IPv4 address. */
static int
from_linux(const struct linux_storage *ls, struct sockaddr_storage *ss)
{
	uint32_t addr;

	if (ls->family != LINUX_AF_INET)
		return (LINUX_EADDRNOTAVAIL);
	memcpy(&addr, ls->data + 2, sizeof(addr));
	*ss = storage_of(addr);
	return (0);
}

static int
set_by_mreq(struct bsock *b, int name, const char *val, size_t len)
{
	struct linux_ip_mreq_source lm;
	struct ip_mreq_source m;

	if (len < sizeof(lm))
		return (LINUX_EINVAL);
	memcpy(&lm, val, sizeof(lm));
	m.imr_multiaddr.s_addr = lm.imr_multiaddr;
	m.imr_interface.s_addr = lm.imr_interface;
	m.imr_sourceaddr.s_addr = lm.imr_sourceaddr;
	return (bsd_setopt(b, NULL, IPPROTO_IP, bsd_name(name), &m, sizeof(m)));
}

static int
set_by_group(struct bsock *b, int name, const char *val, size_t len)
{
	struct linux_group_source_req lg;
	struct group_source_req gsr;
	struct group_req gr;
	const bool whole = name == LINUX_MCAST_JOIN_GROUP || name == LINUX_MCAST_LEAVE_GROUP;
	const size_t want = whole ? offsetof(struct linux_group_source_req, source) : sizeof(lg);
	int error;

	if (len < want)
		return (LINUX_EINVAL);
	memset(&lg, 0, sizeof(lg));
	memcpy(&lg, val, want);
	memset(&gsr, 0, sizeof(gsr));
	gsr.gsr_interface = lg.interface;
	error = from_linux(&lg.group, &gsr.gsr_group);
	if (error == 0 && !whole)
		error = from_linux(&lg.source, &gsr.gsr_source);
	if (error != 0)
		return (error);
	if (!whole)
		return (bsd_setopt(b, NULL, IPPROTO_IP, bsd_name(name), &gsr, sizeof(gsr)));
	gr.gr_interface = gsr.gsr_interface;
	gr.gr_group = gsr.gsr_group;
	return (bsd_setopt(b, NULL, IPPROTO_IP, bsd_name(name), &gr, sizeof(gr)));
}

/* Both headers end with the mode and the number of sources. */
static int
set_filter(struct bsock *b, int name, const char *val, size_t len)
{
	const bool storage = name == LINUX_MCAST_MSFILTER;
	const size_t each = storage ? sizeof(struct linux_storage) : sizeof(uint32_t);
	struct linux_group_filter gf;
	struct linux_ip_msfilter mf;
	const size_t head = storage ? sizeof(gf) : sizeof(mf);
	struct __msfilterreq req = {0};
	struct linux_storage ls;
	uint32_t i, addr, mode;
	int error = 0;

	if (len < head)
		return (LINUX_EINVAL);
	memcpy(&gf, val, storage ? sizeof(gf) : 0);
	memcpy(&mf, val, storage ? 0 : sizeof(mf));
	mode = storage ? gf.fmode : mf.fmode;
	req.msfr_nsrcs = storage ? gf.numsrc : mf.numsrc;
	if (mode > LINUX_MCAST_INCLUDE || req.msfr_nsrcs > (len - head) / each)
		return (LINUX_EINVAL);
	if (req.msfr_nsrcs > MSFILTER_MAX)
		return (LINUX_ENOBUFS);
	req.msfr_fmode = mode == LINUX_MCAST_INCLUDE ? MCAST_INCLUDE : MCAST_EXCLUDE;
	req.msfr_ifindex = storage ? gf.interface : 0;
	if (!storage)
		req.msfr_group = storage_of(mf.multiaddr);
	else if ((error = from_linux(&gf.group, &req.msfr_group)) != 0)
		return (error);
	req.msfr_srcs =
	    malloc(MAX(req.msfr_nsrcs, 1) * sizeof(*req.msfr_srcs), M_MSFILTER, M_NOWAIT);
	if (req.msfr_srcs == NULL)
		return (LINUX_ENOBUFS);
	for (i = 0; i < req.msfr_nsrcs && error == 0; i++) {
		if (storage) {
			memcpy(&ls, val + head + i * each, sizeof(ls));
			error = from_linux(&ls, &req.msfr_srcs[i]);
		} else {
			memcpy(&addr, val + head + i * each, sizeof(addr));
			req.msfr_srcs[i] = storage_of(addr);
		}
	}
	if (error == 0)
		error = bsd_setopt(b, NULL, IPPROTO_IP, IP_MSFILTER, &req, sizeof(req));
	free(req.msfr_srcs, M_MSFILTER);
	return (error);
}

static void
put_sources(char *to, const struct sockaddr_storage *srcs, uint32_t n, bool storage)
{
	struct linux_storage ls = {.family = LINUX_AF_INET};
	uint32_t i, addr;

	for (i = 0; i < n; i++) {
		addr = address_of(&srcs[i]);
		memcpy(ls.data + 2, &addr, sizeof(addr));
		if (storage)
			memcpy(to + i * sizeof(ls), &ls, sizeof(ls));
		else
			memcpy(to + i * sizeof(addr), &addr, sizeof(addr));
	}
}

/* The header says which group, and for how many sources there is room behind it. */
int
bsd_get_filter(struct bsock *b, int name, char *val, uint32_t *len)
{
	const bool storage = name == LINUX_MCAST_MSFILTER;
	const size_t each = storage ? sizeof(struct linux_storage) : sizeof(uint32_t);
	struct linux_group_filter gf = {0};
	struct linux_ip_msfilter mf = {0};
	const size_t head = storage ? sizeof(gf) : sizeof(mf);
	struct __msfilterreq req = {0};
	uint32_t room;
	size_t n = sizeof(req);
	int error;

	if (*len < head)
		return (LINUX_EINVAL);
	memcpy(storage ? (void *)&gf : (void *)&mf, val, head);
	if (!storage)
		req.msfr_group = storage_of(mf.multiaddr);
	else if (from_linux(&gf.group, &req.msfr_group) != 0)
		return (LINUX_EINVAL);
	if (!IN_MULTICAST(ntohl(address_of(&req.msfr_group))))
		return (LINUX_EINVAL);
	req.msfr_ifindex = gf.interface;
	room = MIN(storage ? gf.numsrc : mf.numsrc, MSFILTER_MAX);
	req.msfr_nsrcs = room;
	req.msfr_srcs = malloc(MAX(room, 1) * sizeof(*req.msfr_srcs), M_MSFILTER, M_NOWAIT);
	if (req.msfr_srcs == NULL)
		return (LINUX_ENOBUFS);
	error = bsd_getopt(b, IPPROTO_IP, IP_MSFILTER, &req, &n);
	room = MIN(room, req.msfr_nsrcs);
	if (error == 0 && room > (*len - head) / each)
		error = LINUX_ENOBUFS;
	if (error == 0) {
		gf.fmode = mf.fmode =
		    req.msfr_fmode == MCAST_INCLUDE ? LINUX_MCAST_INCLUDE : LINUX_MCAST_EXCLUDE;
		gf.numsrc = mf.numsrc = req.msfr_nsrcs;
		memcpy(val, storage ? (void *)&gf : (void *)&mf, head);
		put_sources(val + head, req.msfr_srcs, room, storage);
		*len = (uint32_t)(head + room * each);
	}
	free(req.msfr_srcs, M_MSFILTER);
	return (error);
}

int
bsd_set_sources(struct bsock *b, int name, const char *val, size_t len)
{
	if (name == LINUX_IP_MSFILTER || name == LINUX_MCAST_MSFILTER)
		return (set_filter(b, name, val, len));
	if (name >= LINUX_MCAST_JOIN_GROUP)
		return (set_by_group(b, name, val, len));
	return (set_by_mreq(b, name, val, len));
}
