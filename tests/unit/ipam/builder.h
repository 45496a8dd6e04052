/* SPDX-License-Identifier: Apache-2.0 */
/* Snapshots and Services from rows of text, for the tests of this room. */
#pragma once

#include "ipam/ipam.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

struct pool_row {
    const char *name;
    const char *addresses; /* "1.2.3.0/24,1000::/120,1.2.4.5-1.2.4.9" */
    bool avoid, manual;    /* avoidBuggyIPs; autoAssign: false */
    bool scoped;           /* serviceAllocation; namespaces or labels imply it */
    int64_t priority;
    const char *namespaces; /* "ns1,ns2"; "" is a selector that matches none */
    const char *labels;     /* one service selector, "k=v,k=v" */
};

/* Sorts by name, as the snapshot promises. The caller owns the reference. */
struct snapshot *build_snapshot(const struct pool_row *rows, size_t count);

#define POOL(name_, addresses_, ...)                                                               \
    {                                                                                              \
        .name = (name_), .addresses = (addresses_)__VA_OPT__(, ) __VA_ARGS__                       \
    }

#define POOLS(...)                                                                                 \
    build_snapshot((const struct pool_row[]){__VA_ARGS__},                                         \
                   sizeof((const struct pool_row[]){__VA_ARGS__}) / sizeof(struct pool_row))

/* Installs the snapshot and drops the caller's reference. */
void use_snapshot(struct ipam *m, struct snapshot *cfg_take);

struct service_row {
    const char *namespace, *name; /* "default", "s1" */
    int64_t created;
    const char *type;       /* LoadBalancer */
    const char *cluster;    /* clusterIPs, "1.2.3.4,3000::1"; "-": none; default 1.2.3.4 */
    const char *cluster_ip; /* only this, no clusterIPs */
    const char *families;   /* "IPv6,IPv4" */
    const char *policy;     /* "" */
    const char *lb_ip, *lb_ips, *pool, *share; /* the field and metallb.io annotations */
    const char *annotations;                   /* further ones: "k=v;k=v" */
    const char *labels;                        /* "k=v,k=v" */
    const char *ports;                         /* "TCP/80,UDP/53" */
    const char *local;  /* traffic policy Local with this selector, "k=v"; "": without one */
    const char *status; /* "1.2.3.4,@host,junk" */
    bool in_force;      /* it goes first; for ipam_settle */
};

/* The caller frees it with object_free. */
struct object *build_service(const struct service_row *row);

struct ip ip_of(const char *text); /* asserts that it parses; "nil" is no address */

/* "1.2.3.4 1000::1", in order */
const char *ips_text(struct arena *a, const struct ip *ips, size_t count);
const char *reason_text(struct arena *a, const struct ipam_reason *r);
const char *event_text(struct arena *a, const struct ipam_event *e);

/* What "namespace/name" holds: "pool: ip ip" or "-". */
const char *holding_text(struct arena *a, const struct ipam *m, const char *namespace,
                         const char *name);

/* Fails and prints the row's name. */
void check_text(const char *row, const char *got, const char *want);

/* xorshift64: seeded, the same everywhere */
uint32_t draw(uint64_t *state, uint32_t below);
