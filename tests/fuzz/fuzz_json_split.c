/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The splitter and jansson agree: where jansson reads an array, the splitter finds its items, and
 * where the splitter finds items that jansson reads, jansson reads the array. The whole loader sees
 * the bytes too.
 */
#include "fuzz.h"

#include "base/macro.h"
#include "feed/json_split.h"
#include "feed/manifest.h"

#include <assert.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static json_t *load(const char *text, size_t len)
{
    return json_loadb(text, len, JSON_DECODE_ANY, NULL);
}

/* The items as an array, or NULL. Lines are counted on the way. */
static json_t *split(const char *text, size_t len)
{
    struct json_span whole = {.text = text, .len = len, .line = 1}, item;
    struct json_cursor c = json_cursor_at("fuzz", whole);
    CLEANUP(err_done) struct err err = {0};
    CLEANUP(json_decrefp) json_t *all = json_array();
    int r = json_open(&c, '[', &err);

    while (r >= 0) {
        r = json_next_item(&c, &item, &err);
        if (r <= 0)
            break;
        assert(item.len > 0 && item.text >= text && item.text + item.len <= text + len);
        assert(item.line >= 1 && item.line + item.lines == c.line);
        if (json_array_append_new(all, load(item.text, item.len)) < 0)
            return NULL;
    }
    return r < 0 || json_skip_blanks(&c) ? NULL : TAKE(all);
}

/* Where the two may differ: nested deeper than one of them goes, or a NUL byte, which jansson takes
 * for a blank in some places. */
static bool may_differ(const char *text, size_t len)
{
    size_t brackets = 0;

    for (size_t i = 0; i < len; i++)
        brackets += text[i] == '[' || text[i] == '{';
    return brackets > JSON_DEPTH_MAX || (len > 0 && memchr(text, '\0', len) != NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    const char *text = (const char *)bytes;
    CLEANUP(json_decrefp) json_t *items = split(text, len), *whole = load(text, len);
    CLEANUP(manifest_done) struct manifest m;
    CLEANUP(err_done) struct err err = {0};
    int r;

    if (!may_differ(text, len)) {
        assert((items != NULL) == json_is_array(whole));
        assert(items == NULL || json_equal(items, whole));
    }
    manifest_init(&m, "metallb-system");
    r = manifest_load_bytes(&m, "fuzz", text, len, &err);
    assert((r < 0) == (err.code < 0));
    manifest_finish(&m);
    return 0;
}
