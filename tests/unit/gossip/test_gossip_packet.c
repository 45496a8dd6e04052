/* SPDX-License-Identifier: Apache-2.0 */
/* Keys, compression, and what is wrapped around messages. */
#include "gossip/gossip_packet.h"

#include "base/mem.h"
#include "gossip/gossip_lzw.h"
#include "gossip_hex.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct gossip_keyring ring_of(const char *secret)
{
    struct gossip_keyring ring;

    assert_int_equal(gossip_keyring_from_secret(&ring, (const uint8_t *)secret, strlen(secret)), 0);
    return ring;
}

/* changes-0.16.2 3 */
static const struct {
    const char *secret, *before, *now;
} keys[] = {
    {"s", "73e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b8",
     "043a718774c572bd8a25adbeb1bfcd5c0256ae11cecf9f9c3f925d0e52beaf89"},
    {"abc", "616263e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b78",
     "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
    {SECRET, "4d4445794d7a51314e6a63344f5746695932526c5a67e3b0c44298fc1c149afb",
     "3e0d962904b8fedc86e5872eacd26369665db2042fcbad5ff0edcc368aaa1f96"},
    {"TB6Su+iJ8AObGAX7x9NEnw", "54423653752b694a38414f624741583778394e456e77e3b0c44298fc1c149afb",
     "05abeee65b0029877138b633fd546025e1ddca4a6349f4fa6375519255b966bf"},
    {"0123456789abcdef0123456789abcdefone",
     "3031323334353637383961626364656630313233343536373839616263646566",
     "f82b834c0cbee6dc3cf302588dbd614d9e06ca2311602b4ade826af9f2ae1e05"},
    {"0123456789abcdef0123456789abcdeftwo",
     "3031323334353637383961626364656630313233343536373839616263646566",
     "ebecfd9809b10c6a0876b0499c960cb1b828e2251672bdf620a9c67adf47b9b3"},
};

static void derives_keys(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
        struct gossip_keyring ring = ring_of(keys[i].secret);
        uint8_t want[32];

        assert_int_equal(ring.count, 2);
        unhex(want, sizeof(want), keys[i].now);
        if (ring.keys[0].len != 32 || memcmp(ring.keys[0].bytes, want, 32) != 0)
            fail_msg("new key of %s", keys[i].secret);
        unhex(want, sizeof(want), keys[i].before);
        if (ring.keys[1].len != 32 || memcmp(ring.keys[1].bytes, want, 32) != 0)
            fail_msg("old key of %s", keys[i].secret);
    }
    assert_int_equal(ring_of("").count, 0);
}

static const struct {
    const char *name, *plain, *hex;
} compressed[] = {
    {"nothing", "", HEX_COMPRESSED_NONE},
    {"one byte", "a", HEX_COMPRESSED_A},
    {"a run", "aaaaaaaaaaaaaaaa", HEX_COMPRESSED_16A},
    {"words", "TOBEORNOTTOBEORTOBEORNOT", HEX_COMPRESSED_TOBE},
};

static void compresses_like_go(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(compressed); i++) {
        uint8_t want[128], *plain;
        size_t want_len = unhex(want, sizeof(want), compressed[i].hex), plain_len;
        struct gossip_wrap wrap = {.compress = true};
        struct gossip_blob got;
        struct rd r = rd_from(want + 1, want_len - 1), lzw;

        assert_int_equal(gossip_frame_write(&got, &wrap,
                                            (struct gossip_part){
                                                (const uint8_t *)compressed[i].plain,
                                                strlen(compressed[i].plain),
                                            }),
                         0);
        if (got.len != want_len || memcmp(got.bytes, want, want_len) != 0)
            fail_msg("%s", compressed[i].name);
        gossip_blob_done(&got);
        assert_int_equal(gossip_read_compressed(&lzw, &r), 0);
        assert_int_equal(gossip_lzw_expand(&plain, &plain_len, lzw.pos, lzw.left, 1000), 0);
        assert_int_equal(plain_len, strlen(compressed[i].plain));
        assert_memory_equal(plain, compressed[i].plain, plain_len);
        free(plain);
    }
}

static uint32_t next(uint32_t *seed)
{
    *seed = *seed * UINT32_C(1664525) + UINT32_C(1013904223);
    return *seed >> 8;
}

/* Sizes around each change of width and around full tables, with few and with many symbols. */
static void expands_what_it_compressed(void **state)
{
    static const uint32_t symbols[] = {1, 2, 7, 256};
    uint32_t seed = 1;

    (void)state;
    for (size_t s = 0; s < ARRAY_SIZE(symbols); s++) {
        for (size_t len = 0; len < 40000; len = len * 5 / 4 + 1) {
            uint8_t *in = xmalloc(len + 1), *lzw = xmalloc(gossip_lzw_bound(len)), *out;
            size_t lzw_len, out_len;

            for (size_t i = 0; i < len; i++)
                in[i] = (uint8_t)(next(&seed) % symbols[s]);
            lzw_len = gossip_lzw_compress(lzw, in, len);
            assert_int_equal(gossip_lzw_expand(&out, &out_len, lzw, lzw_len, len), 0);
            assert_int_equal(out_len, len);
            assert_memory_equal(out, in, len);
            free(out);
            if (len > 0)
                assert_int_equal(gossip_lzw_expand(&out, &out_len, lzw, lzw_len, len - 1), -E2BIG);
            assert_int_equal(gossip_lzw_expand(&out, &out_len, lzw, lzw_len - 1, len), -EBADMSG);
            free(lzw);
            free(in);
        }
    }
}

static const struct {
    const char *name, *hex;
    int want;
} streams[] = {
    {"no bytes", "", -EBADMSG},
    {"no clear code at the start: writers before Go 1.17", "610202", 0},
    {"a code that is not known yet", "000703", -EBADMSG},
    {"no end code", "00c30c", -EBADMSG},
};

static void judges_streams(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(streams); i++) {
        uint8_t b[16], *out;
        size_t len = unhex(b, sizeof(b), streams[i].hex), out_len;
        int r = gossip_lzw_expand(&out, &out_len, b, len, 100);

        if (r != streams[i].want)
            fail_msg("%s: %d", streams[i].name, r);
        if (r == 0)
            free(out);
    }
}

static struct gossip_wrap wrap_with(const struct gossip_key *key)
{
    struct gossip_wrap w = {.key = key};

    unhex(w.nonce, sizeof(w.nonce), HEX_NONCE);
    return w;
}

static void expect(const struct gossip_blob *got, const char *hex)
{
    uint8_t want[512];
    size_t len = unhex(want, sizeof(want), hex);

    assert_int_equal(got->len, len);
    assert_memory_equal(got->bytes, want, len);
}

static void seals_as_memberlist_does(void **state)
{
    static const char *const packets[] = {HEX_SEALED_SUSPECT_NEW, HEX_SEALED_SUSPECT_OLD};
    static const char *const frames[] = {HEX_SEALED_FRAME_NEW, HEX_SEALED_FRAME_OLD};
    struct gossip_keyring ring = ring_of(SECRET);
    uint8_t suspect[64], push_pull[256];
    struct gossip_part packet = {suspect, unhex(suspect, sizeof(suspect), HEX_SUSPECT)};
    struct gossip_part frame = {push_pull, unhex(push_pull, sizeof(push_pull), HEX_PUSH_PULL)};

    (void)state;
    for (size_t i = 0; i < ring.count; i++) {
        struct gossip_wrap w = wrap_with(&ring.keys[i]);
        struct gossip_blob b;

        assert_int_equal(gossip_packet_write(&b, &w, packet), 0);
        expect(&b, packets[i]);
        gossip_blob_done(&b);
        w.compress = true;
        assert_int_equal(gossip_frame_write(&b, &w, frame), 0);
        expect(&b, frames[i]);
        gossip_blob_done(&b);
    }
}

static void writes_plain_packets(void **state)
{
    uint8_t suspect[64], push_pull[256];
    struct gossip_part packet = {suspect, unhex(suspect, sizeof(suspect), HEX_SUSPECT)};
    struct gossip_part frame = {push_pull, unhex(push_pull, sizeof(push_pull), HEX_PUSH_PULL)};
    struct gossip_wrap w = {.compress = true, .crc = true};
    struct gossip_blob b;

    (void)state;
    assert_int_equal(gossip_packet_write(&b, &w, packet), 0);
    expect(&b, HEX_CRC_SUSPECT); /* compressed it would be larger */
    gossip_blob_done(&b);
    assert_int_equal(gossip_frame_write(&b, &w, frame), 0);
    expect(&b, HEX_COMPRESSED_PUSH_PULL);
    gossip_blob_done(&b);
}

struct seen {
    unsigned count;
    uint8_t types[8];
};

static void see(void *arg, uint8_t type, struct rd *body)
{
    struct seen *s = arg;

    (void)body;
    if (s->count < ARRAY_SIZE(s->types))
        s->types[s->count] = type;
    s->count++;
}

enum { PLAIN, VERIFYING, LAX }; /* what the receiver is */

static const struct {
    const char *name, *hex;
    int receiver;
    enum gossip_opened want;
    int key;
    unsigned messages, malformed;
} packets[] = {
    {"plain", HEX_SUSPECT, PLAIN, GOSSIP_OPENED, -1, 1, 0},
    {"checksum", HEX_CRC_SUSPECT, PLAIN, GOSSIP_OPENED, -1, 1, 0},
    {"compound", HEX_COMPOUND, PLAIN, GOSSIP_OPENED, -1, 2, 0},
    {"compressed", HEX_COMPRESSED_PUSH_PULL, PLAIN, GOSSIP_OPENED, -1, 1, 0},
    {"compressed nothing", HEX_COMPRESSED_NONE, PLAIN, GOSSIP_OPENED, -1, 0, 1},
    {"wrong checksum", "0cd7adfa85" HEX_SUSPECT, PLAIN, GOSSIP_BAD_CRC, 0, 0, 0},
    {"too short for a checksum", "0cd7adfa", PLAIN, GOSSIP_OPENED, -1, 1, 0},
    {"checksum of nothing", "0c00000000", PLAIN, GOSSIP_BAD_FRAME, 0, 0, 0},
    {"nothing", "", PLAIN, GOSSIP_BAD_FRAME, 0, 0, 0},
    {"label", "f40161" HEX_SUSPECT, PLAIN, GOSSIP_BAD_LABEL, 0, 0, 0},
    {"label before encryption", "f40161" HEX_SEALED_SUSPECT_NEW, VERIFYING, GOSSIP_BAD_LABEL, 0, 0,
     0},
    {"our key", HEX_SEALED_SUSPECT_NEW, VERIFYING, GOSSIP_OPENED, 0, 1, 0},
    {"the key before", HEX_SEALED_SUSPECT_OLD, VERIFYING, GOSSIP_OPENED, 1, 1, 0},
    {"plain, and it must not be", HEX_SUSPECT, VERIFYING, GOSSIP_BAD_KEY, 0, 0, 0},
    {"plain, and it may be", HEX_SUSPECT, LAX, GOSSIP_OPENED, -1, 1, 0},
    {"one bit is wrong", "11" HEX_SEALED_SUSPECT_NEW, VERIFYING, GOSSIP_BAD_KEY, 0, 0, 0},
    {"a compound in a compound",
     "070100420701"
     "003d" HEX_PING "00",
     PLAIN, GOSSIP_OPENED, -1, 1, 0},
    {"compounds without end", "070100100701000c0701000807010004070100000000", PLAIN, GOSSIP_OPENED,
     -1, 0, 1},
    {"compound of no parts", "0700", PLAIN, GOSSIP_OPENED, -1, 0, 0},
    {"compound with an empty part", "07010000", PLAIN, GOSSIP_OPENED, -1, 0, 1},
};

static void opens_packets(void **state)
{
    const struct gossip_keyring none = {0}, ring = ring_of(SECRET);

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(packets); i++) {
        const struct gossip_unwrap u = {.ring = packets[i].receiver == PLAIN ? &none : &ring,
                                        .verify = packets[i].receiver == VERIFYING};
        uint8_t b[512];
        size_t len = unhex(b, sizeof(b), packets[i].hex);
        struct gossip_message m;
        struct seen seen = {0};

        if (gossip_packet_open(&m, &u, (struct gossip_part){b, len}) != packets[i].want)
            fail_msg("%s: opened", packets[i].name);
        if (packets[i].want != GOSSIP_OPENED)
            continue;
        if (m.key != packets[i].key)
            fail_msg("%s: key %d", packets[i].name, m.key);
        if (gossip_message_each(&m, see, &seen) != packets[i].malformed ||
            seen.count != packets[i].messages)
            fail_msg("%s: %u messages", packets[i].name, seen.count);
        gossip_message_done(&m);
    }
}

static const struct {
    const char *name, *hex;
    int receiver;
    enum gossip_opened want;
    int key;
    uint8_t type;
} frames[] = {
    {"plain", HEX_PUSH_PULL, PLAIN, GOSSIP_OPENED, -1, GOSSIP_PUSH_PULL},
    {"compressed", HEX_COMPRESSED_PUSH_PULL, PLAIN, GOSSIP_OPENED, -1, GOSSIP_PUSH_PULL},
    {"our key", HEX_SEALED_FRAME_NEW, VERIFYING, GOSSIP_OPENED, 0, GOSSIP_PUSH_PULL},
    {"the key before", HEX_SEALED_FRAME_OLD, VERIFYING, GOSSIP_OPENED, 1, GOSSIP_PUSH_PULL},
    {"encrypted, and we have no key", HEX_SEALED_FRAME_NEW, PLAIN, GOSSIP_ENCRYPTED_NO_KEYS, 0, 0},
    {"plain, and it must not be", HEX_PUSH_PULL, VERIFYING, GOSSIP_NOT_ENCRYPTED, 0, 0},
    {"plain, and it may be", HEX_PUSH_PULL, LAX, GOSSIP_OPENED, -1, GOSSIP_PUSH_PULL},
    {"as a packet", HEX_SEALED_SUSPECT_NEW, VERIFYING, GOSSIP_NOT_ENCRYPTED, 0, 0},
    {"nothing inside", HEX_COMPRESSED_NONE, PLAIN, GOSSIP_BAD_FRAME, 0, 0},
    {"nothing", "", PLAIN, GOSSIP_BAD_FRAME, 0, 0},
    {"label", "f40161" HEX_PUSH_PULL, PLAIN, GOSSIP_BAD_LABEL, 0, 0},
    {"another algorithm", "0982a4416c676f01a3427566a400c30404", PLAIN, GOSSIP_BAD_FRAME, 0, 0},
};

static void opens_frames(void **state)
{
    const struct gossip_keyring none = {0}, ring = ring_of(SECRET);

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(frames); i++) {
        const struct gossip_unwrap u = {.ring = frames[i].receiver == PLAIN ? &none : &ring,
                                        .verify = frames[i].receiver == VERIFYING};
        uint8_t b[512];
        size_t len = unhex(b, sizeof(b), frames[i].hex);
        struct gossip_message m;

        if (gossip_frame_open(&m, &u, (struct gossip_part){b, len}) != frames[i].want)
            fail_msg("%s: opened", frames[i].name);
        if (frames[i].want != GOSSIP_OPENED)
            continue;
        if (m.key != frames[i].key || m.type != frames[i].type)
            fail_msg("%s: key %d type %u", frames[i].name, m.key, m.type);
        gossip_message_done(&m);
    }
}

/* Any bit of a sealed packet or frame that changes makes it unreadable. */
static void notices_every_change(void **state)
{
    const struct gossip_keyring ring = ring_of(SECRET);
    const struct gossip_unwrap u = {.ring = &ring, .verify = true};
    uint8_t b[512];
    size_t len = unhex(b, sizeof(b), HEX_SEALED_FRAME_NEW);
    struct gossip_message m;

    (void)state;
    for (size_t i = 0; i < len * 8; i++) {
        b[i / 8] ^= (uint8_t)(1 << i % 8);
        assert_int_not_equal(gossip_frame_open(&m, &u, (struct gossip_part){b, len}),
                             GOSSIP_OPENED);
        b[i / 8] ^= (uint8_t)(1 << i % 8);
    }
    for (size_t cut = 0; cut < len; cut++)
        assert_int_not_equal(gossip_frame_open(&m, &u, (struct gossip_part){b, cut}),
                             GOSSIP_OPENED);
}

/* Version 0 pads the text to whole blocks. */
static void opens_version_0(void **state)
{
    const struct gossip_keyring ring = ring_of(SECRET);
    uint8_t padded[32], sealed[32 + GOSSIP_SEAL_OVERHEAD], out[sizeof(sealed)];
    const uint8_t nonce[GOSSIP_NONCE_LEN] = {7};
    size_t len;

    (void)state;
    memset(padded, 11, sizeof(padded)); /* 21 bytes, and 11 of padding */
    memset(padded, 'x', 21);
    assert_int_equal(gossip_seal(sealed, &ring.keys[1], nonce, (struct gossip_part){0},
                                 (struct gossip_part){padded, sizeof(padded)}),
                     0);
    sealed[0] = 0;
    assert_int_equal(gossip_open(out, &len, &ring, (struct gossip_part){0},
                                 (struct gossip_part){sealed, sizeof(sealed)}),
                     1);
    assert_int_equal(len, 21);
    assert_memory_equal(out, padded, 21);
    sealed[0] = 2;
    assert_int_equal(gossip_open(out, &len, &ring, (struct gossip_part){0},
                                 (struct gossip_part){sealed, sizeof(sealed)}),
                     -EBADMSG);
}

static const struct {
    const char *name, *hex;
    enum gossip_reading want;
} readings[] = {
    {"push/pull", HEX_PUSH_PULL, GOSSIP_READ_WHOLE},
    {"push/pull with user state",
     "0683a44a6f696ec3a54e6f64657301ac5573657253746174654c656e02" HEX_STATE "abcd",
     GOSSIP_READ_WHOLE},
    {"compressed", HEX_COMPRESSED_PUSH_PULL, GOSSIP_READ_WHOLE},
    {"encrypted", HEX_SEALED_FRAME_NEW, GOSSIP_READ_WHOLE},
    {"ping", HEX_PING, GOSSIP_READ_WHOLE},
    {"error", HEX_ERROR, GOSSIP_READ_WHOLE},
    {"user message", "0881aa557365724d73674c656e03616263", GOSSIP_READ_WHOLE},
    {"unknown type", "63", GOSSIP_READ_WHOLE},
    {"encrypted, too long", "0a00000400", GOSSIP_READ_TOO_LARGE},
    {"encrypted, 4 GiB", "0affffffff", GOSSIP_READ_TOO_LARGE},
    {"user state too long", "0682a54e6f64657300ac5573657253746174654c656ecd0400",
     GOSSIP_READ_TOO_LARGE},
    {"negative nodes", "0681a54e6f646573ff", GOSSIP_READ_BAD},
    {"a reserved byte", "00c1", GOSSIP_READ_BAD},
    {"compressed, with a long header", "09de0002a4416c676f00a3427566a400c30404", GOSSIP_READ_WHOLE},
    {"compressed with no map", "09a0", GOSSIP_READ_BAD},
    {"compressed with many keys", "09deffff", GOSSIP_READ_BAD},
};

/* Fed byte by byte, a frame is whole with its last byte and not before. */
static void finds_the_end_of_frames(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(readings); i++) {
        struct gossip_reader r;
        uint8_t b[512];
        size_t len = unhex(b, sizeof(b), readings[i].hex);

        gossip_reader_init(&r, 1024);
        for (size_t at = 0; at + 1 < len; at++) {
            if (gossip_reader_feed(&r, b + at, 1) != GOSSIP_READ_MORE)
                fail_msg("%s: ends at byte %zu", readings[i].name, at);
        }
        if (gossip_reader_feed(&r, b + len - 1, 1) != readings[i].want)
            fail_msg("%s", readings[i].name);
        if (readings[i].want == GOSSIP_READ_WHOLE)
            assert_int_equal(r.len, len);
        gossip_reader_done(&r);

        gossip_reader_init(&r, 1024);
        b[len] = 0xff; /* what follows the frame is ignored */
        if (gossip_reader_feed(&r, b, len + 1) != readings[i].want)
            fail_msg("%s: at once", readings[i].name);
        if (readings[i].want == GOSSIP_READ_WHOLE)
            assert_int_equal(r.len, len);
        gossip_reader_done(&r);
    }
}

static void stops_at_its_maximum(void **state)
{
    struct gossip_reader r;
    uint8_t b[512];
    size_t len = unhex(b, sizeof(b), HEX_PUSH_PULL);

    (void)state;
    gossip_reader_init(&r, len - 1);
    assert_int_equal(gossip_reader_feed(&r, b, len), GOSSIP_READ_TOO_LARGE);
    gossip_reader_done(&r);
    gossip_reader_init(&r, len);
    assert_int_equal(gossip_reader_feed(&r, b, len), GOSSIP_READ_WHOLE);
    gossip_reader_done(&r);
}

/* One byte of input must not make 40 MiB of output in a datagram. */
static void bounds_what_a_packet_expands_to(void **state)
{
    const struct gossip_keyring none = {0};
    const struct gossip_unwrap u = {.ring = &none};
    size_t len = GOSSIP_PACKET_MAX + 1;
    CLEANUP(xfreep) uint8_t *zeros = xcalloc(len, 1);
    struct gossip_wrap w = {.compress = true};
    struct seen seen = {0};
    struct gossip_message m;
    struct gossip_blob b;

    (void)state;
    assert_int_equal(gossip_packet_write(&b, &w, (struct gossip_part){zeros, len}), 0);
    assert_true(b.len < 1024);
    assert_int_equal(gossip_packet_open(&m, &u, (struct gossip_part){b.bytes, b.len}),
                     GOSSIP_OPENED);
    assert_int_equal(gossip_message_each(&m, see, &seen), 1);
    assert_int_equal(seen.count, 0);
    gossip_message_done(&m);
    gossip_blob_done(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(derives_keys),
        cmocka_unit_test(compresses_like_go),
        cmocka_unit_test(expands_what_it_compressed),
        cmocka_unit_test(judges_streams),
        cmocka_unit_test(seals_as_memberlist_does),
        cmocka_unit_test(writes_plain_packets),
        cmocka_unit_test(opens_packets),
        cmocka_unit_test(opens_frames),
        cmocka_unit_test(notices_every_change),
        cmocka_unit_test(opens_version_0),
        cmocka_unit_test(finds_the_end_of_frames),
        cmocka_unit_test(stops_at_its_maximum),
        cmocka_unit_test(bounds_what_a_packet_expands_to),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
