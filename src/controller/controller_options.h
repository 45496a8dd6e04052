/* SPDX-License-Identifier: Apache-2.0 */
/* MetalLB's flags and environment (spec api-and-config 6.1), and two of ours. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "serve/tls_identity.h"

struct controller_options {
    int64_t port, health_probe_port;
    const char *namespace, *pod_name;
    const char *ml_secret_name, *deployment;
    const char *log_level;
    const char *log_format; /* ours: "json" as MetalLB, or "text" */
    const char *kubeconfig; /* ours; for a process outside the cluster */
    const char *lb_class;
    const char *webhook_mode, *webhook_secret, *cert_dir, *cert_service_name;
    bool disable_cert_rotation, webhook_http2;
    const char *pprof_bind_address;
    struct tls_identity_options tls; /* of the metrics */
    bool only_webhook;               /* --webhook-mode=onlywebhook: no addresses are given */
};

/*
 * 0; or -1 when the process should end with *ret_exit, everything having been said. Logging is set
 * up on the way. Strings are argv's or the environment's.
 */
int controller_options_parse(struct controller_options *ret, int argc, char **argv, int *ret_exit);
