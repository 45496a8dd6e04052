/* SPDX-License-Identifier: Apache-2.0 */
#include "decide/decide.h"

#include "fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* The truth table of spec speaker-l2 1.4, whole. */
static const struct {
    const char *name;
    enum tri ready, serving, terminating;
    bool in_0_13_12, in_0_14_3, now;
    enum endpoint_rule rule;
} truth[] = {
    {"row 1", TRI_ABSENT, TRI_ABSENT, TRI_ABSENT, true, true, true, ENDPOINT_READY_ABSENT},
    {"row 2", TRI_ABSENT, TRI_ABSENT, TRI_TRUE, true, true, true, ENDPOINT_READY_ABSENT},
    {"row 3", TRI_ABSENT, TRI_ABSENT, TRI_FALSE, true, true, true, ENDPOINT_READY_ABSENT},
    {"row 4", TRI_ABSENT, TRI_TRUE, TRI_ABSENT, true, true, true, ENDPOINT_READY_ABSENT},
    {"row 5", TRI_ABSENT, TRI_TRUE, TRI_TRUE, true, true, true, ENDPOINT_READY_ABSENT},
    {"row 6", TRI_ABSENT, TRI_TRUE, TRI_FALSE, true, true, true, ENDPOINT_READY_ABSENT},
    {"row 7", TRI_ABSENT, TRI_FALSE, TRI_ABSENT, true, false, true, ENDPOINT_READY_ABSENT},
    {"row 8", TRI_ABSENT, TRI_FALSE, TRI_TRUE, true, false, true, ENDPOINT_READY_ABSENT},
    {"row 9", TRI_ABSENT, TRI_FALSE, TRI_FALSE, true, false, true, ENDPOINT_READY_ABSENT},
    {"row 10", TRI_TRUE, TRI_ABSENT, TRI_ABSENT, true, true, true, ENDPOINT_READY},
    {"row 11", TRI_TRUE, TRI_ABSENT, TRI_TRUE, true, true, true, ENDPOINT_READY},
    {"row 12", TRI_TRUE, TRI_ABSENT, TRI_FALSE, true, true, true, ENDPOINT_READY},
    {"row 13", TRI_TRUE, TRI_TRUE, TRI_ABSENT, true, true, true, ENDPOINT_READY},
    {"row 14", TRI_TRUE, TRI_TRUE, TRI_TRUE, true, true, true, ENDPOINT_READY},
    {"row 15", TRI_TRUE, TRI_TRUE, TRI_FALSE, true, true, true, ENDPOINT_READY},
    {"row 16", TRI_TRUE, TRI_FALSE, TRI_ABSENT, true, false, true, ENDPOINT_READY},
    {"row 17", TRI_TRUE, TRI_FALSE, TRI_TRUE, true, false, true, ENDPOINT_READY},
    {"row 18", TRI_TRUE, TRI_FALSE, TRI_FALSE, true, false, true, ENDPOINT_READY},
    {"row 19", TRI_FALSE, TRI_ABSENT, TRI_ABSENT, false, false, false, ENDPOINT_NOT_READY},
    {"row 20", TRI_FALSE, TRI_ABSENT, TRI_TRUE, false, false, false, ENDPOINT_NOT_READY},
    {"row 21", TRI_FALSE, TRI_ABSENT, TRI_FALSE, false, false, false, ENDPOINT_NOT_READY},
    {"row 22", TRI_FALSE, TRI_TRUE, TRI_ABSENT, false, true, true, ENDPOINT_SERVING},
    {"row 23", TRI_FALSE, TRI_TRUE, TRI_TRUE, false, true, true, ENDPOINT_SERVING},
    {"row 24", TRI_FALSE, TRI_TRUE, TRI_FALSE, false, true, true, ENDPOINT_SERVING},
    {"row 25", TRI_FALSE, TRI_FALSE, TRI_ABSENT, false, false, false, ENDPOINT_NOT_READY},
    {"row 26", TRI_FALSE, TRI_FALSE, TRI_TRUE, false, false, false, ENDPOINT_NOT_READY},
    {"row 27", TRI_FALSE, TRI_FALSE, TRI_FALSE, false, false, false, ENDPOINT_NOT_READY},
};

static void test_truth_table(void **state)
{
    (void)state;
    assert_int_equal(ARRAY_SIZE(truth), 27);
    for (size_t i = 0; i < ARRAY_SIZE(truth); i++) {
        struct endpoint e = {.node = "n1",
                             .ready = truth[i].ready,
                             .serving = truth[i].serving,
                             .terminating = truth[i].terminating};
        struct endpoint_verdict v = decide_endpoint(&e);

        if (v.counts != truth[i].now || v.counted_0_13_12 != truth[i].in_0_13_12 ||
            v.counted_0_14_3 != truth[i].in_0_14_3 || v.rule != truth[i].rule)
            fail_msg("%s: counts %d, 0.13.12 %d, 0.14.3 %d, rule %s", truth[i].name, v.counts,
                     v.counted_0_13_12, v.counted_0_14_3, endpoint_rule_name(v.rule));
    }
}

/* What the cluster's EndpointSlice controller writes (spec speaker-l2 1.3). */
static const struct {
    const char *name;
    enum tri ready, serving, terminating;
    bool counts;
    const char *rule;
} pods[] = {
    {"ready", TRI_TRUE, TRI_TRUE, TRI_FALSE, true, "ready"},
    {"not ready", TRI_FALSE, TRI_FALSE, TRI_FALSE, false, "not-ready"},
    {"draining, probe passes", TRI_FALSE, TRI_TRUE, TRI_TRUE, true, "serving"},
    {"draining, probe fails", TRI_FALSE, TRI_FALSE, TRI_TRUE, false, "not-ready"},
    {"published although not ready", TRI_TRUE, TRI_FALSE, TRI_FALSE, true, "ready"},
    {"published, draining, probe fails", TRI_TRUE, TRI_FALSE, TRI_TRUE, true, "ready"},
    {"written by hand", TRI_ABSENT, TRI_ABSENT, TRI_ABSENT, true, "ready-absent"},
    {"serving=false alone", TRI_ABSENT, TRI_FALSE, TRI_ABSENT, true, "ready-absent"},
    {"serving=true alone", TRI_ABSENT, TRI_TRUE, TRI_ABSENT, true, "ready-absent"},
    {"ready=false alone", TRI_FALSE, TRI_ABSENT, TRI_ABSENT, false, "not-ready"},
};

static void test_pods(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(pods); i++) {
        struct endpoint e = {.node = "n1",
                             .ready = pods[i].ready,
                             .serving = pods[i].serving,
                             .terminating = pods[i].terminating};
        struct endpoint_verdict v = decide_endpoint(&e);

        if (v.counts != pods[i].counts || !str_eq(endpoint_rule_name(v.rule), pods[i].rule))
            fail_msg("%s: counts %d by %s", pods[i].name, v.counts, endpoint_rule_name(v.rule));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_truth_table),
        cmocka_unit_test(test_pods),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
