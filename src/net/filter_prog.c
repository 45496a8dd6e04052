/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Offsets are those of an untagged Ethernet frame: the kernel takes VLAN tags off before a packet
 * socket sees the frame.
 */
#include "net/filter_prog.h"

#include <assert.h>
#include <linux/icmpv6.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <netinet/in.h>

#define FILTER_PASS 0x40000u /* bytes of the frame to keep: all of them */

enum {
    AT_ETHERTYPE = 12,
    AT_ARP_LENGTHS = 18, /* hardware and protocol address length */
    AT_ARP_OP = 20,
    AT_ARP_TARGET = 38,
    AT_IP6_NEXT = 20, /* next header, then the hop limit */
    AT_ICMP6_TYPE = 54,
    AT_ND_TARGET = 62,
};

/* A fixed field that a frame of the kind must have. */
struct field {
    uint8_t at, size;
    uint32_t value;
    uint32_t other; /* allowed, too; 0: none */
};

static const struct field arp_fields[] = {
    {AT_ETHERTYPE, 2, ETH_P_ARP, 0},
    {AT_ARP_LENGTHS, 2, 0x0604, 0},
    {AT_ARP_OP, 2, 1, 0},
};

/* RFC 4861 7.1.1: hop limit 255, type 135; or 136, by which another node claims an address. */
static const struct field nd_fields[] = {
    {AT_ETHERTYPE, 2, ETH_P_IPV6, 0},
    {AT_IP6_NEXT, 2, IPPROTO_ICMPV6 << 8 | 255, 0},
    {AT_ICMP6_TYPE, 1, 135, 136},
};

struct shape {
    const struct field *fields;
    size_t field_count;
    uint32_t target; /* offset */
    uint32_t words;  /* of the target */
};

static struct shape shape_of(enum filter_kind kind)
{
    switch (kind) {
    case FILTER_ARP:
        return (struct shape){arp_fields, ARRAY_SIZE(arp_fields), AT_ARP_TARGET, 1};
    case FILTER_ND:
        return (struct shape){nd_fields, ARRAY_SIZE(nd_fields), AT_ND_TARGET, 4};
    }
    return (struct shape){0};
}

static uint32_t ip_word(struct ip ip, uint32_t i, uint32_t words)
{
    if (words == 1)
        return ip_to_v4(ip);
    return (uint32_t)((i < 2 ? ip.hi : ip.lo) >> (i % 2 == 0 ? 32 : 0));
}

uint32_t filter_key(uint32_t ret[FILTER_KEY_WORDS], struct ip ip)
{
    uint32_t words = ip.family == IP_V4 ? 1 : 4;

    for (uint32_t i = 0; i < words; i++)
        ret[i] = ip_word(ip, i, words);
    return words * (uint32_t)sizeof(uint32_t);
}

/* --- classic --- */

struct classic {
    struct sock_filter *out;
    size_t len;
};

static void classic_put(struct classic *c, uint16_t code, uint8_t jt, uint8_t jf, uint32_t k)
{
    assert(c->len < FILTER_CLASSIC_MAX);
    c->out[c->len++] = (struct sock_filter){code, jt, jf, k};
}

static uint16_t classic_size(uint8_t size)
{
    return size == 1 ? BPF_B : size == 2 ? BPF_H : BPF_W;
}

/* Jumps reach 255 instructions, so a failed test returns on the spot. */
static void classic_require(struct classic *c, struct field f)
{
    classic_put(c, (uint16_t)(BPF_LD | BPF_ABS | classic_size(f.size)), 0, 0, f.at);
    if (f.other != 0)
        classic_put(c, BPF_JMP | BPF_JEQ | BPF_K, 2, 0, f.other);
    classic_put(c, BPF_JMP | BPF_JEQ | BPF_K, 1, 0, f.value);
    classic_put(c, BPF_RET | BPF_K, 0, 0, 0);
}

static uint32_t word_mask(uint8_t prefix_len, uint32_t i)
{
    uint32_t bits = prefix_len > i * 32 ? prefix_len - i * 32 : 0;

    return bits == 0 ? 0 : bits >= 32 ? UINT32_MAX : ~(UINT32_MAX >> bits);
}

/* Instructions that test word i: load, perhaps mask, compare. */
static uint8_t word_cost(uint32_t mask)
{
    return mask == 0 ? 0 : mask == UINT32_MAX ? 2 : 3;
}

static void classic_match(struct classic *c, const struct shape *s, struct prefix p)
{
    uint8_t left = 1; /* instructions of this block that are still to come; the last one passes */

    for (uint32_t i = 0; i < s->words; i++)
        left = (uint8_t)(left + word_cost(word_mask(p.len, i)));
    for (uint32_t i = 0; i < s->words; i++) {
        uint32_t mask = word_mask(p.len, i);

        if (mask == 0)
            break;
        left = (uint8_t)(left - word_cost(mask));
        classic_put(c, BPF_LD | BPF_W | BPF_ABS, 0, 0, s->target + i * 4);
        if (mask != UINT32_MAX)
            classic_put(c, BPF_ALU | BPF_AND | BPF_K, 0, 0, mask);
        classic_put(c, BPF_JMP | BPF_JEQ | BPF_K, 0, left, ip_word(p.addr, i, s->words));
    }
    classic_put(c, BPF_RET | BPF_K, 0, 0, FILTER_PASS);
}

size_t filter_classic(struct sock_filter ret[FILTER_CLASSIC_MAX], enum filter_kind kind,
                      const struct prefix *prefixes, size_t count)
{
    struct classic c = {.out = ret};
    struct shape s = shape_of(kind);

    assert(count <= FILTER_PREFIXES);
    if (count > 0) {
        classic_put(&c, BPF_LD | BPF_W | BPF_ABS, 0, 0, (uint32_t)(SKF_AD_OFF + SKF_AD_PKTTYPE));
        classic_put(&c, BPF_JMP | BPF_JEQ | BPF_K, 0, 1, PACKET_OTHERHOST);
        classic_put(&c, BPF_RET | BPF_K, 0, 0, 0);
        for (size_t i = 0; i < s.field_count; i++)
            classic_require(&c, s.fields[i]);
    }
    for (size_t i = 0; i < count; i++)
        classic_match(&c, &s, prefixes[i]);
    classic_put(&c, BPF_RET | BPF_K, 0, 0, 0);
    return c.len;
}

/* --- eBPF --- */

struct ebpf {
    struct bpf_insn *out;
    size_t len;
    size_t drops[8]; /* jumps to the end that drops the frame */
    size_t drop_count;
};

static void ebpf_put(struct ebpf *e, struct bpf_insn insn)
{
    assert(e->len < FILTER_EBPF_MAX);
    e->out[e->len++] = insn;
}

/* Drops the frame when `op` holds between r0 and value. */
static void ebpf_drop_if(struct ebpf *e, uint8_t op, int32_t value)
{
    assert(e->drop_count < ARRAY_SIZE(e->drops));
    e->drops[e->drop_count++] = e->len;
    ebpf_put(e, (struct bpf_insn){.code = (uint8_t)(BPF_JMP | op | BPF_K), .imm = value});
}

/* r0 = the field, in host order. Reads beyond the end of the frame drop it. Wants the frame in r6.
 */
static void ebpf_load(struct ebpf *e, uint32_t at, uint8_t size)
{
    uint8_t code = (uint8_t)(BPF_LD | BPF_ABS | classic_size(size));

    ebpf_put(e, (struct bpf_insn){.code = code, .imm = (int32_t)at});
}

static void ebpf_return(struct ebpf *e, uint32_t value)
{
    ebpf_put(e, (struct bpf_insn){.code = BPF_ALU64 | BPF_MOV | BPF_K,
                                  .dst_reg = BPF_REG_0,
                                  .imm = (int32_t)value});
    ebpf_put(e, (struct bpf_insn){.code = BPF_JMP | BPF_EXIT});
}

static void ebpf_lookup(struct ebpf *e, int16_t key_size, int map_fd)
{
    ebpf_put(e, (struct bpf_insn){.code = BPF_ALU64 | BPF_MOV | BPF_X,
                                  .dst_reg = BPF_REG_2,
                                  .src_reg = BPF_REG_10});
    ebpf_put(e, (struct bpf_insn){
                    .code = BPF_ALU64 | BPF_ADD | BPF_K, .dst_reg = BPF_REG_2, .imm = -key_size});
    /* A 64-bit immediate takes two instructions. */
    ebpf_put(e, (struct bpf_insn){.code = BPF_LD | BPF_DW | BPF_IMM,
                                  .dst_reg = BPF_REG_1,
                                  .src_reg = BPF_PSEUDO_MAP_FD,
                                  .imm = map_fd});
    ebpf_put(e, (struct bpf_insn){0});
    ebpf_put(e, (struct bpf_insn){.code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_map_lookup_elem});
}

size_t filter_ebpf(struct bpf_insn ret[FILTER_EBPF_MAX], enum filter_kind kind, int map_fd)
{
    struct ebpf e = {.out = ret};
    struct shape s = shape_of(kind);
    int16_t key_size = (int16_t)(s.words * 4);

    ebpf_put(&e, (struct bpf_insn){.code = BPF_ALU64 | BPF_MOV | BPF_X,
                                   .dst_reg = BPF_REG_6,
                                   .src_reg = BPF_REG_1});
    ebpf_put(&e, (struct bpf_insn){.code = BPF_LDX | BPF_MEM | BPF_W,
                                   .dst_reg = BPF_REG_0,
                                   .src_reg = BPF_REG_6,
                                   .off = (int16_t)offsetof(struct __sk_buff, pkt_type)});
    ebpf_drop_if(&e, BPF_JEQ, PACKET_OTHERHOST);
    for (size_t i = 0; i < s.field_count; i++) {
        ebpf_load(&e, s.fields[i].at, s.fields[i].size);
        if (s.fields[i].other != 0) /* over the test that follows */
            ebpf_put(&e, (struct bpf_insn){.code = BPF_JMP | BPF_JEQ | BPF_K,
                                           .off = 1,
                                           .imm = (int32_t)s.fields[i].other});
        ebpf_drop_if(&e, BPF_JNE, (int32_t)s.fields[i].value);
    }
    for (uint32_t i = 0; i < s.words; i++) {
        ebpf_load(&e, s.target + i * 4, 4);
        ebpf_put(&e, (struct bpf_insn){.code = BPF_STX | BPF_MEM | BPF_W,
                                       .dst_reg = BPF_REG_10,
                                       .src_reg = BPF_REG_0,
                                       .off = (int16_t)(i * 4 - (uint32_t)key_size)});
    }
    ebpf_lookup(&e, key_size, map_fd);
    ebpf_drop_if(&e, BPF_JEQ, 0);
    ebpf_return(&e, FILTER_PASS);

    for (size_t i = 0; i < e.drop_count; i++)
        ret[e.drops[i]].off = (int16_t)(e.len - e.drops[i] - 1);
    ebpf_return(&e, 0);
    return e.len;
}

/* --- covering prefixes --- */

static uint8_t common_len(struct ip a, struct ip b)
{
    uint64_t hi = a.hi ^ b.hi, lo = a.lo ^ b.lo;
    uint8_t len = hi != 0   ? (uint8_t)__builtin_clzll(hi)
                  : lo != 0 ? (uint8_t)(64 + __builtin_clzll(lo))
                            : 128;

    return a.family == IP_V4 ? (uint8_t)(len - 96) : len;
}

/* The length below which a gap between neighbours is cut, and how many of that very length are. */
struct cut {
    uint8_t len;
    size_t spare;
};

static struct cut cut_find(const struct ip *sorted, size_t count)
{
    size_t gaps[129] = {0}, cuts = FILTER_PREFIXES - 1;
    uint8_t len = 0;

    for (size_t i = 1; i < count; i++)
        gaps[common_len(sorted[i - 1], sorted[i])]++;
    while (len < 128 && gaps[len] <= cuts)
        cuts -= gaps[len++];
    return (struct cut){.len = len, .spare = cuts};
}

size_t filter_cover(struct prefix ret[FILTER_PREFIXES], const struct ip *sorted, size_t count)
{
    struct cut cut = cut_find(sorted, count);
    size_t n = 0, first = 0;

    for (size_t i = 1; i <= count; i++) {
        uint8_t len = i < count ? common_len(sorted[i - 1], sorted[i]) : 0;

        if (i < count && len >= cut.len && (len > cut.len || cut.spare == 0))
            continue;
        if (i < count && len == cut.len)
            cut.spare--;
        ret[n++] = prefix_of(sorted[first], common_len(sorted[first], sorted[i - 1]));
        first = i;
    }
    return n;
}
