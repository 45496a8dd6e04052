/* SPDX-License-Identifier: Apache-2.0 */
/* The lines that people look for in MetalLB's logs (spec speaker-bgp N13, S11). */
#include "base/mem.h"
#include "bgp/bgp_int.h"

#include <stdio.h>
#include <stdlib.h>

#define ERROR_INTERVAL_NS (1 * NS_PER_SEC)

struct bgp_peer_text bgp_session_peer(const struct bgp_session *s)
{
    const struct bgp_peer_key *key = &s->options.key;
    struct bgp_peer_text ret;

    if (key->interface[0] != '\0')
        (void)snprintf(ret.s, sizeof(ret.s), "%s", key->interface); /* IFNAMSIZ at most */
    else
        (void)snprintf(ret.s, sizeof(ret.s), "%s",
                       endpoint_format((struct endpoint){key->address, key->port}).s);
    return ret;
}

/* As far as it is known: `internal` and `external` peers say it themselves. */
static uint32_t peer_asn(const struct bgp_session *s)
{
    const struct bgp_agreement *a = bgp_fsm_agreement(s->machine);

    return a != NULL ? a->peer_as : s->options.fsm.asn;
}

#define F_PEER(s)                                                                                  \
    F_S("peer", bgp_session_peer(s).s), F_S("name", (s)->options.name),                            \
        F_U("localASN", (s)->options.fsm.local_as), F_U("peerASN", peer_asn(s))

void bgp_session_log_up(const struct bgp_session *s)
{
    log_info("BGP session established", F_S("event", "sessionUp"), F_PEER(s));
}

void bgp_session_log_down(const struct bgp_session *s)
{
    log_warn("BGP session down", F_S("event", "sessionDown"), F_PEER(s),
             F_S("error", bgp_session_error(s)));
}

/* Once for each text: a peer that is away would fill the log. */
void bgp_session_log_dial(struct bgp_session *s, const char *error)
{
    if (str_eq(s->dial_error, error))
        return;
    free(s->dial_error);
    s->dial_error = xstrdup(error);
    log_error("failed to connect to peer", F_S("op", "connect"), F_PEER(s), F_S("error", error));
}

void bgp_session_log_error(struct bgp_session *s, const struct bgp_error *e, bool sent)
{
    struct text text = {0};

    if (!log_limit_pass(sent ? &s->limit_sent : &s->limit_received, mono_now().ns,
                        ERROR_INTERVAL_NS))
        return;
    bgp_error_print(&text, e);
    if (sent)
        log_warn("sent notification to peer, closing session", F_S("event", "notificationSent"),
                 F_PEER(s), F_S("error", text_str(&text)));
    else
        log_warn("peer sent notification, closing session", F_S("event", "peerNotification"),
                 F_PEER(s), F_S("error", text_str(&text)));
    text_done(&text);
}

void bgp_session_log_next_hop(const struct bgp_session *s, enum bgp_family f)
{
    log_warn("no next hop for the peer, its routes are withheld", F_S("event", "noNextHop"),
             F_PEER(s), F_S("family", bgp_family_name(f)), F_S("error", s->no_next_hop[f]));
}
