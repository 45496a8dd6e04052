/* SPDX-License-Identifier: Apache-2.0 */
/* The other way round than model/base64.h. */
#pragma once

#include <stddef.h>

/* The caller frees it. `len` is below 1 GiB. */
char *kube_base64(const char *bytes, size_t len);
char *kube_basic(const char *userinfo); /* "Basic dXNlcjpwYXNz" of "user:pass" (RFC 7617) */
