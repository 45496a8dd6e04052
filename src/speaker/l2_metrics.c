/* SPDX-License-Identifier: Apache-2.0 */
#include "speaker/l2_metrics.h"

struct walk {
    struct exposition *x;
    unsigned which;
};

/* --- addresses --- */

enum address_fact { REQUESTS, RESPONSES, GRATUITOUS };

static uint64_t address_value(const struct announcer_address_status *s, enum address_fact which)
{
    switch (which) {
    case REQUESTS:
        return s->requests_received;
    case RESPONSES:
        return s->responses_sent;
    case GRATUITOUS:
        return s->gratuitous_sent;
    }
    return 0;
}

static void emit_address(const struct announcer_address_status *s, void *arg)
{
    const struct walk *w = arg;

    exposition_uint(w->x, address_value(s, (enum address_fact)w->which),
                    {"ip", ip_format(s->ip).s});
}

static void emit_addresses(struct exposition *x, unsigned which, const void *owner)
{
    struct walk w = {x, which};

    announcer_each_address(owner, emit_address, &w);
}

/* --- interfaces --- */

enum link_fact { DROPPED, FAILED };

static uint64_t link_value(const struct announcer_link_status *s, enum link_fact which)
{
    switch (which) {
    case DROPPED:
        return s->dropped;
    case FAILED:
        return s->failed;
    }
    return 0;
}

static void emit_link(const struct announcer_link_status *s, void *arg)
{
    const struct walk *w = arg;

    exposition_uint(w->x, link_value(s, (enum link_fact)w->which), {"interface", s->name});
}

static void emit_links(struct exposition *x, unsigned which, const void *owner)
{
    struct walk w = {x, which};

    announcer_each_link(owner, emit_link, &w);
}

static const struct metric_family families[] = {
    {"metallb_layer2_requests_received", METRIC_COUNTER,
     "Number of layer2 requests received for owned IPs", emit_addresses, REQUESTS},
    {"metallb_layer2_responses_sent", METRIC_COUNTER,
     "Number of layer2 responses sent for owned IPs in response to requests", emit_addresses,
     RESPONSES},
    {"metallb_layer2_gratuitous_sent", METRIC_COUNTER,
     "Number of gratuitous layer2 packets sent for owned IPs as a result of failovers",
     emit_addresses, GRATUITOUS},
    {"steellb_layer2_frames_dropped_total", METRIC_COUNTER,
     "ARP and NDP frames that reached the process and were not answered.", emit_links, DROPPED},
    {"steellb_layer2_gratuitous_failed_total", METRIC_COUNTER,
     "Gratuitous frames that could not be sent at their time.", emit_links, FAILED},
};

struct metric_source l2_metrics_source(const struct announcer *owner)
{
    return (struct metric_source){families, ARRAY_SIZE(families), owner};
}
