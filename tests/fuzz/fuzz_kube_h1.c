/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes are an answer of HTTP/1.1, a part of one, or none; and how they were cut into pieces on
 * the way makes no difference. */
#include "fuzz.h"

#include "base/mem.h"
#include "kube/kube_h1_wire.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

struct result {
    struct text out; /* data, and the fields with their lengths */
    enum kube_h1_event last;
    unsigned status;
    bool is_whole, has_head;
};

static void take(struct result *to, enum kube_h1_event event, const struct kube_h1_item *item)
{
    if (event == KUBE_H1_FIELD) {
        assert(!to->has_head && item->field.name_len > 0);
        text_add_n(&to->out, item->field.name, item->field.name_len);
        text_add_n(&to->out, "=", 1);
        text_add_n(&to->out, item->field.value, item->field.value_len);
    } else if (event == KUBE_H1_HEAD) {
        assert(!to->has_head);
        to->has_head = true;
    } else if (event == KUBE_H1_DATA) {
        assert(to->has_head && item->len > 0);
        text_add_n(&to->out, item->bytes, item->len);
    } else if (event == KUBE_H1_END) {
        assert(to->has_head);
    }
}

static struct result read_in_pieces(const uint8_t *bytes, size_t len, size_t step)
{
    struct kube_h1_reader r = {0};
    struct result result = {.last = KUBE_H1_MORE};

    for (size_t at = 0; at < len && result.last == KUBE_H1_MORE; at += step) {
        struct rd in = rd_from(bytes + at, len - at < step ? len - at : step);

        do {
            struct kube_h1_item item;

            result.last = kube_h1_next(&r, &in, &item);
            take(&result, result.last, &item);
        } while (result.last != KUBE_H1_MORE && result.last != KUBE_H1_END &&
                 result.last != KUBE_H1_BAD);
    }
    result.status = r.status;
    result.is_whole = result.last != KUBE_H1_BAD && kube_h1_is_whole(&r);
    assert(!result.has_head || result.status >= 200);
    kube_h1_reader_done(&r);
    return result;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct result whole = read_in_pieces(bytes, len, len > 0 ? len : 1);
    struct result pieces = read_in_pieces(bytes, len, 1);

    assert(whole.is_whole == pieces.is_whole && whole.has_head == pieces.has_head);
    assert((whole.last == KUBE_H1_BAD) == (pieces.last == KUBE_H1_BAD));
    assert(whole.out.len == pieces.out.len);
    assert(whole.out.len == 0 || memcmp(whole.out.chars, pieces.out.chars, whole.out.len) == 0);
    text_done(&whole.out);
    text_done(&pieces.out);
    return 0;
}
