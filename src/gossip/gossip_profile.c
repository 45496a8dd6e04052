/* SPDX-License-Identifier: Apache-2.0 */
#include "gossip/gossip_profile.h"

#include "base/duration.h"
#include "base/mono.h"

#include <errno.h>
#include <jansson.h>
#include <strings.h>

struct gossip_profile gossip_profile_lan(void)
{
    return (struct gossip_profile){
        .tcp_timeout_ns = 10 * NS_PER_SEC,
        .push_pull_interval_ns = 30 * NS_PER_SEC,
        .probe_timeout_ns = 500 * NS_PER_MS,
        .probe_interval_ns = 1 * NS_PER_SEC,
        .gossip_interval_ns = 200 * NS_PER_MS,
        .gossip_to_dead_ns = 30 * NS_PER_SEC,
        .queue_check_interval_ns = 30 * NS_PER_SEC,
        .indirect_checks = 3,
        .retransmit_mult = 4,
        .suspicion_mult = 4,
        .suspicion_max_timeout_mult = 6,
        .awareness_max_mult = 8,
        .gossip_nodes = 3,
        .handoff_queue_depth = 1024,
        .udp_buffer_size = 1400,
        .verify_incoming = true,
        .verify_outgoing = true,
        .compress = true,
    };
}

struct gossip_profile gossip_profile_wan(void)
{
    struct gossip_profile p = gossip_profile_lan();

    p.tcp_timeout_ns = 30 * NS_PER_SEC;
    p.push_pull_interval_ns = 60 * NS_PER_SEC;
    p.probe_timeout_ns = 3 * NS_PER_SEC;
    p.probe_interval_ns = 5 * NS_PER_SEC;
    p.gossip_interval_ns = 500 * NS_PER_MS;
    p.gossip_to_dead_ns = 60 * NS_PER_SEC;
    p.suspicion_mult = 6;
    p.gossip_nodes = 4;
    return p;
}

enum kind { DURATION, COUNT, SWITCH };

struct parameter {
    const char *key;
    enum kind kind;
    size_t offset;
    int64_t min, max; /* of a duration in ns, of a count */
};

#define HOUR (3600 * NS_PER_SEC)
#define AT(member) offsetof(struct gossip_profile, member)

/* The upper bounds keep products of two of them within their types. */
static const struct parameter parameters[] = {
    {"TCPTimeout", DURATION, AT(tcp_timeout_ns), NS_PER_MS, HOUR},
    {"PushPullInterval", DURATION, AT(push_pull_interval_ns), 0, 24 * HOUR},
    {"ProbeTimeout", DURATION, AT(probe_timeout_ns), NS_PER_MS, HOUR},
    {"ProbeInterval", DURATION, AT(probe_interval_ns), NS_PER_MS, HOUR},
    {"GossipInterval", DURATION, AT(gossip_interval_ns), NS_PER_MS, HOUR},
    {"GossipToTheDeadTime", DURATION, AT(gossip_to_dead_ns), 0, 24 * HOUR},
    {"QueueCheckInterval", DURATION, AT(queue_check_interval_ns), 0, 24 * HOUR},
    {"IndirectChecks", COUNT, AT(indirect_checks), 0, 100},
    {"RetransmitMult", COUNT, AT(retransmit_mult), 1, 100},
    {"SuspicionMult", COUNT, AT(suspicion_mult), 1, 100},
    {"SuspicionMaxTimeoutMult", COUNT, AT(suspicion_max_timeout_mult), 1, 100},
    {"AwarenessMaxMultiplier", COUNT, AT(awareness_max_mult), 1, 100},
    {"GossipNodes", COUNT, AT(gossip_nodes), 1, 100},
    {"HandoffQueueDepth", COUNT, AT(handoff_queue_depth), 1, INT32_MAX},
    {"UDPBufferSize", COUNT, AT(udp_buffer_size), 512, 65507},
    {"DisableTcpPings", SWITCH, AT(disable_tcp_pings), 0, 0},
    {"GossipVerifyIncoming", SWITCH, AT(verify_incoming), 0, 0},
    {"GossipVerifyOutgoing", SWITCH, AT(verify_outgoing), 0, 0},
    {"EnableCompression", SWITCH, AT(compress), 0, 0},
};

/* As Go finds a field: by its exact name, else without regard to case. */
static const json_t *value_of(const json_t *object, const char *key)
{
    const json_t *exact = json_object_get(object, key);

    if (exact != NULL)
        return exact;
    for (void *i = json_object_iter((json_t *)(uintptr_t)object); i != NULL;
         i = json_object_iter_next((json_t *)(uintptr_t)object, i)) {
        if (strcasecmp(json_object_iter_key(i), key) == 0)
            return json_object_iter_value(i);
    }
    return NULL;
}

static int wrong(const struct parameter *p, const json_t *v, struct err *err)
{
    if (v == NULL)
        return err_set(err, -EINVAL, "%s is missing in memberlist config file", p->key);
    if (json_is_string(v))
        return err_set(err, -EINVAL, "parsing %s \"%s\" in memberlist config file", p->key,
                       json_string_value(v));
    return err_set(err, -EINVAL, "parsing %s in memberlist config file", p->key);
}

static int out_of_range(const struct parameter *p, struct err *err)
{
    struct duration_text min = duration_format(p->min), max = duration_format(p->max);

    if (p->kind == DURATION)
        return err_set(err, -EINVAL, "%s in memberlist config file: must be from %s to %s", p->key,
                       min.s, max.s);
    return err_set(err, -EINVAL, "%s in memberlist config file: must be from %lld to %lld", p->key,
                   (long long)p->min, (long long)p->max);
}

static int parse_number(struct gossip_profile *ret, const struct parameter *p, const json_t *v,
                        struct err *err)
{
    char *at = (char *)ret + p->offset;
    int64_t n;

    if (p->kind == DURATION && (!json_is_string(v) || !duration_parse(&n, json_string_value(v))))
        return wrong(p, v, err);
    if (p->kind == COUNT && !json_is_integer(v))
        return wrong(p, v, err);
    if (p->kind == COUNT)
        n = json_integer_value(v);
    if (n < p->min || n > p->max)
        return out_of_range(p, err);
    if (p->kind == DURATION)
        *(int64_t *)(void *)at = n;
    else
        *(unsigned *)(void *)at = (unsigned)n;
    return 0;
}

static void json_donep(json_t **v)
{
    json_decref(*v);
}

int gossip_profile_parse(struct gossip_profile *ret, const char *json, size_t len, struct err *err)
{
    struct gossip_profile profile = gossip_profile_lan();
    json_error_t error;
    CLEANUP(json_donep) json_t *object = json_loadb(json, len, 0, &error);

    if (object == NULL)
        return err_set(err, -EINVAL, "memberlist config file, line %d: %s", error.line, error.text);
    if (!json_is_object(object))
        return err_set(err, -EINVAL, "memberlist config file: not an object");
    for (size_t i = 0; i < ARRAY_SIZE(parameters); i++) {
        const struct parameter *p = &parameters[i];
        const json_t *v = value_of(object, p->key);
        int r = 0;

        if (p->kind == SWITCH && !json_is_boolean(v))
            return wrong(p, v, err);
        if (p->kind == SWITCH)
            *((bool *)(void *)((char *)&profile + p->offset)) = json_is_true(v);
        else
            r = parse_number(&profile, p, v, err);
        if (r < 0)
            return r;
    }
    *ret = profile;
    return 0;
}
