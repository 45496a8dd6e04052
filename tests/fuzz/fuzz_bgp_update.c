/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bytes are what is to be announced or withdrawn: session, attributes, prefixes. Whatever they
 * say, the messages must be whole, good to a reader of the same class, and name each prefix once.
 */
#include "fuzz.h"

#include "base/macro.h"
#include "base/mem.h"
#include "bgp/bgp_update.h"

#include <stdlib.h>
#include <string.h>

enum { COMMUNITIES_MAX = 1200 };

static void require(bool ok)
{
    if (!ok)
        abort();
}

enum { WITHDRAW = 1, IPV6 = 2, IBGP = 4, AS4 = 8, EXTENDED = 16, V4_OVER_V6 = 32, PAIR = 64 };

struct input {
    uint8_t flags;
    enum bgp_family family;
    struct bgp_attrs attrs;
    struct bgp_path path;
    struct bgp_community *communities; /* owned */
};

static void read_communities(struct input *in, struct rd *r)
{
    size_t n = rd_u16(r) % COMMUNITIES_MAX;

    in->communities = xcalloc(COMMUNITIES_MAX, sizeof(*in->communities));
    for (size_t i = 0; i < n; i++) {
        uint8_t v = rd_u8(r);

        in->communities[i] = (struct bgp_community){v % 3, v, v, v};
    }
    in->attrs.communities = in->communities;
    in->attrs.community_count = n;
}

static void read_input(struct input *in, struct rd *r)
{
    uint8_t v6_len, hop = rd_u8(r);

    in->flags = rd_u8(r);
    in->family = (in->flags & IPV6) != 0 ? BGP_IPV6 : BGP_IPV4;
    in->path.ibgp = (in->flags & IBGP) != 0;
    in->path.as4 = (in->flags & AS4) != 0;
    v6_len = (in->flags & PAIR) != 0 ? 32 : 16;
    in->path.next_hop[BGP_IPV4].len = (in->flags & V4_OVER_V6) != 0 ? v6_len : 4;
    in->path.next_hop[BGP_IPV6].len = v6_len;
    memset(in->path.next_hop[in->family].bytes, hop, v6_len);
    in->path.local_as = rd_u32(r);
    in->attrs.has_local_pref = rd_u8(r) & 1;
    in->attrs.local_pref = rd_u32(r);
    in->attrs.med = rd_u32(r);
    in->attrs.prepend = rd_u8(r);
    read_communities(in, r);
}

static struct prefix read_prefix(struct rd *r, enum bgp_family family)
{
    uint8_t bytes[16] = {0}, len = rd_u8(r);

    if (family == BGP_IPV4)
        return prefix_of(ip_v4(rd_u32(r)), len % 33);
    rd_copy(r, bytes, r->left < sizeof(bytes) ? r->left : sizeof(bytes));
    return prefix_of(ip_v6(bytes), len % 129);
}

static bool begin(struct bgp_update *u, uint8_t *bytes, size_t max, const struct input *in)
{
    if ((in->flags & WITHDRAW) == 0)
        return bgp_update_begin(u, bytes, max, in->family, &in->attrs, &in->path);
    bgp_update_begin_withdraw(u, bytes, max, in->family, (in->flags & V4_OVER_V6) != 0);
    return true;
}

static void check(const struct bgp_update *u, size_t len, const struct input *in)
{
    struct bgp_update_sum sum;
    struct bgp_header h;
    struct bgp_error e;
    uint32_t count = (uint32_t)u->prefix_count;
    bool withdraws = (in->flags & WITHDRAW) != 0;

    require(bgp_header_read(&h, u->w.start, (in->flags & EXTENDED) != 0, &e));
    require(h.type == BGP_UPDATE && h.len == len);
    require(bgp_update_check(&sum, u->w.start + BGP_HEADER_LEN, len - BGP_HEADER_LEN, in->path.as4,
                             in->path.ibgp, &e) == BGP_UPDATE_GOOD);
    require(sum.announced[in->family] == (withdraws ? 0 : count));
    require(sum.withdrawn[in->family] == (withdraws ? count : 0));
    require(sum.announced[!in->family] + sum.withdrawn[!in->family] == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct rd r = rd_from(bytes, len);
    struct input in = {0};
    size_t max;
    uint8_t *out;
    struct bgp_update u;

    read_input(&in, &r);
    max = (in.flags & EXTENDED) != 0 ? BGP_EXTENDED_MAX : BGP_MESSAGE_MAX;
    out = xmalloc(max);
    if (begin(&u, out, max, &in)) {
        while (r.left > 0) {
            struct prefix p = read_prefix(&r, in.family);

            if (bgp_update_add(&u, p))
                continue;
            check(&u, bgp_update_end(&u), &in);
            require(begin(&u, out, max, &in) && bgp_update_add(&u, p));
        }
        check(&u, bgp_update_end(&u), &in);
    }
    free(out);
    free(in.communities);
    return 0;
}
