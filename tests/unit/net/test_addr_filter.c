/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The filter on a socket pair: the kernel runs it on datagrams as it does on frames. This tests
 * whichever modes this machine allows; all of them must let the addresses through.
 */
#include "net/addr_filter.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define POOL UINT32_C(0xc6120000) /* 198.18.0.0 */
enum { MANY = 300 };

static struct ip address(enum filter_kind kind, uint32_t i)
{
    if (kind == FILTER_ARP)
        return ip_v4(POOL + i * 2);
    return (struct ip){.hi = UINT64_C(0x20010db8) << 32, .lo = i * 2, .family = IP_V6};
}

static struct ip neighbour(struct ip a)
{
    a.lo++;
    return a;
}

static size_t ask(uint8_t frame[86], enum filter_kind kind, struct ip target)
{
    memset(frame, 0, 86);
    if (kind == FILTER_ARP) {
        frame[12] = 8;
        frame[13] = 6;
        frame[18] = 6;
        frame[19] = 4;
        frame[21] = 1;
        for (int i = 0; i < 4; i++)
            frame[38 + i] = (uint8_t)(ip_to_v4(target) >> (24 - 8 * i));
        return 60;
    }
    frame[12] = 0x86;
    frame[13] = 0xdd;
    frame[20] = 58;
    frame[21] = 255;
    frame[54] = 135;
    ip_to_v6(target, frame + 62);
    return 86;
}

static bool passes(const int fds[2], enum filter_kind kind, struct ip target)
{
    uint8_t frame[86], got[128];
    size_t len = ask(frame, kind, target);
    ssize_t n;

    (void)send(fds[1], frame, len, 0); /* one that is filtered out counts as sent */
    n = recv(fds[0], got, sizeof(got), 0);
    if (n < 0)
        return false;
    assert_int_equal(n, len);
    assert_memory_equal(got, frame, len);
    return true;
}

static void follows(struct addr_filter *f, const int fds[2], enum filter_kind kind, uint32_t count)
{
    struct ip ips[MANY] = {0};

    for (uint32_t i = 0; i < count; i++)
        ips[i] = address(kind, count - 1 - i);
    addr_filter_set(f, ips, count);
    for (uint32_t i = 0; i < count; i++) {
        if (!passes(fds, kind, ips[i]))
            fail_msg("kind %d: address %u of %u does not pass", kind, i, count);
        if (addr_filter_mode(f) != ADDR_FILTER_COVER && passes(fds, kind, neighbour(ips[i])))
            fail_msg("kind %d: the neighbour of %u of %u passes", kind, i, count);
    }
    assert_false(passes(fds, kind, address(kind, MANY * 4)));
    if (addr_filter_mode(f) != ADDR_FILTER_COVER)
        assert_false(passes(fds, kind, address(kind, count)));
}

static void follows_the_set(void **state)
{
    static const uint32_t counts[] = {0, 1, 32, 33, 100, 20, 299, 300, 40, 32, 0, 5};

    (void)state;
    for (int kind = FILTER_ARP; kind <= FILTER_ND; kind++) {
        struct addr_filter *f = addr_filter_new((enum filter_kind)kind);
        int fds[2];

        assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, fds), 0);
        assert_int_equal(addr_filter_attach(f, fds[0]), 0);
        for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++)
            follows(f, fds, (enum filter_kind)kind, counts[i]);
        addr_filter_detach(f, fds[0]);
        close(fds[0]);
        close(fds[1]);
        addr_filter_free(f);
    }
}

/* One address at a time, up through all modes and down again. */
static void follows_one_by_one(void **state)
{
    (void)state;
    for (int kind = FILTER_ARP; kind <= FILTER_ND; kind++) {
        struct addr_filter *f = addr_filter_new((enum filter_kind)kind);
        int fds[2];

        assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, fds), 0);
        assert_int_equal(addr_filter_attach(f, fds[0]), 0);
        for (uint32_t i = 0; i < MANY; i++) {
            struct ip a = address((enum filter_kind)kind, i * 7 % MANY); /* 7: in no order */

            assert_false(addr_filter_mode(f) != ADDR_FILTER_COVER &&
                         passes(fds, (enum filter_kind)kind, a));
            addr_filter_add(f, a);
            addr_filter_add(f, a);
            addr_filter_add(f, kind == FILTER_ARP ? address(FILTER_ND, 1) : address(FILTER_ARP, 1));
            assert_true(passes(fds, (enum filter_kind)kind, a));
        }
        for (uint32_t i = 0; i < MANY; i++) {
            struct ip a = address((enum filter_kind)kind, i * 11 % MANY);

            assert_true(passes(fds, (enum filter_kind)kind, a));
            addr_filter_del(f, a);
            addr_filter_del(f, a);
            addr_filter_del(f, neighbour(a));
            assert_false(addr_filter_mode(f) != ADDR_FILTER_COVER &&
                         passes(fds, (enum filter_kind)kind, a));
        }
        addr_filter_detach(f, fds[0]);
        close(fds[0]);
        close(fds[1]);
        addr_filter_free(f);
    }
}

static void serves_several_sockets(void **state)
{
    struct addr_filter *f = addr_filter_new(FILTER_ARP);
    const struct ip set[] = {ip_v4(POOL), ip_v4(POOL), {.lo = 1, .family = IP_V6}};
    int a[2], b[2];

    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, a), 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, b), 0);
    assert_int_equal(addr_filter_attach(f, a[0]), 0);
    addr_filter_set(f, set, 3);
    assert_int_equal(addr_filter_attach(f, b[0]), 0);
    assert_true(passes(a, FILTER_ARP, set[0]));
    assert_true(passes(b, FILTER_ARP, set[0]));

    addr_filter_detach(f, a[0]); /* keeps what it had */
    addr_filter_set(f, NULL, 0);
    assert_true(passes(a, FILTER_ARP, set[0]));
    assert_false(passes(b, FILTER_ARP, set[0]));
    addr_filter_detach(f, a[0]);
    addr_filter_detach(f, b[0]);
    assert_true(addr_filter_attach(f, -1) < 0);
    for (int i = 0; i < 2; i++) {
        close(a[i]);
        close(b[i]);
    }
    addr_filter_free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(follows_the_set),
        cmocka_unit_test(follows_one_by_one),
        cmocka_unit_test(serves_several_sockets),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
