/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Input: a byte that says how the rest is cut, then a stream. Its frame must end at the same place
 * however it is cut; then a node gets it as a request and as a reply. What compression makes of it
 * must expand to it, and it may be such a stream itself.
 */
#include "gossip/gossip_fsm.h"
#include "gossip/gossip_lzw.h"

#include "base/mem.h"
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

enum { FRAME_MAX = 1 << 20 };

static void require(bool holds)
{
    if (!holds)
        abort();
}

static enum gossip_reading feed(struct gossip_reader *r, const uint8_t *bytes, size_t len,
                                size_t piece)
{
    enum gossip_reading reading = GOSSIP_READ_MORE;

    gossip_reader_init(r, FRAME_MAX);
    for (size_t at = 0; at < len; at += piece)
        reading = gossip_reader_feed(r, bytes + at, len - at < piece ? len - at : piece);
    return reading;
}

static void drain(struct gossip *g, uint32_t *ret_stream)
{
    struct gossip_action a;

    while (gossip_next_action(g, &a)) {
        if (a.kind == GOSSIP_DO_CONNECT)
            *ret_stream = a.stream;
    }
}

static void exchange(struct gossip_part frame)
{
    const struct gossip_addr peer = {ip_v4(0xc6120002), 7946};
    const struct gossip_options o = {
        .profile = gossip_profile_lan(), .name = "n1", .addr = {ip_v4(0xc6120001), 7946}};
    struct mono now = {NS_PER_SEC};
    CLEANUP(gossip_freep) struct gossip *g = gossip_new(&o, now);
    struct gossip_blob answer;
    uint32_t stream = 0;

    gossip_on_request(g, now, peer, frame, &answer);
    gossip_blob_done(&answer);
    drain(g, &stream);
    require(gossip_join(g, now, &peer, 1));
    drain(g, &stream);
    if (stream != 0)
        gossip_on_reply(g, now, stream, frame);
    drain(g, &stream);
    require(gossip_member_count(g) >= 1);
}

static void compress(const uint8_t *bytes, size_t len)
{
    CLEANUP(xfreep) uint8_t *lzw = xmalloc(gossip_lzw_bound(len));
    uint8_t *out;
    size_t lzw_len = gossip_lzw_compress(lzw, bytes, len), out_len;

    require(gossip_lzw_expand(&out, &out_len, lzw, lzw_len, len) == 0);
    require(out_len == len && memcmp(out, bytes, len) == 0);
    free(out);
    if (gossip_lzw_expand(&out, &out_len, bytes, len, FRAME_MAX) == 0)
        free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct gossip_reader whole, pieces;
    enum gossip_reading reading;

    if (len < 2)
        return 0;
    reading = feed(&whole, bytes + 1, len - 1, len);
    require(feed(&pieces, bytes + 1, len - 1, (size_t)bytes[0] + 1) == reading);
    if (reading == GOSSIP_READ_WHOLE) {
        require(whole.len == pieces.len && whole.len <= len - 1);
        require(memcmp(whole.bytes, pieces.bytes, whole.len) == 0);
        exchange((struct gossip_part){whole.bytes, whole.len});
    }
    gossip_reader_done(&whole);
    gossip_reader_done(&pieces);
    compress(bytes + 1, len - 1);
    return 0;
}
