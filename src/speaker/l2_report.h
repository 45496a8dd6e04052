/* SPDX-License-Identifier: Apache-2.0 */
/* What the announcer and the membership do, for `steellb status`. */
#pragma once

#include <jansson.h>

#include "base/map.h"
#include "speaker/announcer.h"
#include "speaker/membership.h"

/* The addresses that are announced, and for which Services. */
struct address_report {
    json_t *array;
    struct arena *arena;
    struct map names; /* ip_key -> json_t: the array of names in the address's entry, borrowed */
};

void address_report_init(struct address_report *r, const struct announcer *a);
void address_report_add(struct address_report *r, struct ip ip, const char *service);
json_t *address_report_done(struct address_report *r); /* the list; a new reference */

json_t *link_report(const struct announcer *a); /* a new reference */
/* Adds "members" and "fastDetection". */
void member_report(json_t *root, const struct membership *m);
