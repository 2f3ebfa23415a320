/*
 * bpf_filter.c - the filter machine of bpf(4): an accumulator, an index register and 16 words.
 * A load from beyond the packet rejects it. Owns nothing. Called for sockets' filters.
 */
#include <sys/param.h>
#include <sys/systm.h>

#include <net/bpf.h>

/* ---- checking ---- */

static bool
valid_load(const struct bpf_insn *p)
{
	switch (BPF_MODE(p->code)) {
	case BPF_IMM:
	case BPF_LEN:
		return (BPF_SIZE(p->code) == BPF_W);
	case BPF_MEM:
		return (BPF_SIZE(p->code) == BPF_W && p->k < BPF_MEMWORDS);
	case BPF_MSH:
		return (p->code == (BPF_LDX | BPF_MSH | BPF_B));
	case BPF_ABS:
	case BPF_IND:
		return (BPF_CLASS(p->code) == BPF_LD && BPF_SIZE(p->code) != 0x18);
	default:
		return (false);
	}
}

static bool
valid_alu(const struct bpf_insn *p)
{
	const bool by_k = BPF_SRC(p->code) == BPF_K;

	switch (BPF_OP(p->code)) {
	case BPF_DIV:
	case BPF_MOD:
		return (!by_k || p->k != 0);
	case BPF_LSH:
	case BPF_RSH:
		return (!by_k || p->k < 32);
	case BPF_NEG:
		return (by_k);
	default:
		return (BPF_OP(p->code) <= BPF_XOR);
	}
}

/* `rest` instructions follow. */
static bool
valid_jump(const struct bpf_insn *p, u_int rest)
{
	if (p->code == (BPF_JMP | BPF_JA))
		return (p->k < rest);
	return (BPF_OP(p->code) >= BPF_JEQ && BPF_OP(p->code) <= BPF_JSET && p->jt < rest &&
		p->jf < rest);
}

static bool
valid_insn(const struct bpf_insn *p, u_int rest)
{
	if (p->code > 0xff)
		return (false);
	switch (BPF_CLASS(p->code)) {
	case BPF_LD:
	case BPF_LDX:
		return (valid_load(p));
	case BPF_ST:
	case BPF_STX:
		return (p->code == BPF_CLASS(p->code) && p->k < BPF_MEMWORDS);
	case BPF_ALU:
		return (valid_alu(p));
	case BPF_JMP:
		return (valid_jump(p, rest));
	case BPF_RET:
		return (p->code == (BPF_RET | BPF_K) || p->code == (BPF_RET | BPF_A));
	default:
		return (BPF_MISCOP(p->code) == BPF_TAX || BPF_MISCOP(p->code) == BPF_TXA);
	}
}

bool
bpf_validate(const struct bpf_insn *p, u_int len)
{
	u_int i;

	if (len == 0 || len > BPF_MAXINSNS || BPF_CLASS(p[len - 1].code) != BPF_RET)
		return (false);
	for (i = 0; i < len; i++)
		if (!valid_insn(&p[i], len - 1 - i))
			return (false);
	return (true);
}

/* ---- running ---- */

struct machine {
	uint32_t a, x, mem[BPF_MEMWORDS];
	const u_char *pkt;
	u_int wirelen, buflen;
};

/* false: beyond the packet. */
static bool
load_bytes(const struct machine *m, uint64_t at, u_int size, uint32_t *val)
{
	if (at + size > m->buflen)
		return (false);
	*val = 0;
	while (size-- > 0)
		*val = *val << 8 | m->pkt[at++];
	return (true);
}

static bool
load(struct machine *m, const struct bpf_insn *p)
{
	const u_int size = BPF_SIZE(p->code) == BPF_W ? 4 : BPF_SIZE(p->code) == BPF_H ? 2 : 1;
	uint32_t val = p->k;

	switch (BPF_MODE(p->code)) {
	case BPF_LEN:
		val = m->wirelen;
		break;
	case BPF_MEM:
		val = m->mem[p->k];
		break;
	case BPF_ABS:
		if (!load_bytes(m, p->k, size, &val))
			return (false);
		break;
	case BPF_IND:
		if (!load_bytes(m, (uint64_t)m->x + p->k, size, &val))
			return (false);
		break;
	case BPF_MSH: /* the length of an IP header */
		if (!load_bytes(m, p->k, 1, &val))
			return (false);
		val = (val & 0xf) << 2;
		break;
	}
	if (BPF_CLASS(p->code) == BPF_LD)
		m->a = val;
	else
		m->x = val;
	return (true);
}

/* false: division by zero. */
static bool
compute(struct machine *m, const struct bpf_insn *p)
{
	const uint32_t v = BPF_SRC(p->code) == BPF_X ? m->x : p->k;

	switch (BPF_OP(p->code)) {
	case BPF_ADD:
		m->a += v;
		break;
	case BPF_SUB:
		m->a -= v;
		break;
	case BPF_MUL:
		m->a *= v;
		break;
	case BPF_DIV:
		if (v == 0)
			return (false);
		m->a /= v;
		break;
	case BPF_MOD:
		if (v == 0)
			return (false);
		m->a %= v;
		break;
	case BPF_OR:
		m->a |= v;
		break;
	case BPF_AND:
		m->a &= v;
		break;
	case BPF_XOR:
		m->a ^= v;
		break;
	case BPF_LSH:
		m->a = v < 32 ? m->a << v : 0;
		break;
	case BPF_RSH:
		m->a = v < 32 ? m->a >> v : 0;
		break;
	case BPF_NEG:
		m->a = 0 - m->a;
		break;
	}
	return (true);
}

/* Instructions to skip. */
static uint32_t
jump(const struct machine *m, const struct bpf_insn *p)
{
	const uint32_t v = BPF_SRC(p->code) == BPF_X ? m->x : p->k;
	bool yes;

	switch (BPF_OP(p->code)) {
	case BPF_JEQ:
		yes = m->a == v;
		break;
	case BPF_JGT:
		yes = m->a > v;
		break;
	case BPF_JGE:
		yes = m->a >= v;
		break;
	case BPF_JSET:
		yes = (m->a & v) != 0;
		break;
	default:
		return (p->k);
	}
	return (yes ? p->jt : p->jf);
}

u_int
bpf_filter(const struct bpf_insn *p, const u_char *pkt, u_int wirelen, u_int buflen)
{
	struct machine m = {.pkt = pkt, .wirelen = wirelen, .buflen = buflen};

	for (;; p++) {
		switch (BPF_CLASS(p->code)) {
		case BPF_LD:
		case BPF_LDX:
			if (!load(&m, p))
				return (0);
			break;
		case BPF_ST:
			m.mem[p->k] = m.a;
			break;
		case BPF_STX:
			m.mem[p->k] = m.x;
			break;
		case BPF_ALU:
			if (!compute(&m, p))
				return (0);
			break;
		case BPF_JMP:
			p += jump(&m, p);
			break;
		case BPF_RET:
			return (BPF_RVAL(p->code) == BPF_A ? m.a : p->k);
		default:
			if (BPF_MISCOP(p->code) == BPF_TAX)
				m.x = m.a;
			else
				m.a = m.x;
			break;
		}
	}
}
