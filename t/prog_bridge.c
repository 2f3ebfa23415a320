/*
 * prog_bridge.c - for t/tap_bridge.t: a TAP and a bridge, held until standard input ends.
 *
 *	prog_bridge tap NAME [MTU]		opens a TAP, says what it is
 *	prog_bridge attach IFACE TAP [BRIDGE]	opens a TAP and bridges it to IFACE
 *
 * Says "ready ..." on standard output. A failure is one line on standard error, "text | hint".
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tapbridge/attach/attach.h"
#include "tapbridge/link.h"

static int
fail(const struct link_error *le)
{
	fprintf(stderr, "%s | %s\n", le->text, le->hint);
	return (1);
}

static void
wait_for_eof(void)
{
	char c;

	fflush(stdout);
	while (read(0, &c, 1) > 0)
		;
}

int
main(int argc, char **argv)
{
	struct link_error le = {"", ""};
	struct attach_spec spec = {.mode = ATTACH_BRIDGE};
	struct attachment *b;
	struct link *l;
	int error = 0;

	if (argc < 3)
		return (2);
	if (strcmp(argv[1], "tap") == 0) {
		l = tap_open(argv[2], NULL, argc > 3 ? (uint32_t)atoi(argv[3]) : 0, &le);
		if (l == NULL)
			return (fail(&le));
		printf("ready %s mtu %u caps %x mac %02x\n", tap_name(l), l->mtu, l->caps,
		    l->mac[0] & 3);
		wait_for_eof();
		l->ops->close(l);
		return (0);
	}
	if (argc < 4)
		return (2);
	l = tap_open(argv[3], NULL, 0, &le);
	if (l == NULL)
		return (fail(&le));
	snprintf(spec.name, sizeof(spec.name), "prog");
	snprintf(spec.iface, IFNAMSIZ, "%s", argv[2]);
	snprintf(spec.tap, IFNAMSIZ, "%s", tap_name(l));
	snprintf(spec.bridge, IFNAMSIZ, "%s", argc > 4 ? argv[4] : "");
	b = attach_begin(&spec, &le);
	if (b == NULL) {
		l->ops->close(l);
		return (fail(&le));
	}
	printf("ready %s\n", attach_bridge(b));
	wait_for_eof();
	if (attach_end(b, &le) != 0)
		error = fail(&le);
	l->ops->close(l);
	return (error);
}
