/* For libbsd's queue.h and tree.h, which ask for it by this name. */
#include <sys/cdefs.h>
