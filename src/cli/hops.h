/* SPDX-License-Identifier: Apache-2.0 */
/* The way of one Service from its manifest to the wire, hop by hop, with what is right and wrong at
 * each. */
#pragma once

#include "cli/input.h"

enum hop_mark {
    HOP_OK,
    HOP_ATTENTION, /* not as wished, but something else does the job */
    HOP_BROKEN,    /* the way ends here */
};

struct hop {
    const char *link; /* "service", "allocation", … */
    enum hop_mark mark;
    const char *text; /* one line */
};

struct hop_list {
    struct arena *arena;
    struct hop *items;
    size_t count, cap;
    bool announced;
    const char *verdict;  /* one sentence */
    const char *releases; /* what earlier releases would have done; "" when the same */
};

/* `service` is one of the store of `in`. */
void hops_explain(struct hop_list *ret, const struct input *in, const struct object *service,
                  const struct evaluation_options *options);
/* Adds what the speaker at that socket sends of it to its peers. -errno with `err` when it does not
 * answer. */
NODISCARD int hops_add_sent(struct hop_list *h, const struct decide_service *s,
                            const char *control_socket, struct err *err);
void hops_done(struct hop_list *h); /* accepts a zeroed one */
