/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TLS to the API server: OpenSSL with a trust store of the given CA alone, and no more of OpenSSL
 * than that needs (docs/dependencies.md). Names are checked as Go does: by the subject alternative
 * names only, and any certificate of the CA file ends a chain.
 */
#pragma once

#include <openssl/ssl.h>
#include <stdbool.h>

#include "base/err.h"
#include "base/macro.h"
#include "kube/kube_config.h"

/* PEM texts; NULL: none. Without a CA the system's are trusted. */
struct kube_tls_pem {
    const char *ca, *cert, *key;
};

/* The caller frees it with SSL_CTX_free; connections hold references of their own. -EINVAL with the
 * part at fault. */
NODISCARD int kube_tls_new(SSL_CTX **ret, const struct kube_config *config,
                           const struct kube_tls_pem *pem, struct err *err);

/* What is known of a certificate that was refused. */
struct kube_tls_refusal {
    char *text; /* owned; NULL without */
};

/*
 * A connection to `config->server_name` that offers HTTP/2. `refusal` is filled when the server's
 * certificate is not accepted, and must live as long as the handshake.
 */
SSL *kube_tls_connect(SSL_CTX *ctx, const struct kube_config *config,
                      struct kube_tls_refusal *refusal);

bool kube_tls_chose_h2(const SSL *ssl); /* after the handshake */

/* For a person: why TLS failed; `code` is one of OpenSSL's. */
char *kube_tls_reason(unsigned long code);

/* Whether `code` says that one side does not accept who the other is. */
bool kube_tls_is_refusal(unsigned long code);
