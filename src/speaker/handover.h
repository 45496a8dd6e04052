/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The end of a speaker among others. A farewell is no gap: we go on answering for an address until
 * its next owner announces it, or until it had time enough to.
 */
#pragma once

#include <event2/event_struct.h>

#include "speaker/announcer.h"
#include "speaker/membership.h"

struct handover {
    struct event_base *base; /* its loop ends when everything is given away */
    struct announcer *announcer;
    bool is_leaving; /* from here on what is announced is given away, not taken on */
    struct event bound;
};

/* All three are borrowed. Without a membership (NULL), and when it is asked for twice, the loop
 * ends at once. */
void handover_begin(struct handover *h, struct event_base *base, struct announcer *announcer,
                    struct membership *membership);
void handover_on_rival(struct handover *h, struct ip ip); /* announcer_options.rival */
void handover_done(struct handover *h);                   /* also when it never began */
