/* SPDX-License-Identifier: Apache-2.0 */
/* ra.c on a socket pair that stands in for the ICMPv6 socket: ra_socket.c is not linked. */
#include "ra/ra.h"

#include "ra/ra_socket.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

enum { IFINDEX_MAX = 16 };

/* What the stand-ins below see and do; they are given nothing of the test. */
static struct {
    int other_end;
    int open_error;
    bool joined[IFINDEX_MAX];
    unsigned advertised[IFINDEX_MAX], solicited[IFINDEX_MAX];
    struct ra_packet last;
} wire;

int ra_socket_open(void)
{
    int fds[2];

    if (wire.open_error < 0)
        return wire.open_error;
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
    wire.other_end = fds[1];
    return fds[0];
}

int ra_socket_join(int fd, uint32_t ifindex)
{
    (void)fd;
    assert_false(wire.joined[ifindex]);
    wire.joined[ifindex] = true;
    return 0;
}

void ra_socket_leave(int fd, uint32_t ifindex)
{
    (void)fd;
    assert_true(wire.joined[ifindex]);
    wire.joined[ifindex] = false;
}

int ra_socket_send(int fd, const struct ra_packet *p, enum ra_kind kind)
{
    (void)fd;
    wire.last = *p;
    if (kind == RA_ADVERTISEMENT)
        wire.advertised[p->ifindex]++;
    else
        wire.solicited[p->ifindex]++;
    return 0;
}

int ra_socket_recv(int fd, struct ra_packet *ret)
{
    return read(fd, ret, sizeof(*ret)) < 0 ? -errno : 1;
}

struct bench {
    struct event_base *base;
    struct ra *ra;
    unsigned calls;
    char name[IFNAMSIZ];
    struct ip router;
};

static struct ip ip(const char *text)
{
    struct ip ip = {0};

    assert_true(ip_parse(&ip, text));
    return ip;
}

static void on_router(void *arg, const char *interface, struct ip router)
{
    struct bench *b = arg;

    b->calls++;
    memcpy(b->name, interface, strlen(interface) + 1);
    b->router = router;
}

static struct ra_interface interface_of(const char *name, uint32_t ifindex)
{
    struct ra_interface i = {.ifindex = ifindex, .mac = {2}, .up = true};

    memcpy(i.name, name, strlen(name) + 1);
    i.link_local = ip("fe80::1");
    return i;
}

static void begin(struct bench *b)
{
    struct err err = {0};

    memset(&wire, 0, sizeof(wire));
    *b = (struct bench){.base = event_base_new()};
    assert_int_equal(ra_new(&b->ra, b->base, on_router, b, &err), 0);
}

static void end(struct bench *b)
{
    ra_free(b->ra);
    event_base_free(b->base);
    close(wire.other_end);
}

/* What is due, without waiting. */
static void turn(struct bench *b)
{
    assert_true(event_base_loop(b->base, EVLOOP_NONBLOCK) >= 0);
}

static void begin_with(struct bench *b, const struct ra_interface *list, size_t count)
{
    begin(b);
    ra_set_interfaces(b->ra, list, count);
    turn(b);
}

static void send_from(struct bench *b, uint32_t ifindex, const char *from, uint8_t hop_limit)
{
    struct ra_packet p = {.ifindex = ifindex, .from = ip(from), .hop_limit = hop_limit};

    p.len = ra_write(p.bytes, RA_ADVERTISEMENT, NULL);
    assert_int_equal(write(wire.other_end, &p, sizeof(p)), sizeof(p));
    turn(b);
}

static void serves_interfaces_that_are_up(void **state)
{
    struct ra_interface list[] = {interface_of("eth0", 2), interface_of("eth1", 3),
                                  interface_of("eth2", 4), interface_of("eth3", 0)};
    struct bench b;

    (void)state;
    begin(&b);
    list[1].up = false;
    list[2].link_local = (struct ip){0};
    ra_set_interfaces(b.ra, list, ARRAY_SIZE(list));
    assert_int_equal(wire.advertised[2], 0); /* from the loop */
    turn(&b);
    assert_int_equal(wire.advertised[2], 1);
    assert_int_equal(wire.solicited[2], 1);
    assert_int_equal(wire.advertised[3] + wire.advertised[4] + wire.advertised[0], 0);
    assert_true(wire.joined[2]);
    assert_false(wire.joined[3] || wire.joined[4] || wire.joined[0]);
    assert_true(ip_eq(wire.last.from, ip("fe80::1")));

    list[1].up = true;
    ra_set_interfaces(b.ra, list, ARRAY_SIZE(list));
    turn(&b);
    assert_int_equal(wire.advertised[3], 1);
    assert_int_equal(wire.advertised[2], 1); /* undisturbed */
    assert_true(wire.joined[3]);
    end(&b);
}

static void writes_the_address_of_the_interface(void **state)
{
    struct ra_interface list[] = {interface_of("tun0", 2)};
    struct bench b;

    (void)state;
    memset(list[0].mac, 0, sizeof(list[0].mac));
    begin_with(&b, list, 1);
    assert_int_equal(wire.last.len, 8); /* the solicitation came last; without MAC option */
    list[0].mac[0] = 2;
    ra_set_interfaces(b.ra, list, 1); /* another MAC: quick ones again */
    turn(&b);
    assert_int_equal(wire.advertised[2], 2);
    assert_int_equal(wire.last.len, 16);
    end(&b);
}

static void reports_the_router(void **state)
{
    const struct ra_interface list[] = {interface_of("eth0", 2), interface_of("eth1", 3)};
    struct bench b;

    (void)state;
    begin_with(&b, list, ARRAY_SIZE(list));
    send_from(&b, 3, "fe80::99", RA_HOP_LIMIT);
    assert_int_equal(b.calls, 1);
    assert_string_equal(b.name, "eth1");
    assert_true(ip_eq(b.router, ip("fe80::99")));
    send_from(&b, 3, "fe80::99", RA_HOP_LIMIT);
    assert_int_equal(b.calls, 1); /* nothing new */
    assert_true(ip_eq(ra_router(b.ra, "eth1"), ip("fe80::99")));
    assert_int_equal(ra_router(b.ra, "eth0").family, IP_NONE);
    assert_int_equal(ra_router(b.ra, "eth9").family, IP_NONE);
    send_from(&b, 3, "fe80::98", 64);
    send_from(&b, 9, "fe80::98", RA_HOP_LIMIT); /* an interface that is not served */
    assert_int_equal(b.calls, 1);
    send_from(&b, 3, "fe80::98", RA_HOP_LIMIT);
    assert_int_equal(b.calls, 2);
    assert_true(ip_eq(b.router, ip("fe80::98")));
    end(&b);
}

static void an_interface_that_goes_down_has_no_router(void **state)
{
    struct ra_interface list[] = {interface_of("eth0", 2)};
    struct bench b;

    (void)state;
    begin_with(&b, list, 1);
    send_from(&b, 2, "fe80::99", RA_HOP_LIMIT);
    list[0].up = false;
    ra_set_interfaces(b.ra, list, 1);
    assert_int_equal(ra_router(b.ra, "eth0").family, IP_NONE); /* at once */
    assert_int_equal(b.calls, 1);                              /* never from inside a call */
    turn(&b);
    assert_int_equal(b.calls, 2);
    assert_int_equal(b.router.family, IP_NONE);
    assert_false(wire.joined[2]);
    assert_int_equal(wire.advertised[2], 1);
    end(&b);
}

static void an_interface_that_was_made_anew(void **state)
{
    struct ra_interface list[] = {interface_of("eth0", 2)};
    struct bench b;

    (void)state;
    begin_with(&b, list, 1);
    send_from(&b, 2, "fe80::99", RA_HOP_LIMIT);
    list[0].ifindex = 5;
    ra_set_interfaces(b.ra, list, 1);
    turn(&b);
    assert_int_equal(b.calls, 2);
    assert_int_equal(b.router.family, IP_NONE);
    assert_false(wire.joined[2]);
    assert_true(wire.joined[5]);
    assert_int_equal(wire.advertised[5], 1);
    end(&b);
}

static void says_farewell(void **state)
{
    const struct ra_interface list[] = {interface_of("eth0", 2), interface_of("eth1", 3)};
    struct bench b;

    (void)state;
    begin_with(&b, list, 2);
    send_from(&b, 3, "fe80::99", RA_HOP_LIMIT);
    ra_set_interfaces(b.ra, list, 1);
    assert_int_equal(wire.advertised[3], 2);
    assert_false(wire.joined[3]);
    turn(&b);
    assert_int_equal(b.calls, 1); /* nothing more is told about it */
    end(&b);
    assert_int_equal(wire.advertised[2], 2);
    assert_false(wire.joined[2]);
}

static void tells_why_it_cannot_start(void **state)
{
    struct event_base *base = event_base_new();
    struct err err = {0};
    struct ra *ra = NULL;

    (void)state;
    memset(&wire, 0, sizeof(wire));
    wire.open_error = -EPERM;
    assert_int_equal(ra_new(&ra, base, on_router, NULL, &err), -EPERM);
    assert_null(ra);
    assert_string_equal(err_text(&err),
                        "socket for router advertisements: Operation not permitted");
    err_done(&err);
    event_base_free(base);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(serves_interfaces_that_are_up),
        cmocka_unit_test(writes_the_address_of_the_interface),
        cmocka_unit_test(reports_the_router),
        cmocka_unit_test(an_interface_that_goes_down_has_no_router),
        cmocka_unit_test(an_interface_that_was_made_anew),
        cmocka_unit_test(says_farewell),
        cmocka_unit_test(tells_why_it_cannot_start),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
