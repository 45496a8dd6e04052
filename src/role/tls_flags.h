/* SPDX-License-Identifier: Apache-2.0 */
/* The TLS flags of both roles, checked as MetalLB checks them (spec api-and-config 6.5,
 * changes-0.16.2 9). */
#pragma once

#include "base/err.h"
#include "base/macro.h"

struct tls_flags {
    const char *min_version;   /* --tls-min-version; "" is TLS 1.3 */
    const char *cipher_suites; /* --tls-cipher-suites: Go's names, separated by commas */
    const char *curves;        /* --tls-curve-preferences: numbers, separated by commas */
};

/* 0, or -EINVAL with MetalLB's text: `parsing tls-min-version: unknown tls version "1.3"`. */
NODISCARD int tls_flags_check(const struct tls_flags *f, struct err *err);

/* The next part of a comma list, without the blanks around it; NULL after the last. It cuts the
 * list in place; *rest NULL is a list without parts. */
char *tls_flags_next(char **rest);
