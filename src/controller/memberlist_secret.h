/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Secret with the key of the speakers' gossip (spec controller 4.8): made once, if there is
 * none of its name; never looked into and never changed.
 */
#pragma once

#include <event2/event.h>

#include "kube/kube_client.h"

struct memberlist_secret_options {
    struct event_base *base;
    struct kube_client *client;
    const char *namespace, *name;
    const char *deployment; /* its owner */
};

/* Runs the loop until it is there; -errno with what failed. */
NODISCARD int memberlist_secret_ensure(const struct memberlist_secret_options *options,
                                       struct err *err);
