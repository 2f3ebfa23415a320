/*
 * test_driver.c - loads libalpine_packetdrill.so as packetdrill does, and asks of it what
 * packetdrill does: calls that block in a second thread while the first watches /proc until that
 * one sleeps, packets in and out, time by usleep() and by spinning on gettimeofday(), commands by
 * system(3), descriptors that are closed past the interface. Built as build/t/pd_driver.
 */
#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "t/lib/tap.h"
#include "t/packetdrill/pd_iface.h"

#define LOCAL "192.168.0.1"
#define REMOTE "192.0.2.1"
#define PORT 8080

static struct packetdrill_interface pd;
static void *U;
static char folder[4096];
static const char *local = LOCAL;
static void (*init)(const char *, struct packetdrill_interface *);

/* ---- packets ---- */

struct packet {
	struct iphdr ip;
	struct tcphdr tcp;
	uint8_t rest[65536];
} __attribute__((packed));

static uint32_t
sum16(const void *data, size_t len, uint32_t sum)
{
	const uint8_t *p = data;

	for (; len > 1; p += 2, len -= 2)
		sum += (uint32_t)p[0] << 8 | p[1];
	return (len > 0 ? sum + ((uint32_t)p[0] << 8) : sum);
}

static uint16_t
fold(uint32_t sum)
{
	while (sum >> 16 != 0)
		sum = (sum & 0xffff) + (sum >> 16);
	return (htons((uint16_t)~sum));
}

static void
put(const char *flags, uint16_t sport, uint32_t seq, uint32_t ack, size_t len)
{
	static struct packet p;
	size_t bytes = sizeof(p.ip) + sizeof(p.tcp) + len;

	memset(&p, 0, bytes);
	p.ip.version = 4;
	p.ip.ihl = 5;
	p.ip.tot_len = htons((uint16_t)bytes);
	p.ip.ttl = 255;
	p.ip.protocol = IPPROTO_TCP;
	inet_pton(AF_INET, REMOTE, &p.ip.saddr);
	inet_pton(AF_INET, local, &p.ip.daddr);
	p.ip.check = fold(sum16(&p.ip, sizeof(p.ip), 0));
	p.tcp.source = htons(sport);
	p.tcp.dest = htons(PORT);
	p.tcp.seq = htonl(seq);
	p.tcp.ack_seq = htonl(ack);
	p.tcp.doff = 5;
	p.tcp.window = htons(32000);
	p.tcp.syn = strchr(flags, 'S') != NULL;
	p.tcp.ack = strchr(flags, '.') != NULL;
	p.tcp.fin = strchr(flags, 'F') != NULL;
	p.tcp.rst = strchr(flags, 'R') != NULL;
	p.tcp.check = fold(sum16(&p.tcp, bytes - sizeof(p.ip),
	    sum16(&p.ip.saddr, 8, IPPROTO_TCP + (uint32_t)(bytes - sizeof(p.ip)))));
	is_int(pd.netdev_send(U, &p, bytes), 0, "netdev_send %s takes the packet", flags);
}

/* The next TCP packet; its time in microseconds; -1: none came. */
static long long
get(struct packet *p, size_t *len)
{
	long long usecs = 0;

	*len = 65536;
	if (pd.netdev_receive(U, p, len, &usecs) != 0 || *len == 0)
		return (-1);
	*len -= sizeof(p->ip) + p->tcp.doff * 4u;
	return (usecs);
}

static const char *
source_of(const struct packet *p)
{
	struct in_addr in = {.s_addr = p->ip.saddr};

	return (inet_ntoa(in));
}

/* ---- time ---- */

static long long
now_us(void)
{
	struct timeval tv;

	pd.gettimeofday(U, &tv, NULL);
	return ((long long)tv.tv_sec * 1000000 + tv.tv_usec);
}

static double
real_s(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ((double)ts.tv_sec + (double)ts.tv_nsec / 1e9);
}

/* ---- the second thread ---- */

static struct call {
	ssize_t (*fn)(struct call *);
	int fd;
	struct sockaddr_in addr;
	socklen_t addrlen;
	char buf[100000];
	size_t len;
	ssize_t result;
	int error;
	long long end_us;
	pid_t tid;
	volatile int started, done;
	pthread_t thread;
} call;

static void *
call_main(void *arg)
{
	struct call *c = arg;

	c->tid = (pid_t)syscall(SYS_gettid);
	c->started = 1;
	c->result = c->fn(c);
	c->error = errno;
	c->end_us = now_us();
	c->done = 1;
	return (NULL);
}

static char
state_of(pid_t tid)
{
	char path[64], line[512], *p;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", (int)tid);
	f = fopen(path, "r");
	if (f == NULL)
		return ('?');
	p = fgets(line, sizeof(line), f);
	fclose(f);
	p = p != NULL ? strrchr(line, ')') : NULL;
	return (p != NULL ? p[2] : '?');
}

static bool
starts_and_sleeps(ssize_t (*fn)(struct call *), int fd)
{
	double end = real_s() + 5;

	call.fn = fn;
	call.fd = fd;
	call.started = call.done = 0;
	pthread_create(&call.thread, NULL, call_main, &call);
	while (real_s() < end)
		if (call.started && (call.done || state_of(call.tid) == 'S'))
			return (!call.done);
	return (false);
}

/* packetdrill gives a call that should be over a second of real time. */
static bool
ends(void)
{
	double end = real_s() + 1;

	while (!call.done && real_s() < end)
		usleep(200);
	if (!call.done)
		return (false);
	pthread_join(call.thread, NULL);
	return (true);
}

static ssize_t
fn_accept(struct call *c)
{
	c->addrlen = sizeof(c->addr);
	return (pd.accept(U, c->fd, (struct sockaddr *)&c->addr, &c->addrlen));
}

static ssize_t
fn_read(struct call *c)
{
	return (pd.read(U, c->fd, c->buf, c->len));
}

static ssize_t
fn_write(struct call *c)
{
	return (pd.write(U, c->fd, c->buf, c->len));
}

static ssize_t
fn_poll(struct call *c)
{
	struct pollfd p = {c->fd, POLLIN, 0};

	return (pd.poll(U, &p, 1, -1) == 1 ? p.revents : -1);
}

/* ---- the tests ---- */

static void
load(const char *flags)
{
	void **p = (void **)&pd;
	char path[4200];
	void *so;
	size_t i, missing = 0;

	snprintf(path, sizeof(path), "%s/../lib/libalpine_packetdrill.so", folder);
	so = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE | RTLD_DEEPBIND);
	if (so == NULL)
		tap_bail(dlerror());
	*(void **)&init = dlsym(so, "packetdrill_interface_init");
	if (init == NULL) {
		tap_bail(dlerror());
		return;
	}
	memset(&pd, 0, sizeof(pd));
	init(flags, &pd);
	for (i = 1; i < sizeof(pd) / sizeof(void *); i++)
		missing += p[i] == NULL;
	is_int(sizeof(pd) / sizeof(void *), 33, "33 pointers");
	is_int(missing, 0, "every function is there");
	U = pd.userdata;
}

static void
test_clock(void)
{
	struct timeval tv;
	long long a, b;
	double real;
	int i;

	gettimeofday(&tv, NULL);
	a = now_us();
	ok(llabs(a - ((long long)tv.tv_sec * 1000000 + tv.tv_usec)) < 1000000,
	    "the clock begins at the world's time");
	for (i = 0; i < 1000; i++) {
		b = now_us();
		if (b <= a || b > a + 1000)
			break;
		a = b;
	}
	is_int(i, 1000, "each look at it moves it a little");
	real = real_s();
	a = now_us();
	for (i = 0; now_us() < a + 100000; i++)
		;
	ok(real_s() - real < 0.5, "spinning for 100 ms ends (%d looks)", i);
	real = real_s();
	a = now_us();
	pd.usleep(U, 60000000);
	b = now_us();
	ok(b - a >= 60000000 && b - a < 60000100, "usleep of a minute: %lld us", b - a);
	ok(real_s() - real < 0.5, "which takes no time");
}

static int
listener(void)
{
	struct sockaddr_in sin = {.sin_family = AF_INET, .sin_port = htons(PORT)};
	int fd = pd.socket(U, AF_INET, SOCK_STREAM, IPPROTO_TCP), one = 1;

	ok(fd >= 0 && fcntl(fd, F_GETFD) >= 0, "socket gives a descriptor of the kernel's");
	is_int(pd.setsockopt(U, fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)), 0, "setsockopt");
	is_int(pd.bind(U, fd, (struct sockaddr *)&sin, sizeof(sin)), 0, "bind");
	is_int(pd.listen(U, fd, 5), 0, "listen");
	errno = 0;
	ok(pd.bind(U, fd, (struct sockaddr *)&sin, sizeof(sin)) == -1 && errno == EINVAL,
	    "an error is -1 and errno");
	return (fd);
}

/* What the stack's next bytes are numbered, and what it expects. */
static uint32_t snd, rcv;

static int
test_accept(int lfd)
{
	struct packet p;
	long long sent, us;
	size_t len;

	ok(starts_and_sleeps(fn_accept, lfd), "accept blocks, and its thread sleeps");
	pd.usleep(U, 250000);
	sent = now_us();
	put("S", 50000, 1000, 0, 0);
	us = get(&p, &len);
	ok(p.tcp.syn && p.tcp.ack && ntohl(p.tcp.ack_seq) == 1001, "SYN,ACK comes");
	ok(us >= sent && us < sent + 100, "at once, in gettimeofday's time: %lld us", us - sent);
	snd = ntohl(p.tcp.seq) + 1;
	rcv = 1001;
	ok(!call.done, "accept still waits");
	pd.usleep(U, 100000);
	sent = now_us();
	put(".", 50000, rcv, snd, 0);
	pd.usleep(U, 3000000);
	ok(ends(), "accept returns");
	ok(llabs(call.end_us - sent) < 4000, "when the ACK came: %lld us", call.end_us - sent);
	ok(call.result >= 0, "a descriptor");
	is_int(ntohs(call.addr.sin_port), 50000, "the peer's port");
	is_str(inet_ntoa(call.addr.sin_addr), REMOTE, "the peer's address");
	is_int(call.addrlen, sizeof(call.addr), "the address's length");
	return ((int)call.result);
}

static void
test_read(int fd)
{
	long long at;

	call.len = 1000;
	ok(starts_and_sleeps(fn_read, fd), "read blocks");
	pd.usleep(U, 500000);
	at = now_us();
	put(".", 50000, rcv, snd, 300);
	rcv += 300;
	pd.usleep(U, 5000000);
	ok(ends() && call.result == 300, "read returns what came");
	ok(llabs(call.end_us - at) < 4000, "and when: %lld us", call.end_us - at);
	ok(starts_and_sleeps(fn_poll, fd), "poll blocks");
	put(".", 50000, rcv, snd, 5);
	rcv += 5;
	ok(ends() && call.result == POLLIN, "and returns when data comes");
	is_int(pd.recv(U, fd, call.buf, 100, 0), 5, "which recv gives");
}

static void
drain(void)
{
	struct packet p;
	size_t len;
	long long us;
	uint32_t last = snd;

	while ((us = get(&p, &len)) >= 0 && ntohl(p.tcp.ack_seq) != rcv)
		;
	ok(us >= 0 && ntohl(p.tcp.seq) == last, "what was read is acknowledged");
}

static void
test_write(int fd)
{
	struct packet p;
	long long first, us;
	size_t len;
	int i, at, n, one = 1;

	is_int(pd.setsockopt(U, fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)), 0, "no delay");
	is_int(pd.write(U, fd, call.buf, 4000), 4000, "write");
	n = 0;
	is_int(pd.ioctl(U, fd, (unsigned long)TIOCOUTQ, &n), 0, "SIOCOUTQ");
	is_int(n, 4000, "bytes that are not acknowledged");
	first = now_us();
	for (i = at = 0; at < 4000; i++) {
		us = get(&p, &len);
		if (us < 0 || ntohl(p.tcp.seq) != snd + (uint32_t)at || len == 0)
			break;
		at += (int)len;
	}
	is_int(at, 4000, "segments come in order, without loss");
	us = get(&p, &len);
	ok(us - first > 996000 && us - first < 1004000 && ntohl(p.tcp.seq) == snd,
	    "the retransmission: %lld us later", us - first);
	snd += 4000;
	put(".", 50000, rcv, snd, 0);
	call.len = sizeof(call.buf);
	memset(call.buf, 'x', sizeof(call.buf));
	ok(starts_and_sleeps(fn_write, fd), "a large write blocks");
	ok(!call.done && get(&p, &len) >= 0, "while segments come");
	for (i = 0; i < 1000 && !call.done; i++) {
		if (ntohl(p.tcp.seq) + (uint32_t)len - snd < 200000)
			snd = ntohl(p.tcp.seq) + (uint32_t)len;
		put(".", 50000, rcv, snd, 0);
		if (get(&p, &len) < 0)
			break;
	}
	ok(ends() && call.result == (ssize_t)sizeof(call.buf), "and ends as they are acknowledged");
	do {
		if (ntohl(p.tcp.seq) + (uint32_t)len - snd < 200000)
			snd = ntohl(p.tcp.seq) + (uint32_t)len;
		put(".", 50000, rcv, snd, 0);
		n = 0;
		pd.ioctl(U, fd, (unsigned long)TIOCOUTQ, &n);
	} while (n > 0 && i++ < 1000 && get(&p, &len) >= 0 && len > 0);
	is_int(n, 0, "all is acknowledged");
}

static void
test_past_the_table(int fd)
{
	struct tcp_info ti;
	uint32_t mem[9];
	socklen_t len = sizeof(ti);
	struct packet p;
	size_t n;
	FILE *f = tmpfile();

	memset(&ti, 0, sizeof(ti));
	is_int(getsockopt(fd, IPPROTO_TCP, TCP_INFO, &ti, &len), 0, "TCP_INFO asked of libc");
	is_int(len, sizeof(ti), "all of it");
	is_int(ti.tcpi_state, TCP_ESTABLISHED, "is the stack's");
	ok(ti.tcpi_snd_cwnd >= 10 && ti.tcpi_snd_mss == 536, "cwnd %u, mss %u", ti.tcpi_snd_cwnd,
	    ti.tcpi_snd_mss);
	len = 100;
	is_int(getsockopt(fd, IPPROTO_TCP, 26, mem, &len), 0, "TCP_CC_INFO asked of libc");
	is_int(len, 0, "there is none, which is no error");
	len = sizeof(mem);
	is_int(getsockopt(fd, SOL_SOCKET, 55, mem, &len), 0, "SO_MEMINFO asked of libc");
	ok(len == sizeof(mem) && mem[3] > 0, "is the stack's");
	fputs("0123456789", f);
	fflush(f);
	{
		off_t off = 2;

		is_int(sendfile(fd, fileno(f), &off, 5), 5, "sendfile past the table");
		is_int(off, 7, "moves its offset");
	}
	fclose(f);
	ok(get(&p, &n) >= 0 && n == 5 && memcmp((char *)&p.tcp + p.tcp.doff * 4, "23456", 5) == 0,
	    "and sends the file's bytes");
	snd += 5;
	put(".", 50000, rcv, snd, 0);
}

static void
test_splice(int fd)
{
	loff_t zero = 0, zero2 = 0;
	int fds[2];
	char buf[16] = "";

	is_int(pd.pipe(U, fds), 0, "pipe");
	put(".", 50000, rcv, snd, 3);
	rcv += 3;
	is_int(pd.splice(U, fd, &zero, fds[1], &zero2, 100, 0), 3, "splice from a socket");
	is_int(pd.read(U, fds[0], buf, sizeof(buf)), 3, "into a pipe");
	is_int(pd.close(U, fds[0]), 0, "close of what is not the stack's");
	is_int(pd.close(U, fds[1]), 0, "both ends");
}

static void
test_epoll(int fd)
{
	struct epoll_event ev = {.events = EPOLLIN | EPOLLET, .data.u64 = 77}, out[4];
	int ep = pd.epoll_create(U, 1);
	long long a;
	char buf[100];

	ok(ep >= 0, "epoll_create");
	is_int(pd.epoll_ctl(U, ep, EPOLL_CTL_ADD, fd, &ev), 0, "epoll_ctl");
	is_int(pd.epoll_wait(U, ep, out, 4, 0), 0, "nothing is ready");
	put(".", 50000, rcv, snd, 10);
	rcv += 10;
	is_int(pd.epoll_wait(U, ep, out, 4, 0), 1, "data is");
	ok(out[0].data.u64 == 77 && out[0].events == EPOLLIN, "with its data");
	is_int(pd.epoll_wait(U, ep, out, 4, 0), 0, "edge-triggered: once");
	put(".", 50000, rcv, snd, 10);
	rcv += 10;
	is_int(pd.epoll_wait(U, ep, out, 4, 0), 1, "more data: again");
	is_int(pd.recv(U, fd, buf, sizeof(buf), 0), 20, "both");
	a = now_us();
	is_int(pd.fcntl(U, fd, F_SETFL, O_RDWR | O_NONBLOCK), 0, "O_NONBLOCK");
	is_int(pd.fcntl(U, fd, F_GETFL), O_RDWR | O_NONBLOCK, "is kept");
	errno = 0;
	ok(pd.recv(U, fd, buf, sizeof(buf), 0) == -1 && errno == EAGAIN, "EAGAIN");
	is_int(pd.fcntl(U, fd, F_SETFL, O_RDWR), 0, "blocking again");
	ok(now_us() - a < 1000, "all in no time");
	a = pd.socket(U, AF_INET, SOCK_DGRAM, 0);
	is_int(pd.epoll_ctl(U, ep, EPOLL_CTL_ADD, (int)a, &ev), 0, "another socket");
	pd.close(U, (int)a);
	is_int(pd.socket(U, AF_INET, SOCK_DGRAM, 0), a, "closed, its number used again");
	errno = 0;
	ok(pd.epoll_ctl(U, ep, EPOLL_CTL_MOD, (int)a, &ev) == -1 && errno == ENOENT,
	    "is not watched any more");
	pd.close(U, (int)a);
	is_int(pd.close(U, ep), 0, "close of an epoll");
}

static void
test_errors(int fd)
{
	struct iovec iov = {&fd, sizeof(fd)};
	char byte;

	errno = 0;
	ok(pd.fcntl(U, 9999, F_GETFL) == -1 && errno == EBADF, "fcntl of what is not open");
	errno = 0;
	ok(pd.writev(U, fd, &iov, -1) == -1 && errno == EINVAL, "writev of -1");
	errno = 0;
	ok(pd.readv(U, fd, &iov, 100000) == -1 && errno == EINVAL, "readv of too many");
	errno = 0;
	ok(pd.recv(U, fd, &byte, 1, MSG_ERRQUEUE) == -1 && errno == EAGAIN,
	    "no error waits, and MSG_ERRQUEUE does not");
}

/* Nobody moves the clock, so it follows the world's. */
static void
test_quiet(int fd)
{
	struct timeval tv = {0, 300000};
	double real = real_s();

	is_int(pd.setsockopt(U, fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)), 0, "SO_RCVTIMEO");
	ok(starts_and_sleeps(fn_read, fd), "a read that nothing ends");
	ok(ends(), "ends while packetdrill waits for it in real time");
	ok(call.result == -1 && call.error == EAGAIN, "with EAGAIN");
	ok(real_s() - real < 1, "after %.0f ms", (real_s() - real) * 1000);
	tv.tv_usec = 0;
	pd.setsockopt(U, fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
}

static void
test_commands(void)
{
	is_int(system("sysctl net.inet.tcp.msl=5000 >/dev/null"), 0, "sysctl sets");
	is_int(system("test \"$(sysctl -n net.inet.tcp.msl)\" = 5000"), 0, "sysctl -n reads");
	is_int(system("test \"$(sysctl net.inet.tcp.msl)\" = 'net.inet.tcp.msl: 5000'"), 0,
	    "sysctl prints as FreeBSD's");
	is_int(system("test \"$(sysctl -w net.inet.tcp.msl=6000)\" = "
		      "'net.inet.tcp.msl: 5000 -> 6000'"),
	    0, "what was and what is");
	ok(system("sysctl net.inet.tcp.nonsense=1 2>/dev/null") != 0, "an unknown name fails");
	ok(system("sysctl net.inet.tcp.msl=x 2>/dev/null") != 0, "a bad value fails");
	is_int(system("sysctl -iq net.inet.tcp.nonsense"), 0, "unless -i");
	is_int(system("sysctl -w net.ipv4.tcp_sack=0 >/dev/null && "
		      "test \"$(sysctl -n net.inet.tcp.sack.enable)\" = 0 && "
		      "sysctl -q -w net.ipv4.tcp_sack=1"),
	    0, "Linux's names");
	is_int(system("sysctl -q net.inet.tcp.functions_default=freebsd kern.ipc.somaxconn=100 && "
		      "test \"$(sysctl -n kern.ipc.soacceptqueue)\" = 100"),
	    0, "names that stand for what the stack does anyway, and old ones");
	is_int(system("test \"$(sysctl net.inet.tcp.functions_default)\" = "
		      "'net.inet.tcp.functions_default: freebsd' && "
		      "sysctl -q net.inet.tcp.functions_default=rack && "
		      "test \"$(sysctl -n net.inet.tcp.rack.enable)\" = 1 && "
		      "sysctl -q net.inet.tcp.functions_default=freebsd"),
	    0, "the default stack is FreeBSD's, rack is RACK");
	ok(system("sysctl net.inet.tcp.functions_default=bbr 2>/dev/null") != 0,
	    "but for nothing else");
	is_int(system("kldload -n tcp_rack cc_newreno"), 0, "kldload -n of what is there");
	ok(system("kldload -n tcp_bbr 2>/dev/null") != 0, "and of what is not");
	is_int(system("sockstat -4 -P tcp -p 8080 -s | grep -q 'tcp4 .*192.168.0.1:8080 .*"
		      "192.0.2.1:50000 .*ESTABLISHED'"),
	    0, "sockstat shows the connection's state");
	is_int(system("sockstat -4 -P tcp -s | grep pd_driver | grep -q LISTEN"), 0,
	    "and the listener");
	is_int(system("tc qdisc add dev tun0 root pfifo"), 0, "tc: nothing to do");
	{
		long long a = now_us();

		is_int(system("sleep 2"), 0, "sleep");
		ok(now_us() - a >= 2000000 && now_us() - a < 2001000, "moves the clock");
	}
}

/* Prompt: hours of virtual time in which nothing is due. */
static void
test_nothing(void)
{
	char buf[100];
	long long us;
	size_t len;
	double real = real_s();

	is_int(system("sysctl -q net.inet.tcp.keepidle=100000000"), 0, "no keepalive");
	len = 65536;
	is_int(pd.netdev_receive(U, buf, &len, &us), 0, "no packet: 0");
	is_int(len, 0, "and no bytes");
	ok(real_s() - real < 2, "soon");
}

/* packetdrill runs several scripts in one process: init again, and nothing is left of the first. */
static void
test_again(void)
{
	struct sockaddr_in sin = {.sin_family = AF_INET, .sin_port = htons(PORT)};
	struct packet p;
	size_t len;
	int fd, other;

	is_int(system("sysctl -q net.inet.tcp.mssdflt=700"), 0, "a sysctl of the first script");
	other = pd.socket(U, AF_INET, SOCK_STREAM, 0);
	pd.free(U);
	ok(fcntl(other, F_GETFD) < 0, "free closes what is left");
	init("mtu=1000", &pd);
	U = pd.userdata;
	is_int(system("test \"$(sysctl -n net.inet.tcp.mssdflt)\" = 536"), 0, "is not the next's");
	fd = pd.socket(U, AF_INET, SOCK_STREAM, 0);
	inet_pton(AF_INET, "192.168.77.5", &sin.sin_addr);
	is_int(pd.bind(U, fd, (struct sockaddr *)&sin, sizeof(sin)), 0,
	    "an address that packetdrill chose in our network");
	is_int(pd.listen(U, fd, 1), 0, "listens");
	inet_pton(AF_INET, "10.9.9.9", &sin.sin_addr);
	other = pd.socket(U, AF_INET, SOCK_STREAM, 0);
	errno = 0;
	ok(pd.bind(U, other, (struct sockaddr *)&sin, sizeof(sin)) == -1 && errno == EADDRNOTAVAIL,
	    "one in another is EADDRNOTAVAIL");
	local = "192.168.77.5";
	put("S", 50000, 1000, 0, 0);
	ok(get(&p, &len) >= 0 && p.tcp.syn && p.tcp.ack, "and answers");
	ok(((uint8_t *)&p.tcp)[22] == 960 >> 8 && ((uint8_t *)&p.tcp)[23] == (960 & 0xff),
	    "with the MTU of the new flags");
	local = "172.16.3.4";
	put("S", 50000, 1000, 0, 0);
	ok(get(&p, &len) >= 0 && p.tcp.rst && strcmp(source_of(&p), "172.16.3.4") == 0,
	    "what comes in is for us, whatever its address");
	pd.free(U);
}

static void
test_end(int lfd, int fd)
{
	struct packet p;
	size_t len;
	int other, type;
	socklen_t optlen;

	put("R.", 50000, rcv, snd, 0);
	errno = 0;
	ok(pd.recv(U, fd, &p, 10, 0) == -1 && errno == ECONNRESET, "a RST: ECONNRESET");
	is_int(close(fd), 0, "close past the table");
	is_int(close(lfd), 0, "of the listener too");
	put("S", 50001, 7000, 0, 0);
	ok(get(&p, &len) >= 0 && p.tcp.rst, "which the stack has noticed");
	test_again();
	other = socket(AF_INET, SOCK_STREAM, 0);
	optlen = sizeof(type);
	is_int(getsockopt(other, SOL_SOCKET, SO_TYPE, &type, &optlen), 0, "libc is itself again");
	is_int(close(other), 0, "all of it");
}

/* clock=real, in a process of its own: the same without a clock that waits for anybody. */
static int
test_real(void)
{
	struct packet p;
	long long a, us;
	double real;
	size_t len;
	int lfd;

	load("clock=real,wait=1,sysctl=net.inet.tcp.delacktime:100");
	real = real_s();
	a = now_us();
	pd.usleep(U, 60000);
	ok(real_s() - real >= 0.06 && now_us() - a >= 60000, "usleep sleeps");
	lfd = listener();
	ok(starts_and_sleeps(fn_accept, lfd), "accept blocks");
	put("S", 50000, 1000, 0, 0);
	us = get(&p, &len);
	ok(p.tcp.syn && p.tcp.ack && llabs(now_us() - us) < 200000, "SYN,ACK");
	snd = ntohl(p.tcp.seq) + 1;
	rcv = 1001;
	put(".", 50000, rcv, snd, 0);
	ok(ends() && call.result >= 0, "accept returns");
	a = now_us();
	put(".", 50000, rcv, snd, 10);
	us = get(&p, &len);
	ok(us - a >= 95000 && us - a < 1000000, "the delayed ACK comes by itself: %lld us", us - a);
	real = real_s();
	ok(get(&p, &len) == -1 && real_s() - real > 0.9, "no packet for a second: none");
	pd.free(U);
	return (tap_done());
}

/* --mtu of the command line and --local_ip of the script, which packetdrill does not hand over. */
static int
test_hints(void)
{
	struct sockaddr_in sin = {.sin_family = AF_INET, .sin_port = htons(PORT)};
	struct packet p;
	size_t len;
	int fd;

	load(NULL);
	fd = pd.socket(U, AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	inet_pton(AF_INET, REMOTE, &sin.sin_addr);
	ok(pd.connect(U, fd, (struct sockaddr *)&sin, sizeof(sin)) == -1 && errno == EINPROGRESS,
	    "connect");
	ok(get(&p, &len) >= 0 && p.tcp.syn, "SYN");
	is_str(source_of(&p), "10.7.7.7", "the script's --local_ip");
	ok(((uint8_t *)&p.tcp)[22] == 860 >> 8 && ((uint8_t *)&p.tcp)[23] == (860 & 0xff),
	    "the command line's --mtu");
	pd.free(U);
	return (tap_done());
}

static void
run_hints(void)
{
	char script[] = "/tmp/pd_driver.XXXXXX.pkt", command[4300];
	int fd = mkstemps(script, 4);
	static const char text[] = "// a comment\n--local_ip=10.7.7.7\n0 socket(...) = 3\n";

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		tap_bail("no temporary file");
	snprintf(command, sizeof(command), "%s/pd_driver --mtu=900 %s >&2", folder, script);
	is_int(system(command), 0, "what packetdrill was told and does not hand over");
	close(fd);
	unlink(script);
}

int
main(int argc, char **argv)
{
	char again[4200];
	int lfd, fd;
	char *slash;

	if (realpath(argv[0], folder) == NULL || (slash = strrchr(folder, '/')) == NULL)
		return (tap_skip_all("the program does not know where it is"));
	*slash = '\0';
	if (argc > 1)
		return (strcmp(argv[1], "real") == 0 ? test_real() : test_hints());
	load("addr=" LOCAL "/16,mtu=1500,sysctl=net.inet.tcp.delacktime:100");
	test_clock();
	lfd = listener();
	fd = test_accept(lfd);
	test_read(fd);
	drain();
	test_write(fd);
	test_past_the_table(fd);
	test_splice(fd);
	drain();
	test_epoll(fd);
	test_errors(fd);
	drain();
	test_quiet(fd);
	test_commands();
	test_nothing();
	test_end(lfd, fd);
	snprintf(again, sizeof(again), "%s/pd_driver real >&2", folder);
	is_int(system(again), 0, "the same with a real clock");
	run_hints();
	return (tap_done());
}
