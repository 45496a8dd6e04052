/* SPDX-License-Identifier: Apache-2.0 */
#include "model/decode_pack.h"

#include "base/mem.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* Strings that come again are looked for among the first so many bytes only: objects repeat their
 * name and labels, and a long list of anything shall not be searched for each of its items. */
#define SEARCHED_MAX ((size_t)2048)

static const size_t member_sizes[OBJECT_KINDS] = {
    [OBJ_IP_ADDRESS_POOL] = sizeof(struct ip_address_pool),
    [OBJ_L2_ADVERTISEMENT] = sizeof(struct l2_advertisement),
    [OBJ_BGP_ADVERTISEMENT] = sizeof(struct bgp_advertisement),
    [OBJ_BGP_PEER] = sizeof(struct bgp_peer),
    [OBJ_BFD_PROFILE] = sizeof(struct bfd_profile),
    [OBJ_COMMUNITY] = sizeof(struct community),
    [OBJ_SERVICE] = sizeof(struct service),
    [OBJ_ENDPOINT_SLICE] = sizeof(struct endpoint_slice),
    [OBJ_NODE] = sizeof(struct node),
    [OBJ_NAMESPACE] = 0,
    [OBJ_POD] = sizeof(struct pod),
    [OBJ_SECRET] = sizeof(struct secret),
    [OBJ_CONFIG_MAP] = sizeof(struct config_map),
    [OBJ_SERVICE_L2_STATUS] = sizeof(struct service_status),
    [OBJ_SERVICE_BGP_STATUS] = sizeof(struct service_status),
    [OBJ_CONFIGURATION_STATE] = sizeof(struct configuration_state),
};

void pack_done(struct pack *p)
{
    text_done(&p->chars);
    free(p->offsets);
    *p = (struct pack){0};
}

size_t pack_size(size_t count, size_t size)
{
    size_t align = sizeof(void *), bytes;

    if (__builtin_mul_overflow(count, size, &bytes) || bytes > SIZE_MAX - align)
        abort(); /* nothing in memory can be so large */
    return (bytes + align - 1) / align * align;
}

void pack_set_key(struct pack *p, const char *namespace, const char *name)
{
    text_add_n(&p->chars, namespace, strlen(namespace) + 1);
    text_add_n(&p->chars, name, strlen(name) + 1);
}

/* The end of a string that is there serves as well. */
static size_t place_string(struct pack *p, const char *s, size_t size)
{
    size_t searched = p->chars.len < SEARCHED_MAX ? p->chars.len : SEARCHED_MAX;
    size_t at = p->chars.len;
    const char *found = memmem(p->chars.chars, searched, s, size);

    if (found != NULL)
        return (size_t)(found - p->chars.chars);
    text_add_n(&p->chars, s, size);
    return at;
}

void pack_note_string(struct pack *p, const char *s)
{
    size_t offset = place_string(p, s, strlen(s) + 1);

    p->offsets = array_grow(p->offsets, &p->offset_cap, p->offset_count + 1, sizeof(*p->offsets));
    p->offsets[p->offset_count++] = offset;
}

struct object *pack_open(struct pack *p, enum object_kind kind)
{
    size_t head = pack_size(1, offsetof(struct object, pool) + member_sizes[kind]);
    struct object *o;

    p->chars_at = head + p->struct_bytes;
    p->block = xcalloc(1, p->chars_at + p->chars.len);
    memcpy(p->block + p->chars_at, p->chars.chars, p->chars.len);
    o = pack_take(p, head);
    o->kind = kind;
    o->origin.file = "";
    o->meta.name = "";
    o->meta.namespace = "";
    return o;
}

void *pack_take(struct pack *p, size_t bytes)
{
    void *piece = p->block + p->taken;

    assert(bytes <= p->chars_at - p->taken);
    p->taken += bytes;
    return piece;
}

const char *pack_next_string(struct pack *p)
{
    assert(p->next < p->offset_count);
    return p->block + p->chars_at + p->offsets[p->next++];
}

const char *pack_key(const struct pack *p)
{
    return p->block + p->chars_at;
}
