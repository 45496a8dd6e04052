/* SPDX-License-Identifier: Apache-2.0 */
#include "bfd/bfd_wire.h"

#include "base/wire.h"

#include <assert.h>
#include <errno.h>

enum {
    VERSION = 1,
    FLAG_POLL = 0x20,
    FLAG_FINAL = 0x10,
    FLAG_INDEPENDENT = 0x08,
    FLAG_AUTHENTICATED = 0x04,
    FLAG_DEMAND = 0x02,
    FLAG_MULTIPOINT = 0x01,
};

enum {
    IPV4_LEN = 20,
    UDP_LEN = 8,
    PROTOCOL_UDP = 17,
    TOS_CS6 = 0xc0,
    FRAGMENT = 0x3fff, /* offset, and more fragments */
    ECHO_VERSION = 1,
    ECHO_PAYLOAD_LEN = BFD_ECHO_LEN - IPV4_LEN - UDP_LEN,
};

static const char *const state_names[] = {
    [BFD_ADMIN_DOWN] = "admin-down",
    [BFD_DOWN] = "down",
    [BFD_INIT] = "init",
    [BFD_UP] = "up",
};

static const char *const diag_names[] = {
    [BFD_DIAG_NONE] = "",
    [BFD_DIAG_EXPIRED] = "control detection time expired",
    [BFD_DIAG_ECHO_FAILED] = "echo function failed",
    [BFD_DIAG_NEIGHBOR_DOWN] = "neighbor signaled session down",
    [BFD_DIAG_FORWARDING_RESET] = "forwarding plane reset",
    [BFD_DIAG_PATH_DOWN] = "path down",
    [BFD_DIAG_CONCATENATED_DOWN] = "concatenated path down",
    [BFD_DIAG_ADMIN_DOWN] = "administratively down",
    [BFD_DIAG_REVERSE_DOWN] = "reverse concatenated path down",
};

static const char *const drop_names[BFD_DROPS] = {
    [BFD_TAKE] = "taken",
    [BFD_DROP_LENGTH] = "length",
    [BFD_DROP_VERSION] = "version",
    [BFD_DROP_MULTIPLIER] = "multiplier",
    [BFD_DROP_MULTIPOINT] = "multipoint",
    [BFD_DROP_AUTHENTICATION] = "authentication",
    [BFD_DROP_MY_DISCRIMINATOR] = "my-discriminator",
    [BFD_DROP_STATE] = "state",
    [BFD_DROP_UNKNOWN] = "unknown-session",
    [BFD_DROP_TTL] = "ttl",
    [BFD_DROP_INTERFACE] = "interface",
    [BFD_DROP_ADMIN_DOWN] = "admin-down",
    [BFD_DROP_ECHO] = "echo",
};

const char *bfd_state_name(enum bfd_state s)
{
    return state_names[s];
}

const char *bfd_diag_name(enum bfd_diag d)
{
    return diag_names[d];
}

const char *bfd_drop_name(enum bfd_drop d)
{
    return drop_names[d];
}

/* In the order of RFC 5880 6.8.6. */
static enum bfd_drop judge(const struct bfd_packet *p, uint8_t version, uint8_t flags)
{
    if (version != VERSION)
        return BFD_DROP_VERSION;
    if (p->multiplier == 0)
        return BFD_DROP_MULTIPLIER;
    if ((flags & FLAG_MULTIPOINT) != 0)
        return BFD_DROP_MULTIPOINT;
    if (p->my_discriminator == 0)
        return BFD_DROP_MY_DISCRIMINATOR;
    if (p->your_discriminator == 0 && p->state != BFD_DOWN && p->state != BFD_ADMIN_DOWN)
        return BFD_DROP_STATE;
    if ((flags & FLAG_AUTHENTICATED) != 0)
        return BFD_DROP_AUTHENTICATION;
    return BFD_TAKE;
}

enum bfd_drop bfd_read(struct bfd_packet *ret, const uint8_t *bytes, size_t len)
{
    struct rd r = rd_from(bytes, len);
    uint8_t first = rd_u8(&r), flags = rd_u8(&r);
    struct bfd_packet p = {.diag = first & 0x1f,
                           .state = (enum bfd_state)(flags >> 6),
                           .poll = (flags & FLAG_POLL) != 0,
                           .final = (flags & FLAG_FINAL) != 0,
                           .independent = (flags & FLAG_INDEPENDENT) != 0,
                           .demand = (flags & FLAG_DEMAND) != 0,
                           .multiplier = rd_u8(&r)};
    uint8_t length = rd_u8(&r);
    enum bfd_drop drop;

    p.my_discriminator = rd_u32(&r);
    p.your_discriminator = rd_u32(&r);
    p.desired_tx_us = rd_u32(&r);
    p.required_rx_us = rd_u32(&r);
    p.required_echo_us = rd_u32(&r);
    /* What follows the packet inside the datagram is not ours to judge. */
    if (r.bad || length < BFD_PACKET_LEN || length > len)
        return BFD_DROP_LENGTH;
    drop = judge(&p, first >> 5, flags);
    if (drop == BFD_TAKE)
        *ret = p;
    return drop;
}

void bfd_write(uint8_t ret[BFD_PACKET_LEN], const struct bfd_packet *p)
{
    struct wr w = wr_to(ret, BFD_PACKET_LEN);
    unsigned flags = (unsigned)p->state << 6;

    flags |= p->poll ? FLAG_POLL : 0u;
    flags |= p->final ? FLAG_FINAL : 0u;
    flags |= p->independent ? FLAG_INDEPENDENT : 0u;
    flags |= p->demand ? FLAG_DEMAND : 0u;
    wr_u8(&w, (uint8_t)(VERSION << 5 | (p->diag & 0x1f)));
    wr_u8(&w, (uint8_t)flags);
    wr_u8(&w, p->multiplier);
    wr_u8(&w, BFD_PACKET_LEN);
    wr_u32(&w, p->my_discriminator);
    wr_u32(&w, p->your_discriminator);
    wr_u32(&w, p->desired_tx_us);
    wr_u32(&w, p->required_rx_us);
    wr_u32(&w, p->required_echo_us);
    assert(!w.bad && w.len == BFD_PACKET_LEN);
}

struct udp_head {
    struct ip from, to;
    uint8_t ttl;
    uint16_t from_port, to_port;
};

/* Leaves `r` at the payload, without what follows the datagram in the frame. */
static bool udp_read(struct udp_head *ret, struct rd *r)
{
    uint8_t version = rd_u8(r);
    size_t head = 4u * (version & 0xf), total;
    uint16_t fragment, length;
    uint8_t protocol;

    rd_skip(r, 1);
    total = rd_u16(r);
    rd_skip(r, 2);
    fragment = rd_u16(r);
    ret->ttl = rd_u8(r);
    protocol = rd_u8(r);
    rd_skip(r, 2);
    ret->from = ip_v4(rd_u32(r));
    ret->to = ip_v4(rd_u32(r));
    if (r->bad || version >> 4 != 4 || head < IPV4_LEN || total < head + UDP_LEN ||
        protocol != PROTOCOL_UDP || (fragment & FRAGMENT) != 0)
        return false;
    rd_skip(r, head - IPV4_LEN);
    *r = rd_sub(r, total - head);
    ret->from_port = rd_u16(r);
    ret->to_port = rd_u16(r);
    length = rd_u16(r);
    rd_skip(r, 2);
    if (r->bad || length < UDP_LEN)
        return false;
    *r = rd_sub(r, length - (size_t)UDP_LEN);
    return !r->bad;
}

int bfd_echo_read(struct bfd_echo *ret, const uint8_t *bytes, size_t len)
{
    struct rd r = rd_from(bytes, len);
    struct udp_head head;
    struct bfd_echo e = {0};
    uint8_t version, length;

    if (!udp_read(&head, &r) || head.to_port != BFD_ECHO_PORT || !ip_eq(head.from, head.to))
        return -EBADMSG;
    version = rd_u8(&r);
    length = rd_u8(&r);
    rd_skip(&r, 2);
    e.address = head.from;
    e.ttl = head.ttl;
    e.discriminator = rd_u32(&r);
    e.sequence = rd_u32(&r);
    e.cookie = rd_u64(&r);
    if (!rd_done(&r) || version != ECHO_VERSION || length != ECHO_PAYLOAD_LEN)
        return -EBADMSG;
    *ret = e;
    return 0;
}

/* RFC 1071, over an even number of bytes. */
static uint32_t sum16(uint32_t sum, const uint8_t *bytes, size_t len)
{
    struct rd r = rd_from(bytes, len);

    while (r.left > 0)
        sum += rd_u16(&r);
    return sum;
}

static uint16_t fold(uint32_t sum)
{
    while (sum > UINT16_MAX)
        sum = (sum & UINT16_MAX) + (sum >> 16);
    return (uint16_t)~sum;
}

void bfd_echo_write(uint8_t ret[BFD_ECHO_LEN], const struct bfd_echo *e)
{
    struct wr w = wr_to(ret, BFD_ECHO_LEN);
    size_t ip_sum, udp_sum;
    uint16_t sum;

    wr_u16(&w, 0x4500 | TOS_CS6);
    wr_u16(&w, BFD_ECHO_LEN);
    wr_u32(&w, 0); /* a whole packet needs no identification (RFC 6864 4.1) */
    wr_u8(&w, e->ttl);
    wr_u8(&w, PROTOCOL_UDP);
    ip_sum = wr_hole16(&w);
    wr_u32(&w, ip_to_v4(e->address));
    wr_u32(&w, ip_to_v4(e->address));
    wr_fill16(&w, ip_sum, fold(sum16(0, ret, IPV4_LEN)));

    wr_u16(&w, BFD_ECHO_PORT);
    wr_u16(&w, BFD_ECHO_PORT);
    wr_u16(&w, UDP_LEN + ECHO_PAYLOAD_LEN);
    udp_sum = wr_hole16(&w);
    wr_u8(&w, ECHO_VERSION);
    wr_u8(&w, ECHO_PAYLOAD_LEN);
    wr_zeros(&w, 2);
    wr_u32(&w, e->discriminator);
    wr_u32(&w, e->sequence);
    wr_u64(&w, e->cookie);
    assert(!w.bad && w.len == BFD_ECHO_LEN);

    /* The pseudo header: both addresses, the protocol, the length of the datagram. */
    sum = fold(sum16(PROTOCOL_UDP + UDP_LEN + ECHO_PAYLOAD_LEN, ret + 12, BFD_ECHO_LEN - 12));
    wr_fill16(&w, udp_sum, sum != 0 ? sum : UINT16_MAX); /* 0 says that there is none */
}

bool bfd_control_read(struct bfd_packet *ret, struct ip *ret_from, const uint8_t *bytes, size_t len)
{
    struct rd r = rd_from(bytes, len);
    struct bfd_packet p;
    struct udp_head head;

    if (!udp_read(&head, &r) || head.to_port != BFD_PORT || head.ttl != BFD_TTL ||
        bfd_read(&p, r.pos, r.left) != BFD_TAKE)
        return false;
    *ret = p;
    *ret_from = head.from;
    return true;
}
