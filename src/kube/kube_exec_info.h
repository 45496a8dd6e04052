/* SPDX-License-Identifier: Apache-2.0 */
/* ExecCredential: what an exec plugin is told, and what it prints. Pure. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/macro.h"
#include "kube/kube_config.h"

/* The value of KUBERNETES_EXEC_INFO, which the caller frees. `ca` is a PEM text, NULL without; it
 * and the server are only told when the plugin asks for them. */
char *kube_exec_info(const struct kube_config *config, const char *ca);

struct kube_exec_credentials {
    char *token, *cert, *key; /* owned; NULL without */
    int64_t expires_ns;       /* since 1970; 0: never */
};

void kube_exec_credentials_done(struct kube_exec_credentials *c);

/* -EBADMSG when it is no ExecCredential of that version, or has neither a token nor a certificate
 * with its key. */
NODISCARD int kube_exec_parse(struct kube_exec_credentials *ret, const char *api_version,
                              const char *bytes, size_t len, struct err *err);
