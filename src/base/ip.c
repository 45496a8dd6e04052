/* SPDX-License-Identifier: Apache-2.0 */
#include "base/ip.h"

#include "base/wire.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

/* Wide arithmetic lives in this file only; everybody else sees two halves. */
typedef unsigned __int128 u128;

static u128 ip_num(struct ip a)
{
    return (u128)a.hi << 64 | a.lo;
}

static struct ip ip_from_num(u128 n, enum ip_family family)
{
    return (struct ip){.hi = (uint64_t)(n >> 64), .lo = (uint64_t)n, .family = family};
}

uint8_t ip_bits(enum ip_family family)
{
    return family == IP_V4 ? 32 : 128;
}

static u128 family_max(enum ip_family family)
{
    return family == IP_V4 ? UINT32_MAX : ~(u128)0;
}

/* The host bits below a prefix of `len` bits. */
static u128 host_mask(enum ip_family family, uint8_t len)
{
    uint8_t host = (uint8_t)(ip_bits(family) - len);

    return host == 128 ? ~(u128)0 : ((u128)1 << host) - 1;
}

struct ip ip_v4(uint32_t host_order)
{
    return (struct ip){.lo = host_order, .family = IP_V4};
}

struct ip ip_v6(const uint8_t bytes[16])
{
    struct rd r = rd_from(bytes, 16);
    struct ip a = {.family = IP_V6};

    a.hi = rd_u64(&r);
    a.lo = rd_u64(&r);
    return a;
}

uint32_t ip_to_v4(struct ip a)
{
    return (uint32_t)a.lo;
}

void ip_to_v6(struct ip a, uint8_t bytes[16])
{
    struct wr w = wr_to(bytes, 16);

    wr_u64(&w, a.hi);
    wr_u64(&w, a.lo);
}

static bool is_v4_mapped(struct ip a)
{
    return a.family == IP_V6 && a.hi == 0 && a.lo >> 32 == 0xffff;
}

/* As written: an IPv4-mapped address stays IPv6. */
static bool parse_literal(struct ip *ret, const char *text)
{
    uint8_t bytes[16];

    if (inet_pton(AF_INET, text, bytes) == 1) {
        struct rd r = rd_from(bytes, 4);

        *ret = ip_v4(rd_u32(&r));
        return true;
    }
    if (inet_pton(AF_INET6, text, bytes) != 1)
        return false;
    *ret = ip_v6(bytes);
    return true;
}

bool ip_parse(struct ip *ret, const char *text)
{
    struct ip a;

    if (!parse_literal(&a, text))
        return false;
    *ret = is_v4_mapped(a) ? ip_v4((uint32_t)a.lo) : a;
    return true;
}

bool ip_text_is_v4_mapped(const char *text)
{
    struct ip a;

    return parse_literal(&a, text) && is_v4_mapped(a);
}

/* RFC 5952 4.2: the longest run of two or more zero groups, the first one on a tie. */
static void longest_zero_run(const uint16_t groups[8], int *ret_start, int *ret_len)
{
    int best = -1, best_len = 1;

    for (int i = 0; i < 8; i++) {
        int n = 0;

        while (i + n < 8 && groups[i + n] == 0)
            n++;
        if (n > best_len) {
            best = i;
            best_len = n;
        }
        i += n;
    }
    *ret_start = best;
    *ret_len = best < 0 ? 0 : best_len;
}

static struct ip_text format_v6(struct ip a)
{
    struct ip_text t = {""};
    uint16_t groups[8];
    size_t at = 0;
    int run, run_len;

    for (int i = 0; i < 8; i++)
        groups[i] = (uint16_t)(i < 4 ? a.hi >> (48 - 16 * i) : a.lo >> (112 - 16 * i));
    longest_zero_run(groups, &run, &run_len);
    for (int i = 0; i < 8; i++) {
        if (i == run) {
            at += (size_t)snprintf(t.s + at, sizeof(t.s) - at, "::");
            i += run_len - 1;
            continue;
        }
        if (i > 0 && i != run + run_len)
            at += (size_t)snprintf(t.s + at, sizeof(t.s) - at, ":");
        at += (size_t)snprintf(t.s + at, sizeof(t.s) - at, "%x", groups[i]);
    }
    return t;
}

struct ip_text ip_format(struct ip a)
{
    struct ip_text t = {""};
    uint32_t v4 = ip_to_v4(a);

    switch (a.family) {
    case IP_V4:
        snprintf(t.s, sizeof(t.s), "%u.%u.%u.%u", v4 >> 24, v4 >> 16 & 255, v4 >> 8 & 255,
                 v4 & 255);
        return t;
    case IP_V6:
        return format_v6(a);
    case IP_NONE:
        snprintf(t.s, sizeof(t.s), "<nil>");
        return t;
    }
    return t;
}

struct ip_key ip_key(struct ip a)
{
    struct ip_key key;
    struct wr w = wr_to(key.bytes, sizeof(key.bytes));

    wr_u8(&w, (uint8_t)a.family);
    wr_u64(&w, a.hi);
    wr_u64(&w, a.lo);
    return key;
}

bool ip_eq(struct ip a, struct ip b)
{
    return ip_cmp(a, b) == 0;
}

int ip_cmp(struct ip a, struct ip b)
{
    u128 x = ip_num(a), y = ip_num(b);

    if (a.family != b.family)
        return a.family < b.family ? -1 : 1;
    return (x > y) - (x < y);
}

bool ip_is_link_local(struct ip a)
{
    return a.family == IP_V6 && a.hi >> 54 == 0x3fa;
}

bool ip_next(struct ip *ret, struct ip a)
{
    if (ip_num(a) == family_max(a.family))
        return false;
    *ret = ip_from_num(ip_num(a) + 1, a.family);
    return true;
}

bool ip_prev(struct ip *ret, struct ip a)
{
    if (ip_num(a) == 0)
        return false;
    *ret = ip_from_num(ip_num(a) - 1, a.family);
    return true;
}

bool ip_is_buggy(struct ip a)
{
    uint8_t last = (uint8_t)a.lo;

    return a.family == IP_V4 && (last == 0 || last == 255);
}

struct prefix prefix_of(struct ip a, uint8_t len)
{
    u128 masked = ip_num(a) & ~host_mask(a.family, len);

    return (struct prefix){.addr = ip_from_num(masked, a.family), .len = len};
}

/* Decimal without sign or blanks, as Go's dtoi: leading zeros are fine. */
static bool parse_length(uint8_t *ret, const char *text, uint8_t max)
{
    unsigned n = 0;

    if (*text == '\0')
        return false;
    for (; *text != '\0'; text++) {
        if (*text < '0' || *text > '9')
            return false;
        n = n * 10 + (unsigned)(*text - '0');
        if (n > max)
            return false;
    }
    *ret = (uint8_t)n;
    return true;
}

bool prefix_parse(struct prefix *ret, const char *text)
{
    const char *slash = strchr(text, '/');
    char addr[IP_TEXT_MAX];
    struct ip a;
    uint8_t len;

    if (slash == NULL || (size_t)(slash - text) >= sizeof(addr))
        return false;
    memcpy(addr, text, (size_t)(slash - text));
    addr[slash - text] = '\0';
    if (!parse_literal(&a, addr) || is_v4_mapped(a))
        return false;
    if (!parse_length(&len, slash + 1, ip_bits(a.family)))
        return false;
    *ret = prefix_of(a, len);
    return true;
}

struct prefix_text prefix_format(struct prefix p)
{
    struct prefix_text t;

    snprintf(t.s, sizeof(t.s), "%s/%u", ip_format(p.addr).s, p.len);
    return t;
}

struct ip prefix_first(struct prefix p)
{
    return p.addr;
}

struct ip prefix_last(struct prefix p)
{
    return ip_from_num(ip_num(p.addr) | host_mask(p.addr.family, p.len), p.addr.family);
}

bool prefix_contains(struct prefix p, struct ip a)
{
    return a.family == p.addr.family && ip_eq(prefix_of(a, p.len).addr, p.addr);
}

bool prefix_overlaps(struct prefix a, struct prefix b)
{
    return a.len <= b.len ? prefix_contains(a, b.addr) : prefix_contains(b, a.addr);
}

bool prefix_eq(struct prefix a, struct prefix b)
{
    return a.len == b.len && ip_eq(a.addr, b.addr);
}

int prefix_cmp(struct prefix a, struct prefix b)
{
    int c = ip_cmp(a.addr, b.addr);

    return c != 0 ? c : (a.len > b.len) - (a.len < b.len);
}

/* The shortest prefix that starts at `at` and does not pass `last`. */
static uint8_t widest_prefix(u128 at, u128 last, enum ip_family family)
{
    uint8_t len = ip_bits(family);

    while (len > 0) {
        u128 mask = host_mask(family, (uint8_t)(len - 1));

        if ((at & mask) != 0 || (at | mask) > last)
            break;
        len--;
    }
    return len;
}

size_t prefix_cover(struct prefix ret[PREFIX_RANGE_MAX], struct ip first, struct ip last)
{
    u128 at = ip_num(first), end = ip_num(last);
    size_t n = 0;

    while (n < PREFIX_RANGE_MAX) {
        uint8_t len = widest_prefix(at, end, first.family);
        u128 block_end = at | host_mask(first.family, len);

        ret[n++] = (struct prefix){.addr = ip_from_num(at, first.family), .len = len};
        if (block_end >= end)
            break;
        at = block_end + 1;
    }
    return n;
}
