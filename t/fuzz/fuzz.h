/*
 * fuzz.h - what the fuzz targets share. Neutral.
 *
 * A target is a function of bytes that returns if the stack kept its promises, and does not
 * return (panic, sanitizer) if it broke one. FUZZ_TARGET(name) makes it libFuzzer's when compiled
 * with -DFUZZ_LIBFUZZER (make fuzz), else fuzz_name(), which t/fuzz_replay.c calls on the corpus.
 */
#ifndef T_FUZZ_FUZZ_H
#define T_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>

#ifdef FUZZ_LIBFUZZER
#define FUZZ_TARGET(name) LLVMFuzzerTestOneInput
int LLVMFuzzerTestOneInput(const uint8_t *, size_t);
#else
#define FUZZ_TARGET(name) fuzz_##name
#endif
int fuzz_tcp_segment(const uint8_t *, size_t);
int fuzz_tcp_options(const uint8_t *, size_t);
int fuzz_frame(const uint8_t *, size_t);

/* The input, taken piece by piece; what is not there any more reads as 0. */
struct fuzz_input {
	const uint8_t *p;
	size_t left;
};

static inline uint32_t
fuzz_take(struct fuzz_input *in, unsigned int bytes)
{
	uint32_t v = 0;

	for (; bytes > 0; bytes--) {
		v <<= 8;
		if (in->left > 0) {
			v |= *in->p++;
			in->left--;
		}
	}
	return (v);
}

static inline const uint8_t *
fuzz_take_bytes(struct fuzz_input *in, size_t want, size_t *got)
{
	const uint8_t *p = in->p;

	*got = want < in->left ? want : in->left;
	in->p += *got;
	in->left -= *got;
	return (p);
}

#endif
