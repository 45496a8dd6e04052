/* SPDX-License-Identifier: Apache-2.0 */
/* BGP in `steellb run`: what each evaluation says goes to the router, one holder a Service name. */
#include "base/log.h"
#include "base/text.h"
#include "speaker/drain.h"
#include "standalone/run_int.h"

#include <stdlib.h>
#include <string.h>

/* Stays the same from one evaluation to the next. */
struct route_holder {
    bool seen; /* in this evaluation */
    char key[];
};

static void on_yielded(void *arg)
{
    struct run *run = arg;

    if (!run->handover.is_leaving)
        run_decide_again(run);
}

int routes_open(struct run *run, struct err *err)
{
    struct router_options how = {
        .base = run->base,
        .node = run->options->node_name,
        .links = announcer_links(run->announcer),
        .listen_port = run->options->bgp_listen_port,
        .arg = run,
    };

    drain_clock_init(&run->drain, run->base, run->options->drain_delay_ns, on_yielded, run);
    (void)router_defaults_of(&how.defaults, NULL); /* no type: it is known */
    return router_new(&run->router, &how, err);
}

void routes_close(struct run *run)
{
    drain_clock_done(&run->drain);
    router_free(run->router);
    MAP_EACH (&run->holders, e)
        free(e->value);
    map_done(&run->holders);
}

/* --- holders --- */

static struct route_holder *holder_get(struct run *run, const char *key, bool *ret_is_new)
{
    struct route_holder *h = map_find_str(&run->holders, key);
    size_t size = strlen(key) + 1;

    *ret_is_new = h == NULL;
    if (h != NULL)
        return h;
    h = xcalloc(1, sizeof(*h) + size);
    memcpy(h->key, key, size);
    (void)map_put_str(&run->holders, h->key, h); /* it is new */
    return h;
}

static void drop_unseen(struct run *run)
{
    MAP_EACH (&run->holders, e) {
        struct route_holder *h = e->value;

        if (h->seen) {
            h->seen = false;
            continue;
        }
        router_drop(run->router, h);
        log_info("withdrawing service announcement", F_S("service", h->key),
                 F_S("protocol", "bgp"));
        (void)map_del_str(&run->holders, h->key); /* which is h */
        free(h);
    }
}

/* --- one evaluation --- */

struct route_turn {
    struct run *run;
    const struct evaluation *e;
    struct decide_world world; /* in which our node is alive: it is, whatever others hear of it */
    size_t me;
    struct arena *a;
};

static void put(const struct route_turn *t, size_t i, const struct bgp_verdict *v, bool draining)
{
    const struct decide_service *s = &t->e->services[i];
    const struct meta *m = &s->service->meta;
    const char *key = arena_printf(t->a, "%s/%s", m->namespace, m->name);
    struct route_holder *h;
    struct bgp_ad *ads;
    size_t count;
    bool is_new;

    ads = decide_bgp_ads(s, v, t->me, t->a, &count);
    h = holder_get(t->run, key, &is_new);
    h->seen = true;
    router_put(t->run->router, h, ads, count, draining);
    if (is_new)
        log_info("service has IP, announcing", F_S("service", key), F_S("protocol", "bgp"),
                 F_S("ip", ip_format(s->addrs[0]).s), F_S("pool", s->pool->name));
}

static void announce_service(const struct route_turn *t, size_t i)
{
    struct bgp_verdict v = t->e->bgp[i];
    const struct drain_question drain = {
        .world = &t->world,
        .service = &t->e->services[i],
        .verdict = &v,
        .node = t->me,
        .has_yielded = t->run->drain.has_yielded,
    };
    enum drain_step step;

    if (v.nodes != NULL && v.nodes[t->me].reason == BGP_NO_SPEAKER)
        decide_bgp(&t->world, &t->e->services[i], t->a, &v);
    if (v.nodes == NULL || v.nodes[t->me].reason != BGP_OK)
        return;
    step = drain_decide(&drain, t->a);
    if (step != DRAIN_WITHDRAW)
        put(t, i, &v, step == DRAIN_YIELD);
}

static void configure(struct run *run, const struct evaluation *e, int me)
{
    const struct object *o = store_find(run->state->store, OBJ_NODE, "", run->options->node_name);
    const struct node none = {0}, *node = o != NULL ? &o->node : &none;

    router_set_config(run->router, e->cfg, me, node->internal_v4, node->internal_v6);
}

void routes_announce(struct run *run, const struct evaluation *e)
{
    CLEANUP(arena_freep) struct arena *a = arena_new();
    struct route_turn t = {.run = run, .e = e, .a = a};
    int me = run_node_index(run, e);

    configure(run, e, me);
    drain_clock_set(&run->drain, me >= 0 ? e->world.nodes[me].drain : NODE_DRAIN_NO, !run->passed);
    if (me >= 0) {
        t.me = (size_t)me;
        t.world = decide_world_alive(&e->world, t.me, a);
        for (size_t i = 0; i < e->count; i++)
            announce_service(&t, i);
    }
    drop_unseen(run);
    if (!run->passed)
        router_complete(run->router);
    run->passed = true;
}
