/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What becomes of events before they are written (spec kubernetes-client 1.6, trap 2): the queue,
 * the correlation of client-go's recorder, the tries. Passive: events, replies and the time go in,
 * requests come out.
 *
 * Three memories of 4096 entries each, the least recently used forgotten first:
 * - of events alike in everything, message included: what they are called on the server and how
 *   often they came, so that the next one is a PATCH of the count;
 * - of events alike but for the message: the tenth message that differs, none being more than ten
 *   minutes after the one before it, and those after it become one event, "(combined from similar
 *   events): " and the latest message;
 * - of what one source says about one object: 25 at once, then one every five minutes.
 * As in client-go, what the last one swallows still counts. They keep hashes of their keys, of 64
 * bits from a secret basis, instead of the texts, which would be ten times as large. Should two
 * keys ever meet, one event is taken for a count of another, and created when that is not there.
 *
 * `now` never runs backwards; the wall clock is only for names and for what is written.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/macro.h"
#include "base/mono.h"

struct events_fsm;

/* What happened. Nothing is NULL; "" where there is none. */
struct events_input {
    const char *api_version, *kind, *namespace, *name, *uid, *resource_version; /* of the object */
    const char *type, *reason, *message;
    int64_t wall_ns; /* since 1970 UTC */
};

enum { EVENTS_NAME_MAX = 253 }; /* of an object in Kubernetes */

/* An Event as it should be on the server. */
struct events_record {
    struct events_input about; /* the message is the final one */
    char name[EVENTS_NAME_MAX + 1];
    int64_t first_ns, last_ns; /* since 1970 UTC */
    uint64_t count;
};

enum events_request_kind {
    EVENTS_CREATE, /* the whole record */
    EVENTS_PATCH,  /* count, time and message of a record that is there */
};

struct events_request {
    enum events_request_kind kind;
    size_t slot;                        /* for the reply; below EVENTS_SLOTS */
    const struct events_record *record; /* until the reply */
};

enum { EVENTS_SLOTS = 16 }; /* requests under way */

enum events_reply {
    EVENTS_WRITTEN,
    EVENTS_MISSING,     /* 404: to be created anew if it was a patch */
    EVENTS_REFUSED,     /* the server does not want it */
    EVENTS_UNREACHABLE, /* no answer: up to twelve tries, some ten seconds apart */
};

/* `component` and `host` are copied; the seed is a secret. */
struct events_fsm *events_fsm_new(const char *component, const char *host, uint64_t seed);
struct events_fsm *events_fsm_free(struct events_fsm *f);
DEFINE_CLEANUP(struct events_fsm, events_fsm_free);

/* Copies `in`. False when the queue is full: the event is lost, and counted. */
bool events_fsm_add(struct events_fsm *f, const struct events_input *in);

/* The next request to send. While a pause runs after an unreachable server there is none. */
bool events_fsm_next(struct events_fsm *f, struct mono now, struct events_request *ret);
/* True when the event is given up that had this slot. */
bool events_fsm_on_reply(struct events_fsm *f, struct mono now, size_t slot,
                         enum events_reply reply);
/* When to ask events_fsm_next again; "never" when only calls of the user change anything. */
struct mono events_fsm_deadline(const struct events_fsm *f);

struct events_fsm_stats {
    uint64_t sent;    /* requests that were answered well */
    uint64_t folded;  /* events that became the count of another one, or went into a combined one */
    uint64_t dropped; /* queue full, spam, refused, given up */
    size_t queued;
};
struct events_fsm_stats events_fsm_stats(const struct events_fsm *f);
