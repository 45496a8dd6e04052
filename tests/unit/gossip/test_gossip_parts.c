/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of the machine that stand alone: suspicion timer, broadcast queue, profiles. */
#include "gossip/gossip_profile.h"
#include "gossip/gossip_queue.h"
#include "gossip/gossip_suspicion.h"

#include "base/mem.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MS NS_PER_MS

/* spec speaker-l2 6.14 */
static const struct {
    unsigned mult;
    size_t n;
    unsigned k;
    int64_t min_ms, confirmed_ms[4]; /* after 1, 2 ... confirmations; 0: not told */
} suspicions[] = {
    {4, 2, 0, 4000, {0}},
    {4, 3, 0, 4000, {0}},
    {4, 4, 2, 4000, {11381, 4000}},
    {4, 10, 2, 4000, {11381, 4000}},
    {4, 20, 2, 5204, {0}},
    {4, 33, 2, 6072, {0}},
    {4, 50, 2, 6792, {19325, 6792}},
    {4, 100, 2, 8000, {0}},
    {6, 5, 0, 30000, {0}},
    {6, 6, 4, 30000, {0}},
    {6, 50, 4, 50940, {195946, 131780, 86253, 50940}},
};

static void knows_how_long_to_suspect(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(suspicions); i++) {
        unsigned mult = suspicions[i].mult, k = gossip_suspicion_k(mult, suspicions[i].n);
        int64_t interval_ns = (mult == 4 ? 1 : 5) * NS_PER_SEC;
        int64_t min_ns = gossip_suspicion_min_ns(mult, suspicions[i].n, interval_ns);

        if (k != suspicions[i].k || min_ns != suspicions[i].min_ms * MS)
            fail_msg("n %zu: k %u, min %d ms", suspicions[i].n, k, (int)(min_ns / MS));
        for (unsigned c = 1; c <= k; c++) {
            int64_t ns = gossip_suspicion_timeout_ns(c, k, min_ns, 6 * min_ns);

            if (suspicions[i].confirmed_ms[c - 1] != 0 &&
                ns != suspicions[i].confirmed_ms[c - 1] * MS)
                fail_msg("n %zu: %d ms after %u", suspicions[i].n, (int)(ns / MS), c);
        }
    }
}

static void counts_confirmations_once(void **state)
{
    const struct mono now = {1000 * NS_PER_SEC};
    CLEANUP(gossip_suspicion_freep)
    struct gossip_suspicion *s = gossip_suspicion_new("a", 2, 4000 * MS, 24000 * MS, now);

    (void)state;
    assert_int_equal(mono_sub(s->deadline, now), 24000 * MS);
    assert_false(gossip_suspicion_confirm(s, "a")); /* it began with that */
    assert_true(gossip_suspicion_confirm(s, "b"));
    assert_int_equal(mono_sub(s->deadline, now), 11381 * MS);
    assert_false(gossip_suspicion_confirm(s, "b"));
    assert_true(gossip_suspicion_confirm(s, "c"));
    assert_int_equal(mono_sub(s->deadline, now), 4000 * MS);
    assert_false(gossip_suspicion_confirm(s, "d")); /* enough */
    assert_int_equal(s->confirmations, 2);
}

static void expects_no_confirmation_in_small_clusters(void **state)
{
    const struct mono now = {1000 * NS_PER_SEC};
    CLEANUP(gossip_suspicion_freep)
    struct gossip_suspicion *s = gossip_suspicion_new("a", 0, 4000 * MS, 24000 * MS, now);

    (void)state;
    assert_int_equal(mono_sub(s->deadline, now), 4000 * MS);
    assert_false(gossip_suspicion_confirm(s, "b"));
}

static uint64_t put(struct gossip_queue *q, const char *subject, const char *message)
{
    return gossip_queue_put(q, subject,
                            (struct gossip_part){(const uint8_t *)message, strlen(message)});
}

/* What is picked, as one text. */
static const char *pick(struct gossip_queue *q, size_t budget, unsigned limit, char ret[64])
{
    const struct gossip_pick p = {.budget = budget, .overhead = 2, .limit = limit, .max = 10};
    struct gossip_part parts[10];
    size_t n = gossip_queue_pick(q, parts, &p), len = 0;

    for (size_t i = 0; i < n; i++)
        len += (size_t)snprintf(ret + len, 64 - len, "%s%.*s", i > 0 ? " " : "", (int)parts[i].len,
                                (const char *)parts[i].bytes);
    ret[len] = '\0';
    return ret;
}

static void sends_the_least_sent_first(void **state)
{
    CLEANUP(gossip_queue_freep) struct gossip_queue *q = gossip_queue_new();
    char t[64];

    (void)state;
    assert_string_equal(pick(q, 100, 2, t), "");
    put(q, "1", "aa");
    put(q, "2", "bbbb");
    put(q, "3", "cc");
    assert_string_equal(pick(q, 6, 3, t), "bbbb"); /* the largest first */
    assert_string_equal(pick(q, 4, 3, t), "cc");   /* then the newest of a size */
    assert_string_equal(pick(q, 100, 3, t), "aa bbbb cc");
    put(q, "4", "d");
    assert_string_equal(pick(q, 9, 3, t), "d aa"); /* what fits beside it */
    assert_string_equal(pick(q, 100, 3, t), "d bbbb cc aa");
    assert_string_equal(pick(q, 100, 3, t), "d");
    assert_string_equal(pick(q, 100, 3, t), ""); /* all three times */
    assert_int_equal(gossip_queue_count(q), 0);
}

static void replaces_by_subject(void **state)
{
    CLEANUP(gossip_queue_freep) struct gossip_queue *q = gossip_queue_new();
    uint64_t first = put(q, "n1", "suspect"), second;
    char t[64];

    (void)state;
    assert_true(gossip_queue_has(q, first));
    second = put(q, "n1", "dead");
    assert_false(gossip_queue_has(q, first));
    assert_true(gossip_queue_has(q, second));
    assert_string_equal(pick(q, 100, 1, t), "dead");
    assert_false(gossip_queue_has(q, second)); /* once is enough */
}

static const struct {
    size_t n;
    unsigned limit;
} limits[] = {{1, 4}, {9, 4}, {10, 8}, {99, 8}, {100, 12}, {999, 12}, {1000, 16}};

static void sends_more_often_in_larger_clusters(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(limits); i++)
        assert_int_equal(gossip_queue_limit(4, limits[i].n), limits[i].limit);
}

#define DURATIONS                                                                                  \
    "\"TCPTimeout\":\"5s\",\"PushPullInterval\":\"1m\",\"ProbeTimeout\":\"200ms\","                \
    "\"ProbeInterval\":\"400ms\",\"GossipInterval\":\"100ms\",\"GossipToTheDeadTime\":\"20s\","    \
    "\"QueueCheckInterval\":\"30s\","
#define COUNTS                                                                                     \
    "\"IndirectChecks\":2,\"RetransmitMult\":3,\"SuspicionMult\":5,"                               \
    "\"SuspicionMaxTimeoutMult\":7,\"AwarenessMaxMultiplier\":6,\"GossipNodes\":4,"                \
    "\"HandoffQueueDepth\":512,"
#define SWITCHES                                                                                   \
    "\"DisableTcpPings\":true,\"GossipVerifyIncoming\":false,\"GossipVerifyOutgoing\":false,"      \
    "\"EnableCompression\":false"

static const struct {
    const char *label, *json, *error; /* NULL: it is taken */
} files[] = {
    {"all", "{" DURATIONS COUNTS "\"UDPBufferSize\":1200," SWITCHES "}", NULL},
    {"in another case, with a stranger",
     "{" DURATIONS COUNTS "\"udpbuffersize\":1200,\"x\":[]," SWITCHES "}", NULL},
    {"the exact name wins",
     "{" DURATIONS COUNTS "\"udpbuffersize\":0,\"UDPBufferSize\":1200," SWITCHES "}", NULL},
    {"not JSON", "{", "memberlist config file, line 1: "},
    {"an array", "[]", "memberlist config file: not an object"},
    {"nothing", "{}", "TCPTimeout is missing in memberlist config file"},
    {"no number", "{" DURATIONS COUNTS SWITCHES "}", "UDPBufferSize is missing"},
    {"no switch", "{" DURATIONS COUNTS "\"UDPBufferSize\":1200}", "DisableTcpPings is missing"},
    {"a number of nothing", "{" DURATIONS COUNTS "\"UDPBufferSize\":0," SWITCHES "}",
     "UDPBufferSize in memberlist config file: must be from 512 to 65507"},
    {"text as number", "{" DURATIONS COUNTS "\"UDPBufferSize\":\"1200\"," SWITCHES "}",
     "parsing UDPBufferSize \"1200\" in memberlist config file"},
    {"number as duration", "{\"TCPTimeout\":5}", "parsing TCPTimeout in memberlist config file"},
    {"no duration", "{\"TCPTimeout\":\"soon\"}",
     "parsing TCPTimeout \"soon\" in memberlist config file"},
    {"too short", "{\"TCPTimeout\":\"1ns\"}",
     "TCPTimeout in memberlist config file: must be from 1ms to 1h0m0s"},
};

static void reads_profiles(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
        struct gossip_profile p = {0};
        struct err err = {0};
        int r = gossip_profile_parse(&p, files[i].json, strlen(files[i].json), &err);

        if (r != (files[i].error == NULL ? 0 : -EINVAL))
            fail_msg("%s: %s", files[i].label, err_text(&err));
        if (files[i].error != NULL &&
            strncmp(err_text(&err), files[i].error, strlen(files[i].error)) != 0)
            fail_msg("%s: %s", files[i].label, err_text(&err));
        err_done(&err);
        if (files[i].error != NULL)
            continue;
        assert_int_equal(p.tcp_timeout_ns, 5000 * MS);
        assert_int_equal(p.gossip_to_dead_ns, 20000 * MS);
        assert_int_equal(p.indirect_checks, 2);
        assert_int_equal(p.gossip_nodes, 4);
        assert_int_equal(p.udp_buffer_size, 1200);
        assert_true(p.disable_tcp_pings);
        assert_false(p.verify_incoming);
        assert_false(p.compress);
    }
}

static void has_both_profiles(void **state)
{
    struct gossip_profile lan = gossip_profile_lan(), wan = gossip_profile_wan();

    (void)state;
    assert_int_equal(lan.probe_interval_ns, 1000 * MS);
    assert_int_equal(lan.suspicion_mult, 4);
    assert_int_equal(wan.probe_timeout_ns, 3000 * MS);
    assert_int_equal(wan.suspicion_mult, 6);
    assert_int_equal(wan.tcp_timeout_ns, 30000 * MS);
    assert_int_equal(wan.indirect_checks, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(knows_how_long_to_suspect),
        cmocka_unit_test(counts_confirmations_once),
        cmocka_unit_test(expects_no_confirmation_in_small_clusters),
        cmocka_unit_test(sends_the_least_sent_first),
        cmocka_unit_test(replaces_by_subject),
        cmocka_unit_test(sends_more_often_in_larger_clusters),
        cmocka_unit_test(reads_profiles),
        cmocka_unit_test(has_both_profiles),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
