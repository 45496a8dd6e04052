/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the announcer share. */
#pragma once

#include <event2/event_struct.h>

#include "arp/arp_session.h"
#include "base/log.h"
#include "base/map.h"
#include "base/mono.h"
#include "ndp/ndp_session.h"
#include "net/links.h"
#include "speaker/announcer.h"
#include "speaker/burst.h"
#include "speaker/exclude.h"
#include "speaker/rule.h"

/* A holder of an address and the interfaces that it wants it on. */
struct claim {
    struct claim *next;
    const void *holder;
    struct rule *rule;
};

struct address {
    struct ip_key key;
    bool kept; /* by the set that is being declared */
    struct ip ip;
    struct rule *rule; /* NULL before it was declared for the first time */
    struct mono since;
    uint64_t gratuitous_sent, requests_received, responses_sent;
    struct mono defend_at;     /* against another node that announced it */
    struct mono defend_before; /* no defence begins before this */
    struct claim *claims;      /* of announcer_put */
};

/* One for every interface of the namespace, usable or not. */
struct interface {
    struct announcer *announcer;
    struct link link; /* as it was at the last look */
    bool seen, excluded;
    const char *reason; /* why a session is missing; a constant, or NULL */
    struct arp_session *arp;
    struct ndp_session *ndp;
    uint64_t dropped;  /* by sessions that have ended */
    uint64_t failed;   /* gratuitous frames that could not be sent at their time */
    struct map outbox; /* ip_key -> struct address: rounds on their way out */
    bool blocked;      /* in this turn: the socket takes no more */
};

struct announcer {
    struct event_base *base;
    void (*links_changed)(void *arg);
    void (*rival)(void *arg, struct ip ip);
    void *arg;          /* of both */
    struct event timer; /* the only one */
    bool timer_ready;
    struct mono armed; /* what it is set to; never when it is off */
    struct exclude *exclude;
    struct addr_filter *arp_filter, *nd_filter;
    struct links *links;
    struct map addresses;  /* ip_key -> struct address */
    struct map rules;      /* of addresses and claims: rule.h */
    struct map interfaces; /* uint32_t ifindex -> struct interface */
    struct burst *burst;
    struct mono send_at;   /* the outboxes are not empty */
    struct mono reopen_at; /* a session could not be opened */
    struct mono defend_at; /* the first of the addresses */
    struct log_limit limit_send, limit_open;
};

/* --- announcer.c --- */

struct address *address_find(const struct announcer *a, struct ip ip);
bool address_allows(const struct address *d, const struct interface *i);
void announcer_defend_at(struct announcer *a, struct mono when); /* some address */

/* Returns whether the address is new: then the filters lack it. */
bool address_declare(struct announcer *a, const struct announcement *n, struct mono now);
void address_withdraw(struct announcer *a, struct address *d); /* frees it */

/* Sends what is due and arms the timer; the end of every entry from outside. */
void announcer_work(struct announcer *a, struct mono now);

/* --- announcer_claims.c --- */

struct claim *claim_free(struct claim *c);

/* --- announcer_links.c --- */

/* Brings interfaces and their sessions in line with the link monitor. */
void interfaces_refresh(struct announcer *a, struct mono now);
struct interface *interface_free(struct interface *i);

/* --- announcer_send.c --- */

/* Puts the rounds that are due into the outboxes. */
void rounds_collect(struct announcer *a, struct mono now);

/* Sends a bounded number of them; send_at says when to go on. */
void rounds_send(struct announcer *a, struct mono now);
