/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A body is a map, and a table says which key is which member of our struct. Tables are in the
 * order in which memberlist writes the keys (bytewise); reading and writing use the same table.
 */
#include "gossip/gossip_wire.h"

#include "gossip/gossip_msgpack.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

enum field_kind {
    FIELD_BOOL,
    FIELD_U16,
    FIELD_U32,
    FIELD_INT,
    FIELD_IP,
    FIELD_META,
    FIELD_NAME,
    FIELD_VSN,
    FIELD_ERROR,
    FIELD_NIL, /* written as nil, skipped when read */
};

struct field {
    const char *key;
    enum field_kind kind;
    bool optional; /* not written when zero */
    size_t offset;
};

struct body {
    const struct field *fields;
    size_t count;
};

#define BODY(table)                                                                                \
    {                                                                                              \
        (table), ARRAY_SIZE(table)                                                                 \
    }

static const struct field ping_fields[] = {
    {"Node", FIELD_NAME, false, offsetof(struct gossip_ping, node)},
    {"SeqNo", FIELD_U32, false, offsetof(struct gossip_ping, seq)},
    {"SourceAddr", FIELD_IP, true, offsetof(struct gossip_ping, source.ip)},
    {"SourceNode", FIELD_NAME, true, offsetof(struct gossip_ping, source_node)},
    {"SourcePort", FIELD_U16, true, offsetof(struct gossip_ping, source.port)},
};
static const struct body ping_body = BODY(ping_fields);

static const struct field indirect_ping_fields[] = {
    {"Nack", FIELD_BOOL, false, offsetof(struct gossip_indirect_ping, nack)},
    {"Node", FIELD_NAME, false, offsetof(struct gossip_indirect_ping, node)},
    {"Port", FIELD_U16, false, offsetof(struct gossip_indirect_ping, target.port)},
    {"SeqNo", FIELD_U32, false, offsetof(struct gossip_indirect_ping, seq)},
    {"SourceAddr", FIELD_IP, true, offsetof(struct gossip_indirect_ping, source.ip)},
    {"SourceNode", FIELD_NAME, true, offsetof(struct gossip_indirect_ping, source_node)},
    {"SourcePort", FIELD_U16, true, offsetof(struct gossip_indirect_ping, source.port)},
    {"Target", FIELD_IP, false, offsetof(struct gossip_indirect_ping, target.ip)},
};
static const struct body indirect_ping_body = BODY(indirect_ping_fields);

struct seq {
    uint32_t seq;
};

static const struct field ack_fields[] = {
    {"Payload", FIELD_NIL, false, 0},
    {"SeqNo", FIELD_U32, false, offsetof(struct seq, seq)},
};
static const struct body ack_body = BODY(ack_fields);

static const struct field nack_fields[] = {
    {"SeqNo", FIELD_U32, false, offsetof(struct seq, seq)},
};
static const struct body nack_body = BODY(nack_fields);

static const struct field accusation_fields[] = {
    {"From", FIELD_NAME, false, offsetof(struct gossip_accusation, from)},
    {"Incarnation", FIELD_U32, false, offsetof(struct gossip_accusation, incarnation)},
    {"Node", FIELD_NAME, false, offsetof(struct gossip_accusation, node)},
};
static const struct body accusation_body = BODY(accusation_fields);

static const struct field alive_fields[] = {
    {"Addr", FIELD_IP, false, offsetof(struct gossip_record, addr.ip)},
    {"Incarnation", FIELD_U32, false, offsetof(struct gossip_record, incarnation)},
    {"Meta", FIELD_META, false, offsetof(struct gossip_record, meta)},
    {"Node", FIELD_NAME, false, offsetof(struct gossip_record, name)},
    {"Port", FIELD_U16, false, offsetof(struct gossip_record, addr.port)},
    {"Vsn", FIELD_VSN, false, offsetof(struct gossip_record, vsn)},
};
static const struct body alive_body = BODY(alive_fields);

static const struct field state_fields[] = {
    {"Addr", FIELD_IP, false, offsetof(struct gossip_record, addr.ip)},
    {"Incarnation", FIELD_U32, false, offsetof(struct gossip_record, incarnation)},
    {"Meta", FIELD_META, false, offsetof(struct gossip_record, meta)},
    {"Name", FIELD_NAME, false, offsetof(struct gossip_record, name)},
    {"Port", FIELD_U16, false, offsetof(struct gossip_record, addr.port)},
    {"State", FIELD_INT, false, offsetof(struct gossip_record, state)},
    {"Vsn", FIELD_VSN, false, offsetof(struct gossip_record, vsn)},
};
static const struct body state_body = BODY(state_fields);

static const struct field header_fields[] = {
    {"Join", FIELD_BOOL, false, offsetof(struct gossip_header, join)},
    {"Nodes", FIELD_INT, false, offsetof(struct gossip_header, nodes)},
    {"UserStateLen", FIELD_INT, false, offsetof(struct gossip_header, user_len)},
};
static const struct body header_body = BODY(header_fields);

struct user_header {
    int64_t len;
};

static const struct field user_header_fields[] = {
    {"UserMsgLen", FIELD_INT, false, offsetof(struct user_header, len)},
};
static const struct body user_header_body = BODY(user_header_fields);

static const struct field error_fields[] = {
    {"Error", FIELD_ERROR, false, offsetof(struct gossip_error, s)},
};
static const struct body error_body = BODY(error_fields);

static void fail(struct rd *r)
{
    r->bad = true;
    r->left = 0;
}

static void read_name(struct rd *r, struct gossip_name *ret)
{
    uint8_t bytes[GOSSIP_NAME_MAX];
    size_t len = msgpack_read_bytes(r, bytes, sizeof(bytes));
    struct rd name = rd_from(bytes, len);

    if (memchr(bytes, '\0', len) != NULL)
        fail(r);
    rd_copy(&name, ret->s, len);
    ret->s[len] = '\0';
}

/* Go keeps an IPv4 address in 4 bytes or mapped into IPv6; both are the same address. */
static void read_ip(struct rd *r, struct ip *ret)
{
    uint8_t bytes[16];
    size_t len = msgpack_read_bytes(r, bytes, sizeof(bytes));
    struct rd address = rd_from(bytes, len);
    struct ip ip = {0};

    if (len == 4) {
        ip = ip_v4(rd_u32(&address));
    } else if (len == 16) {
        ip = ip_v6(bytes);
        if (ip.hi == 0 && ip.lo >> 32 == 0xffff)
            ip = ip_v4((uint32_t)ip.lo);
    } else if (len != 0) {
        fail(r);
    }
    *ret = ip;
}

static void read_vsn(struct rd *r, struct gossip_vsn *ret)
{
    uint8_t v[16] = {0}; /* a later version may add some */
    size_t len = msgpack_read_bytes(r, v, sizeof(v));

    *ret = (struct gossip_vsn){.len = (uint8_t)(len < GOSSIP_VSN_LEN ? len : GOSSIP_VSN_LEN),
                               .pmin = v[0],
                               .pmax = v[1],
                               .pcur = v[2],
                               .dmin = v[3],
                               .dmax = v[4],
                               .dcur = v[5]};
}

static void read_error(struct rd *r, char ret[GOSSIP_ERROR_MAX + 1])
{
    struct rd text = msgpack_read_slice(r);
    size_t len = text.left < GOSSIP_ERROR_MAX ? text.left : GOSSIP_ERROR_MAX;

    rd_copy(&text, ret, len);
    ret[len] = '\0';
}

static void read_meta(struct rd *r, struct gossip_meta *ret)
{
    ret->len = (uint16_t)msgpack_read_bytes(r, ret->bytes, sizeof(ret->bytes));
}

/* `at` is the member that the table promised, of the type that goes with its kind. */
static void read_field(struct rd *r, enum field_kind kind, void *at)
{
    switch (kind) {
    case FIELD_BOOL:
        *(bool *)at = msgpack_read_bool(r);
        return;
    case FIELD_U16:
        *(uint16_t *)at = (uint16_t)msgpack_read_uint(r, UINT16_MAX);
        return;
    case FIELD_U32:
        *(uint32_t *)at = (uint32_t)msgpack_read_uint(r, UINT32_MAX);
        return;
    case FIELD_INT:
        *(int64_t *)at = msgpack_read_int(r);
        return;
    case FIELD_IP:
        read_ip(r, at);
        return;
    case FIELD_META:
        read_meta(r, at);
        return;
    case FIELD_NAME:
        read_name(r, at);
        return;
    case FIELD_VSN:
        read_vsn(r, at);
        return;
    case FIELD_ERROR:
        read_error(r, at);
        return;
    case FIELD_NIL:
        msgpack_skip(r);
        return;
    }
}

static const struct field *field_find(const struct body *b, const uint8_t *key, size_t len)
{
    for (size_t i = 0; i < b->count; i++) {
        if (strlen(b->fields[i].key) == len && memcmp(b->fields[i].key, key, len) == 0)
            return &b->fields[i];
    }
    return NULL;
}

static int read_body(struct rd *r, const struct body *b, void *ret)
{
    uint32_t left = msgpack_read_map(r);

    for (; left > 0 && !r->bad; left--) {
        struct rd key = msgpack_read_slice(r);
        const struct field *f = r->bad ? NULL : field_find(b, key.pos, key.left);

        if (f == NULL)
            msgpack_skip(r);
        else
            read_field(r, f->kind, (char *)ret + f->offset);
    }
    return r->bad ? -EBADMSG : 0;
}

static void write_ip(struct wr *w, const struct ip *ip)
{
    uint8_t bytes[16];
    struct wr address = wr_to(bytes, sizeof(bytes));

    switch (ip->family) {
    case IP_NONE:
        msgpack_write_nil(w);
        return;
    case IP_V4:
        wr_u32(&address, ip_to_v4(*ip));
        msgpack_write_raw(w, bytes, address.len);
        return;
    case IP_V6:
        ip_to_v6(*ip, bytes);
        msgpack_write_raw(w, bytes, sizeof(bytes));
        return;
    }
}

static void write_meta(struct wr *w, const struct gossip_meta *m)
{
    if (m->len > 0)
        msgpack_write_raw(w, m->bytes, m->len);
    else
        msgpack_write_nil(w);
}

/* Peers of v0.5.1 crash on one to five bytes: it is six or none. */
static void write_vsn(struct wr *w, const struct gossip_vsn *v)
{
    const uint8_t bytes[GOSSIP_VSN_LEN] = {v->pmin, v->pmax, v->pcur, v->dmin, v->dmax, v->dcur};

    if (v->len == GOSSIP_VSN_LEN)
        msgpack_write_raw(w, bytes, sizeof(bytes));
    else
        msgpack_write_nil(w);
}

static void write_field(struct wr *w, enum field_kind kind, const void *at)
{
    switch (kind) {
    case FIELD_BOOL:
        msgpack_write_bool(w, *(const bool *)at);
        return;
    case FIELD_U16:
        msgpack_write_uint(w, *(const uint16_t *)at);
        return;
    case FIELD_U32:
        msgpack_write_uint(w, *(const uint32_t *)at);
        return;
    case FIELD_INT:
        msgpack_write_int(w, *(const int64_t *)at);
        return;
    case FIELD_IP:
        write_ip(w, at);
        return;
    case FIELD_META:
        write_meta(w, at);
        return;
    case FIELD_NAME:
    case FIELD_ERROR:
        msgpack_write_str(w, at);
        return;
    case FIELD_VSN:
        write_vsn(w, at);
        return;
    case FIELD_NIL:
        msgpack_write_nil(w);
        return;
    }
}

static bool is_zero(enum field_kind kind, const void *at)
{
    switch (kind) {
    case FIELD_IP:
        return ((const struct ip *)at)->family == IP_NONE;
    case FIELD_NAME:
        return *(const char *)at == '\0';
    case FIELD_U16:
        return *(const uint16_t *)at == 0;
    case FIELD_BOOL:
    case FIELD_U32:
    case FIELD_INT:
    case FIELD_META:
    case FIELD_VSN:
    case FIELD_ERROR:
    case FIELD_NIL:
        break; /* never optional */
    }
    return false;
}

static bool is_absent(const struct field *f, const void *from)
{
    return f->optional && is_zero(f->kind, (const char *)from + f->offset);
}

static void write_body(struct wr *w, const struct body *b, const void *from)
{
    unsigned count = 0;

    for (size_t i = 0; i < b->count; i++)
        count += is_absent(&b->fields[i], from) ? 0 : 1;
    msgpack_write_map(w, count);
    for (size_t i = 0; i < b->count; i++) {
        const struct field *f = &b->fields[i];

        if (is_absent(f, from))
            continue;
        msgpack_write_str(w, f->key);
        write_field(w, f->kind, (const char *)from + f->offset);
    }
}

bool gossip_addr_eq(struct gossip_addr a, struct gossip_addr b)
{
    return ip_eq(a.ip, b.ip) && a.port == b.port;
}

int gossip_read_ping(struct gossip_ping *ret, struct rd *r)
{
    struct gossip_ping v = {0};

    if (read_body(r, &ping_body, &v) < 0)
        return -EBADMSG;
    *ret = v;
    return 0;
}

int gossip_read_indirect_ping(struct gossip_indirect_ping *ret, struct rd *r)
{
    struct gossip_indirect_ping v = {0};

    if (read_body(r, &indirect_ping_body, &v) < 0)
        return -EBADMSG;
    *ret = v;
    return 0;
}

int gossip_read_seq(uint32_t *ret, struct rd *r)
{
    struct seq v = {0};

    if (read_body(r, &ack_body, &v) < 0)
        return -EBADMSG;
    *ret = v.seq;
    return 0;
}

int gossip_read_accusation(struct gossip_accusation *ret, struct rd *r)
{
    struct gossip_accusation v = {0};

    if (read_body(r, &accusation_body, &v) < 0)
        return -EBADMSG;
    *ret = v;
    return 0;
}

int gossip_read_alive(struct gossip_record *ret, struct rd *r)
{
    struct gossip_record v = {0};

    if (read_body(r, &alive_body, &v) < 0)
        return -EBADMSG;
    *ret = v;
    return 0;
}

int gossip_read_header(struct gossip_header *ret, struct rd *r)
{
    struct gossip_header v = {0};

    if (read_body(r, &header_body, &v) < 0 || v.nodes < 0 || v.nodes > GOSSIP_NODES_MAX ||
        v.user_len < 0 || v.user_len > GOSSIP_USER_MAX)
        return -EBADMSG;
    *ret = v;
    return 0;
}

int gossip_read_state(struct gossip_record *ret, struct rd *r)
{
    struct gossip_record v = {0};

    if (read_body(r, &state_body, &v) < 0)
        return -EBADMSG;
    *ret = v;
    return 0;
}

int gossip_read_user_header(int64_t *ret_len, struct rd *r)
{
    struct user_header v = {0};

    if (read_body(r, &user_header_body, &v) < 0 || v.len < 0 || v.len > GOSSIP_USER_MAX)
        return -EBADMSG;
    *ret_len = v.len;
    return 0;
}

int gossip_read_error(struct gossip_error *ret, struct rd *r)
{
    struct gossip_error v = {0};

    if (read_body(r, &error_body, &v) < 0)
        return -EBADMSG;
    *ret = v;
    return 0;
}

static void write_message(struct wr *w, enum gossip_type type, const struct body *b,
                          const void *from)
{
    wr_u8(w, (uint8_t)type);
    write_body(w, b, from);
}

void gossip_write_ping(struct wr *w, const struct gossip_ping *p)
{
    write_message(w, GOSSIP_PING, &ping_body, p);
}

void gossip_write_indirect_ping(struct wr *w, const struct gossip_indirect_ping *p)
{
    write_message(w, GOSSIP_INDIRECT_PING, &indirect_ping_body, p);
}

void gossip_write_ack(struct wr *w, uint32_t seq)
{
    write_message(w, GOSSIP_ACK, &ack_body, &(struct seq){seq});
}

void gossip_write_nack(struct wr *w, uint32_t seq)
{
    write_message(w, GOSSIP_NACK, &nack_body, &(struct seq){seq});
}

void gossip_write_accusation(struct wr *w, enum gossip_type type, const struct gossip_accusation *a)
{
    assert(type == GOSSIP_SUSPECT || type == GOSSIP_DEAD);
    write_message(w, type, &accusation_body, a);
}

void gossip_write_alive(struct wr *w, const struct gossip_record *a)
{
    write_message(w, GOSSIP_ALIVE, &alive_body, a);
}

void gossip_write_header(struct wr *w, const struct gossip_header *h)
{
    write_message(w, GOSSIP_PUSH_PULL, &header_body, h);
}

void gossip_write_state(struct wr *w, const struct gossip_record *s)
{
    write_body(w, &state_body, s);
}

void gossip_write_error(struct wr *w, const char *text)
{
    wr_u8(w, GOSSIP_ERROR);
    msgpack_write_map(w, 1);
    msgpack_write_str(w, "Error");
    msgpack_write_str(w, text);
}

/* Not by a table: the stream stays where it is. */
int gossip_read_compressed(struct rd *ret_lzw, struct rd *r)
{
    uint32_t left = msgpack_read_map(r);
    struct rd lzw = rd_from(NULL, 0);
    uint64_t algorithm = 0;

    for (; left > 0 && !r->bad; left--) {
        struct rd key = msgpack_read_slice(r);

        if (!r->bad && key.left == 4 && memcmp(key.pos, "Algo", 4) == 0)
            algorithm = msgpack_read_uint(r, UINT8_MAX);
        else if (!r->bad && key.left == 3 && memcmp(key.pos, "Buf", 3) == 0)
            lzw = msgpack_read_slice(r);
        else
            msgpack_skip(r);
    }
    if (r->bad || algorithm != 0)
        return -EBADMSG;
    *ret_lzw = lzw;
    return 0;
}

void gossip_write_compressed(struct wr *w, const uint8_t *lzw, size_t len)
{
    wr_u8(w, GOSSIP_COMPRESSED);
    msgpack_write_map(w, 2);
    msgpack_write_str(w, "Algo");
    msgpack_write_uint(w, 0);
    msgpack_write_str(w, "Buf");
    msgpack_write_raw(w, lzw, len);
}

int gossip_read_compound(struct gossip_compound *ret, struct rd *r)
{
    uint8_t count = rd_u8(r);
    struct rd lengths = rd_sub(r, 2 * (size_t)count);

    if (r->bad)
        return -EBADMSG;
    *ret = (struct gossip_compound){.lengths = lengths, .parts = *r};
    return 0;
}

bool gossip_compound_next(struct gossip_compound *c, struct rd *ret)
{
    struct rd part;

    if (c->lengths.left == 0)
        return false;
    part = rd_sub(&c->parts, rd_u16(&c->lengths));
    if (part.bad) {
        c->lengths = rd_from(NULL, 0);
        return false;
    }
    *ret = part;
    return true;
}

void gossip_write_compound(struct wr *w, const struct gossip_part *parts, size_t count)
{
    assert(count <= GOSSIP_PARTS_MAX);
    wr_u8(w, GOSSIP_COMPOUND);
    wr_u8(w, (uint8_t)count);
    for (size_t i = 0; i < count; i++) {
        assert(parts[i].len <= UINT16_MAX);
        wr_u16(w, (uint16_t)parts[i].len);
    }
    for (size_t i = 0; i < count; i++)
        wr_bytes(w, parts[i].bytes, parts[i].len);
}

/* Reflected, polynomial 0xedb88320, four bits a step. */
uint32_t gossip_crc(const uint8_t *bytes, size_t len)
{
    static const uint32_t table[16] = {
        0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4,
        0x4db26158, 0x5005713c, 0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c,
        0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c,
    };
    uint32_t crc = UINT32_MAX;

    for (size_t i = 0; i < len; i++) {
        crc ^= bytes[i];
        crc = crc >> 4 ^ table[crc & 15];
        crc = crc >> 4 ^ table[crc & 15];
    }
    return ~crc;
}
