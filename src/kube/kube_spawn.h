/* SPDX-License-Identifier: Apache-2.0 */
/* Starts an exec plugin. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/macro.h"
#include "kube/kube_config.h"

struct kube_spawned {
    pid_t pid;      /* 0: none */
    int pidfd;      /* readable once it has ended */
    int output;     /* of its stdout, non-blocking */
    bool is_reaped; /* by the one who waited for it */
};

/* With nothing on stdin, our stderr, our environment, `exec`'s, and `info` as
 * KUBERNETES_EXEC_INFO. -errno. */
NODISCARD int kube_spawn(struct kube_spawned *ret, const struct kube_exec *exec, const char *info,
                         struct err *err);

void kube_spawned_done(
    struct kube_spawned *s); /* ends it if need be; the struct can be used again */
