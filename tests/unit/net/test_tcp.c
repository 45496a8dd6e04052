/* SPDX-License-Identifier: Apache-2.0 */
/* Over loopback, with real sockets. */
#include "net/tcp.h"

#include <errno.h>
#include <linux/in6.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <setjmp.h>

#include <cmocka.h>

enum { WAIT_MS = 10000, SHORT_MS = 200 };

static const struct {
    const char *name;
    const char *address;
} loopbacks[] = {{"IPv4", "127.0.0.1"}, {"IPv6", "::1"}};

static struct ip ip_of(const char *text)
{
    struct ip ip;

    assert_true(ip_parse(&ip, text));
    return ip;
}

/* On a port that the kernel chooses. Returns -1 where the family is not there. */
static int listen_at(const char *address, struct endpoint *ret)
{
    struct err err = {0};
    int fd = tcp_listen((struct endpoint){ip_of(address), 0}, NULL, &err);

    err_done(&err);
    if (fd >= 0)
        *ret = tcp_local(fd);
    return fd;
}

static bool wait_for(int fd, short events, int ms)
{
    struct pollfd p = {.fd = fd, .events = events};

    return poll(&p, 1, ms) == 1;
}

static int int_option(int fd, int level, int name)
{
    int value = -1;
    socklen_t len = sizeof(value);

    assert_int_equal(getsockopt(fd, level, name, &value, &len), 0);
    return value;
}

static const struct tcp_how plain = {.ttl = 1};

static void test_connect(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(loopbacks); i++) {
        struct endpoint at, from;
        struct err err = {0};
        uint32_t scope = 7;
        int listener = listen_at(loopbacks[i].address, &at), fd, conn;

        if (listener < 0) {
            print_message("# no %s here\n", loopbacks[i].name);
            continue;
        }
        assert_int_equal(tcp_accept(listener, &from, &scope), -EAGAIN);
        fd = tcp_dial(at, &plain, &err);
        assert_true(fd >= 0);
        assert_true(wait_for(fd, POLLOUT, WAIT_MS));
        assert_int_equal(tcp_dialled(fd), 0);
        assert_true(wait_for(listener, POLLIN, WAIT_MS));
        conn = tcp_accept(listener, &from, &scope);
        assert_true(conn >= 0);
        assert_int_equal(scope, 0);
        assert_true(ip_eq(from.ip, at.ip));
        assert_int_equal(from.port, tcp_local(fd).port);
        assert_int_equal(int_option(fd, IPPROTO_TCP, TCP_NODELAY), 1);
        assert_int_equal(int_option(conn, IPPROTO_TCP, TCP_NODELAY), 1);
        close(conn);
        close(fd);
        close(listener);
    }
}

static void test_options(void **state)
{
    struct endpoint at;
    struct err err = {0};
    struct tcp_how how = {.ttl = 255, .min_ttl = 254, .timeout_ms = 9000};
    int listener = listen_at("127.0.0.1", &at), fd = tcp_dial(at, &how, &err);

    (void)state;
    assert_true(fd >= 0);
    assert_int_equal(int_option(fd, IPPROTO_IP, IP_TTL), 255);
    assert_int_equal(int_option(fd, IPPROTO_IP, IP_MINTTL), 254);
    assert_int_equal(int_option(fd, IPPROTO_IP, IP_TOS), 0xc0);
    assert_int_equal(int_option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT), 9000);
    assert_int_equal(tcp_set_ttl(fd, 1, 0), 0);
    assert_int_equal(tcp_set_timeout(fd, 3000), 0);
    assert_int_equal(int_option(fd, IPPROTO_IP, IP_TTL), 1);
    assert_int_equal(int_option(fd, IPPROTO_IP, IP_MINTTL), 0);
    assert_int_equal(int_option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT), 3000);
    close(fd);
    close(listener);
}

static void test_refused(void **state)
{
    struct endpoint at;
    struct err err = {0};
    int listener = listen_at("127.0.0.1", &at), fd;

    (void)state;
    close(listener);
    fd = tcp_dial(at, &plain, &err);
    if (fd >= 0) {
        assert_true(wait_for(fd, POLLOUT, WAIT_MS));
        assert_int_equal(tcp_dialled(fd), -ECONNREFUSED);
        close(fd);
    } else {
        assert_int_equal(fd, -ECONNREFUSED);
    }
    err_done(&err);
}

static const struct {
    const char *name;
    const char *source, *to, *device;
    int code;
    const char *text;
} bad_dials[] = {
    {"a source that nobody has", "192.0.2.9", "127.0.0.1", NULL, -EADDRNOTAVAIL,
     "source address 192.0.2.9: no interface has it"},
    {"a source of the other family", "192.0.2.9", "::1", NULL, -EAFNOSUPPORT,
     "source address 192.0.2.9: not of the peer's family"},
};

static void test_bad_dials(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(bad_dials); i++) {
        struct tcp_how how = {.source = ip_of(bad_dials[i].source), .ttl = 1};
        struct err err = {0};
        int r = tcp_dial((struct endpoint){ip_of(bad_dials[i].to), 179}, &how, &err);

        if (r != bad_dials[i].code || strcmp(err_text(&err), bad_dials[i].text) != 0)
            fail_msg("%s: %d \"%s\"", bad_dials[i].name, r, err_text(&err));
        err_done(&err);
    }
}

static void test_source(void **state)
{
    struct endpoint at;
    struct err err = {0};
    struct tcp_how how = {.source = ip_of("127.0.0.9"), .ttl = 1};
    int listener = listen_at("127.0.0.1", &at), fd = tcp_dial(at, &how, &err);

    (void)state;
    assert_true(fd >= 0);
    assert_true(ip_eq(tcp_local(fd).ip, how.source));
    close(fd);
    close(listener);
}

static const struct {
    const char *name;
    const char *listener, *dialler;
    bool connects;
} md5_rows[] = {
    {"the same key", "secret", "secret", true},
    {"another key", "secret", "Secret", false},
    {"a key at the listener alone", "secret", "", false},
    {"a key at the dialler alone", "", "secret", false},
    {"no key", "", "", true},
};

static void test_md5(void **state)
{
    (void)state;
    if (!tcp_has_md5())
        skip();
    for (size_t i = 0; i < ARRAY_SIZE(md5_rows); i++) {
        struct tcp_how how = {.md5 = md5_rows[i].dialler, .ttl = 1};
        struct endpoint at;
        struct err err = {0};
        int listener = listen_at("127.0.0.1", &at), fd;
        bool connects;

        assert_int_equal(tcp_listen_md5(listener, at.ip, 0, md5_rows[i].listener), 0);
        fd = tcp_dial(at, &how, &err);
        assert_true(fd >= 0);
        connects = wait_for(fd, POLLOUT, md5_rows[i].connects ? WAIT_MS : SHORT_MS) &&
                   tcp_dialled(fd) == 0;
        if (connects != md5_rows[i].connects)
            fail_msg("%s", md5_rows[i].name);
        close(fd);
        close(listener);
    }
}

/* A key that was taken away is needed no longer. */
static void test_md5_taken_away(void **state)
{
    struct endpoint at;
    struct err err = {0};
    int listener, fd;

    (void)state;
    if (!tcp_has_md5())
        skip();
    listener = listen_at("127.0.0.1", &at);
    assert_int_equal(tcp_listen_md5(listener, at.ip, 0, "secret"), 0);
    assert_int_equal(tcp_listen_md5(listener, at.ip, 0, NULL), 0);
    assert_int_equal(tcp_listen_md5(listener, at.ip, 0, ""), 0);
    fd = tcp_dial(at, &plain, &err);
    assert_true(fd >= 0);
    assert_true(wait_for(fd, POLLOUT, WAIT_MS));
    assert_int_equal(tcp_dialled(fd), 0);
    close(fd);
    close(listener);
}

static void test_md5_key_too_long(void **state)
{
    char key[TCP_MD5_KEY_MAX + 2] = {0};
    struct endpoint at;
    int listener;

    (void)state;
    if (!tcp_has_md5())
        skip();
    listener = listen_at("127.0.0.1", &at);
    memset(key, 'k', sizeof(key) - 1);
    assert_int_equal(tcp_listen_md5(listener, at.ip, 0, key), -EINVAL);
    key[TCP_MD5_KEY_MAX] = '\0';
    assert_int_equal(tcp_listen_md5(listener, at.ip, 0, key), 0);
    close(listener);
}

/* An IPv6 listener leaves the port of IPv4 to another. */
static void test_families_apart(void **state)
{
    struct endpoint at;
    struct err err = {0};
    int v4 = listen_at("0.0.0.0", &at), v6;

    (void)state;
    v6 = tcp_listen((struct endpoint){ip_of("::"), at.port}, NULL, &err);
    if (v6 < 0 && err.code != -EAFNOSUPPORT)
        fail_msg("%s", err_text(&err));
    err_done(&err);
    if (v6 >= 0)
        close(v6);
    close(v4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_connect),        cmocka_unit_test(test_options),
        cmocka_unit_test(test_refused),        cmocka_unit_test(test_bad_dials),
        cmocka_unit_test(test_source),         cmocka_unit_test(test_md5),
        cmocka_unit_test(test_md5_taken_away), cmocka_unit_test(test_md5_key_too_long),
        cmocka_unit_test(test_families_apart),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
