/* SPDX-License-Identifier: Apache-2.0 */
#include "bgp/bgp_next_hop.h"

#include "base/macro.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { LO = 1, BOTH, V4_ONLY, V6_ONLY, POINT, BARE, DOWN };
enum { ADDRESSES_MAX = 24, HOP_TEXT_MAX = 2 * IP_TEXT_MAX };

struct address_row {
    const char *ip;
    uint8_t prefix_len;
    uint32_t ifindex;
    bool unusable;
    const char *peer;
};

/* Interfaces of one host; two of them have the same link-local address, as VLANs do. */
static const struct address_row host[] = {
    {"127.0.0.1", 8, LO, false, NULL},
    {"::1", 128, LO, false, NULL},
    {"10.0.0.7", 32, LO, false, NULL},
    {"10.0.0.9", 32, LO, false, NULL},
    {"10.0.0.8", 32, LO, false, NULL},
    {"192.0.2.1", 24, BOTH, false, NULL},
    {"192.0.2.2", 24, BOTH, false, NULL},
    {"fd00:2::1", 64, BOTH, false, NULL},
    {"2001:db8:2::9", 64, BOTH, true, NULL},
    {"2001:db8:2::11", 64, BOTH, false, NULL},
    {"2001:db8:2::10", 64, BOTH, false, NULL},
    {"fe80::2", 64, BOTH, false, NULL},
    {"198.18.3.1", 24, V4_ONLY, false, NULL},
    {"fe80::34", 64, V4_ONLY, false, NULL},
    {"fe80::34", 64, V6_ONLY, false, NULL},
    {"2001:db8:4::1", 64, V6_ONLY, false, NULL},
    {"198.18.5.1", 32, POINT, false, "198.18.5.2"},
    {"2001:db8:5::1", 64, POINT, false, NULL},
    {"fe80::5", 64, POINT, true, NULL},
    {"198.18.6.1", 24, BARE, false, NULL},
    {"203.0.113.1", 24, DOWN, true, NULL},
    {"2001:db8:7::1", 64, DOWN, true, NULL},
};

static struct ip ip(const char *text)
{
    struct ip ip = {0};

    if (text != NULL)
        assert_true(ip_parse(&ip, text));
    return ip;
}

static size_t read_host(struct bgp_local_address ret[ADDRESSES_MAX])
{
    for (size_t i = 0; i < ARRAY_SIZE(host); i++)
        ret[i] = (struct bgp_local_address){.ip = ip(host[i].ip),
                                            .prefix_len = host[i].prefix_len,
                                            .ifindex = host[i].ifindex,
                                            .usable = !host[i].unusable,
                                            .peer = ip(host[i].peer)};
    return ARRAY_SIZE(host);
}

/* "192.0.2.1", "GLOBAL", "GLOBAL LINK-LOCAL", or "" for none. */
static void format(char ret[HOP_TEXT_MAX], const struct bgp_next_hop *h)
{
    struct rd r = rd_from(h->bytes, sizeof(h->bytes));

    switch (h->len) {
    case 0:
        ret[0] = '\0';
        break;
    case 4:
        snprintf(ret, HOP_TEXT_MAX, "%s", ip_format(ip_v4(rd_u32(&r))).s);
        break;
    case 16:
        snprintf(ret, HOP_TEXT_MAX, "%s", ip_format(ip_v6(h->bytes)).s);
        break;
    case 32:
        snprintf(ret, HOP_TEXT_MAX, "%s %s", ip_format(ip_v6(h->bytes)).s,
                 ip_format(ip_v6(h->bytes + 16)).s);
        break;
    default:
        fail_msg("next hop of %u bytes", h->len);
    }
}

enum { AGREED = 1, UNNUMBERED = 2 };

struct choice_row {
    const char *name, *local, *remote;
    unsigned flags;
    uint32_t ifindex;
    const char *node_v6;
    const char *want_v4, *want_v6;
};

/* The rows of F23, from the top. */
static const struct choice_row choices[] = {
    {"v4: the peer on the subnet", "192.0.2.1", "192.0.2.200", 0, 0, NULL, "192.0.2.1",
     "2001:db8:2::10 fe80::2"},
    {"v4: the peer behind a router", "192.0.2.1", "198.18.200.1", 0, 0, NULL, "192.0.2.1",
     "2001:db8:2::10"},
    {"v4: the Node names one of the interface", "192.0.2.1", "192.0.2.200", 0, 0, "fd00:2::1",
     "192.0.2.1", "fd00:2::1 fe80::2"},
    {"v4: the Node names one that is not usable", "192.0.2.1", "192.0.2.200", 0, 0, "2001:db8:2::9",
     "192.0.2.1", "2001:db8:2::10 fe80::2"},
    {"v4: RFC 8950 makes no difference", "192.0.2.1", "192.0.2.200", AGREED, 0, NULL, "192.0.2.1",
     "2001:db8:2::10 fe80::2"},
    {"v4: no global IPv6", "198.18.3.1", "198.18.3.200", 0, 0, NULL, "198.18.3.1", ""},
    {"v4: no global IPv6 but of the Node", "198.18.3.1", "198.18.3.200", 0, 0, "2001:db8:4::1",
     "198.18.3.1", "2001:db8:4::1 fe80::34"},
    {"v4: the Node's, the peer behind a router", "198.18.3.1", "198.18.200.1", 0, 0,
     "2001:db8:4::1", "198.18.3.1", "2001:db8:4::1"},
    {"v4: the Node's is not of this host", "198.18.3.1", "198.18.200.1", 0, 0, "2001:db8:99::1",
     "198.18.3.1", "2001:db8:99::1"},
    {"v4: the Node's is down", "198.18.3.1", "198.18.3.200", 0, 0, "2001:db8:7::1", "198.18.3.1",
     ""},
    {"v4: the Node's is link-local", "198.18.3.1", "198.18.3.200", 0, 0, "fe80::34", "198.18.3.1",
     ""},
    {"v4: named by its interface (F36)", "198.18.3.1", "198.18.3.200", UNNUMBERED, V4_ONLY, NULL,
     "198.18.3.1", "fe80::34 fe80::34"},
    {"v4: no IPv6 at all", "198.18.6.1", "198.18.6.2", 0, 0, NULL, "198.18.6.1", ""},
    {"v4: point to point, link-local tentative", "198.18.5.1", "198.18.5.2", 0, 0, NULL,
     "198.18.5.1", "2001:db8:5::1"},
    {"v4: the local end is gone", "192.0.2.77", "192.0.2.200", 0, 0, NULL, "192.0.2.77", ""},
    {"v4: within the host", "127.0.0.1", "127.0.0.1", 0, 0, NULL, "127.0.0.1", ""},

    {"v6: the peer on the subnet", "2001:db8:2::11", "2001:db8:2::200", 0, 0, NULL, "192.0.2.1",
     "2001:db8:2::11 fe80::2"},
    {"v6: the peer behind a router", "2001:db8:2::11", "2001:db8:99::1", 0, 0, NULL, "192.0.2.1",
     "2001:db8:2::11"},
    {"v6: the link-local one of that interface", "2001:db8:4::1", "2001:db8:4::2", 0, 0, NULL, "",
     "2001:db8:4::1 fe80::34"},
    {"v6: RFC 8950", "2001:db8:2::11", "2001:db8:2::200", AGREED, 0, NULL, "2001:db8:2::11 fe80::2",
     "2001:db8:2::11 fe80::2"},
    {"v6: RFC 8950 without IPv4", "2001:db8:4::1", "2001:db8:99::1", AGREED, 0, NULL,
     "2001:db8:4::1", "2001:db8:4::1"},
    {"v6: no IPv4", "2001:db8:4::1", "2001:db8:4::2", 0, 0, NULL, "", "2001:db8:4::1 fe80::34"},
    {"v6: within the host", "::1", "::1", 0, 0, "2001:db8:4::1", "10.0.0.7", "2001:db8:4::1"},
    {"v6: the local end is gone", "2001:db8:77::1", "2001:db8:77::2", 0, 0, NULL, "",
     "2001:db8:77::1"},

    {"link-local: with global", "fe80::2", "fe80::99", AGREED | UNNUMBERED, BOTH, NULL,
     "2001:db8:2::10 fe80::2", "2001:db8:2::10 fe80::2"},
    {"link-local: without global", "fe80::34", "fe80::99", AGREED | UNNUMBERED, V4_ONLY, NULL,
     "fe80::34 fe80::34", "fe80::34 fe80::34"},
    {"link-local: the same address elsewhere", "fe80::34", "fe80::99", AGREED | UNNUMBERED, V6_ONLY,
     NULL, "2001:db8:4::1 fe80::34", "2001:db8:4::1 fe80::34"},
    {"link-local: the Node's is of another one", "fe80::34", "fe80::99", AGREED | UNNUMBERED,
     V4_ONLY, "2001:db8:4::1", "fe80::34 fe80::34", "fe80::34 fe80::34"},
    {"link-local: not agreed", "fe80::34", "fe80::99", UNNUMBERED, V4_ONLY, NULL, "",
     "fe80::34 fe80::34"},
    {"link-local: not agreed, with IPv4", "fe80::2", "fe80::99", UNNUMBERED, BOTH, NULL, "",
     "2001:db8:2::10 fe80::2"},
};

static bool check_choice(const struct choice_row *c, const struct bgp_local_address *addresses,
                         size_t count)
{
    const struct bgp_ends ends = {.local = ip(c->local),
                                  .remote = ip(c->remote),
                                  .v4_over_v6 = (c->flags & AGREED) != 0,
                                  .unnumbered = (c->flags & UNNUMBERED) != 0,
                                  .ifindex = c->ifindex,
                                  .node_v6 = ip(c->node_v6)};
    const char *want[BGP_FAMILIES] = {[BGP_IPV4] = c->want_v4, [BGP_IPV6] = c->want_v6};
    struct bgp_next_hop got[BGP_FAMILIES];
    const char *why[BGP_FAMILIES];
    bool good = true;

    bgp_next_hop_choose(got, why, &ends, addresses, count);
    for (int i = 0; i < BGP_FAMILIES; i++) {
        char text[HOP_TEXT_MAX];

        format(text, &got[i]);
        if (strcmp(text, want[i]) != 0 || (why[i] == NULL) != (got[i].len > 0)) {
            print_error("%s: family %d: got \"%s\" (%s), want \"%s\"\n", c->name, i, text,
                        why[i] != NULL ? why[i] : "no reason", want[i]);
            good = false;
        }
    }
    return good;
}

static void chooses_next_hops(void **state)
{
    struct bgp_local_address addresses[ADDRESSES_MAX];
    size_t count = read_host(addresses);
    bool good = true;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(choices); i++)
        good = check_choice(&choices[i], addresses, count) && good;
    assert_true(good);
}

/* The kernel lists IPv6 addresses in another order after a restart. */
static void ipv6_does_not_depend_on_the_order(void **state)
{
    const struct bgp_ends ends = {.local = ip("192.0.2.1"), .remote = ip("192.0.2.200")};
    struct bgp_local_address addresses[ADDRESSES_MAX], turned[ADDRESSES_MAX];
    size_t count = read_host(addresses);
    struct bgp_next_hop a[BGP_FAMILIES], b[BGP_FAMILIES];
    const char *why[BGP_FAMILIES];

    (void)state;
    for (size_t i = 0; i < count; i++)
        turned[i] = addresses[count - 1 - i];
    bgp_next_hop_choose(a, why, &ends, addresses, count);
    bgp_next_hop_choose(b, why, &ends, turned, count);
    assert_int_equal(a[BGP_IPV6].len, 32);
    assert_memory_equal(&a[BGP_IPV6], &b[BGP_IPV6], sizeof(a[BGP_IPV6]));
}

/* What the prefix is about is the other end, not our own address. */
static void prefix_of_a_point_to_point_link(void **state)
{
    const struct bgp_local_address addresses[] = {
        {.ip = ip("198.18.5.1"),
         .prefix_len = 24,
         .ifindex = POINT,
         .usable = true,
         .peer = ip("203.0.113.1")},
        {.ip = ip("2001:db8:5::1"), .prefix_len = 64, .ifindex = POINT, .usable = true},
        {.ip = ip("fe80::5"), .prefix_len = 64, .ifindex = POINT, .usable = true},
    };
    static const struct {
        const char *remote, *want;
    } rows[] = {
        {"203.0.113.77", "2001:db8:5::1 fe80::5"},
        {"198.18.5.77", "2001:db8:5::1"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        const struct bgp_ends ends = {.local = ip("198.18.5.1"), .remote = ip(rows[i].remote)};
        struct bgp_next_hop hops[BGP_FAMILIES];
        const char *why[BGP_FAMILIES];
        char text[HOP_TEXT_MAX];

        bgp_next_hop_choose(hops, why, &ends, addresses, ARRAY_SIZE(addresses));
        format(text, &hops[BGP_IPV6]);
        assert_string_equal(text, rows[i].want);
    }
}

static const struct {
    const char *name;
    uint32_t loopback;
    const char *node_v4, *node;
    const char *want;
} ids[] = {
    {"highest of the loopback interface", LO, "192.0.2.1", "oak", "10.0.0.9"},
    {"of a VRF device, not usable", DOWN, NULL, "oak", "203.0.113.1"},
    {"of the Node", V6_ONLY, "192.0.2.1", "oak", "192.0.2.1"},
    {"of the Node, unspecified", V6_ONLY, "0.0.0.0", "123456789", "38.57.244.203"},
    {"the check value of CRC-32, 0xcbf43926", V6_ONLY, NULL, "123456789", "38.57.244.203"},
    {"a name", V6_ONLY, "2001:db8::1", "a", "67.190.183.232"}, /* 0xe8b7be43 */
    {"no name: CRC-32 is 0", V6_ONLY, NULL, "", "0.0.0.1"},
};

static void makes_router_ids(void **state)
{
    struct bgp_local_address addresses[ADDRESSES_MAX];
    size_t count = read_host(addresses);

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
        uint32_t id =
            bgp_router_id(ids[i].loopback, addresses, count, ip(ids[i].node_v4), ids[i].node);

        if (id != ip_to_v4(ip(ids[i].want)))
            fail_msg("%s: %s", ids[i].name, ip_format(ip_v4(id)).s);
    }
}

static void loopback_addresses_are_no_router_id(void **state)
{
    const struct bgp_local_address a = {.ip = ip("127.0.0.1"), .prefix_len = 8, .ifindex = LO};

    (void)state;
    assert_int_equal(bgp_router_id(LO, &a, 1, ip("192.0.2.1"), "oak"), ip_to_v4(ip("192.0.2.1")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chooses_next_hops),
        cmocka_unit_test(ipv6_does_not_depend_on_the_order),
        cmocka_unit_test(prefix_of_a_point_to_point_link),
        cmocka_unit_test(makes_router_ids),
        cmocka_unit_test(loopback_addresses_are_no_router_id),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
