/*
 * carry.h - taking all that an interface has to another, and back. This folder's own.
 * Returns are 0 or a negative libnl error.
 */
#ifndef TAPBRIDGE_CARRY_H
#define TAPBRIDGE_CARRY_H

#include "tapbridge/attach/state.h"

/* Forth, step by step: s->conf, of `nic`, to the bridge. */
int carry_addrs(
    struct nl_sock *, const struct state *, const struct nl_end *nic, const struct nl_end *bridge);
int carry_neighs(struct nl_sock *, const struct state *, const struct nl_end *bridge);
int carry_rules(
    struct nl_sock *, const struct state *, const struct nl_end *nic, const struct nl_end *bridge);
int carry_routes(
    struct nl_sock *, const struct state *, const struct nl_end *nic, const struct nl_end *bridge);
int carry_take_addrs(struct nl_sock *, const struct state *, const struct nl_end *nic);

/*
 * Back, from wherever it came to: what is on the bridge (ifindex 0: it is gone) goes to the nic;
 * what is on neither was taken away by somebody, if the bridge is there and attaching was complete,
 * and stays away. What somebody added to a bridge of ours goes to the nic, too.
 */
int carry_back(
    struct nl_sock *, const struct state *, const struct nl_end *nic, const struct nl_end *bridge);
int carry_clear(struct nl_sock *, const struct state *, const struct nl_end *bridge);
int carry_rules_back(
    struct nl_sock *, const struct state *, const struct nl_end *nic, const struct nl_end *bridge);

#endif
