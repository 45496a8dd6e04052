/* SPDX-License-Identifier: Apache-2.0 */
/* Which changes of a Node lead to what: spec speaker-l2 2.7. This file stands in for the role and
 * for the membership. */
#include "speaker/speaker_int.h"

#include "base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static unsigned rejoins; /* the stand-in has no argument for it */

void speaker_schedule(struct speaker *sp, unsigned todo)
{
    sp->todo |= todo;
}

void membership_rejoin(struct membership *m)
{
    (void)m;
    rejoins++;
}

struct look {
    const char *label; /* of key "a"; NULL: no Node */
    bool unavailable, excluded;
    enum node_drain drain;
    const char *address; /* NULL: 192.0.2.1 */
};

static const struct {
    const char *name;
    struct look old, new;
    unsigned todo;
} cases[] = {
    {"heartbeat", {"1", false, false, 0, NULL}, {"1", false, false, 0, NULL}, 0},
    {"relabelled", {"1", false, false, 0, NULL}, {"2", false, false, 0, NULL}, TODO_CONFIG},
    {"no network", {"1", false, false, 0, NULL}, {"1", true, false, 0, NULL}, TODO_NODES},
    {"network", {"1", true, false, 0, NULL}, {"1", false, false, 0, NULL}, TODO_NODES},
    {"excluded",
     {"1", false, false, 0, NULL},
     {"2", false, true, 0, NULL},
     TODO_CONFIG | TODO_NODES},
    {"drained", {"1", false, false, 0, NULL}, {"1", false, false, NODE_DRAIN, NULL}, TODO_NODES},
    {"address",
     {"1", false, false, 0, NULL},
     {"1", false, false, NODE_DRAIN_NO, "192.0.2.2"},
     TODO_NODES},
    /* Gone and back between two looks: the configuration is the same, the Node is another. */
    {"new", {NULL, false, false, 0, NULL}, {"1", true, false, 0, NULL}, TODO_CONFIG | TODO_NODES},
    {"gone", {"1", true, false, 0, NULL}, {NULL, false, false, 0, NULL}, TODO_CONFIG | TODO_NODES},
};

static const struct object *node_of(struct object *o, struct label *label, const struct look *look)
{
    if (look->label == NULL)
        return NULL;
    *label = (struct label){.key = "a", .value = look->label};
    *o = (struct object){.kind = OBJ_NODE, .meta = {.namespace = "", .name = "iris1"}};
    o->meta.labels = (struct label_set){.items = label, .count = 1};
    o->node.network_unavailable = look->unavailable;
    o->node.exclude_from_lb = look->excluded;
    o->node.drain = look->drain;
    assert_true(
        ip_parse(&o->node.internal_v4, look->address != NULL ? look->address : "192.0.2.1"));
    return o;
}

static void takes_note(void **state)
{
    struct speaker_options options = {.node = "iris1"};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct speaker sp = {.options = &options};
        struct object old, new;
        struct label of_old, of_new;
        const struct kube_change c = {
            .kind = OBJ_NODE,
            .old = node_of(&old, &of_old, &cases[i].old),
            .new = node_of(&new, &of_new, &cases[i].new),
        };

        nodes_on_change(&sp, &c);
        if (sp.todo != cases[i].todo)
            fail_msg("%s: %u, not %u", cases[i].name, sp.todo, cases[i].todo);
    }
}

/* Each accepted change of our own Node: spec speaker-l2 5.4. */
static void joins_again_for_our_node(void **state)
{
    struct membership *any = (struct membership *)(void *)&rejoins;
    const struct look looks[] = {{"1", false, false, 0, NULL}, {"2", false, false, 0, NULL}};
    struct speaker_options options = {.node = "iris1"};
    struct speaker sp = {.options = &options, .membership = any};
    struct object old, new;
    struct label of_old, of_new;
    struct kube_change c = {
        .kind = OBJ_NODE,
        .old = node_of(&old, &of_old, &looks[0]),
        .new = node_of(&new, &of_new, &looks[0]),
    };

    (void)state;
    rejoins = 0;
    nodes_on_change(&sp, &c);
    assert_int_equal(rejoins, 0); /* nothing that matters */
    c.new = node_of(&new, &of_new, &looks[1]);
    nodes_on_change(&sp, &c);
    assert_int_equal(rejoins, 1);
    options.node = "iris2";
    nodes_on_change(&sp, &c);
    assert_int_equal(rejoins, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_note),
        cmocka_unit_test(joins_again_for_our_node),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
