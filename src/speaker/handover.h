/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The end of a speaker among others. A farewell is no gap: we go on answering for an address until
 * its next owner announces it, or until it had time enough to. Meanwhile BGP peers are told, or,
 * with graceful restart, keep the routes until we are back.
 */
#pragma once

#include <event2/event_struct.h>

#include "speaker/announcer.h"
#include "speaker/membership.h"
#include "speaker/router.h"

struct handover_parts {
    struct announcer *announcer;
    struct membership *membership; /* NULL without: nobody takes over */
    struct router *router;
    enum bgp_shutdown routes;
};

struct handover {
    struct event_base *base; /* its loop ends when everything is given away */
    struct announcer *announcer;
    bool is_leaving; /* from here on what is announced is given away, not taken on */
    bool addresses_given, routes_given;
    struct event bound;
};

/* All parts are borrowed. When it is asked for twice, the loop ends at once. */
void handover_begin(struct handover *h, struct event_base *base,
                    const struct handover_parts *parts);
void handover_on_rival(struct handover *h, struct ip ip); /* announcer_options.rival */
void handover_done(struct handover *h);                   /* also when it never began */
