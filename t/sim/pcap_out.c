/*
 * pcap_out.c - traces of alpine-sim, written by libpcap: Ethernet, nanosecond stamps of the virtual
 * clock. Host world. Unlike tapbridge/pcap.c it does not flush each frame: nobody waits for it, and
 * a simulation writes a million a second.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pcap/pcap.h>

#include "kernel_glue/include/host/host.h"
#include "t/sim/scenario.h"

#define SNAPLEN 262144
#define NS_PER_S 1000000000u

size_t pcap_out_snaplen = SNAPLEN;

struct pcap_out {
	pcap_t *handle;
	pcap_dumper_t *dumper;
	char path[4096];
};

static void fail(const char *path, const char *why) __attribute__((noreturn));

static void
fail(const char *path, const char *why)
{
	/* libpcap names the file in some of its complaints, not in all */
	if (strncmp(why, path, strlen(path)) == 0 && why[strlen(path)] == ':')
		why += strlen(path) + 2;
	fprintf(stderr, "alpine-sim: cannot write %s: %s\n", path, why);
	exit(1);
}

struct pcap_out *
pcap_out_open(const char *path)
{
	struct pcap_out *p = xcalloc(1, sizeof(*p));

	snprintf(p->path, sizeof(p->path), "%s", path);
	p->handle =
	    pcap_open_dead_with_tstamp_precision(DLT_EN10MB, SNAPLEN, PCAP_TSTAMP_PRECISION_NANO);
	if (p->handle == NULL)
		fail(path, "libpcap: out of memory");
	p->dumper = pcap_dump_open(p->handle, path);
	if (p->dumper == NULL)
		fail(path, pcap_geterr(p->handle));
	return (p);
}

void
pcap_out_at(struct pcap_out *p, uint64_t ns, const void *frame, size_t len, size_t wire_len)
{
	struct pcap_pkthdr h;

	memset(&h, 0, sizeof(h));
	h.ts.tv_sec = (time_t)(ns / NS_PER_S);
	h.ts.tv_usec = (suseconds_t)(ns % NS_PER_S);
	h.caplen = (uint32_t)len;
	h.len = (uint32_t)wire_len;
	pcap_dump((u_char *)p->dumper, &h, frame);
}

void
pcap_out_frame(void *arg, const void *frame, size_t len)
{
	pcap_out_at(
	    arg, host_realtime_ns(), frame, len < pcap_out_snaplen ? len : pcap_out_snaplen, len);
}

void
pcap_out_close(struct pcap_out *p)
{
	if (p == NULL)
		return;
	if (pcap_dump_flush(p->dumper) != 0 || ferror(pcap_dump_file(p->dumper)))
		fail(p->path, strerror(errno));
	pcap_dump_close(p->dumper);
	pcap_close(p->handle);
	free(p);
}
