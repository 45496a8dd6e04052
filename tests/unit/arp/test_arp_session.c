/* SPDX-License-Identifier: Apache-2.0 */
/* The session over a socket pair: this file stands in for net/packet.c. */
#include "arp/arp_session.h"

#include "net/packet.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define OURS UINT32_C(0xc0000250)

static const uint8_t own[ETH_ALEN] = {2, 0, 0, 0, 0, 1};
static const uint8_t peer[ETH_ALEN] = {2, 0, 0, 0, 0, 2};

struct wire {
    int far;        /* the other end of the session's socket */
    int send_error; /* what the next sends return; 0: they send */
    int sends_before_error;
    int open_error;
};

static struct wire wire; /* shared with the stand-ins, which have no argument for it */

int packet_open(uint32_t ifindex, uint16_t ethertype, struct addr_filter *filter)
{
    int fds[2];

    (void)filter;
    assert_int_equal(ifindex, 7);
    assert_int_equal(ethertype, ETH_P_ARP);
    if (wire.open_error < 0)
        return wire.open_error;
    assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, fds), 0);
    wire.far = fds[1];
    return fds[0];
}

void packet_close(int fd, struct addr_filter *filter)
{
    (void)filter;
    if (fd >= 0)
        close(fd);
}

int packet_recv(int fd, uint8_t frame[PACKET_FRAME_MAX])
{
    ssize_t n = recv(fd, frame, PACKET_FRAME_MAX, 0);

    return n < 0 ? -errno : (int)n;
}

int packet_send(int fd, const uint8_t *frame, size_t len)
{
    if (wire.send_error < 0 && wire.sends_before_error-- <= 0)
        return wire.send_error;
    return send(fd, frame, len, 0) < 0 ? -errno : 0;
}

struct seen {
    unsigned sent, unsent, rivals;
    bool gives_up; /* the address, to a rival */
};

static enum arp_result claim(void *arg, struct ip target)
{
    const struct seen *seen = arg;

    return ip_to_v4(target) == OURS && !(seen->gives_up && seen->rivals > 0) ? ARP_ANSWER
                                                                             : ARP_DROP_ANNOUNCE_IP;
}

static void rival(void *arg, struct ip ip)
{
    struct seen *seen = arg;

    assert_int_equal(ip_to_v4(ip), OURS);
    seen->rivals++;
}

static void answered(void *arg, struct ip ip, bool sent)
{
    struct seen *seen = arg;

    assert_int_equal(ip_to_v4(ip), OURS);
    if (sent)
        seen->sent++;
    else
        seen->unsent++;
}

struct fixture {
    struct event_base *base;
    struct arp_session *session;
    struct seen seen;
};

static void set_up(struct fixture *f)
{
    struct arp_session_options o = {.name = "eth0", .ifindex = 7, .claim = claim};
    struct err err = {0};

    wire = (struct wire){0};
    *f = (struct fixture){.base = event_base_new()};
    o.base = f->base;
    o.answered = answered;
    o.rival = rival;
    o.arg = &f->seen;
    memcpy(o.mac, own, ETH_ALEN);
    assert_int_equal(arp_session_new(&f->session, &o, &err), 0);
}

static void tear_down(struct fixture *f)
{
    arp_session_free(f->session);
    event_base_free(f->base);
    close(wire.far);
}

static void ask(uint32_t target)
{
    struct arp_packet p = {.op = ARP_REQUEST, .target_ip = ip_v4(target), .sender_ip = ip_v4(9)};
    uint8_t frame[ARP_FRAME_LEN];

    memset(p.eth_to, 0xff, ETH_ALEN);
    memcpy(p.sender_mac, peer, ETH_ALEN);
    arp_write(frame, &p);
    assert_int_equal(send(wire.far, frame, sizeof(frame), 0), sizeof(frame));
}

static void answers_requests(void **state)
{
    struct fixture f;
    struct arp_packet p;
    uint8_t frame[256];

    (void)state;
    set_up(&f);
    ask(OURS);
    ask(OURS + 1);
    event_base_loop(f.base, EVLOOP_NONBLOCK);
    assert_int_equal(recv(wire.far, frame, sizeof(frame), 0), ARP_FRAME_LEN);
    assert_int_equal(arp_read(&p, frame, ARP_FRAME_LEN), 0);
    assert_int_equal(p.op, ARP_REPLY);
    assert_int_equal(ip_to_v4(p.sender_ip), OURS);
    assert_int_equal(recv(wire.far, frame, sizeof(frame), 0), -1);
    assert_int_equal(f.seen.sent, 1);
    assert_int_equal(arp_session_count(f.session, ARP_ANSWER), 1);
    assert_int_equal(arp_session_count(f.session, ARP_DROP_ANNOUNCE_IP), 1);
    assert_int_equal(arp_session_dropped(f.session), 1);
    tear_down(&f);
}

static void announce_rival(uint32_t target)
{
    struct arp_packet p = arp_gratuitous(peer, ip_v4(target), ARP_REQUEST);
    uint8_t frame[ARP_FRAME_LEN];

    arp_write(frame, &p);
    assert_int_equal(send(wire.far, frame, sizeof(frame), 0), sizeof(frame));
}

/* Whoever gives the address up because of the rival does not contradict it. */
static void tells_of_rivals(void **state)
{
    struct fixture f;

    (void)state;
    set_up(&f);
    ask(OURS);
    announce_rival(OURS + 1);
    event_base_loop(f.base, EVLOOP_NONBLOCK);
    assert_int_equal(f.seen.rivals, 0);
    announce_rival(OURS);
    event_base_loop(f.base, EVLOOP_NONBLOCK);
    assert_int_equal(f.seen.rivals, 1);
    assert_int_equal(f.seen.sent, 2);
    f.seen.gives_up = true;
    f.seen.rivals = 0;
    announce_rival(OURS);
    event_base_loop(f.base, EVLOOP_NONBLOCK);
    assert_int_equal(f.seen.rivals, 1);
    assert_int_equal(f.seen.sent, 2);
    tear_down(&f);
}

static void counts_what_it_could_not_send(void **state)
{
    struct fixture f;

    (void)state;
    set_up(&f);
    wire.send_error = -ENETDOWN;
    ask(OURS);
    event_base_loop(f.base, EVLOOP_NONBLOCK);
    assert_int_equal(f.seen.sent, 0);
    assert_int_equal(f.seen.unsent, 1);
    tear_down(&f);
}

/* One callback takes a bounded number of frames; the rest wait for the next one. */
static void reads_in_batches(void **state)
{
    struct fixture f;
    int rounds = 0;

    (void)state;
    set_up(&f);
    for (int i = 0; i < 9; i++)
        ask(OURS);
    while (arp_session_count(f.session, ARP_ANSWER) < 9 && rounds++ < 10)
        event_base_loop(f.base, EVLOOP_NONBLOCK);
    assert_int_equal(f.seen.sent, 9);
    tear_down(&f);
}

static void announces_in_two_frames(void **state)
{
    struct fixture f;
    struct arp_packet p;
    uint8_t frame[256];
    uint64_t frames = 0;

    (void)state;
    set_up(&f);
    assert_int_equal(arp_session_announce(f.session, ip_v4(OURS), &frames), 0);
    assert_int_equal(frames, 2);
    for (uint16_t op = ARP_REQUEST; op <= ARP_REPLY; op++) {
        assert_int_equal(recv(wire.far, frame, sizeof(frame), 0), ARP_FRAME_LEN);
        assert_int_equal(arp_read(&p, frame, ARP_FRAME_LEN), 0);
        assert_int_equal(p.op, op);
    }
    wire.send_error = -EAGAIN;
    assert_int_equal(arp_session_announce(f.session, ip_v4(OURS), &frames), -EAGAIN);
    assert_int_equal(frames, 2);
    wire.sends_before_error = 1;
    assert_int_equal(arp_session_announce(f.session, ip_v4(OURS), &frames), -EAGAIN);
    assert_int_equal(frames, 3);
    tear_down(&f);
}

static void says_why_it_cannot_open(void **state)
{
    struct arp_session *s = NULL;
    struct event_base *base = event_base_new();
    struct arp_session_options o = {.base = base, .name = "eth0", .ifindex = 7, .claim = claim};
    struct err err = {0};

    (void)state;
    wire = (struct wire){.open_error = -EPERM};
    assert_int_equal(arp_session_new(&s, &o, &err), -EPERM);
    assert_null(s);
    assert_string_equal(err_text(&err), "ARP socket on eth0: Operation not permitted");
    err_done(&err);
    event_base_free(base);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_requests),
        cmocka_unit_test(tells_of_rivals),
        cmocka_unit_test(counts_what_it_could_not_send),
        cmocka_unit_test(reads_in_batches),
        cmocka_unit_test(announces_in_two_frames),
        cmocka_unit_test(says_why_it_cannot_open),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
