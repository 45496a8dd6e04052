/* SPDX-License-Identifier: Apache-2.0 */
#include "bgp/bgp_int.h"
#include "net/tcp.h"

#include <string.h>

static struct bgp_peer_view view_of(const struct bgp_session *s)
{
    struct bgp_peer_view v = {
        .name = s->options.name,
        .id = s->id,
        .key = s->options.key,
        .address = s->address,
        .ifindex = s->ifindex,
        .state = bgp_fsm_state(s->machine),
        .since = bgp_fsm_since(s->machine),
        .next_dial = bgp_fsm_next_dial(s->machine),
        .agreement = bgp_fsm_agreement(s->machine),
        .options = &s->options.fsm,
        .counts = bgp_fsm_counts(s->machine),
        .routes = bgp_rib_peer_counts(s->engine->rib, s->id),
        .updates_sent = s->updates_sent,
        .end_of_rib_sent = s->end_of_rib_sent,
        .refreshes_sent = s->refreshes_sent,
        .last_error = bgp_session_error(s),
        .last_sent = s->last_sent,
        .last_received = s->last_received,
    };

    if (!s->up)
        return v;
    if (s->link[s->up_on] != NULL)
        v.local = tcp_local(s->link[s->up_on]->fd).ip;
    memcpy(v.next_hop, s->path.next_hop, sizeof(v.next_hop));
    memcpy(v.no_next_hop, s->no_next_hop, sizeof(v.no_next_hop));
    return v;
}

void bgp_each_peer(const struct bgp *b, bgp_view_fn fn, void *arg)
{
    for (size_t i = 0; i < b->session_count; i++) {
        struct bgp_peer_view v = view_of(b->sessions[i]);

        fn(arg, &v);
    }
}

bool bgp_peer_view(const struct bgp *b, const char *name, struct bgp_peer_view *ret)
{
    const struct bgp_session *s = bgp_session_find(b, name);

    if (s == NULL)
        return false;
    *ret = view_of(s);
    return true;
}
