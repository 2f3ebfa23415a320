/* cc_module.h - what a congestion control module includes, mod_cc(9). */
#ifndef _NETINET_CC_CC_MODULE_H_
#define _NETINET_CC_CC_MODULE_H_

#include <netinet/cc/cc.h>

#endif
