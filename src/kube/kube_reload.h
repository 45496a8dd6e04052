/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The certificate authority, the client certificate and its key as they are now. Files are read
 * again when something happens in their folders (a mounted volume is switched by a symbolic link)
 * and once a minute, in case that nothing was noticed.
 */
#pragma once

#include <event2/event.h>

#include "base/err.h"
#include "base/macro.h"
#include "kube/kube_config.h"
#include "kube/kube_tls.h"

struct kube_reload;

struct kube_reload_options {
    struct event_base *base;
    const struct kube_config *config; /* borrowed */
    /* Other texts than before, from the loop. False: they cannot be used, keep those before. */
    bool (*changed)(void *arg, const struct kube_tls_pem *pem);
    void *arg;
};

/* Reads all of it. -errno, with the file. */
NODISCARD int kube_reload_new(struct kube_reload **ret, const struct kube_reload_options *options,
                              struct err *err);
struct kube_reload *kube_reload_free(struct kube_reload *r);
DEFINE_CLEANUP(struct kube_reload, kube_reload_free);

const struct kube_tls_pem *kube_reload_pem(const struct kube_reload *r);
