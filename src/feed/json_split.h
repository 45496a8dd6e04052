/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finds the values in JSON text by their ends alone, so that a list of any length can be handed to
 * jansson item by item. It looks at brackets, strings and commas; what is inside a value is
 * jansson's business. Pure.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/macro.h"

enum { JSON_DEPTH_MAX = 512 };

struct json_span {
    const char *text;
    size_t len;
    unsigned line;  /* of its first byte */
    unsigned lines; /* line ends within */
};

/* A position in borrowed text. `name` stands for the file in messages ("NAME:LINE: …"). */
struct json_cursor {
    const char *name, *pos, *end;
    unsigned line;
    bool has_previous; /* an element of the open bracket was passed: a comma must follow */
};

struct json_cursor json_cursor_at(const char *name, struct json_span text);

bool json_skip_blanks(struct json_cursor *c); /* to the next value; false at the end */

/*
 * Inside a value: past its `[` or `{`, then element by element. json_next_* return 1 with the next
 * one (a key with its quotes), 0 once the closing bracket is passed, -EBADMSG.
 */
NODISCARD int json_open(struct json_cursor *c, char bracket, struct err *err);
NODISCARD int json_next_item(struct json_cursor *c, struct json_span *ret, struct err *err);
NODISCARD int json_next_member(struct json_cursor *c, struct json_span *ret_key,
                               struct json_span *ret_value, struct err *err);
