/* SPDX-License-Identifier: Apache-2.0 */
#include "gossip/gossip_wire.h"

#include "gossip_hex.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const struct gossip_vsn metallb = {6, 1, 5, 2, 0, 0, 0};

static struct gossip_addr addr(uint32_t host)
{
    return (struct gossip_addr){ip_v4(UINT32_C(0x0a000000) | host), 7946};
}

/* Reads the body after the type byte with `read`, into `ret`. */
#define DECODE(read, ret, bytes, len)                                                              \
    ({                                                                                             \
        struct rd r_ = rd_from((bytes), (len));                                                    \
        rd_skip(&r_, 1);                                                                           \
        read((ret), &r_);                                                                          \
    })

static void expect_bytes(const struct wr *w, const char *hex)
{
    uint8_t want[512];
    size_t len = unhex(want, sizeof(want), hex);

    assert_false(w->bad);
    assert_int_equal(w->len, len);
    assert_memory_equal(w->start, want, len);
}

static void writes_what_memberlist_writes(void **state)
{
    uint8_t bytes[512];
    const struct gossip_ping ping = {1, {"n2"}, addr(1), {"n1"}};
    const struct gossip_ping bare = {.seq = 300, .node = {"n2"}};
    const struct gossip_indirect_ping indirect = {1, addr(2), {"n2"}, true, addr(1), {"n1"}};
    const struct gossip_accusation suspect = {1, {"n2"}, {"n1"}}, dead = {1, {"n2"}, {"n2"}};
    const struct gossip_record n1 = {
        .name = {"n1"}, .addr = addr(1), .incarnation = 1, .vsn = metallb};
    struct wr w;

    (void)state;
#define EXPECT(hex, write)                                                                         \
    do {                                                                                           \
        w = wr_to(bytes, sizeof(bytes));                                                           \
        write;                                                                                     \
        expect_bytes(&w, hex);                                                                     \
    } while (0)
    EXPECT(HEX_PING, gossip_write_ping(&w, &ping));
    EXPECT(HEX_PING_BARE, gossip_write_ping(&w, &bare));
    EXPECT(HEX_ACK, gossip_write_ack(&w, 1));
    EXPECT(HEX_NACK, gossip_write_nack(&w, 200));
    EXPECT(HEX_INDIRECT, gossip_write_indirect_ping(&w, &indirect));
    EXPECT(HEX_SUSPECT, gossip_write_accusation(&w, GOSSIP_SUSPECT, &suspect));
    EXPECT(HEX_DEAD, gossip_write_accusation(&w, GOSSIP_DEAD, &dead));
    EXPECT(HEX_ALIVE, gossip_write_alive(&w, &n1));
    EXPECT(HEX_STATE, gossip_write_state(&w, &n1));
    EXPECT("06" HEX_HEADER_LARGE,
           gossip_write_header(&w, &(struct gossip_header){.nodes = 200, .user_len = 70000}));
    EXPECT(HEX_ERROR, gossip_write_error(&w, "boom"));
#undef EXPECT
}

static void reads_what_memberlist_writes(void **state)
{
    uint8_t b[512];
    struct gossip_ping ping;
    struct gossip_indirect_ping indirect;
    struct gossip_accusation a;
    struct gossip_record n1;
    struct gossip_header h;
    struct gossip_error error;
    uint32_t seq;

    (void)state;
    assert_int_equal(DECODE(gossip_read_ping, &ping, b, unhex(b, sizeof(b), HEX_PING)), 0);
    assert_int_equal(ping.seq, 1);
    assert_string_equal(ping.node.s, "n2");
    assert_true(gossip_addr_eq(ping.source, addr(1)));
    assert_string_equal(ping.source_node.s, "n1");
    assert_int_equal(DECODE(gossip_read_ping, &ping, b, unhex(b, sizeof(b), HEX_PING_BARE)), 0);
    assert_int_equal(ping.seq, 300);
    assert_int_equal(ping.source.ip.family, IP_NONE);
    assert_int_equal(DECODE(gossip_read_seq, &seq, b, unhex(b, sizeof(b), HEX_ACK)), 0);
    assert_int_equal(seq, 1);
    assert_int_equal(DECODE(gossip_read_seq, &seq, b, unhex(b, sizeof(b), HEX_NACK)), 0);
    assert_int_equal(seq, 200);
    assert_int_equal(
        DECODE(gossip_read_indirect_ping, &indirect, b, unhex(b, sizeof(b), HEX_INDIRECT)), 0);
    assert_true(gossip_addr_eq(indirect.target, addr(2)));
    assert_true(gossip_addr_eq(indirect.source, addr(1)));
    assert_true(indirect.nack);
    assert_int_equal(DECODE(gossip_read_accusation, &a, b, unhex(b, sizeof(b), HEX_SUSPECT)), 0);
    assert_string_equal(a.node.s, "n2");
    assert_string_equal(a.from.s, "n1");
    assert_int_equal(a.incarnation, 1);
    assert_int_equal(DECODE(gossip_read_alive, &n1, b, unhex(b, sizeof(b), HEX_ALIVE)), 0);
    assert_string_equal(n1.name.s, "n1");
    assert_true(gossip_addr_eq(n1.addr, addr(1)));
    assert_int_equal(n1.vsn.len, 6);
    assert_int_equal(n1.vsn.pmax, 5);
    assert_int_equal(n1.meta.len, 0);
    assert_int_equal(DECODE(gossip_read_header, &h, b, unhex(b, sizeof(b), "06" HEX_HEADER_LARGE)),
                     0);
    assert_int_equal(h.nodes, 200);
    assert_int_equal(h.user_len, 70000);
    assert_false(h.join);
    assert_int_equal(DECODE(gossip_read_error, &error, b, unhex(b, sizeof(b), HEX_ERROR)), 0);
    assert_string_equal(error.s, "boom");
}

/* Other encodings of the same values, as a liberal reader takes them (spec speaker-l2 6.2). */
static const struct {
    const char *name, *hex;
    int want;
    uint32_t seq;
} encodings[] = {
    {"keys in another order", "0082a55365714e6f05a44e6f6465a26e32", 0, 5},
    {"unknown key with a nested value", "0083a158928101c0a0a55365714e6f05a44e6f6465a26e32", 0, 5},
    {"str8 key and bin8 value", "0082d9055365714e6f05a44e6f6465c4026e32", 0, 5},
    {"name as an array of integers", "0082a55365714e6f05a44e6f6465926e32", 0, 5},
    {"uint64", "0082a55365714e6fcf0000000000000005a44e6f6465a26e32", 0, 5},
    {"int16", "0082a55365714e6fd10005a44e6f6465a26e32", 0, 5},
    {"nil number", "0082a55365714e6fc0a44e6f6465a26e32", 0, 0},
    {"map16", "00de0002a55365714e6f05a44e6f6465a26e32", 0, 5},
    {"bytes behind the body", "0082a55365714e6f05a44e6f6465a26e32ffff", 0, 5},
    {"keys are case-sensitive", "0082a57365714e6f05a44e6f6465a26e32", 0, 0},
    {"negative", "0082a55365714e6fffa44e6f6465a26e32", -EBADMSG, 0},
    {"33 bits", "0082a55365714e6fcf0000000100000000a44e6f6465a26e32", -EBADMSG, 0},
    {"string as number", "0082a55365714e6fa131a44e6f6465a26e32", -EBADMSG, 0},
    {"number as name", "0082a55365714e6f05a44e6f646505", -EBADMSG, 0},
    {"NUL in a name", "0082a55365714e6f05a44e6f6465a26e00", -EBADMSG, 0},
    {"address of five bytes", "0082a55365714e6f05aa536f7572636541646472a50102030405", -EBADMSG, 0},
    {"array as body", "0092a55365714e6f05", -EBADMSG, 0},
    {"reserved byte", "0082a158c1a55365714e6f05", -EBADMSG, 0},
    {"nested too deep", "0082a15891919191919191919191c0a55365714e6f05", -EBADMSG, 0},
};

static void is_liberal_in_what_it_reads(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(encodings); i++) {
        struct gossip_ping p = {0};
        uint8_t b[64];
        size_t len = unhex(b, sizeof(b), encodings[i].hex);

        if (DECODE(gossip_read_ping, &p, b, len) != encodings[i].want || p.seq != encodings[i].seq)
            fail_msg("%s", encodings[i].name);
        if (encodings[i].want == 0)
            assert_string_equal(p.node.s, "n2");
    }
}

/* Every body is malformed when it is cut anywhere. */
static void refuses_what_is_cut_off(void **state)
{
    static const char *const vectors[] = {HEX_PING, HEX_INDIRECT, HEX_ACK, HEX_SUSPECT, HEX_ALIVE};
    union {
        struct gossip_ping ping;
        struct gossip_indirect_ping indirect;
        struct gossip_accusation accusation;
        struct gossip_record record;
        uint32_t seq;
    } v;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(vectors); i++) {
        uint8_t b[512];
        size_t len = unhex(b, sizeof(b), vectors[i]);

        for (size_t cut = 1; cut < len; cut++) {
            struct rd r = rd_from(b + 1, cut - 1);
            int e = i == 0   ? gossip_read_ping(&v.ping, &r)
                    : i == 1 ? gossip_read_indirect_ping(&v.indirect, &r)
                    : i == 2 ? gossip_read_seq(&v.seq, &r)
                    : i == 3 ? gossip_read_accusation(&v.accusation, &r)
                             : gossip_read_alive(&v.record, &r);

            assert_int_equal(e, -EBADMSG);
        }
    }
}

static void comes_back_as_it_was(void **state)
{
    struct gossip_record a = {.incarnation = UINT32_MAX,
                              .addr = {ip_v6((const uint8_t[16]){0x20, 1, 0xd, 0xb8, 9}), 65535},
                              .meta = {.len = GOSSIP_META_MAX},
                              .state = GOSSIP_HAS_LEFT,
                              .vsn = {6, 255, 254, 253, 3, 2, 1}};
    struct gossip_record b;
    uint8_t bytes[GOSSIP_MESSAGE_MAX];
    struct wr w = wr_to(bytes, sizeof(bytes));
    struct rd r;

    (void)state;
    memset(a.name.s, 'n', GOSSIP_NAME_MAX);
    memset(a.meta.bytes, 0xa5, sizeof(a.meta.bytes));
    gossip_write_state(&w, &a);
    assert_false(w.bad);
    r = rd_from(bytes, w.len);
    assert_int_equal(gossip_read_state(&b, &r), 0);
    assert_true(rd_done(&r));
    assert_string_equal(a.name.s, b.name.s);
    assert_true(gossip_addr_eq(a.addr, b.addr));
    assert_int_equal(b.state, GOSSIP_HAS_LEFT);
    assert_int_equal(b.incarnation, UINT32_MAX);
    assert_int_equal(b.meta.len, GOSSIP_META_MAX);
    assert_memory_equal(a.meta.bytes, b.meta.bytes, GOSSIP_META_MAX);
    assert_int_equal(b.vsn.pmin, 255);
    assert_int_equal(b.vsn.dcur, 1);
}

/* v0.5.1 crashes on a Vsn of one to five bytes. */
static void never_writes_a_short_vsn(void **state)
{
    struct gossip_record a = {.name = {"n"}, .addr = addr(1), .vsn = {3, 1, 5, 2, 0, 0, 0}};
    uint8_t bytes[GOSSIP_MESSAGE_MAX];
    struct wr w = wr_to(bytes, sizeof(bytes));

    (void)state;
    gossip_write_alive(&w, &a);
    assert_int_equal(bytes[w.len - 1], 0xc0); /* the last key is Vsn */
}

static void takes_a_mapped_address_for_what_it_is(void **state)
{
    uint8_t b[128];
    struct gossip_record a;
    size_t len = unhex(b, sizeof(b), "0481a441646472b000000000000000000000ffff0a000001");

    (void)state;
    assert_int_equal(DECODE(gossip_read_alive, &a, b, len), 0);
    assert_true(ip_eq(a.addr.ip, addr(1).ip));
}

static const struct {
    const char *name, *hex;
    int want;
} headers[] = {
    {"most nodes", "0681a54e6f646573ce00100000", 0},
    {"one more", "0681a54e6f646573ce00100001", -EBADMSG},
    {"negative nodes", "0681a54e6f646573ff", -EBADMSG},
    {"most user bytes", "0681ac5573657253746174654c656ece01400000", 0},
    {"one more user byte", "0681ac5573657253746174654c656ece01400001", -EBADMSG},
    {"negative user bytes", "0681ac5573657253746174654c656ed3ffffffffffffffff", -EBADMSG},
};

static void bounds_what_a_header_announces(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(headers); i++) {
        struct gossip_header h;
        uint8_t b[64];
        size_t len = unhex(b, sizeof(b), headers[i].hex);

        if (DECODE(gossip_read_header, &h, b, len) != headers[i].want)
            fail_msg("%s", headers[i].name);
    }
}

static void splits_compounds(void **state)
{
    uint8_t b[512], want[512];
    size_t len = unhex(b, sizeof(b), HEX_COMPOUND);
    struct gossip_compound c;
    struct rd part;

    (void)state;
    assert_int_equal(DECODE(gossip_read_compound, &c, b, len), 0);
    assert_true(gossip_compound_next(&c, &part));
    assert_int_equal(part.left, unhex(want, sizeof(want), HEX_PING));
    assert_memory_equal(part.pos, want, part.left);
    assert_true(gossip_compound_next(&c, &part));
    assert_int_equal(part.left, unhex(want, sizeof(want), HEX_SUSPECT));
    assert_false(gossip_compound_next(&c, &part));
    assert_false(c.parts.bad);

    /* The second part is cut off; the first still counts. */
    assert_int_equal(DECODE(gossip_read_compound, &c, b, len - 1), 0);
    assert_true(gossip_compound_next(&c, &part));
    assert_false(gossip_compound_next(&c, &part));
    assert_true(c.parts.bad);

    assert_int_equal(DECODE(gossip_read_compound, &c, b, 5), -EBADMSG); /* the table is cut off */
}

static void writes_compounds(void **state)
{
    uint8_t a[128], b[128], bytes[512];
    const struct gossip_part parts[] = {{a, unhex(a, sizeof(a), HEX_PING)},
                                        {b, unhex(b, sizeof(b), HEX_SUSPECT)}};
    struct wr w = wr_to(bytes, sizeof(bytes));

    (void)state;
    gossip_write_compound(&w, parts, 2);
    expect_bytes(&w, HEX_COMPOUND);
}

static void computes_the_checksum(void **state)
{
    uint8_t b[128];
    size_t len = unhex(b, sizeof(b), HEX_SUSPECT);

    (void)state;
    assert_int_equal(gossip_crc(b, len), UINT32_C(0xd7adfa84));
    assert_int_equal(gossip_crc((const uint8_t *)"123456789", 9), UINT32_C(0xcbf43926));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_what_memberlist_writes),
        cmocka_unit_test(reads_what_memberlist_writes),
        cmocka_unit_test(is_liberal_in_what_it_reads),
        cmocka_unit_test(refuses_what_is_cut_off),
        cmocka_unit_test(comes_back_as_it_was),
        cmocka_unit_test(never_writes_a_short_vsn),
        cmocka_unit_test(takes_a_mapped_address_for_what_it_is),
        cmocka_unit_test(bounds_what_a_header_announces),
        cmocka_unit_test(splits_compounds),
        cmocka_unit_test(writes_compounds),
        cmocka_unit_test(computes_the_checksum),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
