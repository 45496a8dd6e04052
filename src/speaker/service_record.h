/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the speaker keeps of the objects of which there is one for each Service. A cluster may have
 * ten thousand of each: so it is what the decision and the statuses ask for and nothing else, in
 * one block with its strings. To decide, the objects are made anew, with those members only.
 */
#pragma once

#include "model/object.h"

struct speaker_service;

/* Of a Service, without its name. */
struct service_record {
    uint32_t label_count, ingress_count;
    bool is_load_balancer, is_local, has_class, may_share;
    char strings[]; /* uid, resource version, class, labels with their values, addresses */
};

/* How an EndpointSlice or a status object hangs at the Service that it is of. */
struct record_link {
    struct record_link *next;
    struct speaker_service *service;
};

/* Of an EndpointSlice. */
struct slice_record {
    struct record_link link;
    uint32_t endpoint_count;
    char strings[]; /* namespace, name; of each endpoint a byte (conditions) and its node */
};

/* Of a ServiceL2Status or a ServiceBGPStatus. */
struct status_record {
    struct record_link link;
    uint64_t says; /* status_hash */
    bool is_ours;
    char strings[]; /* namespace, name */
};

/* New records are freed with free(). Slices and statuses belong to no Service yet. */
struct service_record *service_record_new(const struct object *service);
struct slice_record *slice_record_new(const struct object *slice);
struct status_record *status_record_new(const struct object *status, const char *our_node);

/* The name in "namespace\0name", with which the strings begin. */
const char *record_name(const char *strings);

/* They live in the arena, and are valid as long as the record. */
struct object *service_record_read(const struct service_record *r, struct arena *a);
struct object_list slice_records_read(const struct record_link *first, struct arena *a);

/* Of what a status says. */
uint64_t status_hash(const struct service_status *s);
