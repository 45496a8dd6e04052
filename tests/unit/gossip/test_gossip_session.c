/* SPDX-License-Identifier: Apache-2.0 */
/* Sessions on real sockets, each with a loopback address of its own, in one loop. */
#include "gossip/gossip_session.h"

#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "gossip_hex.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define MS NS_PER_MS
#define HOST UINT32_C(0x7f000010) /* 127.0.0.16, and so on */

enum { NODES = 4 };

/* A push/pull of somebody who knows nobody. */
#define HEX_EMPTY_PUSH_PULL "0683a44a6f696ec3a54e6f64657300ac5573657253746174654c656e00"

struct node {
    struct gossip_session *session;
    char name[8];
    bool sees[NODES];
    bool left;
};

struct fixture {
    struct event_base *base;
    struct gossip_profile profile;
    uint16_t port;
    struct node nodes[NODES];
};

static struct gossip_addr addr_of(const struct fixture *f, size_t i)
{
    return (struct gossip_addr){ip_v4(HOST + (uint32_t)i), f->port};
}

static void changed(void *arg, enum gossip_action_kind kind, const char *name,
                    struct gossip_addr addr)
{
    struct node *n = arg;

    assert_int_equal(name[0], 'n');
    assert_int_equal(ip_to_v4(addr.ip), HOST + (uint32_t)(name[1] - '0'));
    n->sees[name[1] - '0'] = kind == GOSSIP_TELL_JOIN;
}

static void left(void *arg)
{
    ((struct node *)arg)->left = true;
}

static int open_node(struct fixture *f, size_t i, const char *secret, struct err *err)
{
    struct node *n = &f->nodes[i];
    struct gossip_session_options o = {.base = f->base,
                                       .profile = f->profile,
                                       .name = n->name,
                                       .bind = addr_of(f, i),
                                       .secret = (const uint8_t *)secret,
                                       .secret_len = strlen(secret),
                                       .changed = changed,
                                       .left = left,
                                       .arg = n};

    snprintf(n->name, sizeof(n->name), "n%zu", i);
    return gossip_session_new(&n->session, &o, err);
}

static void start(struct fixture *f, size_t i, const char *secret)
{
    struct err err = {0};

    if (open_node(f, i, secret, &err) < 0)
        fail_msg("%s", err_text(&err));
}

/* A port that was free a moment ago. */
static uint16_t free_port(void)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(HOST)};
    socklen_t len = sizeof(a);
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    assert_int_equal(bind(fd, (struct sockaddr *)&a, len), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
    close(fd);
    return ntohs(a.sin_port);
}

/* Ten times as fast as on a LAN, so that the test does not wait. */
static void set_up(struct fixture *f)
{
    *f = (struct fixture){.base = event_base_new(), .profile = gossip_profile_lan()};
    log_set_level(LOG_ERROR);
    f->port = free_port();
    f->profile.probe_interval_ns = 100 * MS;
    f->profile.probe_timeout_ns = 50 * MS;
    f->profile.gossip_interval_ns = 20 * MS;
    f->profile.tcp_timeout_ns = 400 * MS;
}

static void tear_down(struct fixture *f)
{
    for (size_t i = 0; i < NODES; i++)
        gossip_session_free(f->nodes[i].session);
    event_base_free(f->base);
}

static void turn(struct fixture *f)
{
    const struct timeval tv = {.tv_usec = 5000};

    event_base_loopexit(f->base, &tv);
    event_base_dispatch(f->base);
}

/* Every session sees those that `who` has. */
static bool all_see(const struct fixture *f, unsigned who)
{
    for (size_t i = 0; i < NODES; i++) {
        for (size_t j = 0; f->nodes[i].session != NULL && j < NODES; j++) {
            if (f->nodes[i].sees[j] != ((who >> j & 1) != 0))
                return false;
        }
    }
    return true;
}

#define UNTIL(f, condition)                                                                        \
    do {                                                                                           \
        struct mono end_ = mono_add(mono_now(), 5 * NS_PER_SEC);                                   \
        while (!(condition)) {                                                                     \
            if (mono_before(end_, mono_now()))                                                     \
                fail_msg("not in time: %s", #condition);                                           \
            turn(f);                                                                               \
        }                                                                                          \
    } while (0)

static void join_all(struct fixture *f, size_t i)
{
    struct gossip_addr addrs[NODES];

    for (size_t j = 0; j < NODES; j++)
        addrs[j] = addr_of(f, j);
    assert_true(gossip_session_join(f->nodes[i].session, addrs, NODES));
}

static void joins_leaves_and_dies(void **state)
{
    struct fixture f;

    (void)state;
    set_up(&f);
    for (size_t i = 0; i < NODES; i++)
        start(&f, i, SECRET);
    assert_true(f.nodes[0].sees[0]); /* itself, at once */
    join_all(&f, 0);
    assert_false(gossip_session_join(f.nodes[0].session, NULL, 0)); /* it is under way */
    UNTIL(&f, all_see(&f, 0xf));

    gossip_session_leave(f.nodes[1].session);
    UNTIL(&f, f.nodes[1].left);
    f.nodes[1].session = gossip_session_free(f.nodes[1].session);
    UNTIL(&f, all_see(&f, 0xd));

    f.nodes[2].session = gossip_session_free(f.nodes[2].session); /* without farewell */
    UNTIL(&f, all_see(&f, 0x9));

    start(&f, 1, SECRET);
    start(&f, 2, SECRET);
    join_all(&f, 1);
    join_all(&f, 2);
    UNTIL(&f, all_see(&f, 0xf));
    tear_down(&f);
}

static void works_without_a_secret(void **state)
{
    struct fixture f;

    (void)state;
    set_up(&f);
    start(&f, 0, "");
    start(&f, 1, "");
    join_all(&f, 1);
    UNTIL(&f, all_see(&f, 0x3));
    tear_down(&f);
}

static void keeps_another_secret_out(void **state)
{
    struct fixture f;

    (void)state;
    set_up(&f);
    start(&f, 0, SECRET);
    start(&f, 1, SECRET "x");
    join_all(&f, 1);
    UNTIL(&f, gossip_dropped(gossip_session_state(f.nodes[0].session), GOSSIP_DROP_KEY) > 0);
    for (int i = 0; i < 40; i++)
        turn(&f);
    assert_false(f.nodes[0].sees[1]);
    assert_false(f.nodes[1].sees[0]);
    tear_down(&f);
}

static int dial(const struct fixture *f, size_t i)
{
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_port = htons(f->port),
                            .sin_addr.s_addr = htonl(HOST + (uint32_t)i)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
    return fd;
}

/* What comes back before the end of the stream. */
static size_t read_all(struct fixture *f, int fd, uint8_t *ret, size_t cap)
{
    struct mono end = mono_add(mono_now(), 5 * NS_PER_SEC);
    size_t len = 0;

    while (mono_before(mono_now(), end)) {
        ssize_t n = recv(fd, ret + len, cap - len, MSG_DONTWAIT);

        if (n == 0 || (n < 0 && errno != EAGAIN))
            return len;
        len += n > 0 ? (size_t)n : 0;
        turn(f);
    }
    fail_msg("the stream stays open");
    return 0;
}

static const struct {
    const char *name, *hex;
    int type; /* of the answer, -1: none */
} requests[] = {
    {"ping over TCP", "0082a44e6f6465a26e30a55365714e6f01", GOSSIP_ACK},
    {"ping for another node", "0082a44e6f6465a26e39a55365714e6f01", -1},
    {"push/pull", HEX_EMPTY_PUSH_PULL, GOSSIP_PUSH_PULL},
    {"encrypted", HEX_SEALED_FRAME_NEW, GOSSIP_ERROR},
    {"4 GiB to come", "0affffffff", GOSSIP_ERROR},
    {"malformed", "06c1", GOSSIP_ERROR},
    {"user message", "0881aa557365724d73674c656e03616263", -1},
    {"alive, which is no request", HEX_ALIVE, -1},
    {"unknown type", "63", -1},
    {"label", "f40161", -1},
    {"cut off, and silence", "0683", -1},
};

static void answers_requests(void **state)
{
    const struct gossip_keyring none = {0};
    const struct gossip_unwrap u = {.ring = &none};
    struct fixture f;

    (void)state;
    set_up(&f);
    start(&f, 0, "");
    for (size_t i = 0; i < ARRAY_SIZE(requests); i++) {
        uint8_t b[1024];
        size_t len = unhex(b, sizeof(b), requests[i].hex);
        int fd = dial(&f, 0);
        struct gossip_message m;

        assert_int_equal(send(fd, b, len, 0), len);
        len = read_all(&f, fd, b, sizeof(b));
        close(fd);
        if (requests[i].type < 0 && len > 0)
            fail_msg("%s: an answer", requests[i].name);
        if (requests[i].type < 0)
            continue;
        if (gossip_frame_open(&m, &u, (struct gossip_part){b, len}) != GOSSIP_OPENED ||
            m.type != requests[i].type)
            fail_msg("%s: not that answer", requests[i].name);
        gossip_message_done(&m);
    }
    assert_true(f.nodes[0].sees[0]);
    tear_down(&f);
}

/* A client that has shut down its side still gets its answer. */
static void answers_a_half_closed_stream(void **state)
{
    struct fixture f;
    uint8_t b[1024];
    int fd;

    (void)state;
    set_up(&f);
    start(&f, 0, "");
    fd = dial(&f, 0);
    assert_true(send(fd, b, unhex(b, sizeof(b), HEX_EMPTY_PUSH_PULL), 0) > 0);
    shutdown(fd, SHUT_WR);
    assert_true(read_all(&f, fd, b, sizeof(b)) > 0);
    close(fd);
    tear_down(&f);
}

static void bounds_connections(void **state)
{
    struct fixture f;
    int fds[140];
    unsigned refused = 0;
    uint8_t b;

    (void)state;
    set_up(&f);
    f.profile.tcp_timeout_ns = 10 * NS_PER_SEC;
    start(&f, 0, "");
    for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
        fds[i] = dial(&f, 0);
        turn(&f);
    }
    for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
        refused += recv(fds[i], &b, 1, MSG_DONTWAIT) == 0 ? 1 : 0;
    assert_int_equal(refused, 12);
    for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
        close(fds[i]);
    for (int i = 0; i < 20; i++)
        turn(&f);
    fds[0] = dial(&f, 0); /* there is room again */
    turn(&f);
    assert_int_equal(recv(fds[0], &b, 1, MSG_DONTWAIT), -1);
    close(fds[0]);
    tear_down(&f);
}

static void reports_what_it_cannot_bind(void **state)
{
    struct fixture f;
    struct err err = {0};
    struct gossip_session *first;

    (void)state;
    set_up(&f);
    start(&f, 0, "");
    first = f.nodes[0].session;
    assert_int_equal(open_node(&f, 0, "", &err), -EADDRINUSE);
    assert_non_null(strstr(err_text(&err), "gossip on UDP 127.0.0.16:"));
    err_done(&err);
    f.nodes[0].session = first;
    f.port = 0;
    assert_int_equal(open_node(&f, 1, "", &err), -EINVAL);
    err_done(&err);
    tear_down(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(joins_leaves_and_dies),        cmocka_unit_test(works_without_a_secret),
        cmocka_unit_test(keeps_another_secret_out),     cmocka_unit_test(answers_requests),
        cmocka_unit_test(answers_a_half_closed_stream), cmocka_unit_test(bounds_connections),
        cmocka_unit_test(reports_what_it_cannot_bind),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
