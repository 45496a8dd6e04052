/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The first byte says what is scanned, the second how large the pieces are. However the body is
 * cut, the same values are found, and they end the same way; of a list that jansson reads, they are
 * its items.
 */
#include "kube/kube_scan.h"

#include "base/mem.h"
#include "fuzz.h"

#include <assert.h>
#include <errno.h>
#include <jansson.h>
#include <string.h>

#define SMALL ((size_t)4096)

/* The values, each behind a NUL. Returns how it ended. */
static int scan(struct text *ret, struct text *ret_rest, enum kube_scan_kind kind,
                const struct text *body, size_t piece)
{
    CLEANUP(kube_scan_freep) struct kube_scan *s = kube_scan_new(kind, SMALL);
    CLEANUP(err_done) struct err err = {0};
    const char *value;
    size_t value_len;
    int r = 0;

    for (size_t at = 0, n; r == 0 && at < body->len; at += n) {
        CLEANUP(xfreep) char *copy = NULL;

        n = piece < body->len - at ? piece : body->len - at;
        copy = xmalloc(n);
        memcpy(copy, body->chars + at, n);
        kube_scan_feed(s, copy, n);
        while ((r = kube_scan_next(s, &value, &value_len, &err)) > 0) {
            assert(value_len > 0 && value_len <= SMALL && *value == '{');
            text_add_n(ret, "", 1);
            text_add_n(ret, value, value_len);
        }
    }
    if (r == 0)
        r = kube_scan_finish(s, &err);
    assert((r < 0) == (err.text != NULL));
    value = kube_scan_rest(s, &value_len);
    text_add_n(ret_rest, value, value_len);
    return r;
}

static void compare_with_jansson(const struct text *body, const struct text *values,
                                 const struct text *rest)
{
    json_t *whole = json_loadb(body->chars, body->len, JSON_REJECT_DUPLICATES, NULL);
    json_t *without = json_loadb(text_str(rest), rest->len, 0, NULL);
    json_t *items = json_object_get(whole, "items");
    size_t count = 0;

    for (size_t i = 0; i < values->len; i++)
        count += values->chars[i] == '\0';
    if (whole != NULL && memchr(body->chars, '\\', body->len) == NULL) {
        assert(without != NULL);
        assert(json_array_size(items) == count);
    }
    json_decref(whole);
    json_decref(without);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    CLEANUP(text_done) struct text body = {0}, whole = {0}, cut = {0}, rest = {0}, cut_rest = {0};
    enum kube_scan_kind kind;
    int r;

    if (len < 2)
        return 0;
    kind = bytes[0] % 2 == 0 ? KUBE_SCAN_WATCH : KUBE_SCAN_LIST;
    text_add_n(&body, (const char *)bytes + 2, len - 2);
    r = scan(&whole, &rest, kind, &body, body.len + 1);
    assert(r == scan(&cut, &cut_rest, kind, &body, 1 + bytes[1]));
    if (r == -EMSGSIZE)
        return 0; /* noticed at the end of a piece: the rest may be longer or shorter */
    assert(whole.len == cut.len && memcmp(text_str(&whole), text_str(&cut), whole.len) == 0);
    assert(rest.len == cut_rest.len && memcmp(text_str(&rest), text_str(&cut_rest), rest.len) == 0);
    if (r == 0 && kind == KUBE_SCAN_LIST && memchr(body.chars, '\0', body.len) == NULL)
        compare_with_jansson(&body, &whole, &rest);
    return 0;
}
