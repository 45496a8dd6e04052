/* SPDX-License-Identifier: Apache-2.0 */
/* A certificate for a server of which nobody expects a name. */
#pragma once

#include <openssl/types.h>

#include "base/err.h"

/* For "localhost", signed by itself, with a new key. The caller frees both. */
NODISCARD int self_signed_make(X509 **ret, EVP_PKEY **ret_key, struct err *err);
