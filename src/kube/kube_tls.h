/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TLS to the API server: OpenSSL with a trust store of the given CA alone, and no more of OpenSSL
 * than that needs (docs/dependencies.md). Names are checked as Go does: by the subject alternative
 * names only, and any certificate of the CA file ends a chain.
 */
#pragma once

#include <event2/bufferevent.h>
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

/* Why a stream has ended with the events `what`, one without TLS too: -EACCES when one side does
 * not accept who the other is, else -ECONNRESET; and a text for people, which is `if_closed` when
 * there was no error. */
int kube_tls_fault(struct bufferevent *stream, short what, const char *if_closed, char **ret_text);
