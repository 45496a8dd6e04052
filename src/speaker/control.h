/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A UNIX stream socket of mode 0600 that answers one question a connection, for `steellb status`.
 *
 * A client may send a line that says what it wants; if none comes soon, or the client has ended its
 * side, that is an empty one. An answer leaves in portions, the next one when the last was taken:
 * it costs little memory and little of a turn of the loop, however long it is. Clients that do not
 * read are dropped.
 */
#pragma once

#include <event2/event.h>
#include <jansson.h>

#include "base/err.h"
#include "base/macro.h"
#include "base/text.h"

struct control;

enum {
    CONTROL_REQUEST_MAX = 512,   /* bytes of the line, its end included */
    CONTROL_PORTION = 32 * 1024, /* about as many bytes a portion should have */
};

/* What makes an answer has this as its first member. */
struct control_answer {
    /* Adds a portion, or nothing where it had to look at much; false: it was the last one. */
    bool (*next)(struct control_answer *a, struct text *out);
    void (*free)(struct control_answer *a);
};

/* One document in one portion. */
struct control_answer *control_document_take(json_t *document_take);
/* {"error": "..."}, in the same way. */
struct control_answer *control_refusal(const char *why);

struct control_options {
    struct event_base *base;
    const char *path;
    /* The caller frees it; NULL where the request is for the whole status. */
    struct control_answer *(*ask)(void *arg, const char *request);
    json_t *(*answer)(void *arg); /* the whole status; a new reference. Runs in a child process: it
                                     sees what is, and changes nothing */
    void *arg;
};

NODISCARD int control_open(struct control **ret, const struct control_options *options,
                           struct err *err);
/* With all of its clients. Accepts NULL, returns NULL. */
struct control *control_close(struct control *c);
DEFINE_CLEANUP(struct control, control_close);
