/* SPDX-License-Identifier: Apache-2.0 */
/* The metadata of a node, as any member may send it. What is read comes out the same when written
 * and read again. */
#include "speaker/member_wire.h"

#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

static void require(bool ok)
{
    if (!ok)
        abort();
}

static void require_same(const struct member_names *a, const struct member_names *b)
{
    require(a->count == b->count);
    for (size_t i = 0; i < a->count; i++)
        require(strcmp(a->names[i], b->names[i]) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct rd r = rd_from(bytes, len);
    uint8_t out[MEMBER_META_MAX];
    struct wr w = wr_to(out, sizeof(out));
    struct member_meta m, again;

    if (len > MEMBER_META_MAX || member_meta_read(&m, &r) < 0)
        return 0; /* gossip passes on no more */
    member_meta_write(&w, &m);
    require(!w.bad);
    r = rd_from(out, w.len);
    require(member_meta_read(&again, &r) == 0);
    require(again.fast_port == m.fast_port && again.links.cut_off_count == m.links.cut_off_count);
    for (size_t i = 0; i < m.links.cut_off_count; i++)
        require(prefix_eq(again.links.cut_off[i], m.links.cut_off[i]));
    require_same(&again.links.dark, &m.links.dark);
    require_same(&again.links.absent, &m.links.absent);
    return 0;
}
