/*
 * net_arp.c - ARP on an interface of the test's own: when it asks, what waits and what is dropped,
 * how long an answer is good, what it believes (RFC 826, RFC 1122 2.3.2), and whether its own
 * address is its own (RFC 5227).
 */
#include <sys/param.h>
#include <sys/mbuf.h>
#include <sys/sysctl.h>
#include <sys/systm.h>
#include <net/if_arp.h>
#include <net/if_llatbl.h>
#include <net/if_var.h>
#include <net/route.h>
#include <netinet/if_ether.h>
#include <netinet/in_var.h>

#include <host/host.h>

#include "t/lib/fakeif.h"
#include "t/lib/tap.h"

int main(void);

static struct ifnet *ifp;
static const u_char our_mac[] = {2, 0, 0, 0, 0, 1};
static const u_char mac2[] = {2, 0, 0, 0, 0, 0x22}, mac3[] = {2, 0, 0, 0, 0, 0x33};

static void
set(const char *name, int value)
{
	int error;

	error = kernel_sysctlbyname(NULL, name, NULL, NULL, &value, sizeof(value), NULL, 0);
	if (error != 0)
		panic("%s: %d", name, error);
}

static struct llentry *
entry(const char *addr)
{
	struct sockaddr_in sin = {
	    .sin_len = sizeof(sin), .sin_family = AF_INET, .sin_addr = ip4(addr)};

	return (lltable_lookup(lltable_get(ifp, AF_INET), sintosa(&sin)));
}

static const char *
mac_of(const char *addr)
{
	static char text[18];
	struct llentry *lle = entry(addr);

	if (lle == NULL)
		return ("none");
	if ((lle->la_flags & LLE_VALID) == 0)
		return ("unknown");
	return (ether_sprintf_r(lle->ll_addr, text));
}

static void
forget(void)
{
	arp_flush(lltable_get(ifp, AF_INET));
	memset(&V_arpstat, 0, sizeof(V_arpstat));
	fakeif_mark(ifp);
}

static void
test_new_address(void)
{
	fakeif_mark(ifp);
	is_int(in_aifaddr(ifp, ip4("10.0.0.1"), 24), 0, "10.0.0.1/24 on fake0");
	ok((ifp->if_flags & IFF_UP) != 0 && (ifp->if_drv_flags & IFF_DRV_RUNNING) != 0,
	    "an address brings its interface up");
	fakeif_sleep(20000);
	is_str(fakeif_tx(ifp), "0 who-has 10.0.0.1 tell 0.0.0.0 > ff:ff:ff:ff:ff:ff", "one probe");
	is_str(fakeif_tx(ifp), "1000 who-has 10.0.0.1 tell 10.0.0.1 > ff:ff:ff:ff:ff:ff",
	    "an announcement");
	is_str(fakeif_tx(ifp), "3000 who-has 10.0.0.1 tell 10.0.0.1 > ff:ff:ff:ff:ff:ff",
	    "and a second one");
	is_str(fakeif_tx(ifp), "", "and no more");
}

static void
test_resolve(void)
{
	forget();
	is_int(fakeif_send(ifp, "10.0.0.2"), 0, "a packet to an unknown neighbour");
	is_str(fakeif_txs(ifp), "0 who-has 10.0.0.2 tell 10.0.0.1 > ff:ff:ff:ff:ff:ff",
	    "asks for it by broadcast");
	is_int(fakeif_send(ifp, "10.0.0.2"), 0, "a second packet");
	is_str(fakeif_txs(ifp), "", "asks no second time");
	fakeif_arp(ifp, ARPOP_REPLY, mac2, "10.0.0.2", "10.0.0.1", our_mac);
	is_str(fakeif_txs(ifp),
	    "0 ip 10.0.0.1 > 10.0.0.2 len 40 > 02:00:00:00:00:22; "
	    "0 ip 10.0.0.1 > 10.0.0.2 len 40 > 02:00:00:00:00:22",
	    "the answer lets both go, in order");
	is_int(fakeif_send(ifp, "10.0.0.2"), 0, "the next packet");
	is_str(
	    fakeif_txs(ifp), "0 ip 10.0.0.1 > 10.0.0.2 len 40 > 02:00:00:00:00:22", "goes at once");
	is_int(fakeif_send(ifp, "10.0.0.255"), 0, "a broadcast");
	is_str(fakeif_txs(ifp), "0 who-has 10.0.0.255 tell 10.0.0.1 > ff:ff:ff:ff:ff:ff",
	    "is one by its M_BCAST, not by its address");
	is_int(fakeif_send(ifp, "224.0.0.251"), 0, "a multicast packet");
	is_str(fakeif_txs(ifp), "0 ip 10.0.0.1 > 224.0.0.251 len 40 > 01:00:5e:00:00:fb",
	    "goes to its group's address");
}

static void
test_retry(void)
{
	forget();
	(void)fakeif_send(ifp, "10.0.0.3");
	fakeif_sleep(4999);
	is_str(fakeif_txs(ifp),
	    "0 who-has 10.0.0.3 tell 10.0.0.1 > ff:ff:ff:ff:ff:ff; "
	    "1000 who-has 10.0.0.3 tell 10.0.0.1 > ff:ff:ff:ff:ff:ff; "
	    "2000 who-has 10.0.0.3 tell 10.0.0.1 > ff:ff:ff:ff:ff:ff; "
	    "3000 who-has 10.0.0.3 tell 10.0.0.1 > ff:ff:ff:ff:ff:ff; "
	    "4000 who-has 10.0.0.3 tell 10.0.0.1 > ff:ff:ff:ff:ff:ff",
	    "maxtries requests, one a second");
	is_int(V_arpstat.dropped, 0, "the packet waits");
	fakeif_sleep(1);
	is_int(V_arpstat.dropped, 1, "and is dropped after the last second");
	is_int(V_arpstat.timeouts, 1, "a timeout is counted");
	is_int(fakeif_send(ifp, "10.0.0.3"), EHOSTDOWN, "then the host is down");
	fakeif_sleep(19999);
	is_int(fakeif_send(ifp, "10.0.0.3"), EHOSTDOWN, "for 20 s");
	fakeif_sleep(1);
	fakeif_mark(ifp);
	is_int(fakeif_send(ifp, "10.0.0.3"), 0, "and then asked again");
	is_str(fakeif_txs(ifp), "0 who-has 10.0.0.3 tell 10.0.0.1 > ff:ff:ff:ff:ff:ff", "at once");
	fakeif_sleep(1500);
	fakeif_arp(ifp, ARPOP_REPLY, mac3, "10.0.0.3", "10.0.0.1", our_mac);
	is_str(mac_of("10.0.0.3"), "02:00:00:00:00:33", "a late answer is an answer");
	forget();
	(void)fakeif_send(ifp, "10.0.0.3");
	fakeif_sleep(6000);
	fakeif_arp(ifp, ARPOP_REQUEST, mac3, "10.0.0.3", "10.0.0.1", NULL);
	is_int(fakeif_send(ifp, "10.0.0.3"), 0, "a host that was down speaks, and is up");
}

static void
test_hold(void)
{
	int i;

	forget();
	for (i = 0; i < 40; i++)
		(void)fakeif_send(ifp, "10.0.0.4");
	is_int(V_arpstat.dropped, 24, "of 40 packets 24 are dropped: maxhold is 16");
	is_int(fakeif_txcount(ifp), 1, "one request");
	fakeif_mark(ifp);
	fakeif_arp(ifp, ARPOP_REPLY, mac2, "10.0.0.4", "10.0.0.1", our_mac);
	is_int(fakeif_txcount(ifp), 16, "16 go");
}

static void
test_expiry(void)
{
	forget();
	(void)fakeif_send(ifp, "10.0.0.2");
	fakeif_arp(ifp, ARPOP_REPLY, mac2, "10.0.0.2", "10.0.0.1", our_mac);
	fakeif_mark(ifp);
	fakeif_sleep(1194999);
	is_str(fakeif_txs(ifp), "", "nothing is asked for nearly 20 minutes");
	fakeif_mark(ifp);
	fakeif_sleep(1);
	is_str(fakeif_txs(ifp), "1 who-has 10.0.0.2 tell 10.0.0.1 > 02:00:00:00:00:22",
	    "then one that is in use, by unicast");
	is_int(fakeif_send(ifp, "10.0.0.2"), 0, "which goes on being used");
	fakeif_arp(ifp, ARPOP_REPLY, mac2, "10.0.0.2", "10.0.0.1", our_mac);
	fakeif_mark(ifp);
	fakeif_sleep(1199999);
	ok(entry("10.0.0.2") != NULL, "it is good for another 20 minutes");
	is_str(fakeif_txs(ifp), "", "if it is not used, nothing is asked");
	fakeif_sleep(1);
	ok(entry("10.0.0.2") == NULL, "and it is forgotten");

	(void)fakeif_send(ifp, "10.0.0.2");
	fakeif_arp(ifp, ARPOP_REPLY, mac2, "10.0.0.2", "10.0.0.1", our_mac);
	fakeif_sleep(1195000);
	fakeif_mark(ifp);
	fakeif_sleep(5000);
	is_int(fakeif_txcount(ifp), 4, "one that does not answer is asked maxtries times in all");
	ok(entry("10.0.0.2") == NULL, "and forgotten");
}

static void
test_belief(void)
{
	forget();
	fakeif_arp(ifp, ARPOP_REPLY, mac2, "10.0.0.7", "10.0.0.1", our_mac);
	is_str(mac_of("10.0.0.7"), "none", "a reply that was not asked for makes no entry");
	fakeif_arp(ifp, ARPOP_REQUEST, mac2, "10.0.0.7", "10.0.0.9", NULL);
	is_str(mac_of("10.0.0.7"), "none", "nor does a request for somebody else");
	is_int(V_arpstat.notforus, 1, "it is counted");
	is_str(fakeif_txs(ifp), "", "and not answered");
	fakeif_arp(ifp, ARPOP_REQUEST, mac2, "10.0.0.7", "10.0.0.1", NULL);
	is_str(mac_of("10.0.0.7"), "02:00:00:00:00:22", "a request for us does");
	is_str(fakeif_txs(ifp),
	    "0 10.0.0.1 is-at 02:00:00:00:00:01 tell 10.0.0.7 > 02:00:00:00:00:22",
	    "and is answered, to the sender only");
	fakeif_arp(ifp, ARPOP_REQUEST, mac3, "10.0.0.7", "10.0.0.7", NULL);
	is_str(mac_of("10.0.0.7"), "02:00:00:00:00:33", "an announcement changes an entry");
	fakeif_arp(ifp, ARPOP_REQUEST, mac2, "192.168.7.7", "10.0.0.1", NULL);
	ok(entry("192.168.7.7") == NULL, "a sender from another network gets no entry");
	fakeif_mark(ifp);
	fakeif_arp(ifp, ARPOP_REQUEST, mac2, NULL, "10.0.0.1", NULL);
	is_str(fakeif_txs(ifp),
	    "0 10.0.0.1 is-at 02:00:00:00:00:01 tell 0.0.0.0 > 02:00:00:00:00:22",
	    "a probe for our address is answered");
	is_int(arp_set(ifp, ip4("10.0.0.8"), mac2, LLE_STATIC), 0, "an entry by hand");
	fakeif_arp(ifp, ARPOP_REQUEST, mac3, "10.0.0.8", "10.0.0.1", NULL);
	is_str(mac_of("10.0.0.8"), "02:00:00:00:00:22", "is not changed by the wire");
	is_int(arp_delete(ifp, ip4("10.0.0.8")), 0, "but can be deleted");
	is_int(arp_delete(ifp, ip4("10.0.0.8")), ENOENT, "once");
	is_int(arp_set(ifp, ip4("10.9.9.9"), mac2, LLE_STATIC), ENETUNREACH,
	    "not for a stranger to the network");
}

/* Frames that lie about themselves. */
static void
test_garbage(void)
{
	static const u_char zero[6], group[6] = {1, 0, 0x5e, 0, 0, 1};
	u_char f[64];
	u_int i, len;

	forget();
	fakeif_arp(ifp, ARPOP_REQUEST, our_mac, "10.0.0.5", "10.0.0.1", NULL);
	fakeif_arp(ifp, ARPOP_REQUEST, zero, "10.0.0.5", "10.0.0.1", NULL);
	fakeif_arp(ifp, ARPOP_REQUEST, mac2, "10.0.0.255", "10.0.0.1", NULL);
	fakeif_arp(ifp, ARPOP_REQUEST, mac2, "224.0.0.5", "10.0.0.1", NULL);
	fakeif_arp(ifp, ARPOP_REQUEST, mac2, "127.0.0.1", "10.0.0.1", NULL);
	fakeif_arp(ifp, ARPOP_REPLY, mac2, NULL, "10.0.0.1", NULL);
	is_int(V_arpstat.badaddr, 6, "senders that cannot be");
	fakeif_arp(ifp, ARPOP_REQUEST, group, "10.0.0.5", "10.0.0.1", NULL);
	is_int(V_arpstat.received, 6, "a frame from a group address does not get this far");
	fakeif_arp(ifp, 3, mac2, "10.0.0.5", "10.0.0.1", NULL);
	is_int(V_arpstat.badproto, 1, "an operation that is not");
	memset(f, 0, sizeof(f));
	memcpy(f, our_mac, 6);
	memcpy(f + 6, mac2, 6);
	memcpy(f + 12, "\x08\x06\x00\x01\x08\x00\x06\x04\x00\x01", 10);
	memcpy(f + 22, mac2, 6);
	memcpy(f + 28, "\x0a\x00\x00\x05", 4);
	memcpy(f + 38, "\x0a\x00\x00\x01", 4);
	for (len = ETHER_HDR_LEN; len < 42; len++)
		fakeif_rx(ifp, f, len);
	is_int(V_arpstat.badlen, 28, "every length that is too short");
	f[18] = 8;
	fakeif_rx(ifp, f, 60);
	f[18] = 6;
	f[19] = 16;
	fakeif_rx(ifp, f, 60);
	is_int(V_arpstat.badlen, 30, "lengths that are not Ethernet's and IPv4's");
	f[19] = 4;
	f[15] = 6;
	fakeif_rx(ifp, f, 60);
	is_int(V_arpstat.badproto, 2, "hardware that is not Ethernet");
	is_str(fakeif_txs(ifp), "", "nothing of it is answered");
	is_int(lltable_get(ifp, AF_INET)->llt_entries, 0, "and nothing is learned");
	f[15] = 1;
	fakeif_rx(ifp, f, 60);
	is_int(
	    fakeif_txcount(ifp), 1, "the same packet without a fault is answered, padded or not");
	for (i = 0; i < 3000; i++) {
		arc4random_buf(f + 14, 50);
		if (i % 2 == 0)
			memcpy(f + 14, "\x00\x01\x08\x00\x06\x04\x00", 7);
		fakeif_rx(ifp, f, 14 + arc4random_uniform(51));
	}
	ok(true, "3,000 frames of garbage");
}

static void
test_bounds(void)
{
	char a[INET_ADDRSTRLEN];
	int i;

	forget();
	set("net.link.ether.inet.maxentries", 50);
	for (i = 2; i < 102; i++) {
		snprintf(a, sizeof(a), "10.0.0.%d", i);
		(void)fakeif_send(ifp, a);
	}
	is_int(lltable_get(ifp, AF_INET)->llt_entries, 50, "the table is bounded");
	is_int(V_arpstat.overflow, 50, "and counts what it forgot");
	forget();
	for (i = 2; i < 102; i++) {
		snprintf(a, sizeof(a), "10.0.0.%d", i);
		fakeif_arp(ifp, ARPOP_REQUEST, mac2, a, "10.0.0.1", NULL);
	}
	is_int(lltable_get(ifp, AF_INET)->llt_entries, 50, "by those who ask for us, too");
	is_str(mac_of("10.0.0.2"), "02:00:00:00:00:22", "who do not push good entries out");
	is_int(fakeif_txcount(ifp), 100, "but everybody is answered");
	fakeif_mark(ifp);
	is_int(fakeif_send(ifp, "10.0.0.101"), 0, "we ourselves may");
	is_int(fakeif_txcount(ifp), 1, "and ask");
	set("net.link.ether.inet.maxentries", 4096);
}

static void
test_conflict(void)
{
	forget();
	fakeif_sleep(20000);
	fakeif_mark(ifp);
	fakeif_arp(ifp, ARPOP_REQUEST, mac2, "10.0.0.1", "10.0.0.1", NULL);
	is_int(V_arpstat.dupips, 1, "somebody announces our address: counted");
	is_str(fakeif_txs(ifp), "0 who-has 10.0.0.1 tell 10.0.0.1 > ff:ff:ff:ff:ff:ff",
	    "it is defended");
	fakeif_sleep(9999);
	fakeif_arp(ifp, ARPOP_REPLY, mac2, "10.0.0.1", "10.0.0.9", NULL);
	is_str(fakeif_txs(ifp), "", "not again within 10 s");
	fakeif_sleep(1);
	fakeif_arp(ifp, ARPOP_REPLY, mac2, "10.0.0.1", "10.0.0.9", NULL);
	is_str(fakeif_txs(ifp), "10000 who-has 10.0.0.1 tell 10.0.0.1 > ff:ff:ff:ff:ff:ff",
	    "but then");
	is_int(V_arpstat.dupips, 3, "each is counted");

	fakeif_mark(ifp);
	is_int(in_aifaddr(ifp, ip4("10.0.0.77"), 24), 0, "a second address");
	fakeif_sleep(500);
	is_str(
	    fakeif_txs(ifp), "0 who-has 10.0.0.77 tell 0.0.0.0 > ff:ff:ff:ff:ff:ff", "is probed");
	fakeif_arp(ifp, ARPOP_REPLY, mac3, "10.0.0.77", NULL, our_mac);
	is_int(V_arpstat.dupips, 4, "somebody has it");
	fakeif_sleep(59000);
	is_str(fakeif_txs(ifp), "", "it is not announced");
	fakeif_arp(ifp, ARPOP_REQUEST, mac2, "10.0.0.2", "10.0.0.77", NULL);
	is_str(fakeif_txs(ifp), "", "nor answered for");
	fakeif_sleep(5000);
	is_str(fakeif_txs(ifp),
	    "60500 who-has 10.0.0.77 tell 0.0.0.0 > ff:ff:ff:ff:ff:ff; "
	    "61500 who-has 10.0.0.77 tell 10.0.0.77 > ff:ff:ff:ff:ff:ff; "
	    "63500 who-has 10.0.0.77 tell 10.0.0.77 > ff:ff:ff:ff:ff:ff",
	    "after a minute it is probed again, and is free");
	is_int(in_difaddr(ifp, ip4("10.0.0.77")), 0, "it goes");
	fakeif_mark(ifp);
	is_int(in_aifaddr(ifp, ip4("10.0.0.78"), 24), 0, "a third address");
	fakeif_arp(ifp, ARPOP_REQUEST, mac3, NULL, "10.0.0.78", NULL);
	is_int(V_arpstat.dupips, 5, "somebody probes for it at the same time");
	is_int(in_difaddr(ifp, ip4("10.0.0.78")), 0, "it goes in the middle of that");
	fakeif_mark(ifp);
	fakeif_sleep(120000);
	is_str(fakeif_txs(ifp), "", "and is not heard of any more");
}

/* A route's cached entry is good exactly as long as the neighbour is. */
static void
test_cache(void)
{
	struct sockaddr_in sin = {.sin_len = sizeof(sin),
			       .sin_family = AF_INET,
			       .sin_addr = ip4("10.0.0.2")},
			   other = sin;
	struct route ro = {0};
	struct mbuf *m;
	int i;

	forget();
	other.sin_addr = ip4("10.0.0.3");
	fakeif_arp(ifp, ARPOP_REQUEST, mac2, "10.0.0.2", "10.0.0.1", NULL);
	fakeif_arp(ifp, ARPOP_REQUEST, mac3, "10.0.0.3", "10.0.0.1", NULL);
	fakeif_mark(ifp);
	ro.ro_nh = fib4_lookup(0, sin.sin_addr, 0, NHR_REF, 0);
	for (i = 0; i < 6; i++) {
		m = m_gethdr(M_NOWAIT, MT_DATA);
		MH_ALIGN(m, 40);
		m->m_len = m->m_pkthdr.len = 40;
		memset(mtod(m, char *), 0, 40);
		(void)ifp->if_output(ifp, m, sintosa(i == 1 ? &other : &sin), &ro);
		if (i == 2)
			fakeif_arp(ifp, ARPOP_REQUEST, mac3, "10.0.0.2", "10.0.0.2", NULL);
		if (i == 3)
			arp_flush(lltable_get(ifp, AF_INET));
	}
	is_str(fakeif_txs(ifp),
	    "0 ip 0.0.0.0 > 0.0.0.0 len 40 > 02:00:00:00:00:22; "
	    "0 ip 0.0.0.0 > 0.0.0.0 len 40 > 02:00:00:00:00:33; "
	    "0 ip 0.0.0.0 > 0.0.0.0 len 40 > 02:00:00:00:00:22; "
	    "0 ip 0.0.0.0 > 0.0.0.0 len 40 > 02:00:00:00:00:33; "
	    "0 who-has 10.0.0.2 tell 10.0.0.1 > ff:ff:ff:ff:ff:ff",
	    "the entry follows destination, MAC and life of the neighbour");
	ro_invalidate(&ro);
}

int
main(void)
{
	struct mbstat before, after;

	host_clock_virtual(1000000000);
	host_random_seed(826);
	kern_boot();
	ifp = fakeif_create("fake", 0);
	mb_stat(&before);
	test_new_address();
	test_resolve();
	test_retry();
	test_hold();
	test_expiry();
	test_belief();
	test_garbage();
	test_bounds();
	test_conflict();
	test_cache();
	(void)fakeif_send(ifp, "10.0.0.99");
	fakeif_destroy(ifp);
	mb_stat(&after);
	is_int(after.mbufs_used, before.mbufs_used, "no mbuf is lost, not even one that waited");
	return (tap_done());
}
