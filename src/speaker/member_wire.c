/* SPDX-License-Identifier: Apache-2.0 */
#include "speaker/member_wire.h"

#include <errno.h>
#include <string.h>

#define MAGIC UINT32_C(0x534c4231) /* "SLB1" */

static void write_prefix(struct wr *w, struct prefix p)
{
    uint8_t v6[16];

    wr_u8(w, (uint8_t)p.addr.family);
    wr_u8(w, p.len);
    if (p.addr.family == IP_V4) {
        wr_u32(w, ip_to_v4(p.addr));
        return;
    }
    ip_to_v6(p.addr, v6);
    wr_bytes(w, v6, sizeof(v6));
}

bool member_names_add(struct member_names *n, const char *name)
{
    size_t len = strlen(name);

    if (n->count == MEMBER_NAMES_MAX || len == 0 || len >= MEMBER_NAME_SIZE)
        return false;
    memcpy(n->names[n->count++], name, len + 1);
    return true;
}

bool member_names_has(const struct member_names *n, const char *name)
{
    for (size_t i = 0; i < n->count; i++) {
        if (strcmp(n->names[i], name) == 0)
            return true;
    }
    return false;
}

/* The first of them, so that the list and `reserve` bytes behind it fit. */
static void write_names(struct wr *w, const struct member_names *n, size_t reserve)
{
    size_t room = MEMBER_META_MAX - w->len - reserve, len = 1, count = 0;

    while (count < n->count && len + 1 + strlen(n->names[count]) <= room)
        len += 1 + strlen(n->names[count++]);
    wr_u8(w, (uint8_t)count);
    for (size_t i = 0; i < count; i++) {
        wr_u8(w, (uint8_t)strlen(n->names[i]));
        wr_bytes(w, n->names[i], strlen(n->names[i]));
    }
}

void member_meta_write(struct wr *w, const struct member_meta *m)
{
    const struct member_links *l = &m->links;

    wr_u32(w, MAGIC);
    wr_u16(w, m->fast_port);
    wr_u8(w, (uint8_t)l->cut_off_count);
    for (size_t i = 0; i < l->cut_off_count; i++)
        write_prefix(w, l->cut_off[i]);
    if (l->dark.count == 0)
        return;
    write_names(w, &l->dark, 1);
    write_names(w, &l->absent, 0);
}

static bool read_prefix(struct prefix *ret, struct rd *r)
{
    uint8_t family = rd_u8(r), len = rd_u8(r), v6[16];
    struct ip ip;

    if (family != IP_V4 && family != IP_V6)
        return false;
    if (family == IP_V4) {
        ip = ip_v4(rd_u32(r));
    } else {
        rd_copy(r, v6, sizeof(v6));
        ip = ip_v6(v6);
    }
    if (r->bad || len > ip_bits(ip.family))
        return false;
    *ret = prefix_of(ip, len);
    return true;
}

static bool read_names(struct member_names *ret, struct rd *r)
{
    struct member_names n = {0};

    for (size_t left = rd_u8(r); left > 0; left--) {
        size_t len = rd_u8(r);
        char name[MEMBER_NAME_SIZE] = "";

        if (len >= sizeof(name))
            return false;
        rd_copy(r, (uint8_t *)name, len);
        if (r->bad || strlen(name) != len || !member_names_add(&n, name))
            return false;
    }
    if (r->bad)
        return false;
    *ret = n;
    return true;
}

int member_meta_read(struct member_meta *ret, struct rd *r)
{
    struct member_meta m = {0};
    struct member_links *l = &m.links;

    if (rd_u32(r) != MAGIC)
        return -EBADMSG;
    m.fast_port = rd_u16(r);
    l->cut_off_count = rd_u8(r);
    if (r->bad || l->cut_off_count > MEMBER_CUT_OFF_MAX)
        return -EBADMSG;
    for (size_t i = 0; i < l->cut_off_count; i++) {
        if (!read_prefix(&l->cut_off[i], r))
            return -EBADMSG;
    }
    if (!read_names(&l->dark, r) || !read_names(&l->absent, r))
        l->dark.count = 0;
    if (l->dark.count == 0)
        l->absent.count = 0;
    *ret = m;
    return 0;
}
