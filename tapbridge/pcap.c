/*
 * pcap.c - a trace of a link's frames, written by libpcap: DLT_EN10MB, nanosecond stamps of the
 * installed clock. Host world; a link_tap_fn of if_link.c.
 *
 * Each frame is flushed as it is written, so that the trace is whole up to the last frame even
 * when the daemon is killed. Large frames appear as they crossed the link, before segmentation
 * and with sums not yet filled, as in a trace taken on any Linux interface with offloads.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <pcap/pcap.h>

#include "kernel_glue/include/host/host.h"
#include "tapbridge/link.h"
#include "tapbridge/link_error.h"

struct pcap_trace {
	pcap_t *p_handle;
	pcap_dumper_t *p_dumper;
	bool p_failed; /* the disk was full: said once, nothing more is written */
	uint8_t p_frame[LINK_FRAME_MAX];
};

/* The file for libpcap to write to, readable by its owner only: it holds what programs say. */
static FILE *
trace_file(const char *path, struct link_error *le)
{
	int fd;
	FILE *f;

	if (strcmp(path, "-") == 0)
		return (stdout);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0) {
		link_error_set(le, "give --pcap a file in a directory that you may write to",
		    "cannot write the trace %s: %s", path, strerror(errno));
		return (NULL);
	}
	f = fdopen(fd, "w");
	if (f == NULL) {
		link_error_set(le, "", "cannot write the trace %s: %s", path, strerror(errno));
		close(fd);
	}
	return (f);
}

struct pcap_trace *
pcap_trace_open(const char *path, struct link_error *le)
{
	struct pcap_trace *p = calloc(1, sizeof(*p));
	FILE *f;

	if (p == NULL) {
		link_error_set(le, "", "out of memory");
		return (NULL);
	}
	f = trace_file(path, le);
	if (f == NULL)
		goto fail;
	p->p_handle = pcap_open_dead_with_tstamp_precision(
	    DLT_EN10MB, LINK_FRAME_MAX, PCAP_TSTAMP_PRECISION_NANO);
	if (p->p_handle == NULL) {
		link_error_set(le, "", "libpcap: out of memory");
		fclose(f);
		goto fail;
	}
	p->p_dumper = pcap_dump_fopen(p->p_handle, f);
	if (p->p_dumper == NULL) {
		link_error_set(le, "", "libpcap: %s", pcap_geterr(p->p_handle));
		fclose(f);
		goto fail;
	}
	pcap_dump_flush(p->p_dumper);
	return (p);
fail:
	pcap_trace_close(p);
	return (NULL);
}

/* The frame in one piece: where it lies, if it is in one, else gathered. */
static const uint8_t *
one_piece(struct pcap_trace *p, const struct link_iov *iov, int niov, size_t *len)
{
	size_t at = 0, n;
	int i;

	if (niov == 1) {
		*len = iov[0].iov_len;
		return (iov[0].iov_base);
	}
	for (i = 0; i < niov && at < sizeof(p->p_frame); i++) {
		n = iov[i].iov_len;
		if (n > sizeof(p->p_frame) - at)
			n = sizeof(p->p_frame) - at;
		memcpy(p->p_frame + at, iov[i].iov_base, n);
		at += n;
	}
	*len = at;
	return (p->p_frame);
}

void
pcap_trace_frame(void *arg, const struct link_iov *iov, int niov, size_t len, bool outward)
{
	struct pcap_trace *p = arg;
	struct pcap_pkthdr h;
	const uint8_t *data;
	uint64_t now;
	size_t captured;

	(void)outward;
	if (p->p_failed)
		return;
	memset(&h, 0, sizeof(h));
	now = host_realtime_ns();
	h.ts.tv_sec = (time_t)(now / 1000000000u);
	h.ts.tv_usec = (suseconds_t)(now % 1000000000u); /* nanoseconds, by the file's header */
	data = one_piece(p, iov, niov, &captured);
	h.caplen = (uint32_t)captured;
	h.len = (uint32_t)len;
	pcap_dump((u_char *)p->p_dumper, &h, data);
	if (pcap_dump_flush(p->p_dumper) != 0 || ferror(pcap_dump_file(p->p_dumper))) {
		p->p_failed = true;
		host_log(4, "the packet trace cannot be written any further (disk full?)");
	}
}

void
pcap_trace_close(struct pcap_trace *p)
{
	if (p == NULL)
		return;
	if (p->p_dumper != NULL)
		pcap_dump_close(p->p_dumper);
	if (p->p_handle != NULL)
		pcap_close(p->p_handle);
	free(p);
}
