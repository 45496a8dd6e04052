/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Makes this node answer for a set of addresses on its interfaces: ARP and NDP answers, and
 * gratuitous rounds (spec speaker-l2 4, changes-0.16.2 2). It owns the link monitor, one ARP and
 * one NDP session for each usable interface, and the burst machine. What to announce is decided
 * elsewhere; announcer_set declares the whole set.
 */
#pragma once

#include <event2/event.h>

#include "base/err.h"
#include "base/ip.h"
#include "model/object.h"
#include "net/links.h"

struct announcer;

struct announcer_options {
    struct event_base *base;
    struct string_list
        exclude; /* POSIX extended expressions, searched unanchored (spec 4.3); empty: none */
    int64_t gratuitous_interval_ns; /* --gratuitous-arp-interval; 0: off */
    /* Interfaces, their addresses or their carrier changed. May be NULL; must not free the
     * announcer. Not called from announcer_new. */
    void (*links_changed)(void *arg);
    /* Another station announced an address that we announce. May be NULL; as above. */
    void (*rival)(void *arg, struct ip ip);
    void *arg;
};

/* One address; several Services may hold it, their interface rules are merged by the caller. */
struct announcement {
    struct ip ip;
    bool all_interfaces;
    struct string_list interfaces; /* names, when not all */
};

NODISCARD int announcer_new(struct announcer **ret, const struct announcer_options *options,
                            struct err *err);
struct announcer *announcer_free(struct announcer *a); /* stops answering; sends nothing */
DEFINE_CLEANUP(struct announcer, announcer_free);

/*
 * The addresses to announce from now on. New ones start a burst at once, in this call; ones that
 * are gone stop being answered; unchanged ones are left alone. The entries are copied.
 */
void announcer_set(struct announcer *a, const struct announcement *entries, size_t count);

/* Stops answering for one address; nothing happens when it is not announced. */
void announcer_withdraw(struct announcer *a, struct ip ip);
size_t announcer_count(const struct announcer *a); /* of addresses */
/*
 * The same one address at a time, for a holder (a Service) among several: the rules of all holders
 * of an address are merged, and it is announced until the last one drops it. The cost does not
 * depend on how many addresses there are. What a put starts, its first round above all, leaves with
 * announcer_flush. An announcer is used in this way or with announcer_set, not both.
 *
 * A put of a holder that has the address replaces its rule. The entry is copied.
 */
void announcer_put(struct announcer *a, const void *holder, const struct announcement *entry);
void announcer_drop(struct announcer *a, const void *holder, struct ip ip); /* may be unknown */
void announcer_flush(struct announcer *a);

/* A burst for every address: some neighbours may have heard another node. */
void announcer_again(struct announcer *a);

/* Its link monitor, for others who have to know; valid as long as the announcer. */
const struct links *announcer_links(const struct announcer *a);

/* Is there an interface of that name that is not excluded (spec 3.6)? Up or not. */
bool announcer_has_interface(const struct announcer *a, const char *name);

/*
 * The networks that this node had an interface on, and no longer reaches: those of interfaces
 * without carrier, unless one with carrier overlaps. Excluded and enslaved interfaces do not count.
 * Sorted, no more than `max`; returns their number.
 */
size_t announcer_cut_off(const struct announcer *a, struct prefix *ret, size_t max);

/* What an interface of that name is good for. Excluded and enslaved ones are none of ours. */
enum announcer_link { ANNOUNCER_LINK_ABSENT, ANNOUNCER_LINK_DARK, ANNOUNCER_LINK_WELL };
enum announcer_link announcer_link_state(const struct announcer *a, const char *name);

/* --- for `steellb status` and tests --- */

struct announcer_address_status {
    struct ip ip;
    int64_t since_ns; /* how long it has been announced */
    uint64_t gratuitous_sent, requests_received, responses_sent; /* frames */
    bool all_interfaces;
    struct string_list interfaces;
};

struct announcer_link_status {
    const char *name;
    uint32_t ifindex;
    bool arp, ndp;      /* has a session of that kind */
    const char *reason; /* why one is missing, as a constant ("down", "no link-local address"); NULL
                           when none is */
    uint64_t dropped;   /* frames that reached the process and were not answered */
    uint64_t failed;    /* gratuitous frames that could not be sent at their time */
};

typedef void (*announcer_address_fn)(const struct announcer_address_status *s, void *arg);
typedef void (*announcer_link_fn)(const struct announcer_link_status *s, void *arg);
void announcer_each_address(const struct announcer *a, announcer_address_fn fn, void *arg);
void announcer_each_link(const struct announcer *a, announcer_link_fn fn, void *arg);
