/* SPDX-License-Identifier: Apache-2.0 */
#include "base/wire.h"

#include <string.h>

/* Stands for "no bytes", which libraries hand out as NULL: the position of a cursor that is
 * not bad is never NULL. */
static const uint8_t nothing[1];

struct rd rd_from(const void *bytes, size_t len)
{
    return (struct rd){.pos = bytes != NULL ? bytes : nothing, .left = bytes != NULL ? len : 0};
}

bool rd_done(const struct rd *r)
{
    return !r->bad && r->left == 0;
}

static const uint8_t *rd_take(struct rd *r, size_t n)
{
    const uint8_t *p = r->pos;

    if (r->bad || n > r->left) {
        r->bad = true;
        r->left = 0;
        return NULL;
    }
    r->pos += n;
    r->left -= n;
    return p;
}

static uint64_t rd_uint(struct rd *r, size_t n)
{
    const uint8_t *p = rd_take(r, n);
    uint64_t v = 0;

    for (size_t i = 0; p != NULL && i < n; i++)
        v = v << 8 | p[i];
    return v;
}

uint8_t rd_u8(struct rd *r)
{
    return (uint8_t)rd_uint(r, 1);
}

uint16_t rd_u16(struct rd *r)
{
    return (uint16_t)rd_uint(r, 2);
}

uint32_t rd_u32(struct rd *r)
{
    return (uint32_t)rd_uint(r, 4);
}

uint64_t rd_u64(struct rd *r)
{
    return rd_uint(r, 8);
}

void rd_copy(struct rd *r, void *to, size_t n)
{
    const uint8_t *p = rd_take(r, n);

    if (p == NULL)
        memset(to, 0, n);
    else
        memcpy(to, p, n);
}

void rd_skip(struct rd *r, size_t n)
{
    (void)rd_take(r, n); /* a failure is remembered in the cursor */
}

struct rd rd_sub(struct rd *r, size_t n)
{
    const uint8_t *p = rd_take(r, n);

    return p == NULL ? (struct rd){.bad = true} : rd_from(p, n);
}

struct wr wr_to(void *bytes, size_t cap)
{
    return (struct wr){.start = bytes, .cap = cap};
}

static uint8_t *wr_take(struct wr *w, size_t n)
{
    uint8_t *p;

    if (w->bad || n > w->cap - w->len) {
        w->bad = true;
        return NULL;
    }
    p = w->start + w->len;
    w->len += n;
    return p;
}

static void wr_uint(struct wr *w, uint64_t v, size_t n)
{
    uint8_t *p = wr_take(w, n);

    for (size_t i = 0; p != NULL && i < n; i++)
        p[i] = (uint8_t)(v >> (8 * (n - 1 - i)));
}

void wr_u8(struct wr *w, uint8_t v)
{
    wr_uint(w, v, 1);
}

void wr_u16(struct wr *w, uint16_t v)
{
    wr_uint(w, v, 2);
}

void wr_u32(struct wr *w, uint32_t v)
{
    wr_uint(w, v, 4);
}

void wr_u64(struct wr *w, uint64_t v)
{
    wr_uint(w, v, 8);
}

void wr_bytes(struct wr *w, const void *bytes, size_t n)
{
    uint8_t *p = wr_take(w, n);

    if (p != NULL && n > 0)
        memcpy(p, bytes, n);
}

void wr_zeros(struct wr *w, size_t n)
{
    uint8_t *p = wr_take(w, n);

    if (p != NULL)
        memset(p, 0, n);
}

size_t wr_hole16(struct wr *w)
{
    size_t at = w->len;

    wr_u16(w, 0);
    return at;
}

void wr_fill16(struct wr *w, size_t at, uint16_t v)
{
    if (w->bad)
        return;
    w->start[at] = (uint8_t)(v >> 8);
    w->start[at + 1] = (uint8_t)v;
}
