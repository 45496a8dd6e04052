/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/macro.h"
#include "cli/releases.h"

enum { MAX = 3 };

static const struct {
    const char *name;
    bool publish, announced;
    const char *policy;
    struct {
        const char *node;
        enum tri ready, serving, terminating;
    } endpoints[MAX];
    const char *want;
} cases[] = {
    {"no endpoint", false, false, "Cluster", {{0}}, ""},
    {"all agree", false, true, "Cluster", {{"n1", TRI_TRUE, TRI_TRUE, TRI_FALSE}}, ""},
    {"nobody counts it", false, false, "Cluster", {{"n1", TRI_FALSE, TRI_FALSE, TRI_FALSE}}, ""},
    {"publishNotReadyAddresses, no pod ready",
     true,
     true,
     "Cluster",
     {{"n1", TRI_TRUE, TRI_FALSE, TRI_FALSE}, {"n2", TRI_TRUE, TRI_FALSE, TRI_FALSE}},
     "MetalLB 0.14.0 to 0.14.4 would not have announced this Service: its 2 endpoints are ready only because of "
     "publishNotReadyAddresses (ready, but not serving); 0.13.12, 0.14.5 and SteelLB announce it."},
    {"the same without an announcer",
     true,
     false,
     "Cluster",
     {{"n1", TRI_TRUE, TRI_FALSE, TRI_FALSE}},
     "MetalLB 0.14.0 to 0.14.4 would not have announced this Service: its 1 endpoint is ready only because of "
     "publishNotReadyAddresses (ready, but not serving); 0.13.12, 0.14.5 and SteelLB count them."},
    {"a slice made by hand",
     false,
     true,
     "Cluster",
     {{"n1", TRI_ABSENT, TRI_FALSE, TRI_ABSENT}},
     "MetalLB 0.14.0 to 0.14.4 would not have announced this Service: its 1 endpoint is ready, but not serving; "
     "0.13.12, 0.14.5 and SteelLB announce it."},
    {"the last pods drain",
     false,
     true,
     "Cluster",
     {{"n1", TRI_FALSE, TRI_TRUE, TRI_TRUE}, {"n2", TRI_FALSE, TRI_FALSE, TRI_TRUE}},
     "MetalLB up to 0.13.12 would not have announced this Service: its 1 endpoint is terminating (serving, but not "
     "ready); 0.14.0 and later and SteelLB announce it."},
    {"serving, not terminating",
     false,
     true,
     "Cluster",
     {{"n1", TRI_FALSE, TRI_TRUE, TRI_FALSE}},
     "MetalLB up to 0.13.12 would not have announced this Service: its 1 endpoint is serving, but not ready; 0.14.0 "
     "and later and SteelLB announce it."},
    {"one good endpoint is enough for Cluster",
     true,
     true,
     "Cluster",
     {{"n1", TRI_TRUE, TRI_FALSE, TRI_FALSE}, {"n2", TRI_TRUE, TRI_TRUE, TRI_FALSE}},
     ""},
    {"each release counts another one",
     true,
     true,
     "Cluster",
     {{"n1", TRI_TRUE, TRI_FALSE, TRI_FALSE}, {"n2", TRI_FALSE, TRI_TRUE, TRI_TRUE}},
     ""},
    {"Local: a node was lost",
     true,
     true,
     "Local",
     {{"n1", TRI_TRUE, TRI_FALSE, TRI_FALSE}, {"n2", TRI_TRUE, TRI_TRUE, TRI_FALSE}},
     "MetalLB 0.14.0 to 0.14.4 would not have announced this Service from n1, with externalTrafficPolicy Local: "
     "its 1 endpoint there is ready only because of publishNotReadyAddresses (ready, but not serving); 0.13.12, 0.14.5 and SteelLB "
     "count such endpoints."},
    {"Local: only endpoints of lost nodes are told",
     false,
     true,
     "Local",
     {{"n1", TRI_FALSE, TRI_TRUE, TRI_TRUE},
      {"n2", TRI_FALSE, TRI_TRUE, TRI_TRUE},
      {"n2", TRI_TRUE, TRI_TRUE, TRI_FALSE}},
     "MetalLB up to 0.13.12 would not have announced this Service from n1, with externalTrafficPolicy Local: its 1 "
     "endpoint there is terminating (serving, but not ready); 0.14.0 and later and SteelLB count such endpoints."},
    {"Local: another endpoint keeps the node",
     true,
     true,
     "Local",
     {{"n1", TRI_TRUE, TRI_FALSE, TRI_FALSE}, {"n1", TRI_TRUE, TRI_TRUE, TRI_FALSE}},
     ""},
};

static void test_releases(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct endpoint endpoints[MAX] = {0};
        struct object slice = {.kind = OBJ_ENDPOINT_SLICE, .slice = {.endpoints = endpoints}};
        const struct object *slices[] = {&slice};
        struct service s = {.external_traffic_policy = cases[i].policy,
                            .publish_not_ready_addresses = cases[i].publish};
        CLEANUP(text_done) struct text t = {0};

        for (size_t k = 0; k < MAX && cases[i].endpoints[k].node != NULL; k++) {
            endpoints[k] = (struct endpoint){.node = cases[i].endpoints[k].node,
                                             .ready = cases[i].endpoints[k].ready,
                                             .serving = cases[i].endpoints[k].serving,
                                             .terminating = cases[i].endpoints[k].terminating};
            slice.slice.endpoint_count++;
        }
        releases_text(&t, &s, (struct object_list){slices, 1}, cases[i].announced);
        if (!str_eq(text_str(&t), cases[i].want))
            fail_msg("%s: %s", cases[i].name, text_str(&t));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_releases)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
