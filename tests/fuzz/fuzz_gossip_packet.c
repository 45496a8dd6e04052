/* SPDX-License-Identifier: Apache-2.0 */
/* Input: a datagram without encryption. What is read must come back when it is written and read
 * again, and so must the datagram itself from all its wrappings. */
#include "gossip/gossip_packet.h"

#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

static void require(bool holds)
{
    if (!holds)
        abort();
}

union body {
    struct gossip_ping ping;
    struct gossip_indirect_ping indirect;
    struct gossip_accusation accusation;
    struct gossip_record record;
    uint32_t seq;
};

/* Sizes matter: padding is zero in what the readers fill in. */
static int read_body(uint8_t type, union body *ret, struct rd *r)
{
    switch (type) {
    case GOSSIP_PING:
        return gossip_read_ping(&ret->ping, r);
    case GOSSIP_INDIRECT_PING:
        return gossip_read_indirect_ping(&ret->indirect, r);
    case GOSSIP_SUSPECT:
    case GOSSIP_DEAD:
        return gossip_read_accusation(&ret->accusation, r);
    case GOSSIP_ALIVE:
        return gossip_read_alive(&ret->record, r);
    case GOSSIP_ACK:
        return gossip_read_seq(&ret->seq, r);
    default:
        return -1;
    }
}

static void write_body(uint8_t type, const union body *b, struct wr *w)
{
    switch (type) {
    case GOSSIP_PING:
        gossip_write_ping(w, &b->ping);
        return;
    case GOSSIP_INDIRECT_PING:
        gossip_write_indirect_ping(w, &b->indirect);
        return;
    case GOSSIP_SUSPECT:
    case GOSSIP_DEAD:
        gossip_write_accusation(w, (enum gossip_type)type, &b->accusation);
        return;
    case GOSSIP_ALIVE:
        gossip_write_alive(w, &b->record);
        return;
    default:
        gossip_write_ack(w, b->seq);
        return;
    }
}

static void see(void *arg, uint8_t type, struct rd *body)
{
    union body once, twice;
    uint8_t bytes[GOSSIP_MESSAGE_MAX], again[GOSSIP_MESSAGE_MAX];
    struct wr w = wr_to(bytes, sizeof(bytes)), w2 = wr_to(again, sizeof(again));
    struct rd r;

    (void)arg;
    if (read_body(type, &once, body) < 0)
        return;
    write_body(type, &once, &w);
    require(!w.bad && bytes[0] == type);
    r = rd_from(bytes + 1, w.len - 1);
    require(read_body(type, &twice, &r) == 0 && rd_done(&r));
    write_body(type, &twice, &w2);
    require(w.len == w2.len && memcmp(bytes, again, w.len) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct gossip_keyring ring;
    struct gossip_unwrap u = {.ring = &ring, .verify = true};
    struct gossip_wrap wrap = {.compress = true, .crc = true, .key = &ring.keys[1]};
    struct gossip_part in = {bytes, len};
    struct gossip_message m;
    struct gossip_blob sealed;

    require(gossip_keyring_from_secret(&ring, (const uint8_t *)"abc", 3) == 0);
    (void)gossip_packet_open(&m, &u, in); /* cannot be sealed with it, but must not hurt */
    require(gossip_packet_write(&sealed, &wrap, in) == 0);
    if (gossip_packet_open(&m, &u, (struct gossip_part){sealed.bytes, sealed.len}) ==
        GOSSIP_OPENED) {
        require(m.key == 1);
        (void)gossip_message_each(&m, see, NULL); /* malformed ones are counted, not refused */
        gossip_message_done(&m);
    } else {
        require(len == 0);
    }
    gossip_blob_done(&sealed);

    ring.count = 0;
    if (gossip_packet_open(&m, &u, in) != GOSSIP_OPENED)
        return 0;
    (void)gossip_message_each(&m, see, NULL); /* as above */
    gossip_message_done(&m);
    return 0;
}
