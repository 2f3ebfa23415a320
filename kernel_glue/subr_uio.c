/*
 * subr_uio.c - uiomove(9): between a buffer and a list of pieces, with how much is left.
 * All addresses are in this process.
 */
#include <sys/param.h>
#include <sys/systm.h>
#include <sys/uio.h>

static void
next_piece(struct uio *uio)
{
	KASSERT(uio->uio_iovcnt > 0, ("uiomove: uio_resid is larger than the pieces"));
	uio->uio_iov++;
	uio->uio_iovcnt--;
}

int
uiomove(void *cp, int n, struct uio *uio)
{
	char *buf = cp;
	struct iovec *iov;
	size_t part;

	KASSERT(n >= 0, ("uiomove: %d bytes", n));
	while (n > 0 && uio->uio_resid > 0) {
		while (uio->uio_iov->iov_len == 0)
			next_piece(uio);
		iov = uio->uio_iov;
		part = MIN(iov->iov_len, (size_t)MIN((ssize_t)n, uio->uio_resid));
		if (uio->uio_segflg != UIO_NOCOPY && uio->uio_rw == UIO_READ)
			memcpy(iov->iov_base, buf, part);
		else if (uio->uio_segflg != UIO_NOCOPY)
			memcpy(buf, iov->iov_base, part);
		iov->iov_base = (char *)iov->iov_base + part;
		iov->iov_len -= part;
		uio->uio_resid -= (ssize_t)part;
		uio->uio_offset += (off_t)part;
		buf += part;
		n -= (int)part;
	}
	return (0);
}
