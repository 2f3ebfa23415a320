/* ucred.h - who asks: credentials, ucred(9). */
#ifndef _SYS_UCRED_H_
#define _SYS_UCRED_H_
#include <sys/types.h>
struct ucred {
	u_int cr_ref;
	uid_t cr_uid, cr_ruid;
	gid_t cr_gid;
	uint32_t cr_privs; /* CRP_*: granted beyond what the uid gives */
	int cr_prison;
};
#define CRP_NET_BIND 0x1 /* ports below the reserved limit */
#define CRP_NET_RAW 0x2
#define CRP_NET_ADMIN 0x4
struct ucred *crget(void);
struct ucred *crhold(struct ucred *);
void crfree(struct ucred *);
extern struct ucred *kern_cred; /* the stack's own: everything is allowed */
#endif
