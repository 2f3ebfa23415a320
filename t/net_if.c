/*
 * net_if.c - interfaces: names, ioctls and who may use them, frames in and what becomes of them,
 * frames out, multicast filters, netisr's queues, lo0, stacks side by side.
 */
#include <sys/param.h>
#include <sys/mbuf.h>
#include <sys/protosw.h>
#include <sys/socketvar.h>
#include <sys/sockio.h>
#include <sys/sysctl.h>
#include <sys/systm.h>
#include <sys/ucred.h>
#include <net/ethernet.h>
#include <net/if_dl.h>
#include <net/if_var.h>
#include <net/netisr.h>
#include <net/route.h>
#include <netinet/in_var.h>
#include <netinet/ip.h>
#include <netinet/ip_var.h>

#include <host/host.h>

#include "t/lib/fakeif.h"
#include "t/lib/tap.h"

int main(void);

static struct ifnet *ifp;
static const u_char our_mac[] = {2, 0, 0, 0, 0, 1}, mac2[] = {2, 0, 0, 0, 0, 0x22};

static uint64_t
counter(const char *name)
{
	uint64_t value = 0;
	size_t len = sizeof(value);

	if (kernel_sysctlbyname(NULL, name, &value, &len, NULL, 0, NULL, 0) != 0)
		panic("no sysctl %s", name);
	return (value);
}

/* ---- ioctls ---- */

static struct socket *so, *so_nobody;

static struct ifreq
ifreq(const char *name)
{
	struct ifreq ifr = {0};

	strlcpy(ifr.ifr_name, name, sizeof(ifr.ifr_name));
	return (ifr);
}

static int
ioctl(struct socket *s, u_long cmd, void *arg)
{
	return (ifioctl(s, cmd, arg, NULL));
}

static const char *
ifr_text(const struct ifreq *ifr)
{
	static char text[INET_ADDRSTRLEN];
	struct sockaddr_in sin;

	memcpy(&sin, &ifr->ifr_addr, sizeof(sin));
	return (inet_ntoa_r(sin.sin_addr, text));
}

static void
ifr_set(struct ifreq *ifr, const char *addr)
{
	struct sockaddr_in sin = {
	    .sin_len = sizeof(sin), .sin_family = AF_INET, .sin_addr = ip4(addr)};

	memcpy(&ifr->ifr_addr, &sin, sizeof(sin));
}

static int
alias(struct socket *s, const char *addr, const char *mask)
{
	struct in_aliasreq ra = {.ifra_name = "fake0"};

	ra.ifra_addr =
	    (struct sockaddr_in){.sin_len = 16, .sin_family = AF_INET, .sin_addr = ip4(addr)};
	ra.ifra_mask = ra.ifra_addr;
	ra.ifra_mask.sin_addr = ip4(mask);
	return (ioctl(s, SIOCAIFADDR, &ra));
}

static void
test_addresses(void)
{
	struct ifreq ifr = ifreq("fake0");

	is_int(ioctl(so, SIOCGIFADDR, &ifr), EADDRNOTAVAIL, "no address yet");
	is_int(alias(so_nobody, "10.0.0.1", "255.255.255.0"), EPERM, "not everybody may set one");
	is_int(alias(so, "10.0.0.1", "255.255.255.0"), 0, "SIOCAIFADDR");
	is_int(ioctl(so_nobody, SIOCGIFADDR, &ifr), 0, "everybody may read it");
	is_str(ifr_text(&ifr), "10.0.0.1", "the address");
	is_int(ioctl(so, SIOCGIFNETMASK, &ifr), 0, "SIOCGIFNETMASK");
	is_str(ifr_text(&ifr), "255.255.255.0", "the mask");
	ifr = ifreq("fake0");
	is_int(ioctl(so, SIOCGIFBRDADDR, &ifr), 0, "SIOCGIFBRDADDR");
	is_str(ifr_text(&ifr), "10.0.0.255", "the broadcast address");
	is_int(alias(so, "10.0.0.1", "255.255.0.0"), 0, "again with another mask");
	ifr = ifreq("fake0");
	(void)ioctl(so, SIOCGIFNETMASK, &ifr);
	is_str(ifr_text(&ifr), "255.255.0.0", "which replaces the first");
	is_int(alias(so, "10.0.0.255", "255.255.255.0"), EINVAL, "a broadcast address is nobody's");
	is_int(alias(so, "10.0.0.0", "255.255.255.0"), EINVAL, "nor is a network's");
	is_int(alias(so, "224.0.0.1", "240.0.0.0"), EINVAL, "nor a group's");
	is_int(alias(so, "127.0.0.1", "255.0.0.0"), EINVAL, "nor lo0's");
	is_int(alias(so, "10.2.0.1", "255.0.255.0"), EINVAL, "a mask has no holes");
	ifr = ifreq("fake0");
	ifr_set(&ifr, "10.9.0.1");
	is_int(ioctl(so, SIOCSIFADDR, &ifr), 0, "SIOCSIFADDR replaces the first address");
	ifr = ifreq("fake0");
	(void)ioctl(so, SIOCGIFNETMASK, &ifr);
	is_str(ifr_text(&ifr), "255.0.0.0", "with its class's mask");
	ifr_set(&ifr, "255.255.255.0");
	is_int(ioctl(so, SIOCSIFNETMASK, &ifr), 0, "SIOCSIFNETMASK");
	ifr = ifreq("fake0");
	(void)ioctl(so, SIOCGIFADDR, &ifr);
	is_str(ifr_text(&ifr), "10.9.0.1", "keeps it");
	is_int(ioctl(so_nobody, SIOCDIFADDR, &ifr), EPERM, "not everybody may delete it");
	is_int(ioctl(so, SIOCDIFADDR, &ifr), 0, "SIOCDIFADDR");
	is_int(ioctl(so, SIOCDIFADDR, &ifr), EADDRNOTAVAIL, "once");
	is_int(alias(so, "10.0.0.1", "255.255.255.0"), 0, "10.0.0.1/24 again");
}

static void
test_ioctls(void)
{
	struct ifreq ifr = ifreq("nosuch0"), list[4];
	struct ifconf ifc = {.ifc_len = sizeof(list), .ifc_req = list};

	is_int(ioctl(so, SIOCGIFFLAGS, &ifr), ENXIO, "no such interface");
	memset(ifr.ifr_name, 'x', sizeof(ifr.ifr_name));
	is_int(ioctl(so, SIOCGIFFLAGS, &ifr), ENXIO, "a name without end");
	ifr = ifreq("fake0");
	is_int(ioctl(so, SIOCGIFFLAGS, &ifr), 0, "SIOCGIFFLAGS");
	ok((ifr.ifr_flags & (IFF_UP | IFF_RUNNING | IFF_BROADCAST)) ==
		(IFF_UP | IFF_RUNNING | IFF_BROADCAST),
	    "up, running, broadcast");
	is_int(ioctl(so_nobody, SIOCSIFFLAGS, &ifr), EPERM, "not everybody may set them");
	ifr.ifr_flags = 0;
	is_int(ioctl(so, SIOCSIFFLAGS, &ifr), 0, "down");
	ok((ifp->if_flags & IFF_UP) == 0 && (ifp->if_drv_flags & IFF_DRV_RUNNING) == 0, "it is");
	ok((ifp->if_flags & IFF_BROADCAST) != 0, "what it is by nature stays");
	is_int(fakeif_send(ifp, "10.0.0.2"), ENETDOWN, "nothing goes out");
	ifr.ifr_flags = IFF_UP;
	is_int(ioctl(so, SIOCSIFFLAGS, &ifr), 0, "and up");
	is_int(ioctl(so, SIOCGIFMTU, &ifr), 0, "SIOCGIFMTU");
	is_int(ifr.ifr_mtu, 1500, "1500");
	ifr.ifr_mtu = 20;
	is_int(ioctl(so, SIOCSIFMTU, &ifr), EINVAL, "too small");
	ifr.ifr_mtu = 1600;
	is_int(ioctl(so, SIOCSIFMTU, &ifr), EINVAL, "larger than Ethernet's");
	ifr.ifr_mtu = 1280;
	is_int(ioctl(so, SIOCSIFMTU, &ifr), 0, "1280");
	is_int(fib4_lookup(0, ip4("10.0.0.2"), 0, 0, 0)->nh_mtu, 1280, "the routes know");
	ifr.ifr_mtu = 1500;
	(void)ioctl(so, SIOCSIFMTU, &ifr);
	is_int(ioctl(so, SIOCGIFINDEX, &ifr), 0, "SIOCGIFINDEX");
	ok(ifnet_byindex((u_int)ifr.ifr_index) == ifp, "is its index");
	is_int(ioctl(so, SIOCGIFCONF, &ifc), 0, "SIOCGIFCONF");
	is_int(ifc.ifc_len, 2 * sizeof(struct ifreq), "two addresses");
	is_str(list[0].ifr_name, "lo0", "lo0's");
	is_str(list[1].ifr_name, "fake0", "and fake0's");
	is_str(ifr_text(&list[1]), "10.0.0.1", "10.0.0.1");
	ifc.ifc_len = sizeof(list[0]) + 3;
	(void)ioctl(so, SIOCGIFCONF, &ifc);
	is_int(ifc.ifc_len, sizeof(list[0]), "a small buffer gets what fits");
	is_int(ioctl(so, _IOWR('i', 200, struct ifreq), &ifr), EOPNOTSUPP, "an unknown request");
	is_int(ioctl(so, _IO('i', 1), &ifr), EOPNOTSUPP, "and one without an argument");
}

static void
test_lladdr(void)
{
	struct ifreq ifr = ifreq("fake0");

	ifr.ifr_addr.sa_len = 6;
	memcpy(ifr.ifr_addr.sa_data, "\x02\x00\x00\x00\x00\x99", 6);
	is_int(ioctl(so_nobody, SIOCSIFLLADDR, &ifr), EPERM, "not everybody may set a MAC");
	fakeif_sleep(20000);
	fakeif_mark(ifp);
	is_int(ioctl(so, SIOCSIFLLADDR, &ifr), 0, "SIOCSIFLLADDR");
	is_str(fakeif_tx(ifp), "0 who-has 10.0.0.1 tell 10.0.0.1 > ff:ff:ff:ff:ff:ff",
	    "the LAN is told");
	is_mem(IF_LLADDR(ifp), ifr.ifr_addr.sa_data, 6, "it is the new one");
	ifr.ifr_addr.sa_data[0] = 1;
	is_int(ioctl(so, SIOCSIFLLADDR, &ifr), EINVAL, "a group's is none");
	is_int(if_setlladdr(ifp, our_mac, 6), 0, "the old one again");
	fakeif_sleep(20000);
	fakeif_mark(ifp);
}

/* ---- frames in ---- */

/* An IPv4 packet of nothing to dst, from src. */
static void
frame(const u_char *dst, const u_char *src, u_short type, size_t len)
{
	u_char f[100] = {0};

	memcpy(f, dst, 6);
	memcpy(f + 6, src, 6);
	be16enc(f + 12, type);
	f[14] = 0x45;
	fakeif_rx(ifp, f, len);
}

static int tapped_in, tapped_out;

static void
tap(struct ifnet *i, struct mbuf *m, bool outward, void *arg)
{
	ok(i == ifp && arg == &tapped_in && m->m_pkthdr.len >= ETHER_HDR_LEN, "a frame is seen");
	if (outward)
		tapped_out++;
	else
		tapped_in++;
}

static void
test_input(void)
{
	static const u_char other[6] = {2, 9, 9, 9, 9, 9}, group[6] = {1, 0, 0x5e, 1, 2, 3};
	struct in_addr g = ip4("239.1.2.3");
	struct in_multi *inm, *inm2;
	uint64_t ip0 = V_ipstat.ips_total, in0;

	frame(our_mac, mac2, ETHERTYPE_IP, 60);
	is_int(V_ipstat.ips_total - ip0, 1, "a frame for us reaches IP");
	frame(etherbroadcastaddr, mac2, ETHERTYPE_IP, 60);
	is_int(V_ipstat.ips_total - ip0, 2, "so does a broadcast");
	in0 = counter("net.link.ether.notforus");
	frame(other, mac2, ETHERTYPE_IP, 60);
	is_int(V_ipstat.ips_total - ip0, 2, "one for another station does not");
	is_int(counter("net.link.ether.notforus") - in0, 1, "it is counted");
	ifp->if_flags |= IFF_PROMISC;
	ifp->if_tap = tap;
	ifp->if_tap_arg = &tapped_in;
	frame(other, mac2, ETHERTYPE_IP, 60);
	is_int(tapped_in, 1, "if_tap sees it");
	is_int(V_ipstat.ips_total - ip0, 2, "IP does not, even in promiscuous mode");
	(void)fakeif_send(ifp, "10.0.0.2");
	is_int(tapped_out, 1, "if_tap sees what goes out");
	ifp->if_tap = NULL;
	ifp->if_flags &= ~IFF_PROMISC;

	frame(group, mac2, ETHERTYPE_IP, 60);
	is_int(V_ipstat.ips_total - ip0, 2, "a group that we are not in");
	is_int(in_joingroup(ifp, &g, NULL, &inm), 0, "join it");
	is_int(in_joingroup(ifp, &g, NULL, &inm2), 0, "twice");
	frame(group, mac2, ETHERTYPE_IP, 60);
	is_int(V_ipstat.ips_total - ip0, 3, "now it comes");
	is_int(in_leavegroup(inm, NULL), 0, "leave it once");
	frame(group, mac2, ETHERTYPE_IP, 60);
	is_int(V_ipstat.ips_total - ip0, 4, "it still comes");
	is_int(in_leavegroup(inm2, NULL), 0, "leave it");
	frame(group, mac2, ETHERTYPE_IP, 60);
	is_int(V_ipstat.ips_total - ip0, 4, "it does not come");

	in0 = counter("net.link.ether.runts");
	frame(our_mac, mac2, ETHERTYPE_IP, 13);
	is_int(counter("net.link.ether.runts") - in0, 1, "13 bytes are no frame");
	frame(our_mac, mac2, ETHERTYPE_IP, 14);
	is_int(V_ipstat.ips_tooshort, 1, "14 are an empty one");
	in0 = counter("net.link.ether.vlan");
	frame(our_mac, mac2, ETHERTYPE_VLAN, 60);
	is_int(counter("net.link.ether.vlan") - in0, 1, "a VLAN tag");
	in0 = counter("net.link.ether.noproto");
	frame(our_mac, mac2, 0x88cc, 60);
	frame(our_mac, mac2, 46, 60);
	is_int(counter("net.link.ether.noproto") - in0, 2, "protocols that are not here");
	in0 = counter("net.link.ether.badsource");
	frame(our_mac, group, ETHERTYPE_IP, 60);
	is_int(counter("net.link.ether.badsource") - in0, 1, "a group as the sender");
}

static void
test_simplex(void)
{
	struct sockaddr_in sin = {
	    .sin_len = sizeof(sin), .sin_family = AF_INET, .sin_addr = ip4("10.0.0.255")};
	struct mbuf *m = m_gethdr(M_NOWAIT, MT_DATA);
	uint64_t ip0 = V_ipstat.ips_total;

	MH_ALIGN(m, 40);
	m->m_len = m->m_pkthdr.len = 40;
	memset(mtod(m, char *), 0x45, 40);
	m->m_flags |= M_BCAST;
	fakeif_mark(ifp);
	is_int(ifp->if_output(ifp, m, sintosa(&sin), NULL), 0, "a broadcast goes out");
	is_int(fakeif_txcount(ifp), 1, "once");
	is_int(V_ipstat.ips_total - ip0, 0, "it does not come back at once");
	kern_run();
	is_int(V_ipstat.ips_total - ip0, 1, "but soon, as nobody else will tell us");
	fakeif_mark(ifp);
}

/* ---- netisr and lo0 ---- */

static int handled;

static void
count_handler(struct mbuf *m)
{
	handled++;
	m_freem(m);
}

static struct mbuf *
packet(void)
{
	struct mbuf *m = m_gethdr(M_NOWAIT, MT_DATA);

	m->m_len = m->m_pkthdr.len = 20;
	memset(mtod(m, char *), 0, 20);
	m->m_pkthdr.rcvif = ifp;
	return (m);
}

static void
test_netisr(void)
{
	static const struct netisr_handler nh = {
	    .nh_name = "test", .nh_handler = count_handler, .nh_proto = NETISR_MAXPROT - 1};
	uint64_t drops = 0;
	int i, full = 0;

	is_int(netisr_dispatch(NETISR_MAXPROT - 1, packet()), ENOPROTOOPT, "nobody there");
	netisr_register(&nh);
	is_int(netisr_dispatch(NETISR_MAXPROT - 1, packet()), 0, "dispatch");
	is_int(handled, 1, "is now");
	for (i = 0; i < 300; i++)
		full += netisr_queue(NETISR_MAXPROT - 1, packet()) == ENOBUFS;
	is_int(full, 44, "of 300 queued 44 find it full");
	netisr_getqdrops(&nh, &drops);
	is_int(drops, 44, "they are counted");
	is_int(handled, 1, "the queue waits");
	kern_run();
	is_int(handled, 257, "for the soft interrupt");
	(void)netisr_queue(NETISR_MAXPROT - 1, packet());
	netisr_forget_if(ifp);
	kern_run();
	is_int(handled, 257, "what came by an interface that goes is forgotten");
	(void)netisr_queue(NETISR_MAXPROT - 1, packet());
	netisr_unregister(&nh);
	kern_run();
	is_int(handled, 257, "and what is for nobody");
}

static void
test_loop(void)
{
	struct sockaddr_in sin = {
	    .sin_len = sizeof(sin), .sin_family = AF_INET, .sin_addr = ip4("127.0.0.1")};
	struct sockaddr alien = {.sa_len = 16, .sa_family = 99};
	uint64_t ip0 = V_ipstat.ips_total;
	struct mbuf *m;

	ok(V_loif != NULL &&
		(V_loif->if_flags & (IFF_UP | IFF_LOOPBACK)) == (IFF_UP | IFF_LOOPBACK),
	    "lo0 is there and up");
	is_int(V_loif->if_mtu, 16384, "its MTU");
	is_str(V_loif->if_xname, "lo0", "its name");
	is_int(V_loif->if_output(V_loif, packet(), &alien, NULL), EAFNOSUPPORT, "an alien family");
	m = packet();
	m->m_pkthdr.csum_flags = CSUM_IP | CSUM_TCP;
	is_int(V_loif->if_output(V_loif, m, sintosa(&sin), NULL), 0, "a packet out");
	ok(m->m_pkthdr.csum_flags ==
		(CSUM_IP_CHECKED | CSUM_IP_VALID | CSUM_DATA_VALID | CSUM_PSEUDO_HDR),
	    "what nobody summed counts as verified");
	kern_run();
	is_int(V_ipstat.ips_total - ip0, 1, "comes in");
}

/* ---- many ---- */

static void
test_vnets(void)
{
	struct vnet *other = vnet_alloc();
	struct ifnet *theirs;

	CURVNET_SET(other);
	ok(V_loif != NULL && in_localip(ip4("127.0.0.1")), "another stack has its own lo0");
	ok(ifunit("fake0") == NULL && !in_localip(ip4("10.0.0.1")), "and nothing of ours");
	theirs = fakeif_create("fake", 0);
	is_int(in_aifaddr(theirs, ip4("10.0.0.1"), 24), 0, "it may have the same address");
	ok(ifunit("fake0") == theirs, "and the same names");
	(void)fakeif_send(theirs, "10.0.0.2");
	fakeif_sleep(3000);
	fakeif_destroy(theirs);
	CURVNET_RESTORE();
	ok(ifunit("fake0") == ifp && in_localip(ip4("10.0.0.1")), "ours are as they were");
	vnet_destroy(other);
	fakeif_sleep(5000);
	ok(true, "it is gone");
}

static void
test_text(void)
{
	static const struct in6_addr v6[] = {{{{0x20, 1, 0xd, 0xb8, [15] = 1}}}, {{{[15] = 1}}},
	    {{{0}}}, {{{[10] = 0xff, 0xff, 10, 0, 0, 1}}},
	    {{{0x20, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1}}},
	    {{{0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0, 0, 0, 8}}}, {{{0xfe, 0x80, [14] = 0}}}};
	static const char *const text[] = {"2001:db8::1", "::1", "::", "::ffff:10.0.0.1",
	    "2001:0:1::1:1", "1:2:3:4:5:6:0:8", "fe80::"};
	static const char *const bad[] = {"", "1", "1.2.3", "1.2.3.4.5", "256.1.1.1", "1.2.3.4 ",
	    "1..2.3", "a.b.c.d", "1.2.3.0004", "-1.2.3.4"};
	char buf[INET6_ADDRSTRLEN];
	struct in_addr in;
	u_int i;

	for (i = 0; i < nitems(v6); i++)
		is_str(inet_ntop(AF_INET6, &v6[i], buf, sizeof(buf)), text[i], "%s", text[i]);
	for (i = 0; i < nitems(bad); i++)
		is_int(inet_aton(bad[i], &in), 0, "\"%s\" is no address", bad[i]);
	ok(inet_ntop(AF_INET, &in, buf, 4) == NULL, "a buffer that is too small");
}

static void
make_sockets(void)
{
	struct ucred *nobody = crget();

	nobody->cr_uid = nobody->cr_ruid = 1000;
	if (socreate(AF_INET, &so, SOCK_DGRAM, 0, kern_cred, NULL) != 0 ||
	    socreate(AF_INET, &so_nobody, SOCK_DGRAM, 0, nobody, NULL) != 0)
		panic("no sockets");
	crfree(nobody);
}

int
main(void)
{
	struct mbstat before, after;

	host_clock_virtual(1000000000);
	host_random_seed(802);
	kern_boot();
	mb_stat(&before);
	make_sockets();
	ifp = fakeif_create("fake", 0);
	test_addresses();
	test_ioctls();
	test_lladdr();
	test_input();
	test_simplex();
	test_netisr();
	test_loop();
	test_vnets();
	test_text();
	soclose(so);
	soclose(so_nobody);
	fakeif_destroy(ifp);
	ok(ifunit("fake0") == NULL, "an interface that is gone has no name");
	fakeif_sleep(100);
	mb_stat(&after);
	is_int(after.mbufs_used, before.mbufs_used, "no mbuf is lost");
	return (tap_done());
}
