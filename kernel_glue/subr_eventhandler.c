/*
 * subr_eventhandler.c - EVENTHANDLER(9): named lists of functions to call when something happens.
 * Owns the lists, which live for ever. A function may deregister itself or others while its
 * list is being called: entries are marked and freed when nobody walks the list.
 */
#include <sys/param.h>
#include <sys/eventhandler.h>
#include <sys/malloc.h>
#include <sys/systm.h>

static MALLOC_DEFINE(M_EVENTHANDLER, "eventhandler", "event handlers");

static struct eventhandler_list *lists;

struct eventhandler_list *
eventhandler_find_list(const char *name)
{
	struct eventhandler_list *list;

	for (list = lists; list != NULL; list = list->el_next)
		if (strcmp(list->el_name, name) == 0)
			return (list);
	list = malloc(sizeof(*list), M_EVENTHANDLER, M_WAITOK | M_ZERO);
	TAILQ_INIT(&list->el_entries);
	list->el_name = name;
	list->el_next = lists;
	lists = list;
	return (list);
}

eventhandler_tag
eventhandler_register(const char *name, void (*fn)(void), void *arg, int pri)
{
	struct eventhandler_list *list = eventhandler_find_list(name);
	struct eventhandler_entry *entry, *at;

	entry = malloc(sizeof(*entry), M_EVENTHANDLER, M_WAITOK | M_ZERO);
	entry->ee_fn = fn;
	entry->ee_arg = arg;
	entry->ee_priority = pri;
	entry->ee_list = list;
	TAILQ_FOREACH (at, &list->el_entries, ee_link)
		if (at->ee_priority > pri)
			break;
	if (at != NULL)
		TAILQ_INSERT_BEFORE(at, entry, ee_link);
	else
		TAILQ_INSERT_TAIL(&list->el_entries, entry, ee_link);
	return (entry);
}

void
eventhandler_deregister(const char *name, eventhandler_tag tag)
{
	struct eventhandler_list *list = tag->ee_list;

	KASSERT(strcmp(list->el_name, name) == 0,
	    ("event handler of %s deregistered from %s", list->el_name, name));
	tag->ee_dead = true;
	eventhandler_prune(list);
}

void
eventhandler_prune(struct eventhandler_list *list)
{
	struct eventhandler_entry *entry, *next;

	if (list->el_running > 0)
		return;
	TAILQ_FOREACH_SAFE (entry, &list->el_entries, ee_link, next) {
		if (!entry->ee_dead)
			continue;
		TAILQ_REMOVE(&list->el_entries, entry, ee_link);
		free(entry, M_EVENTHANDLER);
	}
}
