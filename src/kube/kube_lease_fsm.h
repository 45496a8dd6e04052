/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who is the active one (spec kubernetes-client 1.6), as client-go's leader election. Passive:
 * replies and the time go in, one request at a time comes out.
 *
 * Times of other machines are never compared with ours: a Lease of somebody else runs out when it
 * has not changed for its duration since we saw its last change. Ours runs out `renew_deadline`
 * after the last successful request was *sent*; that is before anybody else, who cannot have seen
 * its effect earlier and waits for the longer `duration`, may take it. A process that was stopped
 * meanwhile learns of its loss when it asks, before it is told.
 *
 * A Lease that is deleted while somebody waits for it runs out like one that is not renewed.
 *
 * Without the right to read or write the Lease (403 before anything ever succeeded) there is
 * nothing to compete for; it is asked for again now and then. A right that is lost later counts as
 * a server that does not answer.
 *
 * `now` is monotonic and never runs backwards.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/macro.h"
#include "base/mono.h"

struct lease_fsm;

enum lease_state {
    LEASE_WAITING,
    LEASE_HELD,
    LEASE_LOST, /* until it is held again */
    LEASE_FORBIDDEN,
};

struct lease_fsm_options {
    const char *identity; /* copied */
    int64_t duration_ns, renew_deadline_ns, retry_ns;
    uint64_t seed;
};

enum { LEASE_HOLDER_MAX = 253, LEASE_TIME_MAX = 39 };

/* The parts of a Lease that matter. */
struct lease_record {
    char holder[LEASE_HOLDER_MAX + 1]; /* "": nobody */
    int64_t duration_s, transitions;
    char acquired[LEASE_TIME_MAX + 1], renewed[LEASE_TIME_MAX + 1]; /* as written; never read */
};

enum lease_request_kind {
    LEASE_READ,
    LEASE_CREATE,
    LEASE_UPDATE, /* under the resource version that was read or written last */
};

struct lease_request {
    enum lease_request_kind kind;
    struct lease_record record; /* what the Lease is to say; a time that is "" is the present */
};

enum lease_reply {
    LEASE_OK,       /* with the record as the server has it now */
    LEASE_MISSING,  /* 404 */
    LEASE_CONFLICT, /* 409: somebody else wrote, or created it */
    LEASE_DENIED,   /* 403 */
    LEASE_FAILED,   /* anything else, an unreadable object and an expired request among it */
};

struct lease_fsm *lease_fsm_new(const struct lease_fsm_options *options, struct mono now);
struct lease_fsm *lease_fsm_free(struct lease_fsm *f);
DEFINE_CLEANUP(struct lease_fsm, lease_fsm_free);

/* True when a request is to be sent now. Its reply must come by lease_fsm_deadline; if it does not,
 * the session cancels it and says LEASE_FAILED. */
bool lease_fsm_next(struct lease_fsm *f, struct mono now, struct lease_request *ret);
/* `record` NULL unless LEASE_OK. */
void lease_fsm_on_reply(struct lease_fsm *f, struct mono now, enum lease_reply reply,
                        const struct lease_record *record);

bool lease_fsm_is_overdue(const struct lease_fsm *f, struct mono now); /* the reply */
struct mono lease_fsm_deadline(const struct lease_fsm *f); /* "never" once it is all over */

/* As it is at `now`, whether anybody has noticed yet or not. */
enum lease_state lease_fsm_state(const struct lease_fsm *f, struct mono now);

/* Gives up: we are active no longer, and at most one more request comes, to say so. */
void lease_fsm_release(struct lease_fsm *f, struct mono now);
bool lease_fsm_is_done(
    const struct lease_fsm *f); /* after a release: nothing is to be sent any more */
