/*
 * kern_sockbuf.c - socket buffers against a model, and the bounds of their memory.
 */
#include <sys/param.h>
#include <sys/systm.h>
#include <sys/errno.h>
#include <sys/mbuf.h>
#include <sys/protosw.h>
#include <sys/socket.h>
#include <sys/socketvar.h>
#include <sys/sysctl.h>
#include <host/host.h>
#include "t/lib/tap.h"

#define STREAM_MAX 400000

int main(void);

static uint64_t seed = 1;
static struct socket so;
static struct sockbuf *const sb = &so.so_snd;
static uint8_t stream[STREAM_MAX], flat[STREAM_MAX];
static u_int streamlen;

static uint32_t
rnd(uint32_t below)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (below == 0 ? 0 : (uint32_t)((seed >> 16) % below));
}

static uint64_t
mbufs_out(void)
{
	struct mbstat st;

	mb_stat(&st);
	return (st.bytes_used);
}

/* A packet as it comes from a wire: `len` bytes in a cluster of `size`. */
static struct mbuf *
packet(int len, int size)
{
	struct mbuf *m;

	m = size == 0 ? m_gethdr(M_NOWAIT, MT_DATA) : m_getjcl(M_NOWAIT, MT_DATA, M_PKTHDR, size);
	for (int i = 0; i < len; i++)
		mtod(m, uint8_t *)[i] = (uint8_t)rnd(256);
	m->m_len = m->m_pkthdr.len = len;
	return (m);
}

static void
op_append(void)
{
	static const int sizes[] = {0, MCLBYTES, MJUMPAGESIZE, MJUM64BYTES};
	int size = sizes[rnd(nitems(sizes))];
	struct mbuf *m = packet((int)rnd((uint32_t)MIN(size == 0 ? MHLEN : size, 5000) + 1), size),
		    *n;

	if (rnd(3) == 0)
		m_cat(m, packet((int)rnd(MHLEN), 0));
	m_fixhdr(m);
	/* sometimes the storage is still in use elsewhere */
	n = rnd(4) == 0 ? m_copypacket(m, M_NOWAIT) : NULL;
	m_copydata(m, 0, m->m_pkthdr.len, stream + streamlen);
	streamlen += (u_int)m->m_pkthdr.len;
	sbappendstream(sb, m, 0);
	m_freem(n);
}

static void
op_drop(void)
{
	u_int n = rnd(streamlen + 1);

	sbdrop(sb, (int)n);
	streamlen -= n;
	memmove(stream, stream + n, streamlen);
}

static void
op_cut(void)
{
	u_int n = streamlen == 0 ? 0 : 1 + rnd(streamlen);
	struct mbuf *m;

	if (n == 0)
		return;
	m = sbcut(sb, (int)n);
	if (m == NULL || m_length(m, NULL) != n)
		tap_bail("sbcut cut the wrong length");
	m_copydata(m, 0, (int)n, flat);
	if (memcmp(flat, stream, n) != 0)
		tap_bail("sbcut cut the wrong bytes");
	m_freem(m);
	streamlen -= n;
	memmove(stream, stream + n, streamlen);
}

/* Send from some place on, as tcp_output does. */
static void
op_send(void)
{
	u_int off, moff, len;
	struct mbuf *m;

	if (streamlen == 0)
		return;
	off = rnd(streamlen);
	len = 1 + rnd(streamlen - off);
	m = sbsndptr_noadv(sb, off, &moff);
	m_copydata(m, (int)moff, (int)len, flat);
	if (memcmp(flat, stream + off, len) != 0)
		tap_bail("sbsndptr_noadv found the wrong bytes");
	sbsndptr_adv(sb, m, len);
	m = sbsndmbuf(sb, off, &moff);
	m_copydata(m, (int)moff, (int)len, flat);
	if (memcmp(flat, stream + off, len) != 0)
		tap_bail("sbsndmbuf found the wrong bytes");
}

static void
test_stream(void)
{
	static void (*const ops[])(void) = {
	    op_append, op_append, op_append, op_drop, op_cut, op_send, op_send};
	uint64_t before = mbufs_out();
	bool good = true;

	for (int step = 0; step < 20000 && good; step++) {
		if (streamlen > STREAM_MAX - 20000)
			op_drop();
		ops[rnd(nitems(ops))]();
		sbcheck(sb);
		good = sbavail(sb) == streamlen;
		if (good && streamlen > 0 && step % 16 == 0) {
			m_copydata(sb->sb_mb, 0, (int)streamlen, flat);
			good = memcmp(flat, stream, streamlen) == 0;
		}
	}
	ok(good, "a stream's bytes are those of the model");
	sbflush(sb);
	streamlen = 0;
	is_int(sb->sb_mbcnt, 0, "a flushed buffer counts no memory");
	is_int(mbufs_out(), before, "and holds none");
}

/*
 * Tiny segments, each in storage of its own: the window must not close for memory's sake. With
 * `shared`, somebody else (a capture) keeps all of that storage, so that nothing can be added to
 * it.
 */
static void
test_waste(int len, int size, bool shared)
{
	struct mbuf *keep = NULL, *m, *n;
	uint64_t before = mbufs_out();
	u_int count;

	ok(sbreserve(&so, SO_RCV, 65536, NULL), "64 KiB are reserved");
	for (count = 0; sbspace(&so.so_rcv) >= len && count < 65536; count++) {
		m = packet(len, size);
		if (shared && (count == 0 || len > 1)) {
			n = m_copypacket(m, M_NOWAIT);
			n->m_nextpkt = keep;
			keep = n;
		}
		sbappendstream(&so.so_rcv, m, 0);
	}
	sbcheck(&so.so_rcv);
	ok(sbavail(&so.so_rcv) > 65536 - (u_int)len,
	    "%d-byte segments in %d-byte%s clusters fill %u", len, size, shared ? " shared" : "",
	    sbavail(&so.so_rcv));
	m_freemp(keep);
	ok(mbufs_out() - before <= 4 * 65536 + 2 * MJUM64BYTES, "in %lu bytes of memory",
	    (u_long)(mbufs_out() - before));
	sbflush(&so.so_rcv);
	is_int(mbufs_out(), before, "which are given back");
}

static void
test_datagrams(void)
{
	struct sockaddr sa = {.sa_len = sizeof(sa), .sa_family = 40};
	uint64_t before = mbufs_out();
	struct mbuf *m, *control;
	int n, more = 4;

	(void)sbreserve(&so, SO_RCV, 20000, NULL);
	for (n = 0;; n++) {
		m = packet(100, MJUM64BYTES);
		control = sbcreatecontrol(&more, sizeof(more), SCM_TIMESTAMP, SOL_SOCKET, M_NOWAIT);
		if (sbappendaddr(&so.so_rcv, &sa, m, control) == 0)
			break;
	}
	sbcheck(&so.so_rcv);
	ok(sbused(&so.so_rcv) + 100 + 16 + CMSG_SPACE(sizeof(more)) > 20000,
	    "%d datagrams in large clusters fill the buffer", n);
	ok(m->m_pkthdr.len == 100 && control->m_type == MT_CONTROL,
	    "one that does not fit stays the caller's");
	m_freem(m);
	m_freem(control);
	is_int(so.so_rcv.sb_ctl, (u_int)n * (sizeof(sa) + CMSG_SPACE(sizeof(more))),
	    "names and control data are counted apart");
	m = sbcutrecord(&so.so_rcv);
	ok(m->m_type == MT_SONAME && m->m_next->m_type == MT_CONTROL &&
		m->m_next->m_next->m_len == 100 && m->m_next->m_next->m_next == NULL,
	    "a record is name, control, data");
	m_freem(m);
	sbcheck(&so.so_rcv);
	sbdroprecord(&so.so_rcv);
	sbcheck(&so.so_rcv);
	sbflush(&so.so_rcv);
	is_int(mbufs_out(), before, "no memory is left behind");
}

static void
test_records(void)
{
	struct mbuf *m;
	int n = 0;

	for (int i = 0; i < 3; i++) {
		m = packet(10, 0);
		m->m_flags |= M_EOR;
		sbappend(&so.so_rcv, m, 0);
		sbcheck(&so.so_rcv);
	}
	sbappend(&so.so_rcv, packet(5, 0), 0);
	sbappend(&so.so_rcv, packet(5, 0), 0);
	sbcheck(&so.so_rcv);
	for (m = so.so_rcv.sb_mb; m != NULL; m = m->m_nextpkt)
		n++;
	is_int(n, 4, "M_EOR ends a record, and nothing else does");
	is_int(m_length(so.so_rcv.sb_lastrecord, NULL), 10, "what follows is one record");
	sbflush(&so.so_rcv);
	sbappendstream(&so.so_rcv, packet(0, MCLBYTES), 0);
	ok(so.so_rcv.sb_mb == NULL, "no bytes take no memory");
}

static void
test_limits(void)
{
	u_long small = 100, large = 8 * 1024 * 1024;

	ok(!sbreserve(&so, SO_RCV, sb_max, NULL),
	    "a size above what kern.ipc.maxsockbuf allows is refused");
	ok(sbreserve(&so, SO_RCV, sb_max * MCLBYTES / (MSIZE + MCLBYTES), NULL),
	    "the largest is not");
	ok(so.so_rcv.sb_mbmax <= sb_max, "its memory is bounded");
	(void)sbreserve(&so, SO_RCV, 10, NULL);
	sbappendstream(&so.so_rcv, packet(20, 0), 0);
	is_int(sbspace(&so.so_rcv), 0, "an overfull buffer has no room, not negative room");
	sbflush(&so.so_rcv);
	is_int(kernel_sysctlbyname(
		   NULL, "kern.ipc.maxsockbuf", NULL, NULL, &small, sizeof(small), NULL, 0),
	    EINVAL, "kern.ipc.maxsockbuf has a least value");
	is_int(kernel_sysctlbyname(
		   NULL, "kern.ipc.maxsockbuf", NULL, NULL, &large, sizeof(large), NULL, 0),
	    0, "and can be set");
	ok(sbreserve(&so, SO_RCV, 4 * 1024 * 1024, NULL), "which allows larger buffers");
	ok(sbcreatecontrol(NULL, MCLBYTES, 1, 1, M_NOWAIT) == NULL, "control data is bounded");
}

int
main(void)
{
	host_clock_virtual(1000000000);
	host_random_seed(1);
	kern_boot();
	(void)sbreserve(&so, SO_SND, 65536, NULL);
	test_stream();
	test_waste(1, MJUM64BYTES, false);
	test_waste(1, MJUM64BYTES, true);
	test_waste(1, MCLBYTES, true);
	test_waste(100, MCLBYTES, false);
	test_waste(1448, MJUM64BYTES, false);
	test_waste(1448, MJUM64BYTES, true);
	test_waste(100, MCLBYTES, true);
	test_waste(1448, MCLBYTES, false);
	test_datagrams();
	test_records();
	test_limits();
	return (tap_done());
}
