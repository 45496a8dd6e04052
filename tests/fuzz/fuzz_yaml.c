/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes are YAML documents or an error. What was read is a JSON value; and JSON is YAML, so
 * that printing and reading it again gives the same value.
 */
#include "fuzz.h"

#include "base/macro.h"
#include "model/yaml_json.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* libyaml takes no DEL, folds the line ends of Unicode, and wants short keys. */
static bool is_plain_text(const char *json)
{
    size_t len = strlen(json);

    for (size_t i = 0; i < len; i++) {
        if ((unsigned char)json[i] >= 0x7f)
            return false;
    }
    return len < 512;
}

static void check_again(const json_t *value)
{
    CLEANUP(err_done) struct err err = {0};
    CLEANUP(yaml_doc_done) struct yaml_doc again = {0};
    CLEANUP(yaml_reader_freep) struct yaml_reader *r = NULL;
    char *json = json_dumps(value, JSON_ENCODE_ANY | JSON_REAL_PRECISION(17));

    assert(json != NULL);
    if (is_plain_text(json)) {
        r = yaml_reader_new("again", json, strlen(json));
        assert(yaml_reader_next(r, &again, &err) == 1);
        assert(json_equal(value, again.value));
    }
    free(json);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    CLEANUP(yaml_reader_freep)
    struct yaml_reader *r = yaml_reader_new("fuzz", (const char *)bytes, len);
    bool has_aliases = len > 0 && memchr(bytes, '*', len) != NULL;

    for (;;) {
        CLEANUP(err_done) struct err err = {0};
        CLEANUP(yaml_doc_done) struct yaml_doc doc = {0};
        int rc = yaml_reader_next(r, &doc, &err);

        assert((rc < 0) == (err.code < 0));
        if (rc <= 0)
            return 0;
        assert(doc.value != NULL && doc.line > 0);
        if (!has_aliases) /* they can stand for more than fits into a text */
            check_again(doc.value);
    }
}
