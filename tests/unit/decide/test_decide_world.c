/* SPDX-License-Identifier: Apache-2.0 */
/* Nodes as the store shows them: flags, and speaker Pods (plan-json "Input"). */
#include "decide/decide.h"

#include "fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct object *object_of(enum object_kind kind, const char *namespace, const char *name)
{
    struct arena *a = arena_new();
    struct object *o = arena_alloc(a, sizeof(*o));

    o->kind = kind;
    o->arena = a;
    o->meta.namespace = arena_strdup(a, namespace);
    o->meta.name = arena_strdup(a, name);
    return o;
}

static void put_node(struct store *s, const char *name, bool network_unavailable, bool excluded)
{
    struct object *o = object_of(OBJ_NODE, "", name);

    o->node.network_unavailable = network_unavailable;
    o->node.exclude_from_lb = excluded;
    store_put_take(s, o);
}

struct pod_row {
    const char *name, *namespace, *label, *value, *node, *phase;
};

static void put_pod(struct store *s, const struct pod_row *row)
{
    struct object *o = object_of(OBJ_POD, row->namespace, row->name);
    struct label *label = arena_alloc(o->arena, sizeof(*label));

    label->key = arena_strdup(o->arena, row->label);
    label->value = arena_strdup(o->arena, row->value);
    o->meta.labels = (struct label_set){label, 1};
    o->pod.node = arena_strdup(o->arena, row->node);
    o->pod.phase = arena_strdup(o->arena, row->phase);
    store_put_take(s, o);
}

#define SHORT "component"
#define LONG "app.kubernetes.io/component"
#define NS "metallb-system"

static const struct {
    const char *name;
    struct pod_row pods[3];
    bool alive[3]; /* a, b, c */
} rows[] = {
    {"no Pod at all", {{0}}, {true, true, true}},
    {"other Pods only",
     {{"p", NS, SHORT, "controller", "a", "Running"},
      {"q", "default", SHORT, "speaker", "a", "Running"},
      {"r", NS, "app", "speaker", "a", "Running"}},
     {true, true, true}},
    {"short label", {{"p", NS, SHORT, "speaker", "b", "Running"}}, {false, true, false}},
    {"long label", {{"p", NS, LONG, "speaker", "c", "Running"}}, {false, false, true}},
    {"both labels",
     {{"p", NS, SHORT, "speaker", "a", "Running"}, {"q", NS, LONG, "speaker", "c", "Pending"}},
     {true, false, true}},
    {"phase unknown to us counts", {{"p", NS, SHORT, "speaker", "a", ""}}, {true, false, false}},
    {"ended Pods are none",
     {{"p", NS, SHORT, "speaker", "a", "Failed"}, {"q", NS, SHORT, "speaker", "b", "Succeeded"}},
     {false, false, false}},
    {"a new Pod after a failed one",
     {{"p", NS, SHORT, "speaker", "a", "Running"}, {"q", NS, SHORT, "speaker", "a", "Failed"}},
     {true, false, false}},
    {"not scheduled yet", {{"p", NS, SHORT, "speaker", "", "Pending"}}, {false, false, false}},
    {"on an unknown node", {{"p", NS, SHORT, "speaker", "z", "Running"}}, {false, false, false}},
};

static void test_liveness(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        CLEANUP(fixture_done) struct fixture f;
        CLEANUP(store_freep) struct store *s = store_new();
        struct decide_world w;

        fixture_init(&f, "a b c");
        for (size_t k = 0; k < ARRAY_SIZE(rows[i].pods) && rows[i].pods[k].name != NULL; k++)
            put_pod(s, &rows[i].pods[k]);
        w = decide_world_from(s, &f.cfg, NS, f.arena);
        for (size_t k = 0; k < 3; k++) {
            bool alive = w.nodes[k].liveness == NODE_ALIVE;

            if (alive != rows[i].alive[k] || alive != (w.nodes[k].liveness_detail == NULL))
                fail_msg("%s: node %zu alive %d", rows[i].name, k, alive);
        }
    }
}

/* Nodes are found by name; a Node that the snapshot does not know is left out, and one that the
 * store does not know is fine (spec speaker-bgp C11). */
static void test_flags(void **state)
{
    CLEANUP(fixture_done) struct fixture f;
    CLEANUP(store_freep) struct store *s = store_new();
    struct decide_world w;

    (void)state;
    fixture_init(&f, "a b c");
    put_node(s, "b", true, false);
    put_node(s, "c", false, true);
    put_node(s, "z", true, true);
    w = decide_world_from(s, &f.cfg, NS, f.arena);
    assert_ptr_equal(w.cfg, &f.cfg);
    assert_false(w.ignore_exclude_lb);
    assert_false(w.nodes[0].network_unavailable || w.nodes[0].exclude_from_lb);
    assert_true(w.nodes[1].network_unavailable && !w.nodes[1].exclude_from_lb);
    assert_true(!w.nodes[2].network_unavailable && w.nodes[2].exclude_from_lb);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_liveness),
        cmocka_unit_test(test_flags),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
