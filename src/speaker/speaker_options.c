/* SPDX-License-Identifier: Apache-2.0 */
#include "speaker/speaker_options.h"

#include "base/duration.h"
#include "base/log.h"
#include "base/mono.h"
#include "base/text.h"
#include "role/flags.h"
#include "role/log_flags.h"
#include "speaker/membership_options.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

enum { DEFAULT_METRICS_PORT = 9120, DEFAULT_HEALTH_PORT = 17472 };

/* Flags that are only checked, or that only matter to parts which do not exist in one engine. */
struct side_flags {
    const char *host, *log_level, *log_format, *pprof;
    const char *bgp_debounce, *frrk8s_namespace;
    bool frrk8s_secret_passthrough;
    int64_t gratuitous_seconds;
};

/* A value of the environment, or its default when the variable is not set. */
static const char *env_or(const char *name, const char *initial)
{
    const char *v = getenv(name);

    return v != NULL ? v : initial;
}

static int parse_flags(struct speaker_options *o, struct side_flags *s, int argc, char **argv,
                       int *ret_exit)
{
    const struct flag flags[] = {
        {"bgp-debounce-timeout", FLAG_STRING, &s->bgp_debounce, "METALLB_BGP_DEBOUNCE_TIMEOUT",
         "accepted for MetalLB's sake: nothing is debounced (milliseconds)"},
        {"bgp-listen-port", FLAG_STRING, &o->bgp_listen, "STEELLB_BGP_LISTEN_PORT",
         "port on which BGP peers may connect, such as 179; 0: we connect to them (0)"},
        {"control-socket", FLAG_STRING, &o->control_socket, NULL,
         "where `steellb status` asks; empty: nowhere (" SPEAKER_CONTROL_SOCKET ")"},
        {"drain-delay", FLAG_STRING, &o->drain_delay, NULL,
         "how long a node that is drained prefers others before it withdraws its routes (30s)"},
        {"fast-detect", FLAG_STRING, &o->fast_detect, NULL,
         "heartbeats between speakers that all have this flag, such as 50msx3: a node that misses "
         "3 in a row is out"},
        {"frrk8s-namespace", FLAG_STRING, &s->frrk8s_namespace, "FRRK8S_NAMESPACE",
         "accepted for MetalLB's sake: there is no FRR"},
        {"frrk8s-secret-passthrough", FLAG_BOOL, &s->frrk8s_secret_passthrough, NULL,
         "accepted for MetalLB's sake: there is no FRR"},
        {"gratuitous-arp-interval", FLAG_INT, &s->gratuitous_seconds, NULL,
         "announce every address again at this interval, in seconds; 0: only on changes"},
        {"health-probe-port", FLAG_INT, &o->health_port, NULL,
         "port of /healthz and /readyz on 127.0.0.1"},
        {"host", FLAG_STRING, &s->host, "METALLB_HOST", "accepted for MetalLB's sake: not used"},
        {"ignore-exclude-lb", FLAG_BOOL, &o->ignore_exclude_lb, NULL,
         "announce from nodes labelled node.kubernetes.io/exclude-from-external-load-balancers"},
        {"kubeconfig", FLAG_STRING, &o->kubeconfig, NULL,
         "file that says where the API server is; by default KUBECONFIG, the Pod's service "
         "account, or ~/.kube/config"},
        {"lb-class", FLAG_STRING, &o->lb_class, NULL,
         "handle only Services of this spec.loadBalancerClass"},
        {"log-format", FLAG_STRING, &s->log_format, NULL, "json or text"},
        {"log-level", FLAG_STRING, &s->log_level, NULL, "all, debug, info, warn, error or none"},
        {"metrics-cert-dir", FLAG_STRING, &o->tls.folder, NULL,
         "folder with tls.crt and tls.key of the metrics server"},
        {"ml-bindaddr", FLAG_STRING, &o->ml_bind_addr, "METALLB_ML_BIND_ADDR",
         "address of the membership; empty: no membership"},
        {"ml-bindport", FLAG_STRING, &o->ml_bind_port, "METALLB_ML_BIND_PORT",
         "port of the membership, the same on all nodes (7946)"},
        {"ml-labels", FLAG_STRING, &o->ml_labels, "METALLB_ML_LABELS",
         "label selector of the speaker Pods; empty: no membership"},
        {"ml-secret-key-path", FLAG_STRING, &o->ml_secret_dir, "METALLB_ML_SECRET_KEY_PATH",
         "folder with the file secretkey that encrypts the membership"},
        {"ml-wan-config", FLAG_BOOL, &o->ml_wan, NULL,
         "timing of the membership for networks with long delays"},
        {"namespace", FLAG_STRING, &o->namespace, "METALLB_NAMESPACE",
         "namespace of MetalLB's objects; by default that of the Pod"},
        {"node-name", FLAG_STRING, &o->node, "METALLB_NODE_NAME", "name of this node"},
        {"pod-name", FLAG_STRING, &o->pod_name, "METALLB_POD_NAME", "name of our Pod"},
        {"port", FLAG_INT, &o->port, NULL, "HTTPS port of the metrics; 0: none"},
        {"pprof-bind-address", FLAG_STRING, &s->pprof, NULL,
         "accepted for MetalLB's sake: there is no Go runtime to profile"},
        {"realtime", FLAG_BOOL, &o->realtime, NULL,
         "run at a real-time priority, as --fast-detect does: for BFD intervals below 100 ms"},
        {"tls-cipher-suites", FLAG_STRING, &o->tls.flags.cipher_suites, NULL,
         "cipher suites of the metrics server, separated by commas"},
        {"tls-curve-preferences", FLAG_STRING, &o->tls.flags.curves, NULL,
         "numbers of the curves of the metrics server, separated by commas"},
        {"tls-min-version", FLAG_STRING, &o->tls.flags.min_version, NULL,
         "oldest TLS version of the metrics server, such as VersionTLS12 (VersionTLS13)"},
    };

    return flags_parse("speaker", flags, ARRAY_SIZE(flags), argc, argv, ret_exit);
}

/* --- checks, in MetalLB's order --- */

static bool is_positive_number(const char *text)
{
    char *end;
    long v;

    errno = 0;
    v = strtol(text, &end, 10);
    return errno == 0 && end != text && *end == '\0' && v > 0 && v <= INT_MAX;
}

static bool check_tls(const struct speaker_options *o)
{
    CLEANUP(err_done) struct err err = {0};

    if (tls_flags_check(&o->tls.flags, &err) == 0)
        return true;
    log_error("failed to parse TLS flags", F_S("op", "startup"), F_S("error", err_text(&err)));
    return false;
}

static bool check_drain(struct speaker_options *o)
{
    if (duration_parse(&o->drain_delay_ns, o->drain_delay) && o->drain_delay_ns >= 0)
        return true;
    log_error("invalid --drain-delay, must be a duration such as 30s", F_S("op", "startup"),
              F_S("provided", o->drain_delay));
    return false;
}

static bool check_listen(struct speaker_options *o)
{
    char *end;
    long port;

    errno = 0;
    port = strtol(o->bgp_listen, &end, 10);
    if (errno != 0 || end == o->bgp_listen || *end != '\0' || port < 0 || port > UINT16_MAX) {
        log_error("no such port", F_S("op", "startup"), F_S("flag", "--bgp-listen-port"),
                  F_S("provided", o->bgp_listen));
        return false;
    }
    o->bgp_listen_port = (uint16_t)port;
    return true;
}

static bool check_bgp(struct speaker_options *o, const struct side_flags *s)
{
    const char *type = getenv("METALLB_BGP_TYPE");

    if (!str_empty(s->bgp_debounce) && !is_positive_number(s->bgp_debounce)) {
        log_error("invalid BGP debounce timeout value, must be a positive integer value",
                  F_S("op", "startup"), F_S("provided", s->bgp_debounce));
        return false;
    }
    if (!router_defaults_of(&o->bgp, type)) {
        log_error("METALLB_BGP_TYPE must be native, frr or frr-k8s", F_S("op", "startup"),
                  F_S("provided", type));
        return false;
    }
    if (str_eq(type, "frr")) /* spec api-and-config 6.2 */
        log_warn("The FRR mode is deprecated and will be removed in a future release. Please "
                 "migrate to the frr-k8s mode, which is now the default BGP backend. See "
                 "https://metallb.io/concepts/bgp/#frr-k8s-mode for details.",
                 F_S("op", "startup"));
    if (s->frrk8s_secret_passthrough && !str_eq(type, "frr-k8s")) {
        log_error("--frrk8s-secret-passthrough requires METALLB_BGP_TYPE=frr-k8s",
                  F_S("op", "startup"));
        return false;
    }
    if (s->frrk8s_secret_passthrough && str_empty(s->frrk8s_namespace)) {
        log_error("--frrk8s-secret-passthrough requires --frrk8s-namespace to be set",
                  F_S("op", "startup"));
        return false;
    }
    return true;
}

static bool check_interval(struct speaker_options *o, const struct side_flags *s)
{
    if (s->gratuitous_seconds < 0 || s->gratuitous_seconds > INT_MAX) {
        log_error("invalid --gratuitous-arp-interval value, must be a non-negative integer number "
                  "of seconds within bound",
                  F_S("op", "startup"), F_I("provided", s->gratuitous_seconds),
                  F_I("max", INT_MAX));
        return false;
    }
    o->gratuitous_interval_ns = s->gratuitous_seconds * NS_PER_SEC;
    if (o->gratuitous_interval_ns > 0)
        log_info("periodic gratuitous ARP enabled", F_S("op", "periodicGARP"),
                 F_S("interval", duration_format(o->gratuitous_interval_ns).s));
    return true;
}

static bool check_port(const char *flag, int64_t port)
{
    if (port >= 0 && port <= UINT16_MAX)
        return true;
    log_error("no such port", F_S("op", "startup"), F_S("flag", flag), F_I("provided", port));
    return false;
}

static bool check_membership(struct speaker_options *o)
{
    CLEANUP(err_done) struct err err = {0};
    long port = MEMBERSHIP_PORT;

    if (!str_empty(o->ml_bind_port)) {
        port = is_positive_number(o->ml_bind_port) ? strtol(o->ml_bind_port, NULL, 10) : 0;
        if (port < 1 || port > UINT16_MAX) {
            log_error("unable to parse ml-bindport", F_S("op", "startup"),
                      F_S("provided", o->ml_bind_port));
            return false;
        }
    }
    if (!str_empty(o->fast_detect) && fast_detect_parse(&o->fast, o->fast_detect, &err) < 0) {
        log_error("invalid --fast-detect", F_S("op", "startup"), F_S("error", err_text(&err)));
        return false;
    }
    if (str_empty(o->ml_bind_addr) || str_empty(o->ml_labels))
        return true;
    o->bind.port = (uint16_t)port;
    if (!ip_parse(&o->bind.ip, o->ml_bind_addr)) {
        log_error("ml-bindaddr is no IP address", F_S("op", "startup"),
                  F_S("provided", o->ml_bind_addr));
        return false;
    }
    return true;
}

static bool check_node(const struct speaker_options *o)
{
    if (!str_empty(o->node))
        return true;
    log_error("must specify --node-name or METALLB_NODE_NAME", F_S("op", "startup"));
    return false;
}

static void warn_not_served(const struct side_flags *s)
{
    if (!str_empty(s->pprof) && !str_eq(s->pprof, "0"))
        log_warn("--pprof-bind-address has no effect: there is no Go runtime to profile",
                 F_S("op", "startup"));
}

static bool check(struct speaker_options *o, const struct side_flags *s)
{
    if (!check_tls(o) || !check_bgp(o, s) || !check_listen(o) || !check_drain(o) ||
        !check_interval(o, s) || !check_node(o) || !check_port("--port", o->port) ||
        !check_port("--health-probe-port", o->health_port) || !check_membership(o))
        return false;
    warn_not_served(s);
    return true;
}

int speaker_options_parse(struct speaker_options *ret, int argc, char **argv, int *ret_exit)
{
    struct speaker_options o = {
        .kubeconfig = "",
        .namespace = "",
        .node = "",
        .pod_name = "",
        .lb_class = "",
        .ml_bind_addr = "",
        .ml_bind_port = "",
        .ml_labels = "",
        .ml_secret_dir = "",
        .fast_detect = "",
        .bgp_listen = "0",
        .drain_delay = "30s",
        .port = DEFAULT_METRICS_PORT,
        .health_port = DEFAULT_HEALTH_PORT,
        .tls = {.folder = "", .flags = {.min_version = "", .cipher_suites = "", .curves = ""}},
        .config_dir = env_or("STEELLB_CONFIG_DIR", "/etc/metallb"),
    };
    struct side_flags s = {
        .host = "",
        .log_level = "info",
        .log_format = "json",
        .pprof = "",
        .bgp_debounce = "",
        .frrk8s_namespace = "",
    };

    if (parse_flags(&o, &s, argc, argv, ret_exit) < 0)
        return -1;
    *ret_exit = 1;
    if (log_flags_apply(s.log_level, s.log_format) < 0)
        return -1;
    log_info("MetalLB speaker starting version " STEELLB_VERSION " (SteelLB)",
             F_S("version", STEELLB_VERSION), F_S("op", "startup"));
    if (!check(&o, &s))
        return -1;
    *ret = o;
    return 0;
}

bool speaker_options_has_membership(const struct speaker_options *o)
{
    return o->bind.ip.family != IP_NONE;
}
