/* SPDX-License-Identifier: Apache-2.0 */
#include "net/endpoint.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const struct {
    const char *ip, *text;
    uint16_t port;
    sa_family_t family;
    socklen_t len;
} endpoints[] = {
    {"198.18.0.1", "198.18.0.1:7946", 7946, AF_INET, sizeof(struct sockaddr_in)},
    {"0.0.0.0", "0.0.0.0:0", 0, AF_INET, sizeof(struct sockaddr_in)},
    {"2001:db8::1", "[2001:db8::1]:65535", 65535, AF_INET6, sizeof(struct sockaddr_in6)},
    {"2001:db8:1111:2222:3333:4444:5555:6666", "[2001:db8:1111:2222:3333:4444:5555:6666]:65535",
     65535, AF_INET6, sizeof(struct sockaddr_in6)},
};

static void test_there_and_back(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(endpoints) / sizeof(endpoints[0]); i++) {
        struct endpoint e = {.port = endpoints[i].port}, back;
        struct sockaddr_storage a;
        socklen_t len;

        assert_true(ip_parse(&e.ip, endpoints[i].ip));
        assert_string_equal(endpoint_format(e).s, endpoints[i].text);
        a = endpoint_to_sockaddr(e, &len);
        back = endpoint_from_sockaddr(&a);
        if (a.ss_family != endpoints[i].family || len != endpoints[i].len ||
            !ip_eq(back.ip, e.ip) || back.port != e.port)
            fail_msg("%s", endpoints[i].text);
    }
}

static void test_bind(void **state)
{
    struct endpoint e = {ip_v4(INADDR_LOOPBACK), 0};
    struct sockaddr_storage at = {0};
    socklen_t len = sizeof(at);
    int fd = endpoint_bind(e, SOCK_DGRAM);

    (void)state;
    assert_true(fd >= 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
    e = endpoint_from_sockaddr(&at);
    assert_int_equal(endpoint_bind(e, SOCK_DGRAM), -EADDRINUSE);
    close(fd);
    assert_int_equal(endpoint_bind((struct endpoint){ip_v4(UINT32_C(0xc0000201)), 1}, SOCK_STREAM),
                     -EADDRNOTAVAIL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_there_and_back),
        cmocka_unit_test(test_bind),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
