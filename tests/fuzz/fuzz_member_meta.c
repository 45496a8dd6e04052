/* SPDX-License-Identifier: Apache-2.0 */
/* The metadata of a node, as any member may send it. What is read comes out the same when written
 * and read again. */
#include "speaker/member_wire.h"

#include "fuzz.h"

#include <stdlib.h>

static void require(bool ok)
{
    if (!ok)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct rd r = rd_from(bytes, len);
    uint8_t out[MEMBER_META_MAX];
    struct wr w = wr_to(out, sizeof(out));
    struct member_meta m, again;

    if (member_meta_read(&m, &r) < 0)
        return 0;
    member_meta_write(&w, &m);
    require(!w.bad);
    r = rd_from(out, w.len);
    require(member_meta_read(&again, &r) == 0);
    require(again.fast_port == m.fast_port && again.cut_off_count == m.cut_off_count);
    for (size_t i = 0; i < m.cut_off_count; i++)
        require(prefix_eq(again.cut_off[i], m.cut_off[i]));
    return 0;
}
