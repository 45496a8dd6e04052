/* SPDX-License-Identifier: Apache-2.0 */
/* GET /metrics. */
#pragma once

#include <event2/event.h>

#include "kube/kube_client.h"
#include "serve/exposition.h"
#include "serve/tls_identity.h"

struct metrics_server;

struct metrics_server_options {
    struct event_base *base;
    const char *address;                 /* "": all addresses */
    uint16_t port;                       /* 0: no server, *ret is NULL */
    const struct metric_source *sources; /* copied */
    size_t source_count;
    const struct tls_identity_options *tls; /* NULL: plain HTTP */
    struct kube_client *client; /* outlives the server; says who may ask. NULL: everybody may */
};

NODISCARD int metrics_server_new(struct metrics_server **ret,
                                 const struct metrics_server_options *options, struct err *err);
struct metrics_server *metrics_server_free(struct metrics_server *s);
DEFINE_CLEANUP(struct metrics_server, metrics_server_free);
