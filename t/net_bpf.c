/*
 * net_bpf.c - bpf_filter.c: what is a program, and what programs say of packets.
 */
#include <sys/param.h>
#include <sys/systm.h>
#include <net/bpf.h>

#include "t/lib/tap.h"

#define S(c, val)                                                                                  \
	{                                                                                          \
		.code = (c), .k = (val)                                                            \
	}
#define J(c, val, yes, no)                                                                         \
	{                                                                                          \
		.code = (c), .jt = (yes), .jf = (no), .k = (val)                                   \
	}
#define RETURNS(prog, what, want)                                                                  \
	do {                                                                                       \
		ok(bpf_validate(prog, nitems(prog)), "%s: is a program", what);                    \
		is_int(                                                                            \
		    bpf_filter(prog, packet, sizeof(packet), sizeof(packet)), want, "%s", what);   \
	} while (0)

static const u_char packet[] = {0x45, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18,
    19, 0xaa, 0xbb, 0xcc, 0xdd};

static void
loads(void)
{
	static const struct bpf_insn word[] = {
	    S(BPF_LD | BPF_W | BPF_ABS, 20), S(BPF_RET | BPF_A, 0)};
	static const struct bpf_insn half[] = {
	    S(BPF_LD | BPF_H | BPF_ABS, 2), S(BPF_RET | BPF_A, 0)};
	static const struct bpf_insn beyond[] = {
	    S(BPF_LD | BPF_W | BPF_ABS, 21), S(BPF_RET | BPF_K, 9)};
	static const struct bpf_insn far[] = {
	    S(BPF_LD | BPF_B | BPF_ABS, 0xffffffff), S(BPF_RET | BPF_K, 9)};
	static const struct bpf_insn behind_header[] = {
	    S(BPF_LDX | BPF_MSH | BPF_B, 0), S(BPF_LD | BPF_B | BPF_IND, 1), S(BPF_RET | BPF_A, 0)};
	static const struct bpf_insn wraps[] = {S(BPF_LDX | BPF_W | BPF_IMM, 0xffffffff),
	    S(BPF_LD | BPF_B | BPF_IND, 2), S(BPF_RET | BPF_K, 9)};
	static const struct bpf_insn length[] = {
	    S(BPF_LD | BPF_W | BPF_LEN, 0), S(BPF_RET | BPF_A, 0)};
	static const struct bpf_insn memory[] = {S(BPF_LD | BPF_IMM, 77), S(BPF_ST, 15),
	    S(BPF_LD | BPF_IMM, 0), S(BPF_LDX | BPF_W | BPF_MEM, 15), S(BPF_MISC | BPF_TXA, 0),
	    S(BPF_RET | BPF_A, 0)};

	RETURNS(word, "a word", 0xaabbccdd);
	RETURNS(half, "a half", 0x0203);
	RETURNS(beyond, "a word beyond the end", 0);
	RETURNS(far, "a byte far beyond", 0);
	RETURNS(behind_header, "behind the IP header", 0xbb);
	RETURNS(wraps, "an index that wraps", 0);
	RETURNS(length, "the length", sizeof(packet));
	RETURNS(memory, "memory", 77);
}

static void
reckoning(void)
{
	static const struct bpf_insn mixed[] = {S(BPF_LD | BPF_IMM, 10),
	    S(BPF_ALU | BPF_MUL | BPF_K, 7), S(BPF_ALU | BPF_SUB | BPF_K, 4),
	    S(BPF_ALU | BPF_DIV | BPF_K, 2), S(BPF_ALU | BPF_MOD | BPF_K, 10),
	    S(BPF_ALU | BPF_LSH | BPF_K, 4), S(BPF_ALU | BPF_OR | BPF_K, 3),
	    S(BPF_ALU | BPF_XOR | BPF_K, 1), S(BPF_ALU | BPF_AND | BPF_K, 0xfe),
	    S(BPF_RET | BPF_A, 0)};
	static const struct bpf_insn by_zero[] = {S(BPF_LDX | BPF_W | BPF_IMM, 0),
	    S(BPF_LD | BPF_IMM, 5), S(BPF_ALU | BPF_DIV | BPF_X, 0), S(BPF_RET | BPF_K, 9)};
	static const struct bpf_insn branch[] = {S(BPF_LD | BPF_B | BPF_ABS, 5),
	    J(BPF_JMP | BPF_JEQ | BPF_K, 5, 1, 0), S(BPF_RET | BPF_K, 1),
	    J(BPF_JMP | BPF_JGT | BPF_K, 5, 0, 1), S(BPF_RET | BPF_K, 2),
	    J(BPF_JMP | BPF_JSET | BPF_K, 4, 0, 1), S(BPF_RET | BPF_K, 3), S(BPF_RET | BPF_K, 4)};

	RETURNS(mixed, "arithmetic", 0x32);
	RETURNS(by_zero, "division by zero", 0);
	RETURNS(branch, "jumps", 3);
}

static void
no_programs(void)
{
	static const struct bpf_insn none[] = {S(BPF_LD | BPF_IMM, 0)};
	static const struct bpf_insn out[] = {
	    J(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 1), S(BPF_RET | BPF_K, 0)};
	static const struct bpf_insn back[] = {
	    S(BPF_JMP | BPF_JA, 0xffffffff), S(BPF_RET | BPF_K, 0)};
	static const struct bpf_insn store[] = {S(BPF_ST, 16), S(BPF_RET | BPF_K, 0)};
	static const struct bpf_insn zero[] = {
	    S(BPF_ALU | BPF_DIV | BPF_K, 0), S(BPF_RET | BPF_K, 0)};
	static const struct bpf_insn shift[] = {
	    S(BPF_ALU | BPF_LSH | BPF_K, 32), S(BPF_RET | BPF_K, 0)};
	static const struct bpf_insn unknown[] = {S(0xffff, 0), S(BPF_RET | BPF_K, 0)};

	ok(!bpf_validate(none, 0), "nothing");
	ok(!bpf_validate(none, 1), "no return");
	ok(!bpf_validate(out, 2), "a jump out of it");
	ok(!bpf_validate(back, 2), "a jump back");
	ok(!bpf_validate(store, 2), "a store beyond the memory");
	ok(!bpf_validate(zero, 2), "division by zero, always");
	ok(!bpf_validate(shift, 2), "a shift by 32");
	ok(!bpf_validate(unknown, 2), "an unknown instruction");
	ok(!bpf_validate(none, BPF_MAXINSNS + 1), "too long");
}

int
main(void)
{
	loads();
	reckoning();
	no_programs();
	return (tap_done());
}
