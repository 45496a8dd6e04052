/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text for people. Colour and signs are for terminals only: not when the output is a file or a
 * pipe, NO_COLOR is set (no-color.org) or TERM is "dumb". Texts come from manifests, so control
 * characters are replaced before a terminal sees them.
 */
#pragma once

#include <stdbool.h>
#include <stdio.h>

#include "base/macro.h"

struct term {
    FILE *out;
    bool colour;
    bool unicode; /* a terminal with a UTF-8 locale: signs instead of words */
};

enum term_style { TERM_PLAIN, TERM_BOLD, TERM_DIM, TERM_GOOD, TERM_NOTICE, TERM_BAD };

struct term term_for(FILE *out);

PRINTF_LIKE(3, 4)
void term_print(const struct term *t, enum term_style style, const char *fmt, ...);

/* 0, or the exit status for output that could not be written: stderr has the reason. */
int term_finish(FILE *out);
