/* SPDX-License-Identifier: Apache-2.0 */
/* The router in the speaker: what it is told of our node, and what people are told of its peers.
 * This file stands in for the router's start, for Events and for statuses. */
#include "speaker/speaker_int.h"

#include "base/mem.h"
#include "base/text.h"
#include "fake_router.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct {
    struct router_options how;
    char event[200]; /* the last one; "" without */
    unsigned events;
    const void *touched;
    enum announce_protocol protocol;
} seen; /* the stand-ins have no argument for it */

int router_new(struct router **ret, const struct router_options *options, struct err *err)
{
    (void)err;
    seen.how = *options;
    *ret = (struct router *)(void *)&seen;
    return 0;
}

const struct links *announcer_links(const struct announcer *a)
{
    (void)a;
    return NULL;
}

void kube_event(struct kube_events *e, const struct object *about, enum kube_event_type type,
                const char *reason, const char *fmt, ...)
{
    char text[120];
    va_list args;

    (void)e;
    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    snprintf(seen.event, sizeof(seen.event), "%s/%s %s %s: %s", about->meta.namespace,
             about->meta.name, type == KUBE_EVENT_WARNING ? "Warning" : "Normal", reason, text);
    seen.events++;
}

void status_touch(struct speaker *sp, enum announce_protocol protocol, struct speaker_service *s)
{
    (void)sp;
    seen.protocol = protocol;
    seen.touched = s;
}

/* --- tests --- */

struct fixture {
    struct speaker_options options;
    struct speaker sp;
};

static struct object *object_of(enum object_kind kind, const char *namespace, const char *name)
{
    struct arena *a = arena_new();
    struct object *o = arena_alloc(a, sizeof(*o));

    *o = (struct object){.kind = kind, .arena = a};
    o->meta.namespace = arena_strdup(a, namespace);
    o->meta.name = arena_strdup(a, name);
    return o;
}

static int set_up(void **state)
{
    static struct fixture f;
    struct err err = {0};

    memset(&seen, 0, sizeof(seen));
    memset(&fake_router, 0, sizeof(fake_router));
    memset(&f, 0, sizeof(f));
    f.options =
        (struct speaker_options){.node = "iris1", .bgp = {180, 60, 1}, .bgp_listen_port = 179};
    f.sp.options = &f.options;
    f.sp.cluster.store = store_new();
    f.sp.cluster.namespace = "metallb-system";
    f.sp.cluster_open = true;
    store_put_take(f.sp.cluster.store, object_of(OBJ_BGP_PEER, "metallb-system", "tor"));
    assert_int_equal(bgp_open(&f.sp, &err), 0);
    *state = &f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    store_free(f->sp.cluster.store);
    return 0;
}

static void starts_as_it_was_told(void **state)
{
    struct fixture *f = *state;

    assert_string_equal(seen.how.node, "iris1");
    assert_int_equal(seen.how.listen_port, 179);
    assert_int_equal(seen.how.defaults.hold_s, 180);
    assert_int_equal(seen.how.defaults.ebgp_ttl, 1);
    assert_ptr_equal(f->sp.router, &seen);
    seen.how.holder_changed(seen.how.arg, f);
    assert_ptr_equal(seen.touched, f);
    assert_int_equal(seen.protocol, ANNOUNCE_BGP);
}

static const struct {
    const char *name;
    enum bgp_event event;
    const char *peer;
    bool leaving, closed;
    const char *want;
} events[] = {
    {"we sent", BGP_PEER_SENT_ERROR, "tor", false, false,
     "metallb-system/tor Warning notificationSent: node \"iris1\": why"},
    {"we got", BGP_PEER_GOT_ERROR, "tor", false, false,
     "metallb-system/tor Warning notificationReceived: node \"iris1\": why"},
    {"no next hop", BGP_PEER_NO_NEXT_HOP, "tor", false, false,
     "metallb-system/tor Warning noNextHop: node \"iris1\": why"},
    {"a state", BGP_PEER_STATE, "tor", false, false, ""},
    {"up", BGP_PEER_UP, "tor", false, false, ""},
    {"down", BGP_PEER_DOWN, "tor", false, false, ""},
    {"a peer that is gone", BGP_PEER_SENT_ERROR, "leaf", false, false, ""},
    {"at our end", BGP_PEER_SENT_ERROR, "tor", true, false, ""},
    {"without a cluster", BGP_PEER_SENT_ERROR, "tor", false, true, ""},
};

static void tells_of_errors(void **state)
{
    struct fixture *f = *state;

    for (size_t i = 0; i < ARRAY_SIZE(events); i++) {
        seen.event[0] = '\0';
        f->sp.handover.is_leaving = events[i].leaving;
        f->sp.cluster_open = !events[i].closed;
        seen.how.event(seen.how.arg, events[i].event, events[i].peer, "why");
        if (strcmp(seen.event, events[i].want) != 0)
            fail_msg("%s: %s", events[i].name, seen.event);
    }
    assert_int_equal(seen.events, 3);
}

static void tells_the_router_of_our_node(void **state)
{
    const char *names[] = {"iris0", "iris1"};
    struct snapshot cfg = {.nodes = {.items = names, .count = ARRAY_SIZE(names)}};
    struct fixture *f = *state;
    struct object *node = object_of(OBJ_NODE, "", "iris1");

    f->sp.config.cfg = &cfg;
    bgp_refresh(&f->sp); /* there is no Node object yet */
    assert_int_equal(fake_router.configs, 1);
    assert_int_equal(fake_router.node, 1);
    assert_int_equal(fake_router.v4.family, IP_NONE);
    assert_true(ip_parse(&node->node.internal_v4, "192.0.2.1"));
    assert_true(ip_parse(&node->node.internal_v6, "2001:db8::1"));
    store_put_take(f->sp.cluster.store, node);
    f->options.node = "iris1";
    cfg.nodes.count = 1; /* nor does the configuration know it */
    bgp_refresh(&f->sp);
    assert_int_equal(fake_router.node, -1);
    assert_string_equal(ip_format(fake_router.v4).s, "192.0.2.1");
    assert_string_equal(ip_format(fake_router.v6).s, "2001:db8::1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(starts_as_it_was_told, set_up, tear_down),
        cmocka_unit_test_setup_teardown(tells_of_errors, set_up, tear_down),
        cmocka_unit_test_setup_teardown(tells_the_router_of_our_node, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
