/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Credentials of a program (client.authentication.k8s.io/v1; spec kubernetes-client 1.5): it gets
 * KUBERNETES_EXEC_INFO and prints an ExecCredential. It runs beside the loop: posix_spawn, a pipe
 * and a pidfd.
 */
#pragma once

#include <event2/event.h>

#include "base/macro.h"
#include "base/mono.h"
#include "kube/kube_auth.h"
#include "kube/kube_config.h"
#include "kube/kube_exec_info.h"

struct kube_exec_plugin;

/* `changed` is called from the loop when a run is over. */
struct kube_exec_plugin *kube_exec_plugin_new(const struct kube_auth_options *options);
struct kube_exec_plugin *kube_exec_plugin_free(struct kube_exec_plugin *p); /* ends the program */

/* Starts the program when there are no credentials or they are about to expire. */
enum kube_auth_state kube_exec_plugin_prepare(struct kube_exec_plugin *p, struct mono now);
const char *kube_exec_plugin_text(const struct kube_exec_plugin *p);

/* The server refuses the credentials: the next ones come from a new run. False when they are so
 * fresh that another run makes no difference. */
bool kube_exec_plugin_refresh(struct kube_exec_plugin *p, struct mono now);

const struct kube_exec_credentials *kube_exec_plugin_credentials(const struct kube_exec_plugin *p);
