/* SPDX-License-Identifier: Apache-2.0 */
/* Declared peers against those that run: which is which, and what a change costs (spec F28). */
#include "base/mem.h"
#include "bgp/bgp_int.h"
#include "net/tcp.h"

#include <stdlib.h>
#include <string.h>

static const char *copy_text(const char *text)
{
    return xstrdup(text != NULL ? text : "");
}

void bgp_peer_options_copy(struct bgp_peer_options *ret, const struct bgp_peer_options *o)
{
    *ret = *o;
    ret->name = copy_text(o->name);
    ret->key.interface = copy_text(o->key.interface);
    ret->key.vrf = copy_text(o->key.vrf);
    ret->password = copy_text(o->password);
    ret->refused = o->refused != NULL ? xstrdup(o->refused) : NULL;
}

static void free_text(const char *text)
{
    free((char *)(uintptr_t)text);
}

void bgp_peer_options_done(struct bgp_peer_options *o)
{
    free_text(o->name);
    free_text(o->key.interface);
    free_text(o->key.vrf);
    free_text(o->password);
    free_text(o->refused);
}

/* --- who is who --- */

static bool same_router(const struct bgp_peer_key *a, const struct bgp_peer_key *b)
{
    return ip_eq(a->address, b->address) && strcmp(a->interface, b->interface) == 0 &&
           strcmp(a->vrf, b->vrf) == 0;
}

static bool same_key(const struct bgp_peer_key *a, const struct bgp_peer_key *b)
{
    return a->port == b->port && ip_eq(a->source, b->source) && same_router(a, b);
}

struct bgp_session *bgp_session_find(const struct bgp *b, const char *name)
{
    size_t from = 0, to = b->session_count;

    while (from < to) {
        size_t middle = from + (to - from) / 2;
        int order = strcmp(name, b->sessions[middle]->options.name);

        if (order == 0)
            return b->sessions[middle];
        if (order < 0)
            to = middle;
        else
            from = middle + 1;
    }
    return NULL;
}

/* The one of that name first: nearly always it is. */
static struct bgp_session *find_key(const struct bgp *b, const struct bgp_peer_options *o)
{
    struct bgp_session *named = bgp_session_find(b, o->name);

    if (named != NULL && !named->kept && same_key(&named->options.key, &o->key))
        return named;
    for (size_t i = 0; i < b->session_count; i++)
        if (!b->sessions[i]->kept && same_key(&b->sessions[i]->options.key, &o->key))
            return b->sessions[i];
    return NULL;
}

/* The same router, dialled in another way. */
static struct bgp_session *find_changed(const struct bgp *b, const struct bgp_peer_options *o)
{
    struct bgp_session *named = bgp_session_find(b, o->name);

    if (named == NULL || named->kept || !same_router(&named->options.key, &o->key))
        return NULL;
    return named;
}

typedef struct bgp_session *(*find_fn)(const struct bgp *b, const struct bgp_peer_options *o);

static void match(struct bgp *b, struct bgp_session **ret, find_fn find,
                  const struct bgp_peer_options *peers, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (ret[i] != NULL)
            continue;
        ret[i] = find(b, &peers[i]);
        if (ret[i] != NULL)
            ret[i]->kept = true;
    }
}

/* --- changes --- */

static bool source_differs(const struct bgp_session *s, const struct bgp_peer_options *o)
{
    if (ip_eq(s->options.key.source, o->key.source) || o->key.source.family == IP_NONE)
        return false;
    for (int c = 0; c < BGP_CONNS; c++)
        if (s->link[c] != NULL && !ip_eq(tcp_local(s->link[c]->fd).ip, o->key.source))
            return true;
    return false;
}

static bool needs_reset(const struct bgp_session *s, const struct bgp_peer_options *o)
{
    bool dialled = s->link[BGP_CONN_OUT] != NULL && !s->up;

    return bgp_fsm_needs_reset(s->machine, &o->fsm) ||
           strcmp(s->options.password, o->password != NULL ? o->password : "") != 0 ||
           (dialled && s->options.key.port != o->key.port) || source_differs(s, o);
}

static void change_ttl(struct bgp_session *s, const struct bgp_peer_options *o)
{
    if (s->options.ttl == o->ttl && s->options.min_ttl == o->min_ttl)
        return;
    for (int c = 0; c < BGP_CONNS; c++)
        if (s->link[c] != NULL && tcp_set_ttl(s->link[c]->fd, o->ttl, o->min_ttl) < 0)
            log_warn("TTL of the session is not changed", F_S("peer", bgp_session_peer(s).s));
}

static void change(struct bgp_session *s, const struct bgp_peer_options *o)
{
    const struct bgp_error changed = bgp_error_of(BGP_ERR_CEASE, BGP_CEASE_CHANGED);
    bool reset = needs_reset(s, o);
    struct bgp_peer_options old = s->options;

    change_ttl(s, o);
    if (str_empty(o->password))
        bgp_listener_forget(s); /* another key takes the place of the old one without a gap */
    bgp_peer_options_copy(&s->options, o);
    bgp_peer_options_done(&old);
    bgp_fsm_change(s->machine, mono_now(), &s->options.fsm);
    if (reset)
        bgp_session_reset(s, &changed);
}

/* All are ended before one is freed: the owner may ask about peers while it is told. */
static void end_missing(struct bgp *b)
{
    size_t left = 0;

    for (size_t i = 0; i < b->session_count; i++) {
        struct bgp_session *s = b->sessions[i];
        struct bgp_error gone =
            bgp_error_cease(BGP_CEASE_DECONFIGURED, NULL, bgp_session_needs_hard_reset(s));

        if (!s->kept)
            bgp_session_stop(s, &gone);
    }
    for (size_t i = 0; i < b->session_count; i++) {
        if (b->sessions[i]->kept)
            b->sessions[left++] = b->sessions[i];
        else
            bgp_session_free(b->sessions[i]);
    }
    b->session_count = left;
}

static struct bgp_session *begin(struct bgp *b, const struct bgp_peer_options *o)
{
    for (uint32_t id = 0; id < BGP_PEERS_MAX; id++)
        if (!b->ids[id])
            return bgp_session_new(b, id, o);
    log_error("too many BGP peers", F_S("peer", o->name), F_U("limit", BGP_PEERS_MAX));
    return NULL;
}

static int by_name(const void *a, const void *b)
{
    const struct bgp_session *const *x = a, *const *y = b;

    return strcmp((*x)->options.name, (*y)->options.name);
}

static void start(struct bgp_session *s, bool is_new)
{
    bgp_session_check_reachable(s);
    if (is_new)
        bgp_fsm_start(s->machine, mono_now());
    bgp_session_act(s);
}

/*
 * All are changed before any is started: the keys of the listener stand before a peer can connect,
 * and no name is there twice.
 */
void bgp_set_peers(struct bgp *b, const struct bgp_peer_options *peers, size_t count)
{
    struct bgp_session **now = xcalloc(count + 1, sizeof(struct bgp_session *));
    size_t used = 0;

    for (size_t i = 0; i < b->session_count; i++)
        b->sessions[i]->kept = false;
    match(b, now, find_key, peers, count);
    match(b, now, find_changed, peers, count);
    end_missing(b);
    for (size_t i = 0; i < count; i++) {
        if (now[i] != NULL)
            change(now[i], &peers[i]);
        else
            now[i] = begin(b, &peers[i]);
        if (now[i] != NULL)
            now[used++] = now[i];
    }
    free(b->sessions);
    b->sessions = now;
    b->session_count = used;
    qsort(b->sessions, used, sizeof(struct bgp_session *), by_name);
    bgp_listener_sync(b);
    for (size_t i = 0; i < used && !b->stopped; i++)
        start(b->sessions[i], !b->sessions[i]->kept);
}
