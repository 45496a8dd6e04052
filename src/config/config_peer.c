/* SPDX-License-Identifier: Apache-2.0 */
/* BGP peers (spec 2.6; speaker-bgp 1.4 V1, V2, V4, column "Unified speaker"). */
#include "base/duration.h"
#include "base/mono.h"
#include "config/config_int.h"

enum { BGP_PORT = 179 };

/* RFC 4271 4.2: the hold time is 0 or at least 3 s, in 16 bits of seconds. */
#define HOLD_MIN_NS (3 * NS_PER_SEC)
#define HOLD_MAX_NS (UINT16_MAX * NS_PER_SEC)

/* --- AS numbers --- */

static void add_asns(struct subject *s, struct peer *p)
{
    const struct bgp_peer *in = &s->o->peer;
    bool dynamic = !str_empty(in->dynamic_asn);

    p->my_asn = in->my_asn;
    p->peer_asn = in->peer_asn;
    p->local_asn = in->local_asn;
    if (str_eq(in->dynamic_asn, "internal"))
        p->dynamic_asn = ASN_INTERNAL;
    else if (str_eq(in->dynamic_asn, "external"))
        p->dynamic_asn = ASN_EXTERNAL;
    else if (dynamic)
        subject_fault(s, "invalid dynamicASN %s", in->dynamic_asn);
    if (in->my_asn == 0)
        subject_fault(s, "missing local ASN");
    if (in->peer_asn == 0 && !dynamic)
        subject_fault(s, "missing peer ASN and dynamicASN");
    if (in->peer_asn != 0 && dynamic)
        subject_fault(s, "both peer ASN and dynamicASN specified");
    p->ebgp_multi_hop = in->ebgp_multi_hop;
    if (in->my_asn != 0 && in->peer_asn == in->my_asn && in->ebgp_multi_hop)
        subject_fault(s, "invalid ebgp-multihop parameter set for an ibgp peer");
    p->ttl_security_hops = in->ttl_security_hops;
    if (in->ttl_security_hops > 0 && in->ebgp_multi_hop)
        subject_fault(s, "both ttlSecurityHops and ebgpMultiHop specified: the former says how far "
                         "away the peer may be");
}

/* --- addresses --- */

/* An absent address is fine. */
static bool parse_ip(struct subject *s, struct ip *ret, const char *text, const char *what)
{
    if (str_empty(text) || ip_parse(ret, text))
        return true;
    subject_fault(s, "invalid %s %s", what, config_quote(s->b, text));
    return false;
}

static void add_router_id(struct subject *s, struct peer *p)
{
    if (!parse_ip(s, &p->router_id, s->o->peer.router_id, "router ID"))
        return;
    if (p->router_id.family == IP_V6) {
        p->router_id = (struct ip){0};
        subject_warn(s, "routerID is an IPv6 address and is ignored: a BGP router ID is written as "
                        "an IPv4 address");
    }
}

/* True when the peer's identity is known: its address or interface, its source, its nodes. */
static bool add_addresses(struct subject *s, struct peer *p)
{
    const struct bgp_peer *in = &s->o->peer;
    bool has_address = !str_empty(in->address), has_interface = !str_empty(in->interface);
    bool good = has_address != has_interface;

    if (!has_address && !has_interface)
        subject_fault(s, "peer has no Address or Interface specified");
    if (has_address && has_interface)
        subject_fault(s, "peer has both Address and Interface specified");
    good = parse_ip(s, &p->address, in->address, "BGPPeer address") && good;
    good = parse_ip(s, &p->source_address, in->source_address, "source IP") && good;
    add_router_id(s, p);
    p->interface = arena_strdup(s->b->arena, in->interface);
    p->vrf = arena_strdup(s->b->arena, in->vrf);
    p->port = in->port != 0 ? in->port : BGP_PORT;
    config_check_duplicates(s, "nodeSelectors", &in->node_selectors);
    return config_node_set(&p->nodes, s, SELECTS_PEER_NODES, &in->node_selectors) && good;
}

/* --- timers --- */

#define TIMERS "invalid BGPPeer timers: "

/* Whole seconds count: half a second is 0, which means no hold timer. */
static bool is_hold_time(int64_t ns)
{
    return ns >= 0 && (ns < NS_PER_SEC || ns >= HOLD_MIN_NS);
}

static void refuse_timers(struct subject *s, struct opt_duration hold,
                          struct opt_duration keepalive)
{
    const struct bgp_peer *in = &s->o->peer;

    if (!is_hold_time(hold.ns))
        subject_fault(s, TIMERS "invalid hold time \"%s\"%s: must be 0 or >=3s",
                      duration_format(hold.ns).s,
                      in->hold_time.set ? "" : " (3 times the keepaliveTime)");
    else if (keepalive.ns < 0)
        subject_fault(s, TIMERS "invalid keepaliveTime \"%s\", must not be negative",
                      duration_format(keepalive.ns).s);
    else if (keepalive.ns > hold.ns)
        subject_fault(s, TIMERS "invalid keepaliveTime \"%s\", must be lower than holdTime \"%s\"",
                      duration_format(keepalive.ns).s, duration_format(hold.ns).s);
}

/* The longest that the OPEN message can say; the keepalive interval stays below it. */
static void cap_timers(struct subject *s, struct peer *p)
{
    if (p->hold_time.ns <= HOLD_MAX_NS)
        return;
    subject_warn(s, "holdTime %s does not fit into BGP's 16 bits; %s is used",
                 duration_format(p->hold_time.ns).s, duration_format(HOLD_MAX_NS).s);
    p->hold_time.ns = HOLD_MAX_NS;
    if (p->keepalive_time.ns > HOLD_MAX_NS / 3)
        p->keepalive_time.ns = HOLD_MAX_NS / 3;
}

/* Each of the two gives the other when that is absent; without both the engine has its own. */
static void add_timers(struct subject *s, struct peer *p)
{
    struct opt_duration hold = s->o->peer.hold_time, keepalive = s->o->peer.keepalive_time;
    int64_t thrice;

    p->connect_time = s->o->peer.connect_time;
    if (!hold.set && !keepalive.set)
        return;
    if (!keepalive.set)
        keepalive = (struct opt_duration){.set = true, .ns = hold.ns / 3};
    if (!hold.set) {
        if (__builtin_mul_overflow(keepalive.ns, INT64_C(3), &thrice))
            thrice = keepalive.ns < 0 ? INT64_MIN : INT64_MAX;
        hold = (struct opt_duration){.set = true, .ns = thrice};
    }
    refuse_timers(s, hold, keepalive);
    p->hold_time = hold;
    p->keepalive_time = keepalive;
    cap_timers(s, p);
}

/* --- password --- */

static const struct object *find_secret(const struct config_input *in, const char *name)
{
    for (size_t i = 0; i < in->secrets.count; i++) {
        const struct meta *m = &in->secrets.items[i]->meta;

        if (str_eq(m->name, name) && str_eq(m->namespace, in->namespace))
            return in->secrets.items[i];
    }
    return NULL;
}

static void refuse_secret(struct subject *s, const char *error)
{
    subject_fault(s, "%s\nfailed to parse peer %s password secret", error, s->o->meta.name);
}

/* "<namespace>"/"<name>" */
static const char *quoted_path(struct builder *b, const char *namespace, const char *name)
{
    return arena_printf(b->scratch, "%s/%s", config_quote(b, namespace), config_quote(b, name));
}

/* By name in MetalLB's namespace; passwordSecret.namespace has no say (spec 9 #15). */
static const char *secret_password(struct subject *s)
{
    struct builder *b = s->b;
    const char *name = s->o->peer.secret_name;
    const struct object *secret = find_secret(b->in, name);
    const char *path = quoted_path(b, b->in->namespace, name);

    if (secret == NULL) {
        refuse_secret(s, arena_printf(b->scratch, "secret ref not found for peer config %s",
                                      quoted_path(b, s->o->meta.namespace, s->o->meta.name)));
        return "";
    }
    if (!str_eq(secret->secret.type, "kubernetes.io/basic-auth")) {
        refuse_secret(s, arena_printf(b->scratch,
                                      "secret type mismatch on %s, type "
                                      "\"kubernetes.io/basic-auth\" is expected ",
                                      path));
        return "";
    }
    if (!secret->secret.has_password) {
        refuse_secret(s, arena_printf(b->scratch, "password not specified in the secret %s", path));
        return "";
    }
    return secret->secret.password;
}

static void add_password(struct subject *s, struct peer *p)
{
    const struct bgp_peer *in = &s->o->peer;
    const char *password = in->password;

    if (!str_empty(in->password) && !str_empty(in->secret_name))
        subject_fault(s, "can not have both password and secret ref set in peer config %s",
                      quoted_path(s->b, s->o->meta.namespace, s->o->meta.name));
    else if (!str_empty(in->secret_name))
        password = secret_password(s);
    p->password = arena_strdup(s->b->arena, password);
}

/* --- peers --- */

static void add_bfd(struct subject *s, struct peer *p)
{
    const struct snapshot *c = s->b->snap;
    const char *name = s->o->peer.bfd_profile;

    if (str_empty(name))
        return;
    for (size_t i = 0; i < c->bfd_profile_count; i++) {
        if (str_eq(c->bfd_profiles[i].name, name)) {
            p->bfd = &c->bfd_profiles[i];
            return;
        }
    }
    subject_fault_bare(s, "peer %s referencing non existing bfd profile %s", p->name, name);
}

static void add_peer(struct builder *b, struct peer_draft *d)
{
    struct peer *p = d->peer;
    struct subject s = {
        .b = b,
        .o = d->o,
        .wrapper = arena_printf(b->scratch, "parsing peer %s ", d->o->meta.name),
    };

    p->name = arena_strdup(b->arena, d->o->meta.name);
    add_asns(&s, p);
    d->is_identified = add_addresses(&s, p);
    add_timers(&s, p);
    add_password(&s, p);
    add_bfd(&s, p);
    p->graceful_restart = d->o->peer.graceful_restart;
    p->dual_stack_address_family = d->o->peer.dual_stack_address_family;
    if (d->o->peer.disable_mp)
        subject_warn(&s, "disableMP is deprecated and has no effect: remove it");
}

/* Two sessions of one node with the same ends cannot live side by side. */
static bool peers_collide(const struct builder *b, const struct peer *x, const struct peer *y)
{
    return ip_eq(x->address, y->address) && str_eq(x->interface, y->interface) &&
           str_eq(x->vrf, y->vrf) && x->port == y->port &&
           ip_eq(x->source_address, y->source_address) &&
           (b->nodes.count == 0 || bitset_meets(&x->nodes, &y->nodes));
}

static void check_duplicates(struct builder *b, size_t index)
{
    const struct peer_draft *d = &b->peers[index];
    struct subject s = {.b = b, .o = d->o, .wrapper = ""};
    const struct peer *p = d->peer;

    if (index > 0 && str_eq(p->name, b->peers[index - 1].peer->name)) {
        subject_fault(&s, "peer %s already exists", p->name);
        return;
    }
    for (size_t i = 0; d->is_identified && i < index; i++) {
        const struct peer *q = b->peers[i].peer;

        if (b->peers[i].is_identified && peers_collide(b, p, q)) {
            subject_fault(&s,
                          "peer %s%s%s already exists: BGPPeers \"%s\" and \"%s\" select the same "
                          "node and have the same address, VRF, port and source address",
                          p->address.family != IP_NONE ? ip_format(p->address).s : p->interface,
                          str_empty(p->vrf) ? "" : "-", p->vrf, q->name, p->name);
            return;
        }
    }
}

void config_add_peers(struct builder *b)
{
    struct object_list sorted = config_sorted(b, b->in->peers);
    struct peer *peers = arena_calloc(b->arena, sorted.count, sizeof(*peers));

    b->peers = arena_calloc(b->scratch, sorted.count, sizeof(*b->peers));
    b->peer_count = sorted.count;
    for (size_t i = 0; i < sorted.count; i++) {
        b->peers[i] = (struct peer_draft){.o = sorted.items[i], .peer = &peers[i]};
        add_peer(b, &b->peers[i]);
        check_duplicates(b, i);
    }
    b->snap->peers = peers;
    b->snap->peer_count = sorted.count;
}
