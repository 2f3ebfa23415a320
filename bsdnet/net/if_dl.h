/*
 * if_dl.h - link-level addresses, sockaddr_dl, link_addr(3).
 */
#ifndef _NET_IF_DL_H_
#define _NET_IF_DL_H_

#include <sys/types.h>

struct sockaddr_dl {
	u_char sdl_len;
	u_char sdl_family; /* AF_LINK */
	u_short sdl_index; /* interface, 0 unknown */
	u_char sdl_type;   /* IFT_* */
	u_char sdl_nlen;   /* bytes of name at sdl_data */
	u_char sdl_alen;   /* bytes of address behind it */
	u_char sdl_slen;
	char sdl_data[46];
};
#define LLADDR(s) ((caddr_t)((s)->sdl_data + (s)->sdl_nlen))

#endif
