/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the other speakers are (spec speaker-l2 5.4): the addresses of the Pods with our labels,
 * listed at start and every five minutes. The last list stays when a new one cannot be had.
 *
 * We join only when we have read everything: from then on the others leave to us what is ours, and
 * nobody would answer for it while we still read. And the Services wait until all Pods have joined,
 * or half a second has gone: a speaker that believes it is alone would take every address, and tell
 * the whole network so. One that refuses us may be starting, too.
 */
#include "base/log.h"
#include "base/text.h"
#include "kube/kube_path.h"
#include "speaker/speaker_int.h"

#include <jansson.h>
#include <stdlib.h>

enum { LIST_SECONDS = 300, PAGE = 500 };
#define SETTLE_NS (500 * NS_PER_MS)

struct discovery {
    struct speaker *sp;
    struct event list_timer, settle_timer;
    struct kube_fetch *fetch; /* NULL: none under way */

    bool may_join;             /* everything else is there */
    struct gossip_addr *peers; /* of the last complete list */
    size_t peer_count;
    struct gossip_addr *found; /* of the list that is being read */
    size_t found_count, found_cap;

    void (*settled)(struct speaker *sp); /* NULL once it was called */
};

/* --- the end of the start --- */

struct member_question {
    const struct gossip_addr *addr;
    bool found;
};

static void is_member(const struct membership_peer *p, void *arg)
{
    struct member_question *q = arg;

    q->found = q->found || (p->alive && ip_eq(p->addr.ip, q->addr->ip));
}

static bool all_joined(const struct discovery *d)
{
    for (size_t i = 0; i < d->peer_count; i++) {
        struct member_question q = {.addr = &d->peers[i]};

        if (ip_eq(q.addr->ip, d->sp->options->bind.ip))
            continue; /* that is us */
        membership_each(d->sp->membership, is_member, &q);
        if (!q.found)
            return false;
    }
    return true;
}

static void settle(struct discovery *d)
{
    void (*settled)(struct speaker * sp) = TAKE(d->settled);

    event_del(&d->settle_timer);
    if (settled != NULL)
        settled(d->sp);
}

static void on_settle_timer(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    settle(arg);
}

void discovery_on_members(struct discovery *d)
{
    if (d->settled == NULL || d->peers == NULL || !d->may_join)
        return;
    if (all_joined(d))
        settle(d);
}

/* --- the list --- */

/* A Pod that has no address yet cannot be joined. */
static void add_pod(struct discovery *d, const json_t *pod)
{
    const json_t *status = json_object_get(pod, "status");
    const char *text = json_string_value(json_object_get(status, "podIP"));
    struct gossip_addr addr = {.port = d->sp->options->bind.port};

    if (text == NULL || !ip_parse(&addr.ip, text))
        return;
    d->found = array_grow(d->found, &d->found_cap, d->found_count + 1, sizeof(*d->found));
    d->found[d->found_count++] = addr;
}

static void list_done(struct discovery *d)
{
    const struct timeval later = {.tv_sec = LIST_SECONDS};

    d->found_count = 0;
    (void)event_add(&d->list_timer, &later); /* fails only without memory */
}

static void join(struct discovery *d)
{
    if (d->may_join && d->peers != NULL)
        membership_set_peers(d->sp->membership, d->peers, d->peer_count);
}

static void take_peers(struct discovery *d)
{
    free(d->peers);
    d->peer_count = d->found_count;
    d->peers = xcalloc(d->peer_count + 1, sizeof(*d->peers));
    for (size_t i = 0; i < d->peer_count; i++)
        d->peers[i] = d->found[i];
    join(d);
    list_done(d);
    discovery_on_members(d);
}

static void list_failed(struct discovery *d, const char *why)
{
    log_error("failed to get pods list", F_S("op", "memberDiscovery"), F_S("error", why));
    list_done(d);
}

static void list_start(struct discovery *d, const char *continue_token);

static void on_pods(void *arg, const struct kube_reply *reply)
{
    struct discovery *d = arg;
    json_t *root = NULL, *pod;
    const char *more;
    size_t i;

    d->fetch = NULL;
    if (reply->code == 0 && reply->status == 200)
        root = json_loadb(reply->bytes, reply->len, 0, NULL);
    if (root == NULL) {
        list_failed(d, reply->text[0] != '\0' ? reply->text : "the answer is no JSON");
        return;
    }
    json_array_foreach(json_object_get(root, "items"), i, pod) add_pod(d, pod);
    more = json_string_value(json_object_get(json_object_get(root, "metadata"), "continue"));
    if (str_empty(more))
        take_peers(d);
    else
        list_start(d, more);
    json_decref(root);
}

static void list_start(struct discovery *d, const char *continue_token)
{
    CLEANUP(xfreep) char *path = kube_path(OBJ_POD, d->sp->cluster.namespace, NULL, NULL);
    CLEANUP(xfreep) char *limit = xasprintf("%d", PAGE);
    CLEANUP(text_done) struct text url = {0};
    struct kube_request request = {.method = "GET"};

    text_add(&url, path);
    kube_path_add(&url, "labelSelector", d->sp->options->ml_labels);
    kube_path_add(&url, "limit", limit);
    if (continue_token != NULL)
        kube_path_add(&url, "continue", continue_token);
    request.path = text_str(&url);
    d->fetch = kube_fetch_start(d->sp->cluster.client, &request, on_pods, d);
}

static void on_list_timer(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    list_start(arg, NULL);
}

struct discovery *discovery_new(struct speaker *sp, void (*settled)(struct speaker *sp))
{
    struct discovery *d = xcalloc(1, sizeof(*d));

    d->sp = sp;
    d->settled = settled;
    (void)event_assign(&d->list_timer, sp->base, -1, 0, on_list_timer, d);
    (void)event_assign(&d->settle_timer, sp->base, -1, 0, on_settle_timer, d);
    list_start(d, NULL);
    return d;
}

void discovery_on_synced(struct discovery *d)
{
    const struct timeval at_last = {.tv_usec = SETTLE_NS / NS_PER_US};

    d->may_join = true;
    membership_admit(d->sp->membership);
    if (d->settled != NULL)
        (void)event_add(&d->settle_timer, &at_last); /* fails only without memory */
    join(d);
    discovery_on_members(d);
}

struct discovery *discovery_free(struct discovery *d)
{
    if (d == NULL)
        return NULL;
    if (d->fetch != NULL)
        kube_fetch_cancel(d->fetch);
    event_del(&d->list_timer);
    event_del(&d->settle_timer);
    free(d->peers);
    free(d->found);
    free(d);
    return NULL;
}
