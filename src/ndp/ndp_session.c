/* SPDX-License-Identifier: Apache-2.0 */
#include "ndp/ndp_session.h"

#include "base/log.h"
#include "base/mem.h"
#include "base/mono.h"
#include "ndp/ndp_groups.h"
#include "net/packet.h"

#include <errno.h>
#include <event2/event_struct.h>
#include <stdlib.h>
#include <string.h>

#define NDP_BATCH 16 /* frames in one callback */
#define NDP_LOG_NS (1 * NS_PER_SEC)

struct ndp_session {
    struct ndp_session_options options;
    char *name;
    int fd;
    bool event_ready;
    struct event event;
    struct ndp_responder responder;
    struct ndp_groups *groups;
    uint64_t counts[NDP_RESULTS];
    struct log_limit limit_answer, limit_drop, limit_error, limit_join;
};

static int ndp_session_send(struct ndp_session *s, const struct ndp_advert *a)
{
    uint8_t frame[NDP_ADVERT_LEN];

    ndp_write(frame, a);
    return packet_send(s->fd, frame, sizeof(frame));
}

static void ndp_session_answer(struct ndp_session *s, const struct ndp_advert *a)
{
    int r = ndp_session_send(s, a);
    int64_t now_ns = mono_now().ns;

    if (r < 0 && log_limit_pass(&s->limit_error, now_ns, NDP_LOG_NS))
        log_warn("failed to send NDP reply", F_S("interface", s->name),
                 F_S("ip", ip_format(a->target).s), F_S("cause", strerror(-r)));
    if (log_limit_pass(&s->limit_answer, now_ns, NDP_LOG_NS))
        log_debug("got NDP request for service IP, sending response", F_S("interface", s->name),
                  F_S("ip", ip_format(a->target).s), F_S("to", ip_format(a->to).s));
    if (s->options.answered != NULL)
        s->options.answered(s->options.arg, a->target, r >= 0);
}

/* What claims one of our addresses for somebody else. */
static void ndp_session_hear(struct ndp_session *s, const uint8_t *frame, size_t len)
{
    struct ndp_claim c;

    if (s->options.rival == NULL || ndp_read_claim(&c, frame, len) < 0 ||
        memcmp(c.eth_from, s->responder.mac, ETH_ALEN) == 0)
        return;
    if (s->responder.claim(s->responder.arg, c.target) == NDP_ANSWER)
        s->options.rival(s->options.arg, c.target);
}

static void ndp_session_handle(struct ndp_session *s, const uint8_t *frame, size_t len)
{
    struct ndp_advert advert;
    enum ndp_result result = ndp_respond(&s->responder, frame, len, &advert);

    s->counts[result]++;
    if (result == NDP_DROP_OTHER)
        ndp_session_hear(s, frame, len);
    if (result == NDP_ANSWER) {
        ndp_session_answer(s, &advert);
        return;
    }
    if (log_limit_pass(&s->limit_drop, mono_now().ns, NDP_LOG_NS))
        log_debug("NDP frame ignored", F_S("interface", s->name),
                  F_S("reason", ndp_result_name(result)));
}

static void ndp_session_on_readable(evutil_socket_t fd, short what, void *arg)
{
    struct ndp_session *s = arg;
    uint8_t frame[PACKET_FRAME_MAX];

    (void)what;
    for (int i = 0; i < NDP_BATCH; i++) {
        int n = packet_recv(fd, frame);

        if (n == -EAGAIN)
            return;
        if (n > 0)
            ndp_session_handle(s, frame, (size_t)n);
        /* -ENETDOWN and its like: reading took the error off the socket. When the interface is
         * gone, the link monitor ends the session. */
        if (n < 0 && log_limit_pass(&s->limit_error, mono_now().ns, NDP_LOG_NS))
            log_debug("NDP socket", F_S("interface", s->name), F_S("cause", strerror(-n)));
    }
}

int ndp_session_new(struct ndp_session **ret, const struct ndp_session_options *options,
                    struct err *err)
{
    CLEANUP(ndp_session_freep) struct ndp_session *s = xcalloc(1, sizeof(*s));

    s->options = *options;
    s->name = xstrdup(options->name);
    s->responder.claim = options->claim;
    s->responder.arg = options->arg;
    s->responder.link_local = options->link_local;
    memcpy(s->responder.mac, options->mac, ETH_ALEN);
    s->groups = ndp_groups_new(options->ifindex);
    s->fd = packet_open(options->ifindex, ETH_P_IPV6, options->filter);
    if (s->fd < 0)
        return err_set(err, s->fd, "NDP socket on %s: %s", s->name, strerror(-s->fd));
    if (event_assign(&s->event, options->base, s->fd, EV_READ | EV_PERSIST, ndp_session_on_readable,
                     s) < 0 ||
        event_priority_set(&s->event, 0) < 0 || event_add(&s->event, NULL) < 0)
        return err_set(err, -EINVAL, "NDP socket on %s: event loop", s->name);
    s->event_ready = true;
    *ret = TAKE(s);
    return 0;
}

struct ndp_session *ndp_session_free(struct ndp_session *s)
{
    if (s == NULL)
        return NULL;
    if (s->event_ready)
        event_del(&s->event);
    packet_close(s->fd, s->options.filter);
    ndp_groups_free(s->groups);
    free(s->name);
    free(s);
    return NULL;
}

void ndp_session_join(struct ndp_session *s, struct ip ip)
{
    int r = ndp_groups_join(s->groups, ip);

    if (r < 0 && log_limit_pass(&s->limit_join, mono_now().ns, NDP_LOG_NS))
        log_error("failed to watch NDP multicast group for IP, switches may keep its requests away",
                  F_S("interface", s->name), F_S("ip", ip_format(ip).s),
                  F_S("cause", strerror(-r)));
}

void ndp_session_leave(struct ndp_session *s, struct ip ip)
{
    ndp_groups_leave(s->groups, ip);
}

int ndp_session_announce(struct ndp_session *s, struct ip ip, uint64_t *frames)
{
    const struct ndp_advert a = ndp_unsolicited(&s->responder, ip);
    int r = ndp_session_send(s, &a);

    if (r >= 0)
        (*frames)++;
    return r;
}

uint64_t ndp_session_count(const struct ndp_session *s, enum ndp_result result)
{
    return s->counts[result];
}

uint64_t ndp_session_dropped(const struct ndp_session *s)
{
    uint64_t sum = 0;

    for (int i = 0; i < NDP_RESULTS; i++)
        sum += i == NDP_ANSWER ? 0 : s->counts[i];
    return sum;
}
