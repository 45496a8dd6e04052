/* SPDX-License-Identifier: Apache-2.0 */
/* The session over a socket pair: this file stands in for net/packet.c and ndp/ndp_groups.c. */
#include "ndp/ndp_session.h"

#include "ndp/ndp_groups.h"
#include "net/packet.h"

#include "frames.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

struct wire {
    int far; /* the other end of the session's socket */
    int send_error;
    int joined;
};

static struct wire wire; /* shared with the stand-ins, which have no argument for it */

int packet_open(uint32_t ifindex, uint16_t ethertype, struct addr_filter *filter)
{
    int fds[2];

    (void)filter;
    assert_int_equal(ifindex, 7);
    assert_int_equal(ethertype, ETH_P_IPV6);
    assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, fds), 0);
    wire.far = fds[1];
    return fds[0];
}

void packet_close(int fd, struct addr_filter *filter)
{
    (void)filter;
    close(fd);
}

int packet_recv(int fd, uint8_t frame[PACKET_FRAME_MAX])
{
    ssize_t n = recv(fd, frame, PACKET_FRAME_MAX, 0);

    return n < 0 ? -errno : (int)n;
}

int packet_send(int fd, const uint8_t *frame, size_t len)
{
    if (wire.send_error < 0)
        return wire.send_error;
    return send(fd, frame, len, 0) < 0 ? -errno : 0;
}

struct ndp_groups {
    uint32_t ifindex;
};

struct ndp_groups *ndp_groups_new(uint32_t ifindex)
{
    struct ndp_groups *g = calloc(1, sizeof(*g));

    assert_non_null(g);
    g->ifindex = ifindex;
    return g;
}

struct ndp_groups *ndp_groups_free(struct ndp_groups *g)
{
    free(g);
    return NULL;
}

int ndp_groups_join(struct ndp_groups *g, struct ip ip)
{
    (void)g;
    (void)ip;
    wire.joined++;
    return 0;
}

void ndp_groups_leave(struct ndp_groups *g, struct ip ip)
{
    (void)g;
    (void)ip;
    wire.joined--;
}

static enum ndp_result claim(void *arg, struct ip target)
{
    struct ip ours = {0};

    (void)arg;
    assert_true(ip_parse(&ours, "2001:db8::80"));
    return ip_eq(target, ours) ? NDP_ANSWER : NDP_DROP_ANNOUNCE_IP;
}

static void answered(void *arg, struct ip ip, bool sent)
{
    int *counts = arg;

    (void)ip;
    counts[sent]++;
}

static void rival(void *arg, struct ip ip)
{
    unsigned *rivals = arg;

    assert_int_equal(claim(NULL, ip), NDP_ANSWER);
    (*rivals)++;
}

/* Only unsolicited advertisements of others, for an address of ours. */
static void tells_of_rivals(void **state)
{
    unsigned rivals = 0;
    struct ndp_session_options o = {.base = event_base_new(),
                                    .name = "eth0",
                                    .ifindex = 7,
                                    .mac = {2, 0, 0, 0, 0, 9},
                                    .claim = claim,
                                    .rival = rival,
                                    .arg = &rivals};
    struct ndp_session *s = NULL;
    struct err err = {0};

    (void)state;
    wire = (struct wire){0};
    assert_true(ip_parse(&o.link_local, "fe80::9"));
    assert_int_equal(ndp_session_new(&s, &o, &err), 0);
    assert_int_equal(send(wire.far, solicited_advert_frame, NDP_ADVERT_LEN, 0), NDP_ADVERT_LEN);
    event_base_loop(o.base, EVLOOP_NONBLOCK);
    assert_int_equal(rivals, 0);
    assert_int_equal(send(wire.far, unsolicited_advert_frame, NDP_ADVERT_LEN, 0), NDP_ADVERT_LEN);
    event_base_loop(o.base, EVLOOP_NONBLOCK);
    assert_int_equal(rivals, 1);
    ndp_session_free(s);
    close(wire.far);
    event_base_free(o.base);
}

static void serves(void **state)
{
    int counts[2] = {0};
    struct ndp_session_options o = {
        .base = event_base_new(),
        .name = "eth0",
        .ifindex = 7,
        .mac = {2, 0, 0, 0, 0, 1},
        .claim = claim,
        .answered = answered,
        .arg = counts,
    };
    struct ndp_session *s = NULL;
    struct err err = {0};
    uint8_t frame[256];
    uint64_t frames = 0;
    struct ip ours = {0};

    (void)state;
    wire = (struct wire){0};
    assert_true(ip_parse(&ours, "2001:db8::80"));
    assert_true(ip_parse(&o.link_local, "fe80::1"));
    assert_int_equal(ndp_session_new(&s, &o, &err), 0);
    ndp_session_join(s, ours);
    assert_int_equal(wire.joined, 1);
    ndp_session_leave(s, ours);
    assert_int_equal(wire.joined, 0);

    assert_int_equal(send(wire.far, solicit_frame, sizeof(solicit_frame), 0), 86);
    assert_int_equal(send(wire.far, solicit_frame, 85, 0), 85);
    event_base_loop(o.base, EVLOOP_NONBLOCK);
    assert_int_equal(recv(wire.far, frame, sizeof(frame), 0), NDP_ADVERT_LEN);
    assert_memory_equal(frame, solicited_advert_frame, NDP_ADVERT_LEN);
    assert_int_equal(recv(wire.far, frame, sizeof(frame), 0), -1);
    assert_int_equal(ndp_session_count(s, NDP_ANSWER), 1);
    assert_int_equal(ndp_session_count(s, NDP_DROP_MALFORMED), 1);
    assert_int_equal(ndp_session_dropped(s), 1);

    assert_int_equal(ndp_session_announce(s, ours, &frames), 0);
    assert_int_equal(recv(wire.far, frame, sizeof(frame), 0), NDP_ADVERT_LEN);
    assert_memory_equal(frame, unsolicited_advert_frame, NDP_ADVERT_LEN);
    wire.send_error = -ENOBUFS;
    assert_int_equal(ndp_session_announce(s, ours, &frames), -ENOBUFS);
    assert_int_equal(frames, 1);
    assert_int_equal(send(wire.far, solicit_frame, sizeof(solicit_frame), 0), 86);
    event_base_loop(o.base, EVLOOP_NONBLOCK);
    assert_int_equal(counts[true], 1);
    assert_int_equal(counts[false], 1);

    ndp_session_free(s);
    close(wire.far);
    event_base_free(o.base);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(serves),
        cmocka_unit_test(tells_of_rivals),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
