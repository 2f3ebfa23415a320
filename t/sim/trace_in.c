/*
 * trace_in.c - reads a trace by libpcap: pcap of either byte order and resolution, pcapng. Frames
 * of other links than Ethernet get an Ethernet header: raw IP, BSD loopback, Linux cooked 1 and 2.
 * Host world.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pcap/pcap.h>
#include <pcap/sll.h>

#include "t/sim/scenario.h"
#include "t/sim/trace.h"

#define NS_PER_S 1000000000u
#define MAX_SECONDS 4611686018u /* what 63 bits of nanoseconds hold, halved */
#define TYPE_IP 0x0800
#define TYPE_IPV6 0x86dd

struct trace_in {
	pcap_t *pcap;
	int link;
	unsigned number;
	char name[128];
	uint8_t ours[6], theirs[6];
	char why[PCAP_ERRBUF_SIZE + 64];
};

static const int understood[] = {DLT_EN10MB, DLT_RAW, 101 /* LINKTYPE_RAW */, DLT_IPV4, DLT_NULL,
    DLT_LOOP, DLT_LINUX_SLL, DLT_LINUX_SLL2};

struct trace_in *
trace_in_open(const char *path)
{
	char why[PCAP_ERRBUF_SIZE];
	struct trace_in *t = xcalloc(1, sizeof(*t));
	const char *name;
	size_t i;

	t->pcap = pcap_open_offline_with_tstamp_precision(path, PCAP_TSTAMP_PRECISION_NANO, why);
	if (t->pcap == NULL) {
		/* libpcap names the file in some of its complaints, not in all */
		fprintf(stderr, "alpine-sim: %s%s%s; expected a pcap or pcapng file\n",
		    strncmp(why, path, strlen(path)) == 0 ? "" : path,
		    strncmp(why, path, strlen(path)) == 0 ? "" : ": ", why);
		exit(2);
	}
	t->link = pcap_datalink(t->pcap);
	name = pcap_datalink_val_to_name(t->link);
	snprintf(t->name, sizeof(t->name), "%s", name != NULL ? name : "an unknown type");
	for (i = 0; i < sizeof(understood) / sizeof(understood[0]); i++)
		if (understood[i] == t->link)
			return (t);
	fprintf(stderr,
	    "alpine-sim: %s: its link type is %s (%d); expected Ethernet, raw IP, Linux cooked "
	    "(SLL, SLL2) or BSD loopback (NULL, LOOP)\n",
	    path, t->name, t->link);
	exit(2);
}

const char *
trace_in_link(const struct trace_in *t)
{
	return (t->name);
}

void
trace_in_macs(struct trace_in *t, const uint8_t ours[6], const uint8_t theirs[6])
{
	memcpy(t->ours, ours, sizeof(t->ours));
	memcpy(t->theirs, theirs, sizeof(t->theirs));
}

static uint16_t
be16(const uint8_t *p)
{
	return ((uint16_t)(p[0] << 8 | p[1]));
}

/* The bytes of the link's own header, and the Ethernet type of what is behind it; 0: too short. */
static size_t
link_header(const struct trace_in *t, const uint8_t *p, size_t len, uint16_t *type)
{
	switch (t->link) {
	case DLT_NULL: /* the family in the byte order of its host; 2 is IPv4 everywhere */
	case DLT_LOOP:
		if (len < 4)
			return (0);
		*type = p[0] == 2 || p[3] == 2 ? TYPE_IP : TYPE_IPV6;
		return (4);
	case DLT_LINUX_SLL:
		if (len < SLL_HDR_LEN)
			return (0);
		*type = be16(p + 14);
		return (SLL_HDR_LEN);
	case DLT_LINUX_SLL2:
		if (len < SLL2_HDR_LEN)
			return (0);
		*type = be16(p);
		return (SLL2_HDR_LEN);
	default:
		*type = len > 0 && p[0] >> 4 == 6 ? TYPE_IPV6 : TYPE_IP;
		return (0);
	}
}

static void
make_frame(struct trace_in *t, struct frame *f, const uint8_t *p, size_t len, size_t wire_len)
{
	uint16_t type = TYPE_IP;
	size_t skip = 0, at = 0;

	f->made_header = t->link != DLT_EN10MB;
	if (f->made_header) {
		skip = link_header(t, p, len, &type);
		memcpy(f->data, t->ours, 6);
		memcpy(f->data + 6, t->theirs, 6);
		f->data[12] = (uint8_t)(type >> 8);
		f->data[13] = (uint8_t)type;
		at = ETHER_LEN;
	}
	len -= skip;
	wire_len -= skip < wire_len ? skip : wire_len;
	if (len > sizeof(f->data) - at)
		len = sizeof(f->data) - at;
	memcpy(f->data + at, p + skip, len);
	f->len = len + at;
	f->wire_len = wire_len + at;
}

int
trace_in_next(struct trace_in *t, struct frame *f, const char **why)
{
	struct pcap_pkthdr *h;
	const u_char *data;
	int n = pcap_next_ex(t->pcap, &h, &data);
	uint64_t sec;

	if (n == PCAP_ERROR_BREAK)
		return (0);
	if (n != 1) {
		snprintf(
		    t->why, sizeof(t->why), "after packet %u: %s", t->number, pcap_geterr(t->pcap));
		*why = t->why;
		return (-1);
	}
	f->number = ++t->number;
	/* A pcap's seconds are 32 bits without a sign; libpcap's have one. */
	sec = h->ts.tv_sec < 0 ? (uint32_t)h->ts.tv_sec : (uint64_t)h->ts.tv_sec;
	if (sec > MAX_SECONDS)
		sec = MAX_SECONDS;
	f->time_ns = sec * NS_PER_S + (uint64_t)h->ts.tv_usec;
	make_frame(t, f, data, h->caplen, h->len);
	return (1);
}

void
trace_in_close(struct trace_in *t)
{
	pcap_close(t->pcap);
	free(t);
}
