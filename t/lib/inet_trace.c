/*
 * inet_trace.c - IPv4 packets in and out of one stack; see inet_trace.h.
 */
#include <sys/param.h>
#include <sys/systm.h>
#include <sys/kernel.h>
#include <sys/socketvar.h>
#include <sys/sysctl.h>
#include <sys/ucred.h>
#include <sys/uio.h>
#include <net/if_types.h>
#include <net/netisr.h>
#include <net/route.h>
#include <netinet/in_var.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <host/host.h>

#include "t/lib/inet_trace.h"
#include "t/lib/tap.h"

struct ifnet *fake0;
static struct mbufq sent;
static char line[1024];

/* What would go to the link: kept, with the next hop's address in front. */
static int
fake_output(
    struct ifnet *ifp, struct mbuf *m, const struct sockaddr *dst, struct route *ro __unused)
{
	struct in_addr gw = ((const struct sockaddr_in *)(const void *)dst)->sin_addr;

	(void)ifp;
	M_PREPEND(m, (int)sizeof(gw), M_NOWAIT);
	memcpy(mtod(m, void *), &gw, sizeof(gw));
	if (mbufq_enqueue(&sent, m) != 0)
		m_freem(m);
	return (0);
}

static int
fake_transmit(struct ifnet *ifp __unused, struct mbuf *m)
{
	m_freem(m);
	return (0);
}

static int
fake_ioctl(struct ifnet *ifp __unused, u_long cmd __unused, caddr_t data __unused)
{
	return (0);
}

struct in_addr
addr(const char *s)
{
	struct in_addr a;

	if (inet_aton(s, &a) != 1)
		tap_bail("bad address in a test");
	return (a);
}

static void
default_route(const char *gw)
{
	struct sockaddr_in dst = {.sin_len = sizeof(dst), .sin_family = AF_INET}, mask = dst,
			   via = dst;
	struct rt_addrinfo info;

	via.sin_addr = addr(gw);
	memset(&info, 0, sizeof(info));
	info.rti_flags = RTF_GATEWAY | RTF_STATIC | RTF_UP;
	info.rti_dst = (struct sockaddr *)&dst;
	info.rti_netmask = (struct sockaddr *)&mask;
	info.rti_gateway = (struct sockaddr *)&via;
	if (rib_add_route(RT_DEFAULT_FIB, &info) != 0)
		tap_bail("no default route");
}

void
trace_init(void)
{
	host_random_seed(1);
	host_clock_virtual(1000000000u);
	kern_boot();
	mbufq_init(&sent, 100000);
	fake0 = if_alloc(IFT_OTHER);
	if_initname(fake0, "fake", 0);
	fake0->if_flags = IFF_BROADCAST | IFF_MULTICAST;
	fake0->if_mtu = 1500;
	fake0->if_output = fake_output;
	fake0->if_transmit = fake_transmit;
	fake0->if_ioctl = fake_ioctl;
	if_attach(fake0);
	if_up(fake0);
	if (in_aifaddr(fake0, addr("10.0.0.1"), 24) != 0)
		tap_bail("no address");
	default_route("10.0.0.254");
	trace_run();
	tx_flush();
}

void
trace_run(void)
{
	kern_run();
}

void
trace_sleep_ms(u_int ms)
{
	const uint64_t end = host_monotonic_ns() + (uint64_t)ms * 1000000;
	uint64_t next;

	for (;;) {
		kern_run();
		next = kern_next_ns();
		if (next > end)
			break;
		host_clock_advance_to(next);
	}
	host_clock_advance_to(end);
	kern_run();
}

int
trace_sysctl(const char *name, int value)
{
	int old = 0;
	size_t len = sizeof(old);

	if (kernel_sysctlbyname(NULL, name, &old, &len, &value, sizeof(value), NULL, 0) != 0)
		tap_bail(name);
	return (old);
}

u_int
icmp_make(u_char *buf, int type, int code, uint32_t rest, const void *data, u_int len)
{
	uint64_t sum;

	buf[0] = (u_char)type;
	buf[1] = (u_char)code;
	buf[2] = buf[3] = 0;
	be32enc(buf + 4, rest);
	memcpy(buf + 8, data, len);
	for (sum = in_cksum_bytes(buf, len + 8, 0, false); sum > 0xffff;)
		sum = (sum & 0xffff) + (sum >> 16);
	buf[2] = (u_char)(~sum & 0xff);
	buf[3] = (u_char)(~sum >> 8 & 0xff);
	return (len + 8);
}

static u_int
put_udp(const struct rx_packet *p, const struct ip *ip, u_char *at)
{
	struct udphdr uh = {htons(p->sport), htons(p->dport), htons(p->len + 8), 0};
	uint64_t sum;

	memcpy(at, &uh, sizeof(uh));
	if (p->len != 0)
		memcpy(at + 8, p->data, p->len);
	if (p->nol4sum)
		return (p->len + 8);
	sum = in_pseudo(ip->ip_src.s_addr, ip->ip_dst.s_addr,
	    htons((u_short)(p->len + 8)) + htons(IPPROTO_UDP));
	for (sum = in_cksum_bytes(at, p->len + 8, sum, false); sum > 0xffff;)
		sum = (sum & 0xffff) + (sum >> 16);
	uh.uh_sum = (u_short)(~sum ^ (p->badl4sum ? 0x5555 : 0));
	memcpy(at + 6, &uh.uh_sum, 2);
	return (p->len + 8);
}

struct mbuf *
trace_make(const struct rx_packet *p)
{
	static u_char buf[70000];
	struct ip ip;
	struct mbuf *m, *n;
	const u_int hlen = sizeof(ip) + p->optlen;
	u_int len;

	memset(&ip, 0, sizeof(ip));
	ip.ip_v = (p->version != 0 ? p->version : 4) & 0xf;
	ip.ip_hl = ((p->hlen != 0 ? p->hlen : hlen) >> 2) & 0xf;
	ip.ip_tos = (u_char)p->tos;
	ip.ip_id = htons(p->id);
	ip.ip_off = htons(p->off);
	ip.ip_ttl = (u_char)(p->ttl != 0 ? p->ttl : 64);
	ip.ip_p = (u_char)p->proto;
	ip.ip_src = addr(p->src != NULL ? p->src : "10.0.0.2");
	ip.ip_dst = addr(p->dst != NULL ? p->dst : "10.0.0.1");
	if (p->optlen != 0)
		memcpy(buf + sizeof(ip), p->opt, p->optlen);
	if (p->proto == IPPROTO_UDP && p->dport != 0)
		len = put_udp(p, &ip, buf + hlen);
	else {
		len = p->len;
		if (len != 0)
			memcpy(buf + hlen, p->data, len);
	}
	len += hlen;
	ip.ip_len = htons(p->iplen != 0 ? p->iplen : len);
	memcpy(buf, &ip, sizeof(ip));
	m = m_devget((char *)buf, (int)min(hlen, 60), 0, NULL, NULL);
	ip.ip_sum = in_cksum(m, (int)(p->hlen >= 20 ? MIN(p->hlen, hlen) : hlen));
	if (p->badsum)
		ip.ip_sum ^= 0x1234;
	m_freem(m);
	memcpy(buf, &ip, sizeof(ip));
	memset(buf + len, 0xee, p->pad);
	/* as behind a link header: aligned to 2 bytes, not to 4 */
	m = m_devget((char *)buf, (int)(len + p->pad), 2, fake0, NULL);
	if (p->split != 0 && (n = m_split(m, (int)p->split, M_NOWAIT)) != NULL) {
		m_demote_pkthdr(n);
		m_last(m)->m_next = n;
		m->m_pkthdr.len = (int)(len + p->pad);
	}
	m->m_pkthdr.rcvif = fake0;
	m->m_flags |= p->mflags;
	m->m_pkthdr.csum_flags = p->csum_flags;
	return (m);
}

void
trace_rx(const struct rx_packet *p)
{
	(void)netisr_dispatch(NETISR_IP, trace_make(p));
	trace_run();
}

/* ---- out ---- */

int
tx_count(void)
{
	return (mbufq_len(&sent));
}

void
tx_flush(void)
{
	mbufq_drain(&sent);
}

struct mbuf *
tx_mbuf(void)
{
	struct mbuf *m = mbufq_dequeue(&sent);

	if (m != NULL)
		m_adj(m, sizeof(struct in_addr));
	return (m != NULL ? m_pullup(m, sizeof(struct ip)) : NULL);
}

static void add(const char *, ...) __printflike(1, 2);
static void
add(const char *fmt, ...)
{
	size_t n = strlen(line);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line + n, sizeof(line) - n, fmt, ap);
	va_end(ap);
}

static bool
l4_ok(const struct mbuf *m, const struct ip *ip, u_int hlen)
{
	const u_int len = (u_int)m->m_pkthdr.len - hlen;
	struct mbuf *mm = __DECONST(struct mbuf *, m);
	u_short sum = (u_short)~in_cksum_skip(mm, m->m_pkthdr.len, (int)hlen);

	if (ip->ip_p != IPPROTO_ICMP)
		sum = in_addword(sum, in_pseudo(ip->ip_src.s_addr, ip->ip_dst.s_addr,
					  htons((u_short)len) + htons(ip->ip_p)));
	return (sum == 0xffff);
}

static void
add_icmp(const u_char *p, u_int len)
{
	char a[INET_ADDRSTRLEN], b[INET_ADDRSTRLEN];
	struct in_addr src, dst;

	add(" icmp %u/%u", p[0], p[1]);
	if (!ICMP_ISERROR(p[0])) {
		add(" id %u seq %u len %u", be16dec(p + 4), be16dec(p + 6), len - 8);
		return;
	}
	if (p[0] == ICMP_UNREACH && p[1] == ICMP_UNREACH_NEEDFRAG)
		add(" mtu %u", be16dec(p + 6));
	if (p[0] == ICMP_PARAMPROB)
		add(" at %u", p[4]);
	memcpy(&src, p + 8 + 12, 4);
	memcpy(&dst, p + 8 + 16, 4);
	add(" about %s > %s proto %u quote %u", inet_ntoa_r(src, a), inet_ntoa_r(dst, b), p[8 + 9],
	    len - 8);
}

static void
add_tcp(const u_char *p, u_int len)
{
	static const char names[] = "FSRPAUEC";
	u_int i;

	add(" tcp %u > %u ", be16dec(p), be16dec(p + 2));
	for (i = 0; i < 8; i++)
		if ((p[13] & 1 << i) != 0)
			add("%c", names[i]);
	add(" %u len %u", be32dec(p + 4), len - (u_int)(p[12] >> 4) * 4);
}

static void
describe(struct mbuf *m, struct in_addr gw)
{
	static u_char buf[70000];
	char a[INET_ADDRSTRLEN], b[INET_ADDRSTRLEN];
	const u_int len = (u_int)m->m_pkthdr.len;
	struct ip ip;
	u_int hlen, off, i;

	m_copydata(m, 0, (int)len, buf);
	memcpy(&ip, buf, sizeof(ip));
	hlen = ip.ip_hl << 2;
	off = ntohs(ip.ip_off);
	line[0] = '\0';
	add("%s > %s", inet_ntoa_r(ip.ip_src, a), inet_ntoa_r(ip.ip_dst, b));
	if ((off & (IP_OFFMASK | IP_MF)) != 0)
		add(" frag %u%s proto %u len %u", (off & IP_OFFMASK) * 8, off & IP_MF ? "+" : "",
		    ip.ip_p, len - hlen);
	else if (ip.ip_p == IPPROTO_ICMP)
		add_icmp(buf + hlen, len - hlen);
	else if (ip.ip_p == IPPROTO_UDP)
		add(" udp %u > %u len %u", be16dec(buf + hlen), be16dec(buf + hlen + 2),
		    len - hlen - 8);
	else if (ip.ip_p == IPPROTO_TCP)
		add_tcp(buf + hlen, len - hlen);
	else
		add(" proto %u len %u", ip.ip_p, len - hlen);
	if (ip.ip_ttl != 64)
		add(" ttl %u", ip.ip_ttl);
	if (ip.ip_tos != 0 && ip.ip_tos != IPTOS_PREC_INTERNETCONTROL)
		add(" tos %u", ip.ip_tos);
	if ((off & IP_DF) != 0)
		add(" df");
	if (gw.s_addr != ip.ip_dst.s_addr)
		add(" via %s", inet_ntoa_r(gw, a));
	if ((m->m_flags & M_BCAST) != 0)
		add(" bcast");
	if ((m->m_flags & M_MCAST) != 0)
		add(" mcast");
	if (hlen > 20)
		add(" opt ");
	for (i = 20; i < hlen; i++)
		add("%02x", buf[i]);
	if (ntohs(ip.ip_len) != len)
		add(" badlen");
	if ((m->m_pkthdr.csum_flags & CSUM_IP) == 0 && in_cksum(m, (int)hlen) != 0)
		add(" badsum");
	if ((off & (IP_OFFMASK | IP_MF)) == 0 &&
	    (ip.ip_p == IPPROTO_ICMP || ip.ip_p == IPPROTO_UDP || ip.ip_p == IPPROTO_TCP) &&
	    (m->m_pkthdr.csum_flags & CSUM_DELAY_DATA) == 0 &&
	    !(ip.ip_p == IPPROTO_UDP && be16dec(buf + hlen + 6) == 0) && !l4_ok(m, &ip, hlen))
		add(" badl4sum");
}

const char *
tx(void)
{
	struct mbuf *m = mbufq_dequeue(&sent);
	struct in_addr gw;

	line[0] = '\0';
	if (m == NULL)
		return (line);
	m_copydata(m, 0, sizeof(gw), &gw);
	m_adj(m, sizeof(gw));
	m = m_pullup(m, sizeof(struct ip));
	describe(m, gw);
	m_freem(m);
	return (line);
}

/* ---- sockets ---- */

u_char sock_buf[70000];
u_int sock_len;

static struct sockaddr_in
sin_of(const char *ip, u_int port)
{
	struct sockaddr_in sin = {.sin_len = sizeof(sin), .sin_family = AF_INET};

	sin.sin_port = htons(port);
	sin.sin_addr = addr(ip);
	return (sin);
}

struct ucred *
user_cred(u_int uid)
{
	struct ucred *cred = crget();

	cred->cr_uid = cred->cr_ruid = uid;
	return (cred);
}

struct socket *
sock(int type, int proto, struct ucred *cred)
{
	struct socket *so = NULL;

	if (socreate(AF_INET, &so, type, proto, cred != NULL ? cred : kern_cred, NULL) != 0)
		tap_bail("no socket");
	return (so);
}

int
sock_bind(struct socket *so, const char *ip, u_int port)
{
	struct sockaddr_in sin = sin_of(ip, port);

	return (sobind(so, sintosa(&sin), NULL));
}

int
sock_connect(struct socket *so, const char *ip, u_int port)
{
	struct sockaddr_in sin = sin_of(ip, port);

	return (soconnect(so, sintosa(&sin), NULL));
}

int
sock_setint(struct socket *so, int level, int name, int value)
{
	return (so_setsockopt(so, level, name, &value, sizeof(value)));
}

int
sock_send(struct socket *so, const char *ip, u_int port, const void *data, u_int len, int ctype,
    const void *cdata, u_int clen)
{
	struct sockaddr_in sin;
	struct iovec iov = {__DECONST(void *, data), len};
	struct uio uio = {
	    .uio_iov = &iov, .uio_iovcnt = 1, .uio_resid = (ssize_t)len, .uio_rw = UIO_WRITE};
	struct mbuf *control = NULL;
	int error;

	if (ip != NULL)
		sin = sin_of(ip, port);
	if (ctype != 0)
		control = sbcreatecontrol(cdata, clen, ctype, IPPROTO_IP, M_NOWAIT);
	error =
	    sosend(so, ip != NULL ? sintosa(&sin) : NULL, &uio, NULL, control, MSG_DONTWAIT, NULL);
	trace_run();
	return (error);
}

static void
add_controls(struct mbuf *control)
{
	struct cmsghdr cm;
	int off;
	u_int i;

	for (; control != NULL; control = m_free(control))
		for (off = 0; off < control->m_len; off += (int)_CMSG_ALIGN(cm.cmsg_len)) {
			memcpy(&cm, mtod(control, char *) + off, sizeof(cm));
			add(" [%d ", cm.cmsg_type);
			for (i = 0; i < cm.cmsg_len - CMSG_LEN(0); i++)
				add("%02x",
				    mtod(control, u_char *)[off + (int)CMSG_LEN(0) + (int)i]);
			add("]");
		}
}

const char *
sock_gets(struct socket *so)
{
	struct iovec iov = {sock_buf, sizeof(sock_buf) - 1};
	struct uio uio = {.uio_iov = &iov,
	    .uio_iovcnt = 1,
	    .uio_resid = sizeof(sock_buf) - 1,
	    .uio_rw = UIO_READ};
	struct sockaddr *from = NULL;
	struct mbuf *control = NULL;
	char a[INET_ADDRSTRLEN];
	int error, flags = MSG_DONTWAIT;
	size_t i;

	line[0] = '\0';
	error = soreceive(so, &from, &uio, NULL, &control, &flags);
	sock_len = (u_int)(sizeof(sock_buf) - 1 - (size_t)uio.uio_resid);
	if (error == EWOULDBLOCK)
		return (line);
	if (error != 0) {
		add("errno %d", error);
		return (line);
	}
	if (from != NULL)
		add("%s:%u ", inet_ntoa_r(satosin(from)->sin_addr, a),
		    ntohs(satosin(from)->sin_port));
	for (i = 0; i < sock_len && i < 80; i++)
		add("%c", sock_buf[i] >= ' ' && sock_buf[i] < 127 ? sock_buf[i] : '.');
	if ((flags & MSG_TRUNC) != 0)
		add(" TRUNC");
	add_controls(control);
	free(from, M_SONAME);
	return (line);
}

const char *
sock_name(struct socket *so)
{
	struct sockaddr_storage ss;
	struct sockaddr_in *sin = (struct sockaddr_in *)&ss;
	char a[INET_ADDRSTRLEN];

	line[0] = '\0';
	if (sosockaddr(so, (struct sockaddr *)&ss) == 0)
		add("%s:%u", inet_ntoa_r(sin->sin_addr, a), ntohs(sin->sin_port));
	if (sopeeraddr(so, (struct sockaddr *)&ss) == 0)
		add(" > %s:%u", inet_ntoa_r(sin->sin_addr, a), ntohs(sin->sin_port));
	return (line);
}
