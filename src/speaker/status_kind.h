/* SPDX-License-Identifier: Apache-2.0 */
/* In what the status objects of the protocols differ; status_writer.c keeps them. */
#pragma once

#include <jansson.h>

#include "speaker/speaker_int.h"

struct status_kind {
    enum object_kind object;
    const char *controller;            /* of log lines, MetalLB's name */
    const char *prefix;                /* of generated names */
    const char *list;                  /* the field of status that has the names */
    json_t *(*item)(const char *name); /* of that list; a new reference */
    bool is_exclusive;                 /* one node announces: it deletes those that others left */
    /* What our node should report of the Service; false: nothing. The names live in the arena, or
     * as long as the Service does not change. */
    bool (*wish)(const struct speaker *sp, const struct speaker_service *s, struct arena *a,
                 struct string_list *ret);
};

extern const struct status_kind bgp_status_kind, l2_status_kind;
