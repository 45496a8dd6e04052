/* SPDX-License-Identifier: Apache-2.0 */
#include "bgp_stage.h"

#include "base/mem.h"
#include "role/loop.h"
#include "speaker/announce_decide.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static void on_changed(void *arg, void *holder)
{
    struct stage *s = arg;

    for (size_t i = 0; i < STAGE_SERVICES; i++)
        s->changed[i] |= holder == &s->holders[i];
}

int stage_set_up(void **state)
{
    struct stage *s = xcalloc(1, sizeof(*s));
    struct router_options options = {.node = STAGE_NODE, .holder_changed = on_changed, .arg = s};
    struct err err = {0};

    s->base = loop_new();
    options.base = s->base;
    assert_true(router_defaults_of(&options.defaults, NULL));
    assert_int_equal(router_new(&s->router, &options, &err), 0);
    fixture_init(&s->f, "iris " STAGE_NODE);
    *state = s;
    return 0;
}

int stage_tear_down(void **state)
{
    struct stage *s = *state;

    router_free(s->router);
    snapshot_unref(s->cfg);
    free(s->nodes);
    fixture_done(&s->f);
    event_base_free(s->base);
    free(s);
    fake_reset();
    return 0;
}

void stage_configure(struct stage *s, const char *name, const char *lines, unsigned seed)
{
    CLEANUP(fault_list_done) struct fault_list faults = {0}, warnings = {0};
    struct config_input in;
    struct world w;
    struct snapshot *cfg;

    world_init(&w, lines);
    if (seed != 0)
        world_shuffle(&w, seed);
    in = world_input(&w);
    if (config_build(&cfg, &in, &faults, &warnings) < 0)
        fail_msg("%s: %s", name, faults.items[0].message);
    world_done(&w);
    snapshot_unref(s->cfg);
    free(s->nodes);
    s->cfg = cfg;
    s->nodes = xcalloc(cfg->nodes.count + 1, sizeof(*s->nodes));
    router_set_config(s->router, cfg, snapshot_node_index(cfg, STAGE_NODE),
                      fixture_ip("198.18.0.1"), (struct ip){0});
}

void stage_evaluate(struct stage *s, size_t at, const struct stage_service *row)
{
    const struct decide_world world = {.cfg = s->cfg, .nodes = s->nodes};
    const struct service_spec spec = {
        .policy = row->policy, .endpoints = row->endpoints, .labels = row->labels};
    const struct decide_service service = fixture_service(&s->f, &spec);
    struct object o = *service.service;
    struct announce_question q = {.world = s->cfg != NULL ? &world : NULL,
                                  .node = STAGE_NODE,
                                  .lb_class = "",
                                  .slices = service.slices};
    struct announce_answer a;
    struct ingress ingress = {.ip = row->ip, .hostname = ""};

    o.service.type = row->type;
    o.service.ingress = &ingress;
    o.service.ingress_count = row->ip != NULL;
    q.service = row->type != NULL ? &o : NULL;
    announce_decide(&q, s->f.arena, &a);
    if (a.action == ANNOUNCE && a.refusals[ANNOUNCE_BGP] == NULL)
        router_put(s->router, &s->holders[at], a.ads, a.ad_count, a.draining);
    else if (a.action != ANNOUNCE_LATER)
        router_drop(s->router, &s->holders[at]);
}

void stage_expect(const char *step, const char *what, const char *got, const char *want)
{
    if (!str_eq(got, want))
        fail_msg("%s: %s \"%s\", want \"%s\"", step, what, got, want);
}
