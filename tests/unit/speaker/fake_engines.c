/* SPDX-License-Identifier: Apache-2.0 */
#include "fake_engines.h"

#include "base/mem.h"
#include "base/text.h"
#include "ra/ra.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { FAKE_MAX = 16, ID_BASE = 40 };

struct fake_link {
    struct link link;
    struct host_address addresses[FAKE_MAX];
    size_t address_count;
};

struct bgp_offer {
    struct bgp_offer *next;
    char *text;
    unsigned refs;
};

struct fake_route {
    struct prefix prefix;
    struct bgp_offer *offer;
};

struct fake_router {
    char interface[IFNAMSIZ];
    uint32_t ifindex;
    struct ip ip;
};

struct bfd_user {
    bfd_fn fn;
    void *arg;
    struct bfd_user *next;
};

/* The engines have no argument for the test. */
static struct {
    struct fake_link links[FAKE_MAX];
    size_t link_count;
    struct text calls, route_calls, taken;
    struct bgp_peer_options peers[FAKE_MAX];
    char *peer_names[FAKE_MAX];
    size_t peer_count;
    char *id_names[FAKE_MAX]; /* ids fall while names come: their orders differ */
    size_t id_count;
    struct bgp_offer *offers;
    struct fake_route *routes;
    size_t route_count, route_cap;
    struct bfd_user *bfd_users;
    ra_fn ra;
    void *ra_arg;
    struct fake_router routers[FAKE_MAX]; /* of the interfaces that were told last */
    size_t router_count;
    struct ip node_v6;
    bool no_passwords;
} fake;

static void note(struct text *t)
{
    if (t->len > 0)
        text_add(t, "; ");
}

static const char *take(struct text *t)
{
    text_done(&fake.taken);
    fake.taken = *t;
    *t = (struct text){0};
    return text_str(&fake.taken);
}

const char *fake_calls(void)
{
    return take(&fake.calls);
}

const char *fake_route_calls(void)
{
    return take(&fake.route_calls);
}

void fake_reset(void)
{
    assert_null(fake.offers);
    assert_null(fake.bfd_users);
    assert_int_equal(fake.route_count, 0);
    for (size_t i = 0; i < FAKE_MAX; i++) {
        free(fake.peer_names[i]);
        free(fake.id_names[i]);
    }
    text_done(&fake.calls);
    text_done(&fake.route_calls);
    text_done(&fake.taken);
    free(fake.routes);
    memset(&fake, 0, sizeof(fake));
}

/* --- links --- */

static size_t link_at(const char *name)
{
    size_t i = 0;

    while (i < fake.link_count && strcmp(fake.links[i].link.name, name) != 0)
        i++;
    assert_true(i < fake.link_count);
    return i;
}

struct link *fake_link(const char *name)
{
    return &fake.links[link_at(name)].link;
}

void fake_link_put(const char *name, uint32_t ifindex, const char *addresses)
{
    struct fake_link *l = &fake.links[fake.link_count++];
    CLEANUP(xfreep) char *copy = xstrdup(addresses);
    char *rest = addresses[0] != '\0' ? copy : NULL, *w;

    assert_true(fake.link_count <= FAKE_MAX);
    *l = (struct fake_link){0};
    l->link = (struct link){.ifindex = ifindex, .up = true, .carrier = true, .ethernet = true};
    snprintf(l->link.name, sizeof(l->link.name), "%s", name);
    while ((w = strsep(&rest, " ")) != NULL) {
        struct host_address *a = &l->addresses[l->address_count++];
        size_t len = strcspn(w, "/");

        assert_true(w[len] == '/');
        w[len] = '\0';
        assert_true(ip_parse(&a->ip, w));
        a->prefix_len = (uint8_t)strtoul(w + len + 1, NULL, 10);
        a->ifindex = ifindex;
        a->usable = true;
        if (ip_is_link_local(a->ip))
            l->link.link_local = a->ip;
    }
}

void fake_link_del(const char *name)
{
    size_t at = link_at(name);

    fake.links[at] = fake.links[--fake.link_count];
}

void links_each(const struct links *l, link_fn fn, void *arg)
{
    (void)l;
    for (size_t i = 0; i < fake.link_count; i++)
        fn(&fake.links[i].link, arg);
}

void links_each_network(const struct links *l, uint32_t ifindex, link_network_fn fn, void *arg)
{
    (void)l;
    for (size_t i = 0; i < fake.link_count; i++) {
        const struct fake_link *f = &fake.links[i];

        for (size_t k = 0; f->link.ifindex == ifindex && k < f->address_count; k++) {
            struct ip ip = f->addresses[k].ip;

            if (f->addresses[k].prefix_len < ip_bits(ip.family) && !ip_is_link_local(ip))
                fn(prefix_of(ip, f->addresses[k].prefix_len), arg);
        }
    }
}

void links_each_host_address(const struct links *l, host_address_fn fn, void *arg)
{
    (void)l;
    for (size_t i = 0; i < fake.link_count; i++) {
        for (size_t k = 0; k < fake.links[i].address_count; k++)
            fn(&fake.links[i].addresses[k], arg);
    }
}

/* --- BGP --- */

bool bgp_has_passwords(void)
{
    return !fake.no_passwords;
}

void fake_no_passwords(void)
{
    fake.no_passwords = true;
}

int bgp_new(struct bgp **ret, const struct bgp_options *options, struct err *err)
{
    (void)err;
    assert_true(options->restarted);
    *ret = xcalloc(1, 1);
    return 0;
}

struct bgp *bgp_free(struct bgp *b)
{
    free(b);
    return NULL;
}

void bgp_set_peers(struct bgp *b, const struct bgp_peer_options *peers, size_t count)
{
    (void)b;
    assert_true(count <= FAKE_MAX);
    note(&fake.calls);
    text_add(&fake.calls, "peers");
    for (size_t i = 0; i < count; i++) {
        free(fake.peer_names[i]);
        fake.peer_names[i] = xstrdup(peers[i].name);
        fake.peers[i] = peers[i];
        fake.peers[i].name = fake.peer_names[i];
        text_printf(&fake.calls, " %s", peers[i].name);
        if (bgp_peer_id(b, peers[i].name) < 0)
            fake.id_names[fake.id_count++] = xstrdup(peers[i].name);
    }
    fake.peer_count = count;
}

int bgp_peer_id(const struct bgp *b, const char *name)
{
    (void)b;
    for (size_t i = 0; i < fake.id_count; i++) {
        if (strcmp(fake.id_names[i], name) == 0)
            return ID_BASE - (int)i;
    }
    return -1;
}

const struct bgp_peer_options *fake_peer(const char *name)
{
    size_t i = 0;

    while (i < fake.peer_count && strcmp(fake.peers[i].name, name) != 0)
        i++;
    assert_true(i < fake.peer_count);
    return &fake.peers[i];
}

void bgp_set_addresses(struct bgp *b, const struct bgp_local_address *addresses, size_t count)
{
    (void)b;
    (void)addresses;
    note(&fake.calls);
    text_printf(&fake.calls, "addresses %zu", count);
}

void bgp_set_node_v6(struct bgp *b, struct ip node_v6)
{
    (void)b;
    fake.node_v6 = node_v6;
}

struct ip fake_node_v6(void)
{
    return fake.node_v6;
}

void bgp_peer_found(struct bgp *b, const char *name, struct ip address, uint32_t ifindex)
{
    (void)b;
    note(&fake.calls);
    text_printf(&fake.calls, "found %s %s %u", name,
                address.family == IP_NONE ? "-" : ip_format(address).s, ifindex);
}

void bgp_peer_blocked(struct bgp *b, const char *name, const char *why)
{
    (void)b;
    note(&fake.calls);
    text_printf(&fake.calls, "blocked %s: %s", name, why == NULL ? "-" : why);
}

void bgp_peer_bfd(struct bgp *b, const char *name, bool up)
{
    (void)b;
    note(&fake.calls);
    text_printf(&fake.calls, "bfd of %s is %s", name, up ? "up" : "down");
}

void bgp_routes_complete(struct bgp *b)
{
    (void)b;
    note(&fake.calls);
    text_add(&fake.calls, "complete");
}

void bgp_shutdown(struct bgp *b, enum bgp_shutdown how, const char *text, void (*done)(void *arg),
                  void *arg)
{
    (void)b;
    note(&fake.calls);
    text_printf(&fake.calls, "shutdown %d %s", (int)how, text);
    done(arg);
}

void bgp_each_peer(const struct bgp *b, bgp_view_fn fn, void *arg)
{
    (void)b;
    for (size_t i = 0; i < fake.peer_count; i++) {
        struct bgp_peer_view v = {.name = fake.peers[i].name, .state = BGP_STATE_ACTIVE};

        fn(arg, &v);
    }
}

uint32_t bgp_router_id(uint32_t loopback_ifindex, const struct bgp_local_address *addresses,
                       size_t count, struct ip node_v4, const char *node)
{
    (void)node;
    for (size_t i = 0; i < count; i++) {
        if (addresses[i].ifindex == loopback_ifindex && addresses[i].ip.family == IP_V4)
            return ip_to_v4(addresses[i].ip);
    }
    return node_v4.family == IP_V4 ? ip_to_v4(node_v4) : 7;
}

enum bgp_family bgp_family_of(enum ip_family family)
{
    return family == IP_V4 ? BGP_IPV4 : BGP_IPV6;
}

/* --- routes --- */

static struct bgp_rib *the_rib(void)
{
    return (struct bgp_rib *)(void *)&fake;
}

struct bgp_rib *bgp_routes(struct bgp *b)
{
    (void)b;
    return the_rib();
}

void bgp_routes_changed(struct bgp *b)
{
    (void)b;
}

static void print_share(struct text *t, const struct bgp_share *s)
{
    text_printf(t, " %s", fake.id_names[ID_BASE - (int)s->peer]);
    if (s->attrs.has_local_pref)
        text_printf(t, " lp=%u", s->attrs.local_pref);
    if (s->attrs.med != 0)
        text_printf(t, " med=%u", s->attrs.med);
    if (s->attrs.prepend != 0)
        text_printf(t, " pp=%u", s->attrs.prepend);
    for (size_t i = 0; i < s->attrs.community_count; i++)
        text_printf(t, " %s", bgp_community_format(s->attrs.communities[i]).s);
}

struct bgp_offer *bgp_offer_get(struct bgp_rib *r, const struct bgp_share *shares, size_t count)
{
    struct text t = {0};
    struct bgp_offer *o;

    (void)r;
    for (size_t i = 0; i < count; i++) {
        assert_true(i == 0 || shares[i - 1].peer < shares[i].peer);
        text_add(&t, i > 0 ? "," : "");
        print_share(&t, &shares[i]);
    }
    for (o = fake.offers; o != NULL; o = o->next) {
        if (strcmp(o->text, text_str(&t)) == 0)
            break;
    }
    if (o == NULL) {
        o = xcalloc(1, sizeof(*o));
        o->text = xstrdup(text_str(&t));
        o->next = fake.offers;
        fake.offers = o;
    }
    text_done(&t);
    o->refs++;
    return o;
}

struct bgp_offer *bgp_offer_unref(struct bgp_rib *r, struct bgp_offer *o)
{
    struct bgp_offer **at = &fake.offers;

    (void)r;
    if (--o->refs > 0)
        return NULL;
    while (*at != o)
        at = &(*at)->next;
    *at = o->next;
    free(o->text);
    free(o);
    return NULL;
}

size_t fake_offer_count(void)
{
    size_t n = 0;

    for (const struct bgp_offer *o = fake.offers; o != NULL; o = o->next)
        n++;
    return n;
}

size_t fake_route_count(void)
{
    return fake.route_count;
}

static struct fake_route *route_find(struct prefix p)
{
    for (size_t i = 0; i < fake.route_count; i++) {
        if (prefix_eq(fake.routes[i].prefix, p))
            return &fake.routes[i];
    }
    return NULL;
}

void bgp_rib_put(struct bgp_rib *r, struct prefix p, struct bgp_offer *offer)
{
    struct fake_route *old = route_find(p);

    note(&fake.route_calls);
    text_printf(&fake.route_calls, "put %s%s", prefix_format(p).s, offer->text);
    offer->refs++;
    if (old != NULL) {
        bgp_offer_unref(r, old->offer);
        old->offer = offer;
        return;
    }
    fake.routes =
        array_grow(fake.routes, &fake.route_cap, fake.route_count + 1, sizeof(*fake.routes));
    fake.routes[fake.route_count++] = (struct fake_route){p, offer};
}

void bgp_rib_del(struct bgp_rib *r, struct prefix p)
{
    struct fake_route *route = route_find(p);

    assert_non_null(route);
    note(&fake.route_calls);
    text_printf(&fake.route_calls, "del %s", prefix_format(p).s);
    bgp_offer_unref(r, route->offer);
    *route = fake.routes[--fake.route_count];
}

static int route_cmp(const void *a, const void *b)
{
    return prefix_cmp(((const struct fake_route *)a)->prefix,
                      ((const struct fake_route *)b)->prefix);
}

const char *fake_routes(void)
{
    struct text t = {0};

    if (fake.route_count > 1)
        qsort(fake.routes, fake.route_count, sizeof(*fake.routes), route_cmp);
    for (size_t i = 0; i < fake.route_count; i++)
        text_printf(&t, "%s%s%s", i > 0 ? "\n" : "", prefix_format(fake.routes[i].prefix).s,
                    fake.routes[i].offer->text);
    return take(&t);
}

size_t bgp_rib_count(const struct bgp_rib *r)
{
    (void)r;
    return fake.route_count;
}

void bgp_rib_each(const struct bgp_rib *r, bgp_rib_fn fn, void *arg)
{
    (void)r;
    for (size_t i = 0; i < fake.route_count; i++)
        fn(arg, fake.routes[i].prefix);
}

enum bgp_route_state bgp_rib_peer_route(const struct bgp_rib *r, uint32_t peer, struct prefix p,
                                        const struct bgp_attrs **ret_attrs)
{
    (void)r;
    (void)peer;
    *ret_attrs = NULL;
    return route_find(p) != NULL ? BGP_ROUTE_NO_SESSION : BGP_ROUTE_ABSENT;
}

/* --- BFD --- */

struct bfd_params bfd_params_default(void)
{
    return (struct bfd_params){.receive_us = 300000,
                               .transmit_us = 300000,
                               .echo_us = 50000,
                               .multiplier = 3,
                               .min_ttl = 254};
}

int bfd_engine_new(struct bfd_engine **ret, struct event_base *base, struct err *err)
{
    (void)base;
    (void)err;
    *ret = xcalloc(1, 1);
    return 0;
}

struct bfd_engine *bfd_engine_free(struct bfd_engine *e)
{
    free(e);
    return NULL;
}

static void note_params(const struct bfd_params *p)
{
    text_printf(&fake.calls, " %u/%u x%u ttl %u%s%s", p->receive_us, p->transmit_us, p->multiplier,
                p->min_ttl, p->echo ? " echo" : "", p->passive ? " passive" : "");
}

struct bfd_user *bfd_join(struct bfd_engine *e, const struct bfd_key *key,
                          const struct bfd_params *params, bfd_fn fn, void *arg)
{
    struct bfd_user *u = xcalloc(1, sizeof(*u));

    (void)e;
    *u = (struct bfd_user){fn, arg, fake.bfd_users};
    fake.bfd_users = u;
    note(&fake.calls);
    text_printf(&fake.calls, "bfd join %s", ip_format(key->peer).s);
    if (key->local.family != IP_NONE)
        text_printf(&fake.calls, " from %s", ip_format(key->local).s);
    text_printf(&fake.calls, " %s %u", key->multihop ? "multihop" : "dev", key->ifindex);
    note_params(params);
    return u;
}

void bfd_change(struct bfd_user *u, const struct bfd_params *params)
{
    (void)u;
    note(&fake.calls);
    text_add(&fake.calls, "bfd change");
    note_params(params);
}

void bfd_leave(struct bfd_user *u)
{
    struct bfd_user **at = &fake.bfd_users;

    while (*at != u)
        at = &(*at)->next;
    *at = u->next;
    free(u);
    note(&fake.calls);
    text_add(&fake.calls, "bfd leave");
}

void bfd_admin_down(struct bfd_engine *e)
{
    (void)e;
    note(&fake.calls);
    text_add(&fake.calls, "bfd admin down");
}

bool bfd_view(const struct bfd_user *u, struct bfd_view *ret)
{
    (void)u;
    *ret = (struct bfd_view){.state = BFD_UP};
    return true;
}

void fake_bfd_says(bool up)
{
    for (struct bfd_user *u = fake.bfd_users; u != NULL; u = u->next)
        u->fn(u->arg, up, "control detection time expired");
}

/* --- router advertisements --- */

int ra_new(struct ra **ret, struct event_base *base, ra_fn fn, void *arg, struct err *err)
{
    (void)base;
    (void)err;
    fake.ra = fn;
    fake.ra_arg = arg;
    *ret = xcalloc(1, 1);
    return 0;
}

struct ra *ra_free(struct ra *r)
{
    free(r);
    return NULL;
}

static struct fake_router *router_find(const char *interface)
{
    for (size_t i = 0; i < fake.router_count; i++) {
        if (strcmp(fake.routers[i].interface, interface) == 0)
            return &fake.routers[i];
    }
    return NULL;
}

struct ip ra_router(const struct ra *r, const char *interface)
{
    const struct fake_router *known = router_find(interface);

    (void)r;
    return known != NULL ? known->ip : (struct ip){0};
}

/* One that is down, or another one of that name, forgets its router. */
void ra_set_interfaces(struct ra *r, const struct ra_interface *interfaces, size_t count)
{
    struct fake_router routers[FAKE_MAX] = {0};

    (void)r;
    note(&fake.calls);
    text_add(&fake.calls, "ra");
    for (size_t i = 0; i < count; i++) {
        const struct ra_interface *now = &interfaces[i];
        const struct fake_router *before = router_find(now->name);

        text_printf(&fake.calls, " %s/%u%s", now->name, now->ifindex, now->up ? "" : "/down");
        snprintf(routers[i].interface, sizeof(routers[i].interface), "%s", now->name);
        routers[i].ifindex = now->ifindex;
        if (before != NULL && now->up && before->ifindex == now->ifindex)
            routers[i].ip = before->ip;
    }
    memcpy(fake.routers, routers, sizeof(routers));
    fake.router_count = count;
}

void fake_ra_says(const char *interface, const char *router)
{
    struct fake_router *told = router_find(interface);
    struct ip ip = {0};

    if (router[0] != '\0')
        assert_true(ip_parse(&ip, router));
    assert_non_null(told);
    told->ip = ip;
    fake.ra(fake.ra_arg, interface, ip);
}
