/* tree.h - red-black and splay trees, tree(3): libbsd's. */
#ifndef ALPINE_SYS_TREE_H
#define ALPINE_SYS_TREE_H
#include <sys/cdefs.h>
#pragma GCC system_header
#include "/usr/include/bsd/sys/tree.h"
#endif
