/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of this folder share. */
#pragma once

#include "decide/decide.h"

/* What the slices of a Service add up to (spec speaker-l2 1.5). */
struct endpoint_sum {
    size_t total;        /* endpoints listed */
    bool any;            /* one of them counts, wherever it is */
    struct bitset nodes; /* that run one which counts */
};

/* BGP counts an endpoint only if it has an address (spec speaker-bgp C9); Layer 2 does not ask. */
enum endpoint_need { ENDPOINT_ANY, ENDPOINT_WITH_ADDRESS };

void decide_endpoints(struct endpoint_sum *ret, const struct decide_world *w,
                      const struct decide_service *s, enum endpoint_need need, struct arena *a);

/* externalTrafficPolicy: anything but Local behaves as Cluster (spec speaker-l2 3.2). */
bool decide_is_local(const struct decide_service *s);
bool decide_has_address(const struct decide_service *s);

/* The node carries the exclude label, and --ignore-exclude-lb does not overrule it. */
bool decide_is_excluded(const struct decide_world *w, size_t node);

/* The advertisements of the Service's pool whose serviceSelectors match; lists live in `a`. */
const struct l2_attachment *const *decide_l2_covering(const struct decide_service *s,
                                                      struct arena *a, size_t *ret_count);
const struct bgp_adv *const *decide_bgp_covering(const struct decide_service *s, struct arena *a,
                                                 size_t *ret_count);

/* What the Service brings in on whatever node, as decide_bgp_ads sorts it. */
struct bgp_ad *decide_service_ads(const struct decide_service *s, struct arena *a,
                                  size_t *ret_count);

/* --- words --- */

/* Both protocols fail for the same few reasons; the words for them are shared. */
enum link {
    LINK_OK,
    LINK_NO_SPEAKER,
    LINK_NETWORK_UNAVAILABLE,
    LINK_EXCLUDED,
    LINK_DOWN,
    LINK_NOT_SELECTED,
    LINK_SHARED,
    LINK_CONFLICT,
    LINK_NO_LOCAL_ENDPOINT,
    LINK_NO_ENDPOINT,
};
enum { LINKS = LINK_NO_ENDPOINT + 1 };

enum link decide_l2_link(enum l2_reason r);
enum link decide_bgp_link(enum bgp_reason r);

const char *decide_link_counted(enum link l); /* of several nodes: "2 without a live speaker" */
const char *decide_link_advice(enum link l);

void decide_add_l2_names(struct text *t, const struct l2_attachment *const *advs, size_t count);
void decide_add_bgp_names(struct text *t, const struct bgp_adv *const *advs, size_t count);
void decide_add_labels(struct text *t, const struct label_set *labels); /* "app=web,tier=front" */

/* "advertisements 'a' and 'b' have conflicting local preferences (1 vs 2)" */
void decide_add_conflict(struct text *t, const struct bgp_node_verdict *v);
/* "no endpoint of the Service counts: …" */
void decide_add_no_endpoint(struct text *t, const struct decide_world *w,
                            const struct decide_service *s, enum endpoint_need need);
