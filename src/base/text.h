/* SPDX-License-Identifier: Apache-2.0 */
/* A growing text for messages and listings, and the quoting that MetalLB's messages use. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/macro.h"

struct text {
    char *chars; /* owned, NUL-terminated once anything was added; NULL before */
    size_t len, cap;
};

void text_done(struct text *t);
void text_add(struct text *t, const char *s);
void text_add_n(struct text *t, const char *s, size_t len);
PRINTF_LIKE(2, 3) void text_printf(struct text *t, const char *fmt, ...);

/* Go's %q: double quotes, with \" \\ \n and the like escaped. NULL prints as "<nil>". */
void text_quote(struct text *t, const char *s);

const char *text_str(const struct text *t); /* never NULL */
char *text_take(struct text *t);            /* hands the characters over; empties the text */

/* For terminals: C0 controls but '\n', DEL, and the C1 controls that some obey when they come as
 * UTF-8 (U+0080 to U+009F) become '?'. */
void str_replace_controls(char *s);

int hex_digit(char c);                         /* its value; -1 when it is none */
bool str_eq(const char *a, const char *b);     /* NULL equals only NULL */
bool str_empty(const char *s);                 /* NULL or "" */
int str_cmp_ptr(const void *a, const void *b); /* for qsort over const char * */
