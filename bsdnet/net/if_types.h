/* if_types.h - ifi_type values (IANA ifType). */
#ifndef _NET_IF_TYPES_H_
#define _NET_IF_TYPES_H_
#define IFT_OTHER 0x1
#define IFT_ETHER 0x6
#define IFT_LOOP 0x18
#endif
