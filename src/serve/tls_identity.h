/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who we are to those who connect by TLS: the certificate and its key, and what TLS may be spoken
 * (spec api-and-config 6.5). Both are made at the first connection, so that a server that nobody
 * asks costs no memory for them.
 */
#pragma once

#include "base/err.h"
#include "role/tls_flags.h"

struct ssl_st;
struct tls_identity;

struct tls_identity_options {
    /* A folder with tls.crt (a chain) and tls.key, looked at anew when they change. "", or without
     * these two: a certificate that we sign ourselves. Borrowed, as the strings of `flags`. */
    const char *folder;
    struct tls_flags flags; /* checked */
};

struct tls_identity *tls_identity_new(const struct tls_identity_options *options);
struct tls_identity *tls_identity_free(struct tls_identity *t);
DEFINE_CLEANUP(struct tls_identity, tls_identity_free);

/*
 * For one connection; the caller frees it. Files that cannot be used are logged, and those before
 * them stay in use; if there were none, it fails.
 */
NODISCARD int tls_identity_accept(struct tls_identity *t, struct ssl_st **ret, struct err *err);
