/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random life in a small cluster: people create, change and delete, answers fail or come late, news
 * come late, the process is replaced. At every rest: no address is had by two Services that do not
 * share, every Service has what the allocator holds, nobody waits for an address that is free, and
 * a new process writes nothing. Between two rests no Service moves unless somebody touched it or
 * the pools.
 */
#include "world.h"

#include "base/log.h"

#include <stdlib.h>
#include <string.h>

enum { NAMES = 6, ROUNDS = 300, STEPS = 12 };

struct life {
    struct world w;
    uint64_t seed;
    char *ips[NAMES]; /* at the last rest */
    bool touched[NAMES];
    bool pools_touched;
};

static uint32_t draw(struct life *l, uint32_t below)
{
    l->seed ^= l->seed << 13;
    l->seed ^= l->seed >> 7;
    l->seed ^= l->seed << 17;
    return (uint32_t)(l->seed >> 32) % below;
}

static const char *const names[NAMES] = {"a", "b", "c", "d", "e", "f"};

/* ---- people ---- */

static const char *const specs[] = {
    "{}",
    "{\"ports\":[{\"port\":81}]}",
    "{\"type\":\"ClusterIP\"}",
    "{\"loadBalancerIP\":\"192.0.2.1\"}",
    "{\"loadBalancerIP\":\"rubbish\"}",
    "{\"clusterIPs\":[\"198.18.0.1\",\"2001:db8:5e::1\"],\"ipFamilyPolicy\":\"PreferDualStack\"}",
    "{\"clusterIPs\":[\"198.18.0.1\",\"2001:db8:5e::1\"],\"ipFamilyPolicy\":\"RequireDualStack\"}",
};

static const char *const metas[] = {
    "{}",
    "{}",
    "{\"annotations\":{\"metallb.io/allow-shared-ip\":\"k\"}}",
    "{\"annotations\":{\"metallb.io/address-pool\":\"two\"}}",
};

static const char *const second_pools[] = {"\"198.51.100.0/31\"",
                                           "\"198.51.100.1/32\",\"2001:db8:1::/128\""};

static const char *const pools[] = {"\"192.0.2.0/31\"", "\"192.0.2.1/32\",\"2001:db8::/127\"",
                                    "\"192.0.2.0/30\"", ""};

static void touch_pool(struct life *l)
{
    l->pools_touched = true;
    switch (draw(l, 4)) {
    case 0:
        world_delete(&l->w, OBJ_IP_ADDRESS_POOL, "metallb-system", "two");
        return;
    case 1:
        world_pool(&l->w, "two", second_pools[draw(l, ARRAY_SIZE(second_pools))]);
        return;
    default:
        world_pool(&l->w, "one", pools[draw(l, ARRAY_SIZE(pools))]);
        return;
    }
}

static void touch_service(struct life *l)
{
    size_t i = draw(l, NAMES);

    l->touched[i] = true;
    if (draw(l, 5) == 0)
        world_delete(&l->w, OBJ_SERVICE, "default", names[i]);
    else
        world_service_meta(&l->w, names[i], metas[draw(l, ARRAY_SIZE(metas))],
                           specs[draw(l, ARRAY_SIZE(specs))]);
}

static void step(struct life *l)
{
    struct world *w = &l->w;

    switch (draw(l, 10)) {
    case 0:
    case 1:
    case 2:
        touch_service(l);
        return;
    case 3:
        if (draw(l, 4) == 0)
            touch_pool(l);
        return;
    case 4:
    case 5:
        world_deliver(w);
        return;
    case 6:
        w->holds_replies = draw(l, 2) == 0;
        return;
    case 7:
        world_reply(w);
        return;
    case 8:
        world_loop(w);
        return;
    default:
        if (w->write_count > 0)
            world_answer(w, draw(l, (uint32_t)w->write_count), draw(l, 3) == 0);
        return;
    }
}

/* ---- at rest ---- */

static const struct object *find(const struct life *l, size_t i)
{
    return store_find(l->w.cluster.store, OBJ_SERVICE, "default", names[i]);
}

static bool may_share(const struct object *a, const struct object *b)
{
    const char *x = annotation_find(&a->meta, "allow-shared-ip");
    const char *y = annotation_find(&b->meta, "allow-shared-ip");

    return x != NULL && y != NULL && strcmp(x, y) == 0 &&
           a->service.ports[0].port != b->service.ports[0].port;
}

static bool have_common_ip(const struct service *a, const struct service *b)
{
    for (size_t i = 0; i < a->ingress_count; i++) {
        for (size_t k = 0; k < b->ingress_count; k++) {
            if (strcmp(a->ingress[i].ip, b->ingress[k].ip) == 0)
                return true;
        }
    }
    return false;
}

static void check_pairs(const struct life *l)
{
    for (size_t i = 0; i < NAMES; i++) {
        for (size_t k = 0; k < i; k++) {
            const struct object *a = find(l, i), *b = find(l, k);

            if (a != NULL && b != NULL && have_common_ip(&a->service, &b->service) &&
                !may_share(a, b))
                fail_msg("%s and %s have the same address\n%s", names[i], names[k],
                         text_str(&l->w.told));
        }
    }
}

static void check_held(const struct life *l, size_t i, const char *ips)
{
    struct ip held[IPAM_MAX_ADDRS];
    const struct pool *pool;
    size_t count =
        ipam_holding(allocator_ipam(l->w.reconciler.allocator), "default", names[i], held, &pool);
    CLEANUP(text_done) struct text t = {0};

    for (size_t k = 0; k < count; k++)
        text_printf(&t, "%s%s", k > 0 ? " " : "", ip_format(held[k]).s);
    if (strcmp(text_str(&t), ips) != 0)
        fail_msg("%s has \"%s\" and holds \"%s\"", names[i], ips, text_str(&t));
}

static void check_service(struct life *l, size_t i)
{
    CLEANUP(xfreep) char *ips = world_ips(&l->w, names[i]);
    const struct object *o = find(l, i);

    if (o != NULL && l->w.reconciler.cfg != NULL)
        check_held(l, i, ips);
    if (!l->touched[i] && !l->pools_touched && l->ips[i] != NULL && l->ips[i][0] != '\0' &&
        strncmp(ips, l->ips[i], strlen(l->ips[i])) != 0)
        fail_msg("%s moved from \"%s\" to \"%s\"", names[i], l->ips[i], ips);
    free(l->ips[i]);
    l->ips[i] = TAKE(ips);
    l->touched[i] = false;
}

/* A probe that waits for nothing in particular gets an address if one is free. */
static void check_nobody_waits(struct life *l)
{
    size_t waiting = 0;

    for (size_t i = 0; i < NAMES; i++) {
        const struct object *o = find(l, i);

        if (o != NULL && l->ips[i][0] == '\0' && o->service.cluster_ips.count == 1 &&
            strcmp(o->service.type, "LoadBalancer") == 0 &&
            strcmp(o->service.load_balancer_ip, "") == 0 &&
            annotation_find(&o->meta, "address-pool") == NULL &&
            annotation_find(&o->meta, "allow-shared-ip") == NULL)
            waiting++;
    }
    if (waiting == 0 || l->w.reconciler.cfg == NULL)
        return;
    for (size_t i = 0; i < l->w.reconciler.cfg->pool_count; i++) {
        struct ipam_counters c = ipam_pool_counters(allocator_ipam(l->w.reconciler.allocator),
                                                    &l->w.reconciler.cfg->pools[i]);

        if (c.available_v4 > 0)
            fail_msg("%zu wait, though pool %s has %lld\n%s", waiting,
                     l->w.reconciler.cfg->pools[i].name, (long long)c.available_v4,
                     text_str(&l->w.told));
    }
}

static void check_restart(const struct life *l)
{
    struct world next;

    if (l->w.fault != NULL)
        return; /* a new process would not touch anything at all */
    world_restart(&next, &l->w);
    world_synced(&next);
    world_settle(&next);
    if (next.service_puts > 0)
        fail_msg("a new process writes %zu\n%s", next.service_puts, text_str(&next.told));
    world_done(&next);
}

static void rest(struct life *l)
{
    l->w.holds_replies = false;
    world_settle(&l->w);
    check_pairs(l);
    for (size_t i = 0; i < NAMES; i++)
        check_service(l, i);
    check_nobody_waits(l);
    check_restart(l);
    l->pools_touched = false;
    text_done(&l->w.told);
}

static void live(uint64_t seed)
{
    struct life l = {.seed = seed};

    world_init(&l.w, "");
    world_pool(&l.w, "one", pools[0]);
    world_synced(&l.w);
    for (int i = 0; i < ROUNDS; i++) {
        for (int k = 0; k < STEPS; k++)
            step(&l);
        rest(&l);
    }
    for (size_t i = 0; i < NAMES; i++)
        free(l.ips[i]);
    world_done(&l.w);
}

static void test_life(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 8; seed++)
        live(seed * UINT64_C(0x9e3779b97f4a7c15));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_life)};

    log_set_silent();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
