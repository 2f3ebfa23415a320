/*
 * cmd_linux.c - sysctls of Linux's TCP by the names of this stack, as far as both have the thing.
 * Pure.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "t/packetdrill/cmd.h"

enum how {
	AS_IS,	   /* the same number */
	SECONDS,   /* ours is in milliseconds */
	IS_NOT_0,  /* 0 or 1 */
	ALGORITHM, /* a congestion control's name */
	RMEM,
	WMEM,	    /* least, default and most */
	TIMESTAMPS, /* one of two bits of rfc1323 */
	SCALING,
	COOKIES,
	TLP,
};

static const struct {
	const char *linux_name, *bsd_name;
	enum how how;
} names[] = {
    {"net.core.somaxconn", "kern.ipc.soacceptqueue", AS_IS},
    {"net.ipv4.ip_default_ttl", "net.inet.ip.ttl", AS_IS},
    {"net.ipv4.tcp_congestion_control", "net.inet.tcp.cc.algorithm", ALGORITHM},
    {"net.ipv4.tcp_early_retrans", "net.inet.tcp.rack.tlp", TLP},
    {"net.ipv4.tcp_ecn", "net.inet.tcp.ecn.enable", AS_IS},
    {"net.ipv4.tcp_fin_timeout", "net.inet.tcp.finwait2_timeout", SECONDS},
    {"net.ipv4.tcp_frto", "net.inet.tcp.frto", IS_NOT_0},
    {"net.ipv4.tcp_keepalive_intvl", "net.inet.tcp.keepintvl", SECONDS},
    {"net.ipv4.tcp_keepalive_probes", "net.inet.tcp.keepcnt", AS_IS},
    {"net.ipv4.tcp_keepalive_time", "net.inet.tcp.keepidle", SECONDS},
    {"net.ipv4.tcp_min_snd_mss", "net.inet.tcp.minmss", AS_IS},
    {"net.ipv4.tcp_moderate_rcvbuf", "net.inet.tcp.recvbuf_auto", AS_IS},
    {"net.ipv4.tcp_mtu_probing", "net.inet.tcp.pmtud_blackhole_detection", IS_NOT_0},
    {"net.ipv4.tcp_recovery", "net.inet.tcp.rack.enable", IS_NOT_0},
    {"net.ipv4.tcp_retries2", "net.inet.tcp.retries", AS_IS},
    {"net.ipv4.tcp_rmem", "net.inet.tcp.recvspace", RMEM},
    {"net.ipv4.tcp_sack", "net.inet.tcp.sack.enable", AS_IS},
    {"net.ipv4.tcp_syncookies", "net.inet.tcp.syncookies", COOKIES},
    {"net.ipv4.tcp_timestamps", "net.inet.tcp.rfc1323", TIMESTAMPS},
    {"net.ipv4.tcp_window_scaling", "net.inet.tcp.rfc1323", SCALING},
    {"net.ipv4.tcp_wmem", "net.inet.tcp.sendspace", WMEM},
};

/* rfc1323: 1 both, 2 scaling alone, 3 timestamps alone, 0 neither. */
static int
rfc1323(bool timestamps, long on)
{
	char *text = NULL;
	int now = 1, scale, ts;

	if (ask(&text, "sysctl net.inet.tcp.rfc1323"))
		now = atoi(text);
	free(text);
	scale = now == 1 || now == 2;
	ts = now == 1 || now == 3;
	if (timestamps)
		ts = on != 0;
	else
		scale = on != 0;
	return (scale && ts ? 1 : scale ? 2 : ts ? 3 : 0);
}

static enum linux_answer
three(const char *kind, const char *value, char *out, size_t size)
{
	long least, usual, most;
	int n;

	if (sscanf(value, "%ld %ld %ld", &least, &usual, &most) != 3 || usual < 2048 ||
	    most < usual)
		return (LINUX_BAD);
	n = snprintf(out, size, "net.inet.tcp.%sspace=%ld", kind, usual);
	n += 1 +
	     snprintf(out + n + 1, size - (size_t)n - 1, "net.inet.tcp.%sbuf_max=%ld", kind, most);
	out[n + 1] = '\0';
	return (LINUX_OK);
}

static enum linux_answer
translate(const char *bsd, enum how how, const char *value, char *out, size_t size)
{
	char *end;
	long v = strtol(value, &end, 0);

	if (how == RMEM || how == WMEM)
		return (three(how == RMEM ? "recv" : "send", value, out, size));
	if (how == ALGORITHM) {
		snprintf(out, size, "%s=%s", bsd, strcmp(value, "reno") == 0 ? "newreno" : value);
		return (LINUX_OK);
	}
	if (end == value || *end != '\0')
		return (LINUX_BAD);
	if (how == SECONDS)
		v *= 1000;
	else if (how == IS_NOT_0)
		v = v != 0;
	else if (how == TIMESTAMPS || how == SCALING)
		v = rfc1323(how == TIMESTAMPS, v);
	else if (how == TLP)
		v = v >= 3;
	else if (how == COOKIES)
		v = v != 0;
	snprintf(out, size, "%s=%ld", bsd, v);
	return (LINUX_OK);
}

enum linux_answer
linux_sysctl(const char *name, const char *value, char *out, size_t size)
{
	size_t i;

	memset(out, 0, size);
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(name, names[i].linux_name) != 0)
			continue;
		if (value != NULL)
			return (translate(names[i].bsd_name, names[i].how, value, out, size - 2));
		if (names[i].how == AS_IS)
			snprintf(out, size - 1, "%s", names[i].bsd_name);
		return (names[i].how == AS_IS ? LINUX_OK : LINUX_NONE);
	}
	return (LINUX_NONE);
}
