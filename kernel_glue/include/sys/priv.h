/* priv.h - privileges, priv(9): uid 0 has all; others what cr_privs says. */
#ifndef _SYS_PRIV_H_
#define _SYS_PRIV_H_
#include <sys/ucred.h>
#define PRIV_NETINET_RESERVEDPORT 490
#define PRIV_NETINET_RAW 504
#define PRIV_NETINET_REUSEPORT 503
#define PRIV_NETINET_BINDANY 497
#define PRIV_NETINET_SETHDROPTS 505
#define PRIV_NET_SETIFFLAGS 394
#define PRIV_NET_SETIFMTU 396
#define PRIV_NET_ADDIFADDR 408
#define PRIV_NET_DELIFADDR 409
#define PRIV_NET_SETLLADDR 402
#define PRIV_NET_ROUTE 391
#define PRIV_NET_ADDMULTI 406
#define PRIV_NET_DELMULTI 407
struct thread;
int priv_check_cred(struct ucred *, int priv); /* 0 or EPERM; NULL cred is the stack itself */
int priv_check(struct thread *, int priv);
#endif
