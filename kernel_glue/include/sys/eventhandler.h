/*
 * eventhandler.h - lists of functions to call when something happens, EVENTHANDLER(9), by name.
 * EVENTHANDLER_DECLARE(name, function type) gives the type that EVENTHANDLER_INVOKE() calls.
 */
#ifndef _SYS_EVENTHANDLER_H_
#define _SYS_EVENTHANDLER_H_
#include <sys/types.h>
#include <sys/queue.h>
struct eventhandler_entry {
	TAILQ_ENTRY(eventhandler_entry) ee_link;
	int ee_priority;
	bool ee_dead;
	void *ee_arg;
	void (*ee_fn)(void);
	struct eventhandler_list *ee_list;
};
typedef struct eventhandler_entry *eventhandler_tag;
struct eventhandler_list {
	TAILQ_HEAD(, eventhandler_entry) el_entries;
	const char *el_name;
	struct eventhandler_list *el_next;
	int el_running;
};
#define EVENTHANDLER_PRI_FIRST 0
#define EVENTHANDLER_PRI_ANY 10000
#define EVENTHANDLER_PRI_LAST 20000
struct eventhandler_list *eventhandler_find_list(const char *name); /* made when first asked for */
eventhandler_tag eventhandler_register(const char *name, void (*fn)(void), void *arg, int pri);
void eventhandler_deregister(const char *name, eventhandler_tag);
void eventhandler_prune(struct eventhandler_list *);
#define EVENTHANDLER_DECLARE(name, type) typedef type eventhandler_type_##name
#define EVENTHANDLER_REGISTER(name, func, arg, priority)                                           \
	eventhandler_register(                                                                     \
	    #name, (void (*)(void))(eventhandler_type_##name)(func), (arg), (priority))
#define EVENTHANDLER_DEREGISTER(name, tag) eventhandler_deregister(#name, (tag))
#define EVENTHANDLER_INVOKE(name, ...)                                                             \
	do {                                                                                       \
		struct eventhandler_list *_el = eventhandler_find_list(#name);                     \
		struct eventhandler_entry *_ee;                                                    \
		_el->el_running++;                                                                 \
		TAILQ_FOREACH (_ee, &_el->el_entries, ee_link)                                     \
			if (!_ee->ee_dead)                                                         \
				((eventhandler_type_##name)_ee->ee_fn)(                            \
				    _ee->ee_arg, ##__VA_ARGS__);                                   \
		_el->el_running--;                                                                 \
		eventhandler_prune(_el);                                                           \
	} while (0)
#endif
