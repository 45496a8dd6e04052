/* SPDX-License-Identifier: Apache-2.0 */
/* The classic programs, run by a small interpreter of the instructions that they use. */
#include "net/filter_prog.h"

#include <linux/if_packet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct ip ip(const char *text)
{
    struct ip ip = {0};

    assert_true(ip_parse(&ip, text));
    return ip;
}

/* As the kernel does: a load beyond the end drops the frame. */
static bool load(uint32_t *ret, const struct sock_filter *f, const uint8_t *frame, size_t len)
{
    size_t size = BPF_SIZE(f->code) == BPF_B ? 1 : BPF_SIZE(f->code) == BPF_H ? 2 : 4;

    *ret = 0;
    if (f->k > len || len - f->k < size)
        return false;
    for (size_t i = 0; i < size; i++)
        *ret = *ret << 8 | frame[f->k + i];
    return true;
}

static uint32_t run(const struct sock_filter *f, size_t count, const uint8_t *frame, size_t len,
                    uint32_t packet_type)
{
    uint32_t a = 0;

    for (size_t pc = 0; pc < count; pc++) {
        switch (f[pc].code) {
        case BPF_RET | BPF_K:
            return f[pc].k;
        case BPF_ALU | BPF_AND | BPF_K:
            a &= f[pc].k;
            break;
        case BPF_JMP | BPF_JEQ | BPF_K:
            pc += a == f[pc].k ? f[pc].jt : f[pc].jf;
            break;
        case BPF_LD | BPF_ABS | BPF_B:
        case BPF_LD | BPF_ABS | BPF_H:
        case BPF_LD | BPF_ABS | BPF_W:
            if (f[pc].k == (uint32_t)(SKF_AD_OFF + SKF_AD_PKTTYPE))
                a = packet_type;
            else if (!load(&a, &f[pc], frame, len))
                return 0;
            break;
        default:
            fail_msg("instruction %u is not one of ours", f[pc].code);
        }
    }
    fail_msg("ran off the end");
    return 0;
}

static size_t arp_frame(uint8_t frame[60], struct ip target)
{
    static const uint8_t head[22] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0,
                                     2,    8,    6,    0,    1,    8,    0, 6, 4, 0, 1};

    memset(frame, 0, 60);
    memcpy(frame, head, sizeof(head));
    for (int i = 0; i < 4; i++)
        frame[38 + i] = (uint8_t)(ip_to_v4(target) >> (24 - 8 * i));
    return 60;
}

static size_t nd_frame(uint8_t frame[86], struct ip target)
{
    memset(frame, 0, 86);
    frame[12] = 0x86;
    frame[13] = 0xdd;
    frame[20] = 58;
    frame[21] = 255;
    frame[54] = 135;
    ip_to_v6(target, frame + 62);
    return 86;
}

/* A claim of another node passes as a request does, any other type does not. */
static bool passes_nd_type(const struct sock_filter *f, size_t count, struct ip target,
                           uint8_t type)
{
    uint8_t frame[86];
    size_t len = nd_frame(frame, target);

    frame[54] = type;
    return run(f, count, frame, len, PACKET_MULTICAST) != 0;
}

static bool passes_arp(const struct sock_filter *f, size_t count, struct ip target)
{
    uint8_t frame[60];
    size_t len = arp_frame(frame, target);

    return run(f, count, frame, len, PACKET_BROADCAST) != 0;
}

static bool passes_nd(const struct sock_filter *f, size_t count, struct ip target)
{
    uint8_t frame[86];
    size_t len = nd_frame(frame, target);

    return run(f, count, frame, len, PACKET_MULTICAST) != 0;
}

static void passes_claims(void **state)
{
    struct sock_filter f[FILTER_CLASSIC_MAX];
    struct prefix p = prefix_of(ip("2001:db8::1"), 128);
    size_t count = filter_classic(f, FILTER_ND, &p, 1);

    (void)state;
    for (unsigned type = 0; type < 256; type++)
        assert_int_equal(passes_nd_type(f, count, p.addr, (uint8_t)type),
                         type == 135 || type == 136);
    assert_false(passes_nd_type(f, count, ip("2001:db8::2"), 136));
}

static void passes_only_the_set(void **state)
{
    struct prefix v4[FILTER_PREFIXES], v6[FILTER_PREFIXES];
    struct sock_filter f[FILTER_CLASSIC_MAX];
    struct ip next = ip("198.18.0.1"), next6 = ip("2001:db8::1");
    size_t count;

    (void)state;
    for (size_t i = 0; i < FILTER_PREFIXES; i++) {
        v4[i] = prefix_of(ip_v4(ip_to_v4(next) + (uint32_t)i * 77), 32);
        v6[i] = prefix_of(
            (struct ip){.hi = next6.hi + (i & 3), .lo = next6.lo << (2 * i), .family = IP_V6}, 128);
    }
    for (size_t n = 0; n <= FILTER_PREFIXES; n++) {
        count = filter_classic(f, FILTER_ARP, v4, n);
        for (size_t i = 0; i < FILTER_PREFIXES; i++) {
            assert_int_equal(passes_arp(f, count, v4[i].addr), i < n);
            assert_false(passes_arp(f, count, ip_v4(ip_to_v4(v4[i].addr) + 1)));
        }
        count = filter_classic(f, FILTER_ND, v6, n);
        for (size_t i = 0; i < FILTER_PREFIXES; i++) {
            struct ip near = v6[i].addr;

            assert_int_equal(passes_nd(f, count, near), i < n);
            near.lo ^= 1u << 20;
            near.hi ^= UINT64_C(1) << 40;
            assert_false(passes_nd(f, count, near));
        }
    }
}

static void masks_prefixes(void **state)
{
    static const struct {
        const char *prefix, *inside, *outside;
    } cases[] = {
        {"198.18.4.0/22", "198.18.7.255", "198.18.8.0"},
        {"0.0.0.0/0", "203.0.113.1", NULL},
        {"2001:db8:4::/46", "2001:db8:7:ffff::1", "2001:db8:8::1"},
        {"2001:db8::/64", "2001:db8::ffff:0:0:1", "2001:db8:0:1::1"},
        {"2001:db8::ff00/121", "2001:db8::ff7f", "2001:db8::ff80"},
        {"::/0", "2001:db8::1", NULL},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct sock_filter f[FILTER_CLASSIC_MAX];
        struct prefix p = {0};
        bool v4, in, out;
        size_t count;

        assert_true(prefix_parse(&p, cases[i].prefix));
        v4 = p.addr.family == IP_V4;
        count = filter_classic(f, v4 ? FILTER_ARP : FILTER_ND, &p, 1);
        in = (v4 ? passes_arp : passes_nd)(f, count, ip(cases[i].inside));
        out = cases[i].outside != NULL &&
              (v4 ? passes_arp : passes_nd)(f, count, ip(cases[i].outside));
        if (!in || out)
            fail_msg("%s: inside %d, outside %d", cases[i].prefix, in, out);
    }
}

static void wants_every_fixed_byte(void **state)
{
    static const uint8_t arp_at[] = {12, 13, 18, 19, 20, 21}, nd_at[] = {12, 13, 20, 21, 54};
    struct sock_filter f[FILTER_CLASSIC_MAX];
    struct prefix p = prefix_of(ip("198.18.0.1"), 32), q = prefix_of(ip("2001:db8::1"), 128);
    uint8_t arp[60], nd[86];
    size_t count = filter_classic(f, FILTER_ARP, &p, 1);

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(arp_at); i++) {
        size_t len = arp_frame(arp, p.addr);

        arp[arp_at[i]] ^= 4;
        assert_int_equal(run(f, count, arp, len, PACKET_BROADCAST), 0);
    }
    for (size_t len = 0; len < 42; len++) {
        arp_frame(arp, p.addr);
        assert_int_equal(run(f, count, arp, len, PACKET_BROADCAST), 0);
    }
    assert_int_not_equal(run(f, count, arp, 42, PACKET_BROADCAST), 0);
    assert_int_not_equal(run(f, count, arp, 42, PACKET_HOST), 0);
    assert_int_equal(run(f, count, arp, 42, PACKET_OTHERHOST), 0);

    count = filter_classic(f, FILTER_ND, &q, 1);
    for (size_t i = 0; i < ARRAY_SIZE(nd_at); i++) {
        size_t len = nd_frame(nd, q.addr);

        nd[nd_at[i]] ^= 4;
        assert_int_equal(run(f, count, nd, len, PACKET_MULTICAST), 0);
    }
    nd_frame(nd, q.addr);
    for (size_t len = 0; len < 78; len++)
        assert_int_equal(run(f, count, nd, len, PACKET_MULTICAST), 0);
    assert_int_not_equal(run(f, count, nd, 78, PACKET_HOST), 0);
    assert_int_equal(run(f, count, nd, 78, PACKET_OTHERHOST), 0);
}

static int cmp(const void *a, const void *b)
{
    return ip_cmp(*(const struct ip *)a, *(const struct ip *)b);
}

static bool covered(const struct prefix *p, size_t n, struct ip a)
{
    bool found = false;

    for (size_t i = 0; i < n && !found; i++)
        found = prefix_contains(p[i], a);
    return found;
}

static void covers_everything(void **state)
{
    enum { MANY = 200 };
    struct prefix p[FILTER_PREFIXES];
    struct ip ips[MANY];
    unsigned seed = 4711;

    (void)state;
    for (size_t count = 0; count <= MANY; count += count < 40 ? 1 : 23) {
        bool v4 = count % 2 == 0;
        size_t n;

        for (size_t i = 0; i < count; i++) {
            seed = seed * 1103515245 + 12345;
            ips[i] = v4 ? ip_v4(0xc6120000 | seed >> 16)
                        : (struct ip){.hi = seed >> 20, .lo = seed % 97, .family = IP_V6};
        }
        qsort(ips, count, sizeof(ips[0]), cmp);
        n = filter_cover(p, ips, count);
        assert_true(n <= FILTER_PREFIXES && (n > 0) == (count > 0));
        for (size_t i = 0; i < count; i++)
            assert_true(covered(p, n, ips[i]));
    }
}

static void covers_little_else(void **state)
{
    struct prefix p[FILTER_PREFIXES];
    struct ip ips[64];

    (void)state;
    /* Two tight pools, far apart: nothing between them is let through. */
    for (uint32_t i = 0; i < 32; i++) {
        ips[i] = ip_v4(0xc6120000 + i);
        ips[32 + i] = ip_v4(0xcb007100 + i);
    }
    assert_int_equal(filter_cover(p, ips, 64), FILTER_PREFIXES);
    assert_false(covered(p, FILTER_PREFIXES, ip_v4(0xc6120020)));
    assert_false(covered(p, FILTER_PREFIXES, ip_v4(0xc7000000)));
    assert_false(covered(p, FILTER_PREFIXES, ip_v4(0xcb007120)));
    assert_int_equal(filter_cover(p, ips, 3), 3);
    assert_int_equal(p[2].len, 32);
}

static void makes_keys(void **state)
{
    uint32_t key[FILTER_KEY_WORDS] = {0};

    (void)state;
    assert_int_equal(filter_key(key, ip("198.18.0.1")), 4);
    assert_int_equal(key[0], 0xc6120001);
    assert_int_equal(filter_key(key, ip("2001:db8:1:2:3:4:5:6")), 16);
    assert_int_equal(key[0], 0x20010db8);
    assert_int_equal(key[1], 0x00010002);
    assert_int_equal(key[2], 0x00030004);
    assert_int_equal(key[3], 0x00050006);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(passes_claims),     cmocka_unit_test(passes_only_the_set),
        cmocka_unit_test(masks_prefixes),    cmocka_unit_test(wants_every_fixed_byte),
        cmocka_unit_test(covers_everything), cmocka_unit_test(covers_little_else),
        cmocka_unit_test(makes_keys),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
