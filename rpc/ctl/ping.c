/*
 * ping.c - alpinectl ping: FreeBSD's ping(8), by a raw socket of the stack's. RFC 792, RFC 1122.
 *
 * The socket is asked for over the control connection; its descriptor carries a struct rpc_dgram
 * and a packet per message, as for any program (wire.h).
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/icmp.h>
#include <math.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "rpc/ctl/alpinectl.h"

#define USAGE "usage: alpinectl ping [-c COUNT] [-i SECONDS] [-s BYTES] [-t SECONDS] [-q] HOST"
#define PAYLOAD_MAX (65535 - 20 - 8) /* bytes behind the ICMP header */

struct ping {
	struct rpc_addr to;
	char host[16];
	unsigned long count, size; /* 0: until interrupted; bytes behind the ICMP header */
	double interval, deadline; /* seconds; 0: none */
	bool quiet;
	int fd;
	uint16_t id;
	unsigned sent, received, errors, duplicates;
	double min, max, sum, sum2; /* ms */
	uint8_t seen[65536 / 8];
};

struct message {
	struct rpc_dgram head;
	uint8_t packet[RPC_CONTROL_MAX + 65535];
};

static volatile sig_atomic_t interrupted;

static void
on_interrupt(int sig)
{
	(void)sig;
	interrupted = 1;
}

static double
now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ((double)ts.tv_sec * 1e3 + (double)ts.tv_nsec / 1e6);
}

static uint16_t
checksum(const void *data, size_t len)
{
	const uint8_t *p = data;
	uint32_t sum = 0;

	for (; len > 1; p += 2, len -= 2)
		sum += (uint32_t)p[0] << 8 | p[1];
	if (len > 0)
		sum += (uint32_t)p[0] << 8;
	while (sum >> 16 != 0)
		sum = (sum & 0xffff) + (sum >> 16);
	return (htons((uint16_t)~sum));
}

static void
open_socket(struct ping *p)
{
	struct rpc_socket ask = {
	    .s_domain = AF_INET, .s_type = SOCK_RAW, .s_protocol = IPPROTO_ICMP};
	struct iovec in = {&ask, sizeof(ask)};
	struct rpc_call call = {.rc_op = RPC_SOCKET, .rc_in = &in, .rc_nin = 1};
	int error = rpc_call(&ctl_client, &call);

	if (error == 0 && call.rc_nfds != 1)
		error = -EPROTO;
	if (error == EPERM || error == EACCES)
		ctl_fail("run it as root", "ping: a raw socket is not permitted");
	ctl_check(error, "ping");
	p->fd = call.rc_fds[0];
}

static void
send_one(struct ping *p)
{
	static struct message m;
	struct icmphdr icmp = {.type = ICMP_ECHO};
	double now = now_ms();
	size_t i, len = sizeof(icmp) + p->size;

	icmp.un.echo.id = p->id;
	icmp.un.echo.sequence = htons((uint16_t)p->sent);
	for (i = sizeof(icmp); i < len; i++)
		m.packet[i] = (uint8_t)i;
	if (p->size >= sizeof(now))
		memcpy(m.packet + sizeof(icmp), &now, sizeof(now));
	memcpy(m.packet, &icmp, sizeof(icmp));
	icmp.checksum = checksum(m.packet, len);
	memcpy(m.packet, &icmp, sizeof(icmp));
	m.head = (struct rpc_dgram){.d_magic = RPC_DGRAM_MAGIC,
	    .d_hdr_len = sizeof(m.head),
	    .d_addr = p->to,
	    .d_payload_len = (uint32_t)len};
	p->seen[(p->sent & 0xffff) / 8] &= (uint8_t) ~(1u << (p->sent & 7));
	p->sent++;
	if (send(p->fd, &m, sizeof(m.head) + len, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		fprintf(stderr, "ping: sendto: %s\n", strerror(errno));
}

static const char *
trouble(const struct icmphdr *icmp)
{
	switch (icmp->type) {
	case ICMP_DEST_UNREACH:
		return (icmp->code == ICMP_NET_UNREACH	  ? "Destination Net Unreachable"
			: icmp->code == ICMP_HOST_UNREACH ? "Destination Host Unreachable"
			: icmp->code == ICMP_FRAG_NEEDED  ? "frag needed and DF set"
			: icmp->code == ICMP_PKT_FILTERED ? "Communication prohibited by filter"
							  : "Destination Unreachable");
	case ICMP_TIME_EXCEEDED:
		return ("Time to live exceeded");
	case ICMP_REDIRECT:
		return ("Redirect");
	default:
		return (NULL);
	}
}

static void
echo_reply(struct ping *p, const struct iphdr *ip, const uint8_t *packet, size_t len)
{
	struct icmphdr icmp;
	unsigned seq;
	double rtt = 0, sent;
	char from[16];
	bool again;

	memcpy(&icmp, packet, sizeof(icmp));
	if (icmp.un.echo.id != p->id)
		return;
	seq = ntohs(icmp.un.echo.sequence);
	again = (p->seen[seq / 8] & 1u << (seq & 7)) != 0;
	p->seen[seq / 8] |= (uint8_t)(1u << (seq & 7));
	if (again)
		p->duplicates++;
	else
		p->received++;
	if (len >= sizeof(icmp) + sizeof(sent)) {
		memcpy(&sent, packet + sizeof(icmp), sizeof(sent));
		rtt = now_ms() - sent;
	}
	if (!again) {
		p->min = p->received == 1 || rtt < p->min ? rtt : p->min;
		p->max = rtt > p->max ? rtt : p->max;
		p->sum += rtt;
		p->sum2 += rtt * rtt;
	}
	if (p->quiet || ctl_json)
		return;
	printf("%zu bytes from %s: icmp_seq=%u ttl=%u time=%.3f ms%s\n", len,
	    address_text(ntohl(ip->saddr), from), seq, ip->ttl, rtt, again ? " (DUP!)" : "");
	fflush(stdout);
}

/* An error that quotes a request of ours. */
static void
error_message(struct ping *p, const struct iphdr *ip, const uint8_t *packet, size_t len)
{
	struct icmphdr icmp, quoted;
	struct iphdr inner;
	char from[16];

	memcpy(&icmp, packet, sizeof(icmp));
	if (trouble(&icmp) == NULL || len < sizeof(icmp) + sizeof(inner) + sizeof(quoted))
		return;
	memcpy(&inner, packet + sizeof(icmp), sizeof(inner));
	if (inner.ihl < 5 || len < sizeof(icmp) + inner.ihl * 4u + sizeof(quoted))
		return;
	memcpy(&quoted, packet + sizeof(icmp) + inner.ihl * 4, sizeof(quoted));
	if (inner.protocol != IPPROTO_ICMP || quoted.type != ICMP_ECHO ||
	    quoted.un.echo.id != p->id)
		return;
	p->errors++;
	if (!p->quiet && !ctl_json)
		printf("%zu bytes from %s: %s\n", len, address_text(ntohl(ip->saddr), from),
		    trouble(&icmp));
	fflush(stdout);
}

static void
receive_one(struct ping *p)
{
	static struct message m;
	ssize_t n = recv(p->fd, &m, sizeof(m), MSG_DONTWAIT);
	const uint8_t *packet;
	struct iphdr ip;
	size_t len, skip;

	if (n == 0)
		ctl_fail("", "ping: alpined has ended");
	if (n < (ssize_t)sizeof(m.head))
		return;
	if (m.head.d_error != 0) {
		p->errors++;
		fprintf(stderr, "ping: sendto: %s\n", strerror(m.head.d_error));
		return;
	}
	skip = sizeof(m.head) + m.head.d_control_len;
	if ((size_t)n < skip + sizeof(ip))
		return;
	packet = (const uint8_t *)&m + skip;
	len = (size_t)n - skip;
	memcpy(&ip, packet, sizeof(ip));
	if (ip.ihl < 5 || len < ip.ihl * 4u + sizeof(struct icmphdr))
		return;
	packet += ip.ihl * 4;
	len -= ip.ihl * 4u;
	if (packet[0] == ICMP_ECHOREPLY)
		echo_reply(p, &ip, packet, len);
	else
		error_message(p, &ip, packet, len);
}

/* Sends and receives until all answers came, time is over, or Ctrl-C. */
static void
run(struct ping *p)
{
	const double linger = 2000, start = now_ms();
	double next = start, now, until;
	struct pollfd pfd = {.fd = p->fd, .events = POLLIN};

	while (!interrupted) {
		now = now_ms();
		if (p->deadline > 0 && now >= start + p->deadline * 1e3)
			break;
		if (p->count > 0 && p->sent == p->count) {
			if (p->received + p->errors >= p->count || now >= next + linger)
				break;
			until = next + linger;
		} else if (now >= next) {
			send_one(p);
			next += p->count > 0 && p->sent == p->count ? 0 : p->interval * 1e3;
			if (next < now)
				next = now;
			continue;
		} else {
			until = next;
		}
		if (p->deadline > 0 && start + p->deadline * 1e3 < until)
			until = start + p->deadline * 1e3;
		if (poll(&pfd, 1, (int)(until - now) + 1) > 0)
			receive_one(p);
	}
}

static void
summary(const struct ping *p)
{
	double n = p->received > 0 ? p->received : 1, mean = p->sum / n;
	double lost = p->sent > 0 ? 100.0 * (p->sent - p->received) / p->sent : 0;
	double var = p->sum2 / n - mean * mean;
	double dev = var > 0 ? sqrt(var) : 0;

	if (ctl_json) {
		printf("{\"host\": \"%s\", \"transmitted\": %u, \"received\": %u, \"errors\": %u, "
		       "\"duplicates\": %u, \"loss_percent\": %.1f, \"min_ms\": %.3f, "
		       "\"avg_ms\": %.3f, \"max_ms\": %.3f, \"stddev_ms\": %.3f}\n",
		    p->host, p->sent, p->received, p->errors, p->duplicates, lost, p->min, mean,
		    p->max, dev);
		return;
	}
	printf("\n--- %s ping statistics ---\n%u packets transmitted, %u packets received, ",
	    p->host, p->sent, p->received);
	if (p->duplicates > 0)
		printf("+%u duplicates, ", p->duplicates);
	printf("%.1f%% packet loss\n", lost);
	if (p->received > 0)
		printf("round-trip min/avg/max/stddev = %.3f/%.3f/%.3f/%.3f ms\n", p->min, mean,
		    p->max, dev);
}

static double
seconds(const char *what, const char *text, double min)
{
	char *end;
	double value = strtod(text, &end);

	if (end == text || *end != '\0' || !(value >= min && value <= 86400))
		ctl_fail(
		    "", "ping: %s %s is not a number of seconds from %g to 86400", what, text, min);
	return (value);
}

static void
options(struct ping *p, int argc, char **argv)
{
	const char *value;
	int i;

	for (i = 1; i < argc && argv[i][0] == '-'; i++) {
		char o = argv[i][1];

		if (o == 'n' || o == 'q') {
			p->quiet = p->quiet || o == 'q';
			continue;
		}
		if (o == '\0' || strchr("cist", o) == NULL)
			ctl_fail(USAGE, "ping: no such option: %s", argv[i]);
		value = argv[i][2] != '\0' ? argv[i] + 2 : ++i < argc ? argv[i] : NULL;
		if (value == NULL)
			ctl_fail(USAGE, "ping: -%c wants a value", o);
		if (o == 'c')
			p->count = number_arg("ping", "count", value, 1, 1000000000);
		else if (o == 's')
			p->size = number_arg("ping", "size", value, 0, PAYLOAD_MAX);
		else if (o == 'i')
			p->interval = seconds("interval", value, 0.01);
		else
			p->deadline = seconds("time", value, 0.1);
	}
	if (i + 1 != argc)
		ctl_fail(USAGE, "ping: one host is wanted");
	address_text(address_arg("ping", argv[i]), p->host);
}

void
cmd_ping(int argc, char **argv)
{
	static struct ping p = {.size = 56, .interval = 1};
	struct sockaddr_in sin = {.sin_family = AF_INET};
	struct sigaction sa = {.sa_handler = on_interrupt};

	options(&p, argc, argv);
	sin.sin_addr.s_addr = htonl(address_arg("ping", p.host));
	p.to.a_len = sizeof(sin);
	memcpy(p.to.a_data, &sin, sizeof(sin));
	p.id = htons((uint16_t)getpid());
	sigaction(SIGINT, &sa, NULL);
	open_socket(&p);
	ctl_note("PING %s (%s): %lu data bytes\n", p.host, p.host, p.size);
	run(&p);
	summary(&p);
	close(p.fd);
	if (fflush(stdout) != 0 || p.received == 0)
		exit(2);
}
