/* SPDX-License-Identifier: Apache-2.0 */
#include "arp/arp_session.h"

#include "base/log.h"
#include "base/mem.h"
#include "base/mono.h"
#include "net/packet.h"

#include <errno.h>
#include <event2/event_struct.h>
#include <stdlib.h>
#include <string.h>

#define ARP_BATCH 16 /* frames in one callback */
#define ARP_LOG_NS (1 * NS_PER_SEC)

static const uint16_t round_ops[] = {ARP_REQUEST, ARP_REPLY};

struct arp_session {
    struct arp_session_options options;
    char *name;
    int fd;
    bool event_ready;
    struct event event;
    struct arp_responder responder;
    uint64_t counts[ARP_RESULTS];
    struct log_limit limit_answer, limit_drop, limit_error;
};

static int arp_session_send(struct arp_session *s, const struct arp_packet *p)
{
    uint8_t frame[ARP_FRAME_LEN];

    arp_write(frame, p);
    return packet_send(s->fd, frame, sizeof(frame));
}

static void arp_session_answer(struct arp_session *s, const struct arp_packet *reply)
{
    int r = arp_session_send(s, reply);
    int64_t now_ns = mono_now().ns;

    if (r < 0 && log_limit_pass(&s->limit_error, now_ns, ARP_LOG_NS))
        log_warn("failed to send ARP reply", F_S("interface", s->name),
                 F_S("ip", ip_format(reply->sender_ip).s), F_S("cause", strerror(-r)));
    if (log_limit_pass(&s->limit_answer, now_ns, ARP_LOG_NS))
        log_debug("got ARP request for service IP, sending response", F_S("interface", s->name),
                  F_S("ip", ip_format(reply->sender_ip).s),
                  F_S("senderIP", ip_format(reply->target_ip).s));
    if (s->options.answered != NULL)
        s->options.answered(s->options.arg, reply->sender_ip, r >= 0);
}

static void arp_session_handle(struct arp_session *s, const uint8_t *frame, size_t len)
{
    struct arp_packet request, reply;
    enum arp_result result = arp_respond(&s->responder, frame, len, &request, &reply);

    /* Whoever hears of a rival may withdraw the address: then there is no answer any more. */
    if (result == ARP_ANSWER && s->options.rival != NULL && arp_is_gratuitous(&request)) {
        s->options.rival(s->options.arg, request.target_ip);
        result = arp_respond(&s->responder, frame, len, &request, &reply);
    }
    s->counts[result]++;
    if (result == ARP_ANSWER) {
        arp_session_answer(s, &reply);
        return;
    }
    if (log_limit_pass(&s->limit_drop, mono_now().ns, ARP_LOG_NS))
        log_debug("ARP frame ignored", F_S("interface", s->name),
                  F_S("reason", arp_result_name(result)));
}

static void arp_session_on_readable(evutil_socket_t fd, short what, void *arg)
{
    struct arp_session *s = arg;
    uint8_t frame[PACKET_FRAME_MAX];

    (void)what;
    for (int i = 0; i < ARP_BATCH; i++) {
        int n = packet_recv(fd, frame);

        if (n == -EAGAIN)
            return;
        if (n > 0)
            arp_session_handle(s, frame, (size_t)n);
        /* -ENETDOWN and its like: reading took the error off the socket. When the interface is
         * gone, the link monitor ends the session. */
        if (n < 0 && log_limit_pass(&s->limit_error, mono_now().ns, ARP_LOG_NS))
            log_debug("ARP socket", F_S("interface", s->name), F_S("cause", strerror(-n)));
    }
}

int arp_session_new(struct arp_session **ret, const struct arp_session_options *options,
                    struct err *err)
{
    CLEANUP(arp_session_freep) struct arp_session *s = xcalloc(1, sizeof(*s));

    s->options = *options;
    s->name = xstrdup(options->name);
    s->responder.claim = options->claim;
    s->responder.arg = options->arg;
    memcpy(s->responder.mac, options->mac, ETH_ALEN);
    s->fd = packet_open(options->ifindex, ETH_P_ARP, options->filter);
    if (s->fd < 0)
        return err_set(err, s->fd, "ARP socket on %s: %s", s->name, strerror(-s->fd));
    if (event_assign(&s->event, options->base, s->fd, EV_READ | EV_PERSIST, arp_session_on_readable,
                     s) < 0 ||
        event_priority_set(&s->event, 0) < 0 || event_add(&s->event, NULL) < 0)
        return err_set(err, -EINVAL, "ARP socket on %s: event loop", s->name);
    s->event_ready = true;
    *ret = TAKE(s);
    return 0;
}

struct arp_session *arp_session_free(struct arp_session *s)
{
    if (s == NULL)
        return NULL;
    if (s->event_ready)
        event_del(&s->event);
    packet_close(s->fd, s->options.filter);
    free(s->name);
    free(s);
    return NULL;
}

int arp_session_announce(struct arp_session *s, struct ip ip, uint64_t *frames)
{
    for (size_t i = 0; i < ARRAY_SIZE(round_ops); i++) {
        const struct arp_packet p = arp_gratuitous(s->responder.mac, ip, round_ops[i]);
        int r = arp_session_send(s, &p);

        if (r < 0)
            return r;
        (*frames)++;
    }
    return 0;
}

uint64_t arp_session_count(const struct arp_session *s, enum arp_result result)
{
    return s->counts[result];
}

uint64_t arp_session_dropped(const struct arp_session *s)
{
    uint64_t sum = 0;

    for (int i = 0; i < ARP_RESULTS; i++)
        sum += i == ARP_ANSWER ? 0 : s->counts[i];
    return sum;
}
