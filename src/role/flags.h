/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Command lines in Go's syntax (spec api-and-config 6): `-f`, `--f`, `-f=v`, `-f v`; booleans `-f`
 * or
 * `-f=true`. The environment gives defaults, so a flag wins. An unknown flag or a bad value prints
 * the usage on stderr and exits with 2; -h prints it and exits with 0.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum flag_kind { FLAG_STRING, FLAG_BOOL, FLAG_INT };

struct flag {
    const char *name; /* without dashes */
    enum flag_kind kind;
    void *value;     /* const char **, bool * or int64_t *; its value is the default */
    const char *env; /* of FLAG_STRING: taken when set and not empty; NULL without */
    const char *help;
};

/* 0 to go on, or -1 when the process should end with *ret_exit. Strings are argv's or the
 * environment's. */
int flags_parse(const char *program, const struct flag *flags, size_t count, int argc, char **argv,
                int *ret_exit);
