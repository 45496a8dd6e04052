/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/controller_options.h"

#include "base/log.h"
#include "base/text.h"
#include "role/flags.h"
#include "role/log_flags.h"

#include <stdlib.h>

static const struct controller_options defaults = {
    .port = 9120,
    .health_probe_port = 17472,
    .namespace = "",
    .pod_name = "",
    .ml_secret_name = "",
    .deployment = "",
    .log_level = "info",
    .log_format = "json",
    .kubeconfig = "",
    .lb_class = "",
    .webhook_mode = "enabled",
    .webhook_secret = "metallb-webhook-cert",
    .cert_dir = "/tmp/k8s-webhook-server/serving-certs",
    .cert_service_name = "metallb-webhook-service",
    .pprof_bind_address = "",
    .tls = {.folder = "", .flags = {.min_version = "", .cipher_suites = "", .curves = ""}},
};

static int parse_flags(struct controller_options *o, int argc, char **argv, int *ret_exit)
{
    const struct flag flags[] = {
        {"cert-dir", FLAG_STRING, &o->cert_dir, NULL, "directory of the webhooks' certificate"},
        {"cert-service-name", FLAG_STRING, &o->cert_service_name, NULL,
         "the Service of the webhooks, for the names in their certificate"},
        {"deployment", FLAG_STRING, &o->deployment, "METALLB_DEPLOYMENT",
         "own Deployment, the owner of the memberlist Secret"},
        {"disable-cert-rotation", FLAG_BOOL, &o->disable_cert_rotation, NULL,
         "do not make and rotate the webhooks' certificate"},
        {"health-probe-port", FLAG_INT, &o->health_probe_port, NULL,
         "port of /healthz and /readyz, on all addresses; 0: none"},
        {"kubeconfig", FLAG_STRING, &o->kubeconfig, NULL,
         "how to reach the API server; without it, as a Pod"},
        {"lb-class", FLAG_STRING, &o->lb_class, NULL,
         "handle only Services of this spec.loadBalancerClass"},
        {"log-format", FLAG_STRING, &o->log_format, NULL, "json on stdout, or text on stderr"},
        {"log-level", FLAG_STRING, &o->log_level, NULL, "all, debug, info, warn, error or none"},
        {"metrics-cert-dir", FLAG_STRING, &o->tls.folder, NULL,
         "directory of tls.crt and tls.key of the metrics"},
        {"ml-secret-name", FLAG_STRING, &o->ml_secret_name, "METALLB_ML_SECRET_NAME",
         "the memberlist Secret to make; empty: none"},
        {"namespace", FLAG_STRING, &o->namespace, "METALLB_NAMESPACE",
         "where MetalLB's objects live; without it, the Pod's"},
        {"pod-name", FLAG_STRING, &o->pod_name, "METALLB_POD_NAME", "own Pod"},
        {"port", FLAG_INT, &o->port, NULL, "HTTPS port of the metrics; 0: none"},
        {"pprof-bind-address", FLAG_STRING, &o->pprof_bind_address, NULL, "accepted, without use"},
        {"tls-cipher-suites", FLAG_STRING, &o->tls.flags.cipher_suites, NULL,
         "of TLS up to 1.2, separated by commas"},
        {"tls-curve-preferences", FLAG_STRING, &o->tls.flags.curves, NULL,
         "numbers of curves, separated by commas"},
        {"tls-min-version", FLAG_STRING, &o->tls.flags.min_version, NULL,
         "VersionTLS10 to VersionTLS13 (VersionTLS13)"},
        {"webhook-http2", FLAG_BOOL, &o->webhook_http2, NULL, "HTTP/2 for the webhooks"},
        {"webhook-mode", FLAG_STRING, &o->webhook_mode, NULL, "enabled, disabled or onlywebhook"},
        {"webhook-secret", FLAG_STRING, &o->webhook_secret, NULL,
         "the Secret of the webhooks' certificate"},
    };

    return flags_parse("controller", flags, ARRAY_SIZE(flags), argc, argv, ret_exit);
}

static int check_tls(const struct controller_options *o)
{
    const struct tls_flags *flags = &o->tls.flags;
    CLEANUP(err_done) struct err err = {0};

    log_info("", F_S("op", "startup"), F_S("tls-min-version", flags->min_version),
             F_S("tls-cipher-suites", flags->cipher_suites),
             F_S("tls-curve-preferences", flags->curves));
    if (tls_flags_check(flags, &err) == 0)
        return 0;
    log_error("failed to parse TLS configuration", F_S("op", "startup"),
              F_S("error", err_text(&err)));
    return -1;
}

static int check_webhook_mode(struct controller_options *o)
{
    o->only_webhook = str_eq(o->webhook_mode, "onlywebhook");
    if (o->only_webhook || str_eq(o->webhook_mode, "enabled") ||
        str_eq(o->webhook_mode, "disabled"))
        return 0;
    log_error("invalid webhookmode value", F_S("op", "startup"), F_S("value", o->webhook_mode));
    return -1;
}

static int check_ports(const struct controller_options *o)
{
    if (o->port >= 0 && o->port <= UINT16_MAX && o->health_probe_port >= 0 &&
        o->health_probe_port <= UINT16_MAX)
        return 0;
    log_error("a port is a number from 0 to 65535", F_S("op", "startup"), F_I("port", o->port),
              F_I("health-probe-port", o->health_probe_port));
    return -1;
}

/* Spec api-and-config 6.2. All modes are one here (design 5): the value refuses nothing. */
static void tell_bgp_type(void)
{
    if (str_eq(getenv("METALLB_BGP_TYPE"), "frr"))
        log_warn("The FRR mode is deprecated and will be removed in a future release. Please "
                 "migrate to the frr-k8s mode, which is now the default BGP backend. See "
                 "https://metallb.io/concepts/bgp/#frr-k8s-mode for details.",
                 F_S("op", "startup"));
}

int controller_options_parse(struct controller_options *ret, int argc, char **argv, int *ret_exit)
{
    struct controller_options o = defaults;

    if (parse_flags(&o, argc, argv, ret_exit) < 0)
        return -1;
    *ret_exit = 1;
    if (log_flags_apply(o.log_level, o.log_format) < 0)
        return -1;
    log_info("MetalLB controller starting version " STEELLB_VERSION " (SteelLB)",
             F_S("version", STEELLB_VERSION));
    if (check_tls(&o) < 0 || check_webhook_mode(&o) < 0 || check_ports(&o) < 0)
        return -1;
    tell_bgp_type();
    *ret = o;
    return 0;
}
