/* SPDX-License-Identifier: Apache-2.0 */
/* Echoes of a session: when there is a socket for them, and what comes in there. */
#include "bfd/bfd_int.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

enum { ECHO_WINDOW = 256 /* sequence numbers that may still come back */ };

#define LOG_NS (60 * NS_PER_SEC)

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    bfd_session_read_echo(arg);
}

static void open_echo(struct bfd_session *s)
{
    struct mono now = mono_now();
    int fd = bfd_echo_open(s->seen_ifindex, s->local, s->key.peer);

    if (fd < 0) {
        if (log_limit_pass(&s->limit, now.ns, LOG_NS))
            log_warn("BFD cannot send echoes", F_S("peer", ip_format(s->key.peer).s),
                     F_S("cause", strerror(-fd)));
        return;
    }
    s->echo_fd = fd;
    s->echo_ifindex = s->seen_ifindex;
    (void)event_assign(&s->echo_event, s->engine->base, fd, EV_READ | EV_PERSIST, on_readable, s);
    (void)event_priority_set(&s->echo_event, 0); /* fails for an active event */
    (void)event_add(&s->echo_event, NULL);       /* fails only without memory */
}

void bfd_session_close_echo(struct bfd_session *s)
{
    if (s->echo_fd < 0)
        return;
    event_del(&s->echo_event);
    close(s->echo_fd);
    s->echo_fd = -1;
}

/* A multihop session never has echoes (RFC 5883 3), an IPv6 one not yet anybody to send it back. */
void bfd_session_update_echo(struct bfd_session *s)
{
    bool possible = s->fsm.state == BFD_UP && s->fsm.params.echo && !s->key.multihop &&
                    s->key.peer.family == IP_V4 && s->local.family == IP_V4;

    if (possible && s->echo_fd < 0 && s->seen_ifindex != 0)
        open_echo(s);
    if (possible)
        return;
    bfd_session_close_echo(s);
    bfd_fsm_set_echo_path(&s->fsm, mono_now(), false);
}

void bfd_session_send_echo(struct bfd_session *s)
{
    const struct bfd_echo echo = {.address = s->local,
                                  .ttl = BFD_TTL,
                                  .discriminator = s->fsm.discriminator,
                                  .sequence = s->echo_sequence++,
                                  .cookie = s->echo_cookie};
    uint8_t bytes[BFD_ECHO_LEN];

    if (s->echo_fd < 0)
        return;
    bfd_echo_write(bytes, &echo);
    /* One that is not sent does not come back, which is what echoes are for. */
    if (bfd_echo_send(s->echo_fd, s->echo_ifindex, s->echo_mac, bytes, sizeof(bytes)) >= 0)
        s->echo_out++;
}

static bool is_ours(const struct bfd_session *s, const struct bfd_echo *echo)
{
    return echo->discriminator == s->fsm.discriminator && echo->cookie == s->echo_cookie &&
           echo->ttl == BFD_ECHO_TTL_BACK && s->echo_sequence - echo->sequence - 1 < ECHO_WINDOW;
}

/* Only whoever knows both discriminators says where echoes go to. */
static void learn_mac(struct bfd_session *s, const uint8_t *packet, size_t len,
                      const uint8_t mac[ETH_ALEN])
{
    struct bfd_packet p;
    struct ip from;

    if (!bfd_control_read(&p, &from, packet, len) || !ip_eq(from, s->key.peer) ||
        p.your_discriminator != s->fsm.discriminator ||
        p.my_discriminator != s->fsm.remote.discriminator || (mac[0] & 1) != 0)
        return;
    memcpy(s->echo_mac, mac, ETH_ALEN);
    if (!s->fsm.echo_path) {
        struct mono now = mono_now();

        bfd_fsm_set_echo_path(&s->fsm, now, true);
        bfd_session_perform(s, now, 0);
    }
}

static void handle(struct bfd_session *s, const uint8_t *packet, size_t len,
                   const uint8_t mac[ETH_ALEN])
{
    struct bfd_echo echo;

    if (bfd_echo_read(&echo, packet, len) < 0) {
        learn_mac(s, packet, len, mac);
        return;
    }
    if (!is_ours(s, &echo)) {
        s->dropped++;
        s->engine->drops[BFD_DROP_ECHO]++;
        return;
    }
    s->echo_in++;
    bfd_fsm_echo_received(&s->fsm, mono_now());
}

void bfd_session_read_echo(struct bfd_session *s)
{
    uint8_t packet[BFD_ECHO_READ_MAX], mac[ETH_ALEN];

    for (int i = 0; i < BFD_BATCH && s->echo_fd >= 0; i++) {
        int n = bfd_echo_receive(s->echo_fd, packet, mac);

        if (n < 0)
            return;
        if (n > 0)
            handle(s, packet, (size_t)n, mac);
    }
}
