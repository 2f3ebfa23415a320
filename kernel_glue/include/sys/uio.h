/* uio.h - where bytes come from and go to, uio(9). */
#ifndef _SYS_UIO_H_
#define _SYS_UIO_H_
#include <sys/types.h>
struct iovec {
	void *iov_base;
	size_t iov_len;
};
enum uio_rw { UIO_READ, UIO_WRITE };
enum uio_seg { UIO_USERSPACE, UIO_SYSSPACE, UIO_NOCOPY };
struct uio {
	struct iovec *uio_iov;
	int uio_iovcnt;
	off_t uio_offset;
	ssize_t uio_resid;
	enum uio_seg uio_segflg; /* one address space: all the same */
	enum uio_rw uio_rw;
	struct thread *uio_td;
};
#define UIO_MAXIOV 1024
int uiomove(void *cp, int n, struct uio *);
#endif
