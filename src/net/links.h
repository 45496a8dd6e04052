/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The interfaces of this network namespace, kept up to date by rtnetlink: one dump at the start,
 * events from then on, a new dump when the kernel reports that events were lost. Nothing is polled.
 */
#pragma once

#include <event2/event.h>
#include <linux/if_ether.h>
#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/ip.h"
#include "base/macro.h"

struct link {
    uint32_t ifindex;
    uint32_t master;     /* the bridge, bond or VRF that it is enslaved to; 0: none */
    uint64_t generation; /* differs for every interface that ever existed, unlike ifindex */
    char name[IFNAMSIZ];
    uint8_t mac[ETH_ALEN]; /* zeros unless `ethernet` */
    bool ethernet;         /* Ethernet framing and a MAC of 6 bytes */
    bool up;               /* administratively */
    bool carrier, broadcast, noarp;
    uint32_t carrier_ups; /* how often the carrier came; shows losses too short for an event */
    struct ip link_local; /* the first one that is neither tentative nor a duplicate; IP_NONE */
};

struct links;

/* Something changed. Runs once after each batch of events, never from inside links_new. */
typedef void (*links_fn)(void *arg);

/* On return the list is complete. `base` must outlive the object. */
NODISCARD int links_new(struct links **ret, struct event_base *base, links_fn fn, void *arg,
                        struct err *err);
struct links *links_free(struct links *l);
DEFINE_CLEANUP(struct links, links_free);

typedef void (*link_fn)(const struct link *link, void *arg);
void links_each(const struct links *l, link_fn fn, void *arg);

/*
 * The networks that an interface has an address on, some perhaps twice; neither link-local ones nor
 * those of a single host. What was lost with the carrier (the kernel takes IPv6 addresses away when
 * an interface goes down) counts until the carrier is back.
 */
typedef void (*link_network_fn)(struct prefix network, void *arg);
void links_each_network(const struct links *l, uint32_t ifindex, link_network_fn fn, void *arg);

/* All addresses of all interfaces, loopback and link-local ones too; what is lost is not here. */
struct host_address {
    struct ip ip;
    uint8_t prefix_len;
    uint32_t ifindex;
    bool usable;    /* not tentative, a duplicate or deprecated, and its interface is up */
    struct ip peer; /* the other end of a point-to-point link, which the prefix is about; IP_NONE */
};

typedef void (*host_address_fn)(const struct host_address *address, void *arg);
void links_each_host_address(const struct links *l, host_address_fn fn, void *arg);
