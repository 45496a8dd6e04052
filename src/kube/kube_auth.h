/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who we are, as headers: a token that is given or in a file, a password, what an exec plugin
 * prints; and whom we act as (spec kubernetes-client 1.5, 2).
 */
#pragma once

#include <event2/event.h>
#include <stdbool.h>

#include "base/mem.h"
#include "base/mono.h"
#include "kube/kube_config.h"
#include "kube/kube_exchange.h"

struct kube_auth;

struct kube_auth_options {
    struct event_base *base;
    const struct kube_config *config; /* borrowed */
    /* From the loop: the state may have changed. */
    void (*changed)(void *arg, bool has_other_cert);
    void *arg;
};

struct kube_auth *kube_auth_new(const struct kube_auth_options *options);
struct kube_auth *kube_auth_free(struct kube_auth *a);
DEFINE_CLEANUP(struct kube_auth, kube_auth_free);

enum kube_auth_state {
    KUBE_AUTH_READY,
    KUBE_AUTH_BUSY,   /* a plugin runs */
    KUBE_AUTH_FAILED, /* kube_auth_text says why; asking again tries again after a pause */
};

/* May start a plugin. */
enum kube_auth_state kube_auth_prepare(struct kube_auth *a, struct mono now);
const char *kube_auth_text(const struct kube_auth *a);

/* Adds to `headers`, which has room for KUBE_HEADERS_MAX; the values are in the arena. Returns the
 * new number. A token file is read again when it was read a minute ago. */
size_t kube_auth_headers(struct kube_auth *a, struct mono now, struct arena *arena,
                         struct kube_header *headers, size_t count);

/* After a 401. True when the credentials can be others now, or will be once it is ready again. */
bool kube_auth_refresh(struct kube_auth *a, struct mono now);

/* The PEM texts of a plugin; NULL without. Valid until the next change. */
const char *kube_auth_cert(const struct kube_auth *a);
const char *kube_auth_key(const struct kube_auth *a);
