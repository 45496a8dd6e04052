/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finds the router on a link for unnumbered peering (spec speaker-bgp 3.7, 5.12; RFC 4861): sends
 * router advertisements with lifetime 0, so that nobody takes us for a default router, and listens
 * for those of the other side.
 */
#pragma once

#include <event2/event.h>
#include <net/if.h>

#include "base/err.h"
#include "base/ip.h"
#include "base/macro.h"

struct ra;

/*
 * The newest sender of a valid router advertisement on that interface; IP_NONE: aged out, or the
 * interface is no longer up. Comes from the loop, never from inside a call; it may call nothing of
 * this room.
 */
typedef void (*ra_fn)(void *arg, const char *interface, struct ip router);

NODISCARD int ra_new(struct ra **ret, struct event_base *base, ra_fn fn, void *arg,
                     struct err *err);
struct ra *ra_free(struct ra *r); /* says farewell (lifetime 0 either way) and leaves the groups */
DEFINE_CLEANUP(struct ra, ra_free);

struct ra_interface {
    char name[IFNAMSIZ];
    uint32_t ifindex; /* 0: it is not there */
    struct ip link_local;
    uint8_t mac[6];
    bool up;
};

/*
 * The interfaces to serve, each once, whenever the list or their state has changed. Copied. One
 * that came up, or has another address, starts with quick advertisements. Nothing more is told
 * about one that is no longer listed.
 */
void ra_set_interfaces(struct ra *r, const struct ra_interface *interfaces, size_t count);
/* The router that is known on the interface by now; IP_NONE: none. */
struct ip ra_router(const struct ra *r, const char *interface);
