/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/cluster_metrics.h"

#include "kube/kube_path.h"

/* --- a stream --- */

enum stream_fact { AGE, EVENTS, LISTS, WATCHES, UNDECODABLE };

static struct kube_feed_stats stream_of(const struct cluster *c, size_t i)
{
    return kube_feed_stats(c->feed, i, mono_now());
}

static size_t stream_count(const struct cluster *c)
{
    return c->feed != NULL ? kube_feed_count(c->feed) : 0;
}

static void emit_stream(struct exposition *x, enum stream_fact which,
                        const struct kube_feed_stats *s)
{
    const char *resource = kube_plural(s->kind);

    switch (which) {
    case AGE:
        if (s->last_event_age_ns >= 0)
            exposition_seconds(x, s->last_event_age_ns, {"resource", resource});
        return;
    case EVENTS:
        exposition_uint(x, s->events, {"resource", resource});
        return;
    case LISTS:
        exposition_uint(x, s->lists, {"resource", resource});
        return;
    case WATCHES:
        exposition_uint(x, s->watches, {"resource", resource});
        return;
    case UNDECODABLE:
        exposition_uint(x, s->undecodable, {"resource", resource});
        return;
    }
}

static void emit_streams(struct exposition *x, unsigned which, const void *owner)
{
    const struct cluster *c = owner;

    for (size_t i = 0; i < stream_count(c); i++) {
        struct kube_feed_stats s = stream_of(c, i);

        emit_stream(x, (enum stream_fact)which, &s);
    }
}

/* --- the connection --- */

enum client_fact { CONNECTED, CONNECTS, CALLS, PING_TIMEOUTS };

static uint64_t client_value(const struct kube_client_stats *s, enum client_fact which)
{
    switch (which) {
    case CONNECTED:
        return s->connected;
    case CONNECTS:
        return s->connects;
    case CALLS:
        return s->calls;
    case PING_TIMEOUTS:
        return s->ping_timeouts;
    }
    return 0;
}

static void emit_client(struct exposition *x, unsigned which, const void *owner)
{
    const struct cluster *c = owner;
    struct kube_client_stats s = kube_client_stats(c->client);

    exposition_uint(x, client_value(&s, (enum client_fact)which));
}

static const struct metric_family families[] = {
    {"steellb_kube_watch_last_event_age_seconds", METRIC_GAUGE,
     "Time since the last sign of life of a watch: an event, or a bookmark.", emit_streams, AGE},
    {"steellb_kube_watch_events_total", METRIC_COUNTER, "Events of a watch.", emit_streams, EVENTS},
    {"steellb_kube_lists_total", METRIC_COUNTER, "Whole lists that were read.", emit_streams,
     LISTS},
    {"steellb_kube_watches_total", METRIC_COUNTER, "Watches that were started.", emit_streams,
     WATCHES},
    {"steellb_kube_undecodable_total", METRIC_COUNTER,
     "Objects that could not be read, so that what was known of them stays.", emit_streams,
     UNDECODABLE},
    {"steellb_kube_connected", METRIC_GAUGE, "1 while there is a connection to the API server.",
     emit_client, CONNECTED},
    {"steellb_kube_connects_total", METRIC_COUNTER,
     "Connections to the API server that were started.", emit_client, CONNECTS},
    {"steellb_kube_calls_total", METRIC_COUNTER, "Requests to the API server.", emit_client, CALLS},
    {"steellb_kube_ping_timeouts_total", METRIC_COUNTER,
     "Connections to the API server that were given up since it had gone silent.", emit_client,
     PING_TIMEOUTS},
};

struct metric_source cluster_metrics_source(const struct cluster *owner)
{
    return (struct metric_source){families, ARRAY_SIZE(families), owner};
}

/* --- sums --- */

static bool is_update(enum object_kind kind)
{
    switch (kind) {
    case OBJ_SERVICE_L2_STATUS:
    case OBJ_SERVICE_BGP_STATUS:
    case OBJ_CONFIGURATION_STATE:
        return false;
    case OBJ_SERVICE:
    case OBJ_ENDPOINT_SLICE:
    case OBJ_NODE:
    case OBJ_NAMESPACE:
    case OBJ_IP_ADDRESS_POOL:
    case OBJ_L2_ADVERTISEMENT:
    case OBJ_BGP_ADVERTISEMENT:
    case OBJ_BGP_PEER:
    case OBJ_BFD_PROFILE:
    case OBJ_COMMUNITY:
    case OBJ_SECRET:
    case OBJ_CONFIG_MAP:
    case OBJ_POD:
        return true;
    }
    return true;
}

uint64_t cluster_updates(const struct cluster *c)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < stream_count(c); i++) {
        struct kube_feed_stats s = stream_of(c, i);

        sum += is_update(s.kind) ? s.events : 0;
    }
    return sum;
}

uint64_t cluster_undecodable(const struct cluster *c)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < stream_count(c); i++)
        sum += stream_of(c, i).undecodable;
    return sum;
}

/* --- the program --- */

static void emit_build(struct exposition *x, unsigned which, const void *owner)
{
    (void)which;
    (void)owner;
    exposition_uint(x, 1, {"version", STEELLB_VERSION});
}

static const struct metric_family build[] = {
    {"steellb_build_info", METRIC_GAUGE, "1, with the version of the program.", emit_build, 0},
};

struct metric_source build_metrics_source(void)
{
    return (struct metric_source){build, ARRAY_SIZE(build), NULL};
}
