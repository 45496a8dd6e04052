/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The BGP engine alone, driven by lines on stdin, for tests in network namespaces and benchmarks.
 *
 *     bgp_tool [-l PORT] [-i] [-b]    -l: listens; -i: "complete" is said by a command; -b: the
 *                                     node has just booted
 *
 *     peer NAME ADDRESS|INTERFACE [WORD [VALUE]]...   adds the peer, or changes it:
 *         local-as N  peer-as N|internal|external  id ADDRESS  port N  source ADDRESS  vrf NAME
 *         password TEXT  ttl N  min-ttl N  hold SECONDS  keepalive SECONDS  connect SECONDS
 *         family ipv4|ipv6|both  graceful  restart SECONDS  v4-over-v6  passive  refused WHY
 *     unpeer NAME
 *     found NAME ADDRESS|none INTERFACE               of a peer named by its interface
 *     block NAME [WHY]    bfd NAME up|down    reset NAME [TEXT]
 *     route PREFIX [WORD VALUE]...                    to all peers that are there:
 *         local-pref N  med N  prepend N  community A:B|A:B:C
 *     routes FIRST COUNT [WORD VALUE]...              host routes from that address on
 *     withdraw PREFIX|all    withdraw-range FIRST COUNT
 *     complete            everything that should be announced was given
 *     status              one line of JSON
 *     shutdown cease|restart [TEXT]                   ends the program when it is done
 *     quit
 *
 * Every other command is answered with "ok", or "error" and a text. Events come as lines:
 * "event up NAME", "event state NAME Established".
 */
#include "base/log.h"
#include "base/mem.h"
#include "base/mono.h"
#include "bgp/bgp.h"
#include "net/links.h"
#include "tool.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TOOL_PEERS_MAX = BGP_PEERS_MAX, TOOL_COMMUNITIES_MAX = 1000 };

struct tool {
    struct event_base *base;
    struct event *say; /* what was printed leaves after what the engine sends */
    struct links *links;
    struct bgp *bgp;
    struct bgp_peer_options peers[TOOL_PEERS_MAX]; /* texts are never freed */
    size_t peer_count;
    struct bgp_community communities[TOOL_COMMUNITIES_MAX]; /* of one command */
    bool booted;
};

/* --- words --- */

static char *next_word(char **rest)
{
    char *w = strtok_r(NULL, " ", rest);

    return w != NULL ? w : (char *)(uintptr_t) "";
}

static uint32_t next_number(char **rest)
{
    return (uint32_t)strtoul(next_word(rest), NULL, 10);
}

static struct ip next_ip(char **rest)
{
    struct ip ip = {0};

    (void)ip_parse(&ip, next_word(rest)); /* IP_NONE then */
    return ip;
}

static void fail(const char *text)
{
    printf("error %s\n", text);
}

/* --- peers --- */

static struct bgp_peer_options *find_peer(struct tool *t, const char *name)
{
    for (size_t i = 0; i < t->peer_count; i++)
        if (strcmp(t->peers[i].name, name) == 0)
            return &t->peers[i];
    return NULL;
}

static void set_peer_as(struct bgp_fsm_options *f, const char *word)
{
    f->asn = (uint32_t)strtoul(word, NULL, 10);
    f->peer_as = BGP_AS_IS;
    if (strcmp(word, "internal") == 0)
        f->peer_as = BGP_AS_INTERNAL;
    if (strcmp(word, "external") == 0)
        f->peer_as = BGP_AS_EXTERNAL;
}

static void set_family(struct bgp_fsm_options *f, const char *word)
{
    f->family[BGP_IPV4] = strcmp(word, "ipv6") != 0;
    f->family[BGP_IPV6] = strcmp(word, "ipv4") != 0;
}

/* Words about the session. */
static bool set_session_word(struct bgp_fsm_options *f, const char *word, char **rest)
{
    if (strcmp(word, "local-as") == 0)
        f->my_as = f->local_as = next_number(rest);
    else if (strcmp(word, "peer-as") == 0)
        set_peer_as(f, next_word(rest));
    else if (strcmp(word, "id") == 0)
        f->id = ip_to_v4(next_ip(rest));
    else if (strcmp(word, "hold") == 0)
        f->hold_s = (uint16_t)next_number(rest);
    else if (strcmp(word, "keepalive") == 0)
        f->keepalive_s = (uint16_t)next_number(rest);
    else if (strcmp(word, "connect") == 0)
        f->connect_s = (uint16_t)next_number(rest);
    else if (strcmp(word, "family") == 0)
        set_family(f, next_word(rest));
    else if (strcmp(word, "graceful") == 0)
        f->graceful = true;
    else if (strcmp(word, "restart") == 0)
        f->restart_s = (uint16_t)next_number(rest);
    else if (strcmp(word, "v4-over-v6") == 0)
        f->v4_over_v6 = true;
    else if (strcmp(word, "passive") == 0)
        f->dials = false;
    else
        return false;
    return true;
}

/* Words about the connection. */
static bool set_socket_word(struct bgp_peer_options *p, const char *word, char **rest)
{
    if (strcmp(word, "port") == 0)
        p->key.port = (uint16_t)next_number(rest);
    else if (strcmp(word, "source") == 0)
        p->key.source = next_ip(rest);
    else if (strcmp(word, "vrf") == 0)
        p->key.vrf = xstrdup(next_word(rest));
    else if (strcmp(word, "password") == 0)
        p->password = xstrdup(next_word(rest));
    else if (strcmp(word, "ttl") == 0)
        p->ttl = (uint8_t)next_number(rest);
    else if (strcmp(word, "min-ttl") == 0)
        p->min_ttl = (uint8_t)next_number(rest);
    else if (strcmp(word, "refused") == 0)
        p->refused = xstrdup(next_word(rest));
    else
        return false;
    return true;
}

static struct bgp_peer_options peer_defaults(const struct tool *t, char *name, char *where)
{
    struct bgp_peer_options p = {
        .name = xstrdup(name),
        .key = {.interface = "", .vrf = "", .port = 179},
        .fsm = {.my_as = 64512,
                .local_as = 64512,
                .asn = 64513,
                .id = 0xc0000201, /* 192.0.2.1 */
                .hold_s = 180,
                .keepalive_s = 60,
                .restart_s = 120,
                .family = {true, true},
                .forwarding = !t->booted,
                .dials = true},
        .password = "",
        .ttl = 1,
    };

    if (!ip_parse(&p.key.address, where))
        p.key.interface = xstrdup(where);
    return p;
}

static void command_peer(struct tool *t, char **rest)
{
    char *name = next_word(rest), *where = next_word(rest);
    struct bgp_peer_options p = peer_defaults(t, name, where), *known = find_peer(t, name);

    for (char *w = strtok_r(NULL, " ", rest); w != NULL; w = strtok_r(NULL, " ", rest))
        if (!set_session_word(&p.fsm, w, rest) && !set_socket_word(&p, w, rest)) {
            fail(w);
            return;
        }
    if (known == NULL && t->peer_count == TOOL_PEERS_MAX) {
        fail("too many peers");
        return;
    }
    *(known != NULL ? known : &t->peers[t->peer_count++]) = p;
    bgp_set_peers(t->bgp, t->peers, t->peer_count);
    puts("ok");
}

static void command_unpeer(struct tool *t, char **rest)
{
    struct bgp_peer_options *p = find_peer(t, next_word(rest));

    if (p == NULL) {
        fail("no such peer");
        return;
    }
    *p = t->peers[--t->peer_count];
    bgp_set_peers(t->bgp, t->peers, t->peer_count);
    puts("ok");
}

static void command_found(struct tool *t, char **rest)
{
    char *name = next_word(rest);
    struct ip address = next_ip(rest);

    bgp_peer_found(t->bgp, name, address, if_nametoindex(next_word(rest)));
    puts("ok");
}

static void command_block(struct tool *t, char **rest)
{
    char *name = next_word(rest), *why = next_word(rest);

    bgp_peer_blocked(t->bgp, name, why[0] != '\0' ? xstrdup(why) : NULL);
    puts("ok");
}

static void command_bfd(struct tool *t, char **rest)
{
    char *name = next_word(rest);

    bgp_peer_bfd(t->bgp, name, strcmp(next_word(rest), "up") == 0);
    puts("ok");
}

static void command_reset(struct tool *t, char **rest)
{
    char *name = next_word(rest);

    if (bgp_reset_peer(t->bgp, name, *rest) < 0)
        fail("no such peer");
    else
        puts("ok");
}

/* --- routes --- */

static int by_community(const void *a, const void *b)
{
    const struct bgp_community *x = a, *y = b;

    return bgp_community_cmp(*x, *y);
}

static struct bgp_community parse_community(char *word)
{
    char *save = NULL, *a = strtok_r(word, ":", &save), *b = strtok_r(NULL, ":", &save),
         *c = strtok_r(NULL, ":", &save);
    uint32_t n[3] = {0};

    n[0] = (uint32_t)strtoul(a != NULL ? a : "0", NULL, 10);
    n[1] = (uint32_t)strtoul(b != NULL ? b : "0", NULL, 10);
    n[2] = (uint32_t)strtoul(c != NULL ? c : "0", NULL, 10);
    if (c != NULL)
        return (struct bgp_community){BGP_COMMUNITY_LARGE, n[0], n[1], n[2]};
    return (struct bgp_community){BGP_COMMUNITY_STANDARD, n[0] << 16 | n[1], 0, 0};
}

static bool parse_attrs(struct bgp_attrs *ret, struct bgp_community *communities, char **rest)
{
    for (char *w = strtok_r(NULL, " ", rest); w != NULL; w = strtok_r(NULL, " ", rest)) {
        if (strcmp(w, "local-pref") == 0) {
            ret->has_local_pref = true;
            ret->local_pref = next_number(rest);
        } else if (strcmp(w, "med") == 0) {
            ret->med = next_number(rest);
        } else if (strcmp(w, "prepend") == 0) {
            ret->prepend = (uint8_t)next_number(rest);
        } else if (strcmp(w, "community") == 0 && ret->community_count < TOOL_COMMUNITIES_MAX) {
            communities[ret->community_count++] = parse_community(next_word(rest));
        } else {
            fail(w);
            return false;
        }
    }
    qsort(communities, ret->community_count, sizeof(*communities), by_community);
    ret->communities = communities;
    return true;
}

static int by_id(const void *a, const void *b)
{
    const struct bgp_share *x = a, *y = b;

    return x->peer < y->peer ? -1 : x->peer > y->peer;
}

/* To all peers alike. */
static struct bgp_offer *make_offer(struct tool *t, const struct bgp_attrs *attrs)
{
    struct bgp_share *shares = xcalloc(t->peer_count + 1, sizeof(*shares));
    struct bgp_offer *offer;
    size_t count = 0;

    for (size_t i = 0; i < t->peer_count; i++) {
        int id = bgp_peer_id(t->bgp, t->peers[i].name);

        if (id >= 0)
            shares[count++] = (struct bgp_share){(uint32_t)id, *attrs};
    }
    qsort(shares, count, sizeof(*shares), by_id);
    offer = bgp_offer_get(bgp_routes(t->bgp), shares, count);
    free(shares);
    return offer;
}

static void put_routes(struct tool *t, struct prefix first, uint32_t count, char **rest)
{
    struct bgp_attrs attrs = {0};
    struct bgp_offer *offer;
    struct prefix p = first;

    if (!parse_attrs(&attrs, t->communities, rest))
        return;
    offer = make_offer(t, &attrs);
    for (uint32_t i = 0; i < count; i++) {
        bgp_rib_put(bgp_routes(t->bgp), p, offer);
        if (!ip_next(&p.addr, p.addr))
            break;
    }
    bgp_offer_unref(bgp_routes(t->bgp), offer);
    bgp_routes_changed(t->bgp);
    puts("ok");
}

static bool parse_host(struct prefix *ret, const char *word)
{
    struct ip ip;

    if (!ip_parse(&ip, word))
        return false;
    *ret = prefix_of(ip, ip_bits(ip.family));
    return true;
}

static void command_route(struct tool *t, char **rest)
{
    struct prefix p;

    if (prefix_parse(&p, next_word(rest)))
        put_routes(t, p, 1, rest);
    else
        fail("prefix");
}

static void command_routes(struct tool *t, char **rest)
{
    struct prefix first;

    if (parse_host(&first, next_word(rest)))
        put_routes(t, first, next_number(rest), rest);
    else
        fail("address");
}

struct prefixes {
    struct prefix *items;
    size_t count, cap;
};

static void collect(void *arg, struct prefix p)
{
    struct prefixes *all = arg;

    all->items = array_grow(all->items, &all->cap, all->count + 1, sizeof(*all->items));
    all->items[all->count++] = p;
}

static void command_withdraw(struct tool *t, char **rest)
{
    const char *word = next_word(rest);
    struct prefixes all = {0};
    struct prefix p;

    if (strcmp(word, "all") == 0)
        bgp_rib_each(bgp_routes(t->bgp), collect, &all);
    else if (prefix_parse(&p, word))
        collect(&all, p);
    for (size_t i = 0; i < all.count; i++)
        bgp_rib_del(bgp_routes(t->bgp), all.items[i]);
    free(all.items);
    bgp_routes_changed(t->bgp);
    puts("ok");
}

static void command_withdraw_range(struct tool *t, char **rest)
{
    struct prefix p;

    if (!parse_host(&p, next_word(rest))) {
        fail("address");
        return;
    }
    for (uint32_t n = next_number(rest); n > 0; n--) {
        bgp_rib_del(bgp_routes(t->bgp), p);
        if (!ip_next(&p.addr, p.addr))
            break;
    }
    bgp_routes_changed(t->bgp);
    puts("ok");
}

/* --- status --- */

struct listing {
    const char *separator;
};

static void print_peer(void *arg, const struct bgp_peer_view *v)
{
    struct listing *l = arg;
    struct text error = {0};

    text_quote(&error, v->last_error);
    printf(
        "%s{\"name\": \"%s\", \"id\": %u, \"state\": \"%s\", \"local\": \"%s\", \"wanted\": %zu, "
        "\"sent\": %zu, \"updates\": %llu, \"end_of_rib\": %llu, \"established\": %llu, "
        "\"received\": %lld, \"hold\": %u, \"next_hops\": [%u, %u], \"error\": %s}",
        l->separator, v->name, v->id, bgp_state_name(v->state),
        v->local.family != IP_NONE ? ip_format(v->local).s : "", v->routes.wanted, v->routes.sent,
        (unsigned long long)v->updates_sent, (unsigned long long)v->end_of_rib_sent,
        (unsigned long long)v->counts->established, (long long)v->counts->prefixes_received,
        v->agreement != NULL ? v->agreement->hold_s : 0, v->next_hop[BGP_IPV4].len,
        v->next_hop[BGP_IPV6].len, text_str(&error));
    text_done(&error);
    l->separator = ", ";
}

static void command_status(struct tool *t)
{
    struct listing l = {.separator = ""};

    printf("{\"routes\": %zu, \"peers\": [", bgp_rib_count(bgp_routes(t->bgp)));
    bgp_each_peer(t->bgp, print_peer, &l);
    puts("]}");
}

/* --- the program --- */

static void on_shutdown_done(void *arg)
{
    struct tool *t = arg;

    puts("done");
    fflush(stdout);
    event_base_loopbreak(t->base);
}

static void command_shutdown(struct tool *t, char **rest)
{
    bool restart = strcmp(next_word(rest), "restart") == 0;

    bgp_shutdown(t->bgp, restart ? BGP_SHUTDOWN_RESTART : BGP_SHUTDOWN_CEASE, *rest,
                 on_shutdown_done, t);
}

static void command_complete(struct tool *t, char **rest)
{
    (void)rest;
    bgp_routes_complete(t->bgp);
    puts("ok");
}

static const struct {
    const char *name;
    void (*run)(struct tool *t, char **rest);
} commands[] = {
    {"peer", command_peer},         {"unpeer", command_unpeer},
    {"found", command_found},       {"block", command_block},
    {"bfd", command_bfd},           {"reset", command_reset},
    {"route", command_route},       {"routes", command_routes},
    {"withdraw", command_withdraw}, {"withdraw-range", command_withdraw_range},
    {"complete", command_complete}, {"shutdown", command_shutdown},
};

static void command(void *arg, char *line)
{
    struct tool *t = arg;
    char *rest = NULL, *word = strtok_r(line, " ", &rest);

    event_active(t->say, 0, 0);
    if (word != NULL && strcmp(word, "status") == 0) {
        command_status(t);
        return;
    }
    for (size_t i = 0; word != NULL && i < ARRAY_SIZE(commands); i++)
        if (strcmp(commands[i].name, word) == 0) {
            commands[i].run(t, &rest);
            return;
        }
    event_base_loopbreak(t->base);
}

static void on_say(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    (void)arg;
    fflush(stdout);
}

static void on_event(void *arg, enum bgp_event event, const char *peer, const char *text)
{
    static const char *const names[] = {
        [BGP_PEER_STATE] = "state",         [BGP_PEER_UP] = "up",
        [BGP_PEER_DOWN] = "down",           [BGP_PEER_SENT_ERROR] = "sent-error",
        [BGP_PEER_GOT_ERROR] = "got-error", [BGP_PEER_NO_NEXT_HOP] = "no-next-hop",
    };

    (void)arg;
    printf("event %s %s%s%s\n", names[event], peer, text[0] != '\0' ? " " : "", text);
    fflush(stdout);
}

struct addresses {
    struct bgp_local_address *items;
    size_t count, cap;
};

static void add_address(const struct host_address *h, void *arg)
{
    struct addresses *all = arg;

    all->items = array_grow(all->items, &all->cap, all->count + 1, sizeof(*all->items));
    all->items[all->count++] = (struct bgp_local_address){
        .ip = h->ip,
        .prefix_len = h->prefix_len,
        .ifindex = h->ifindex,
        .usable = h->usable,
        .peer = h->peer,
    };
}

static void on_links(void *arg)
{
    struct tool *t = arg;
    struct addresses all = {0};

    links_each_host_address(t->links, add_address, &all);
    bgp_set_addresses(t->bgp, all.items, all.count);
    free(all.items);
}

static int run(struct tool *t, const struct bgp_options *options, bool incomplete)
{
    struct tool_input *input;
    struct err err = {0};

    if (bgp_new(&t->bgp, options, &err) < 0 ||
        links_new(&t->links, t->base, on_links, t, &err) < 0) {
        fail(err_text(&err));
        return 1;
    }
    on_links(t);
    if (!incomplete)
        bgp_routes_complete(t->bgp);
    input = tool_input_new(t->base, command, t);
    t->say = event_new(t->base, -1, 0, on_say, t);
    event_priority_set(t->say, LOOP_PRIORITY_WORK);
    puts("ready");
    fflush(stdout);
    event_base_dispatch(t->base);
    tool_input_free(input);
    event_free(t->say);
    bgp_free(t->bgp);
    links_free(t->links);
    return 0;
}

int main(int argc, char **argv)
{
    struct tool *t = xcalloc(1, sizeof(*t));
    struct bgp_options options = {.event = on_event, .arg = t, .seed = (uint64_t)getpid()};
    bool incomplete = false;
    int c, status;

    log_set_level(LOG_DEBUG);
    while ((c = getopt(argc, argv, "l:ib")) >= 0) {
        if (c == 'l')
            options.listen_port = (uint16_t)strtoul(optarg, NULL, 10);
        else if (c == 'i')
            incomplete = true;
        else if (c == 'b')
            t->booted = true;
        else
            return 2;
    }
    t->base = loop_new();
    options.base = t->base;
    options.restarted = true;
    status = run(t, &options, incomplete);
    event_base_free(t->base);
    free(t);
    return status;
}
