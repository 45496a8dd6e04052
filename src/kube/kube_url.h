/* SPDX-License-Identifier: Apache-2.0 */
/* "https://user:password@[2001:db8::1]:6443/prefix" in its parts (RFC 3986 section 3). Pure. */
#pragma once

#include <stdint.h>

#include "base/err.h"
#include "base/macro.h"
#include "base/mem.h"

struct kube_url {
    const char *scheme;   /* lower case */
    const char *userinfo; /* "user:password", percent-decoded; "" without */
    const char *host;     /* without brackets, lower case */
    uint16_t port;        /* 0 without */
    const char *path;     /* as written, without slashes at the end */
};

/* Text goes into the arena. -EINVAL, with the text in `err`. A query or a fragment is refused. */
NODISCARD int kube_url_parse(struct kube_url *ret, struct arena *a, const char *text,
                             struct err *err);

/* "host:port", "[2001:db8::1]:port", for heads and URLs. The caller frees it. */
char *kube_host_port(const char *host, uint16_t port);

/* For messages: without credentials, "http://...@host"; also of what is no URL. */
const char *kube_url_shown(struct arena *a, const char *text);
