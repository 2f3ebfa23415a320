/*
 * shim_opt.c - setsockopt and getsockopt.
 *
 * What belongs to the descriptor (timeouts, the low-water mark, the cookie) is the pair's, and
 * native. What belongs to the socket is asked of alpined. SO_TYPE, SO_DOMAIN, SO_PROTOCOL would
 * show AF_UNIX: alpined answers those.
 */
#include <linux/filter.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/un.h>

#include "preload/shim.h"

#ifndef SO_RCVTIMEO_NEW
#define SO_RCVTIMEO_NEW 66
#define SO_SNDTIMEO_NEW 67
#endif

/* bytes of a multicast filter that say which one is asked for; IP_MSFILTER's are fewer */
#define FILTER_HEAD GROUP_FILTER_SIZE(0)

#define FILTER_MAX (RPC_FILTER_MAX / sizeof(struct sock_filter))

static bool
is_descriptor_option(int level, int name)
{
	if (level != SOL_SOCKET)
		return false;
	switch (name) {
	case SO_RCVTIMEO:
	case SO_SNDTIMEO:
	case SO_RCVTIMEO_NEW:
	case SO_SNDTIMEO_NEW:
	case SO_RCVLOWAT:
	case SO_COOKIE:
		return true;
	default:
		return false;
	}
}

/* The pair of a stream peeks as TCP does; a datagram's message begins with our header. */
static bool
is_peek_offset(int fd, int level, int name)
{
	return level == SOL_SOCKET && name == SO_PEEK_OFF && shim_classify(fd).class == SHIM_STREAM;
}

static bool
is_timeout(int level, int name)
{
	return level == SOL_SOCKET && (name == SO_RCVTIMEO || name == SO_SNDTIMEO);
}

/* A listener's timeouts are those of its connections, too: alpined makes them. */
static void
tell_timeout(int fd, int name, const void *value)
{
	const struct rpc_sockopt opt = {SOL_SOCKET, name, sizeof(struct timeval)};
	char set[sizeof(opt) + sizeof(struct timeval)];

	if (atomic_load_explicit(&shim_confined, memory_order_relaxed) ||
	    (shim_classify(fd).class != SHIM_LISTENER && !shim_fresh(fd)))
		return;
	memcpy(set, &opt, sizeof(opt));
	memcpy(set + sizeof(opt), value, sizeof(struct timeval));
	(void)shim_ask(RPC_SETSOCKOPT, fd, set, sizeof(set), NULL, 0, 0, NULL);
}

/* SO_ATTACH_FILTER: its value points at the program, which is what goes to alpined. */
static int
attach_filter(int fd, const void *value, socklen_t len)
{
	struct sock_filter insns[FILTER_MAX];
	struct sock_fprog prog;
	struct rpc_sockopt opt = {SOL_SOCKET, SO_ATTACH_FILTER, 0};
	struct iovec in[2] = {{&opt, sizeof(opt)}, {insns, 0}};
	struct rpc_call call = {
	    .rc_op = RPC_SETSOCKOPT, .rc_in = in, .rc_nin = 2, .rc_infds = &fd, .rc_ninfds = 1};
	int error;

	if (len != sizeof(prog))
		return EINVAL;
	error = shim_copy_in(&prog, value, sizeof(prog));
	if (error != 0)
		return error;
	if (prog.len == 0 || prog.len > FILTER_MAX)
		return EINVAL;
	opt.o_len = (uint32_t)(prog.len * sizeof(insns[0]));
	in[1].iov_len = opt.o_len;
	error = shim_copy_in(insns, prog.filter, opt.o_len);
	return error != 0 ? error : shim_call(&call);
}

/* A confined program's filter lets setsockopt() through, or it would not call it; no more. */
SHIM_EXPORT int
setsockopt(int fd, int level, int name, const void *value, socklen_t len)
{
	char copy[RPC_OPTVAL_MAX];
	struct rpc_sockopt opt = {level, name, len};
	struct iovec in[2] = {{&opt, sizeof(opt)}, {copy, len}};
	struct rpc_call call = {.rc_op = RPC_SETSOCKOPT,
	    .rc_in = in,
	    .rc_nin = len > 0 ? 2 : 1,
	    .rc_infds = &fd,
	    .rc_ninfds = 1};
	int error;

	shim_init();
	if (is_timeout(level, name) && real.setsockopt(fd, level, name, value, len) == 0) {
		tell_timeout(fd, name, value);
		return 0;
	}
	if (is_descriptor_option(level, name) ||
	    atomic_load_explicit(&shim_confined, memory_order_relaxed) ||
	    !shim_ours(shim_classify(fd)) || is_peek_offset(fd, level, name))
		return real.setsockopt(fd, level, name, value, len);
	if ((int)len < 0)
		return shim_fail(EINVAL);
	if (level == SOL_SOCKET && name == SO_ATTACH_FILTER) {
		error = attach_filter(fd, value, len);
		return error != 0 ? shim_fail(error) : 0;
	}
	if (len > RPC_OPTVAL_MAX)
		return shim_fail(level == SOL_SOCKET ? EINVAL : ENOBUFS);
	error = shim_copy_in(copy, value, len);
	if (error != 0)
		return shim_fail(error);
	error = shim_call(&call);
	while (call.rc_nfds > 0)
		shim_close(call.rc_fds[--call.rc_nfds]);
	if (error == 0 && level == IPPROTO_IP && name == IP_RECVERR)
		atomic_store_explicit(&shim_recverr, true, memory_order_relaxed);
	return error != 0 ? shim_fail(error) : 0;
}

/* Linux answers SO_PEERCRED on any socket: nobody, where the family has no credentials. */
static int
no_peer_credentials(void *value, socklen_t *len)
{
	const struct ucred nobody = {0, (uid_t)-1, (gid_t)-1};
	socklen_t n = *len < sizeof(nobody) ? *len : sizeof(nobody);

	*len = n;
	return shim_copy_out(value, &nobody, n);
}

static int
ask_option(int fd, int level, int name, void *value, socklen_t *len)
{
	struct {
		struct rpc_sockopt opt;
		char value[RPC_OPTVAL_MAX];
	} reply;
	size_t got = 0, asked = 0;
	int error;

	reply.opt = (struct rpc_sockopt){level, name, *len};
	if (reply.opt.o_len > RPC_OPTVAL_MAX)
		reply.opt.o_len = RPC_OPTVAL_MAX;
	if (level == IPPROTO_IP && (name == IP_MSFILTER || name == MCAST_MSFILTER)) {
		asked = reply.opt.o_len < FILTER_HEAD ? reply.opt.o_len : FILTER_HEAD;
		error = shim_copy_in(reply.value, value, asked);
		if (error != 0)
			return error;
	}
	error = shim_ask(RPC_GETSOCKOPT, fd, &reply, sizeof(reply.opt) + asked, &reply,
	    sizeof(reply), sizeof(reply.opt), &got);
	if (error == ENETDOWN && level == SOL_SOCKET && name == SO_ERROR && *len >= sizeof(int)) {
		/* alpined is gone: that is the socket's error, not this call's */
		*len = sizeof(error);
		return shim_copy_out(value, &error, sizeof(error));
	}
	if (error != 0)
		return error;
	if (level == SOL_SOCKET && name == SO_ERROR)
		shim_error_told(fd);
	got -= sizeof(reply.opt);
	if (got > reply.opt.o_len)
		got = reply.opt.o_len;
	if (got > *len)
		got = *len;
	*len = (socklen_t)got;
	return shim_copy_out(value, reply.value, got);
}

SHIM_EXPORT int
getsockopt(int fd, int level, int name, void *value, socklen_t *len)
{
	socklen_t room;
	int error;

	shim_init();
	if (is_descriptor_option(level, name) || !shim_ours(shim_classify(fd)) ||
	    is_peek_offset(fd, level, name))
		return real.getsockopt(fd, level, name, value, len);
	error = shim_copy_in(&room, len, sizeof(room));
	if (error != 0)
		return shim_fail(error);
	if ((int)room < 0) {
		room = 0;
		error = ask_option(fd, level, name, value, &room);
		return shim_fail(error == EOPNOTSUPP ? EOPNOTSUPP : EINVAL);
	}
	if (level == SOL_SOCKET && (name == SO_PEERSEC || name == SO_PASSCRED))
		return shim_fail(name == SO_PEERSEC ? ENOPROTOOPT : EOPNOTSUPP);
	if (level == SOL_SOCKET && name == SO_ERROR && room >= sizeof(error) &&
	    shim_classify(fd).class == SHIM_DGRAM && (error = shim_dgram_take_error(fd)) != 0) {
		room = sizeof(error);
		error = shim_copy_out(value, &error, sizeof(error));
	} else if (level == SOL_SOCKET && name == SO_PEERCRED)
		error = no_peer_credentials(value, &room);
	else
		error = ask_option(fd, level, name, value, &room);
	if (error == 0)
		error = shim_copy_out(len, &room, sizeof(room));
	return error != 0 ? shim_fail(error) : 0;
}
