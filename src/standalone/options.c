/* SPDX-License-Identifier: Apache-2.0 */
#include "standalone/options.h"

#include "base/duration.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/mono.h"
#include "base/text.h"
#include "model/dns_name.h"
#include "speaker/bgp_answer.h"
#include "speaker/membership_options.h"
#include "speaker/speaker_options.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* MetalLB's own list, same order (spec speaker-l2 4.3). */
static const char *const default_exclude[] = {
    "^docker.*", "^cbr.*",  "^dummy.*",   "^virbr.*",     "^lxcbr.*", "^veth.*",         "^lo$",
    "^cali.*",   "^tunl.*", "^flannel.*", "^kube-ipvs.*", "^cni.*",   "^nodelocaldns.*", "^lxc.*",
};

enum {
    OPT_HELP = 'h',
    OPT_FOLDER = 'f',
    OPT_OUTPUT = 'o',
    OPT_NODE_NAME = 256,
    OPT_NAMESPACE,
    OPT_LB_CLASS,
    OPT_IGNORE_EXCLUDE_LB,
    OPT_EXCLUDE_INTERFACE,
    OPT_GRATUITOUS_INTERVAL,
    OPT_PIN,
    OPT_USER,
    OPT_CONTROL_SOCKET,
    OPT_LOG_LEVEL,
    OPT_PEERS,
    OPT_BIND,
    OPT_SECRET_FILE,
    OPT_FAST_DETECT,
    OPT_MEMBERLIST_CONFIG,
    OPT_BGP_LISTEN_PORT,
    OPT_DRAIN_DELAY,
    OPT_REALTIME,
    OPT_METRICS_LISTEN,
    OPT_JSON,
    OPT_PEER,
};

enum { METRICS_PORT = 9120 };

static const struct option run_longopts[] = {
    {"file", required_argument, NULL, OPT_FOLDER},
    {"node-name", required_argument, NULL, OPT_NODE_NAME},
    {"namespace", required_argument, NULL, OPT_NAMESPACE},
    {"lb-class", required_argument, NULL, OPT_LB_CLASS},
    {"ignore-exclude-lb", no_argument, NULL, OPT_IGNORE_EXCLUDE_LB},
    {"exclude-interface", required_argument, NULL, OPT_EXCLUDE_INTERFACE},
    {"gratuitous-arp-interval", required_argument, NULL, OPT_GRATUITOUS_INTERVAL},
    {"pin", no_argument, NULL, OPT_PIN},
    {"user", required_argument, NULL, OPT_USER},
    {"control-socket", required_argument, NULL, OPT_CONTROL_SOCKET},
    {"log-level", required_argument, NULL, OPT_LOG_LEVEL},
    {"peers", required_argument, NULL, OPT_PEERS},
    {"bind", required_argument, NULL, OPT_BIND},
    {"secret-file", required_argument, NULL, OPT_SECRET_FILE},
    {"fast-detect", required_argument, NULL, OPT_FAST_DETECT},
    {"memberlist-config", required_argument, NULL, OPT_MEMBERLIST_CONFIG},
    {"bgp-listen-port", required_argument, NULL, OPT_BGP_LISTEN_PORT},
    {"drain-delay", required_argument, NULL, OPT_DRAIN_DELAY},
    {"realtime", no_argument, NULL, OPT_REALTIME},
    {"metrics-listen", required_argument, NULL, OPT_METRICS_LISTEN},
    {"help", no_argument, NULL, OPT_HELP},
    {0},
};

static const struct option pin_longopts[] = {
    {"file", required_argument, NULL, OPT_FOLDER},
    {"namespace", required_argument, NULL, OPT_NAMESPACE},
    {"lb-class", required_argument, NULL, OPT_LB_CLASS},
    {"help", no_argument, NULL, OPT_HELP},
    {0},
};

static const struct option status_longopts[] = {
    {"control-socket", required_argument, NULL, OPT_CONTROL_SOCKET},
    {"output", required_argument, NULL, OPT_OUTPUT},
    {"json", no_argument, NULL, OPT_JSON},
    {"peer", required_argument, NULL, OPT_PEER},
    {"help", no_argument, NULL, OPT_HELP},
    {0},
};

static const char run_help[] =
    "Usage: steellb run -f FOLDER --node-name NAME [OPTION]...\n"
    "Announce the addresses that the Kubernetes objects in FOLDER give to this node.\n"
    "\n"
    "  -f, --file=FOLDER         folder of YAML or JSON manifests; it is watched, and is the only state\n"
    "      --node-name=NAME      the Node object that this process speaks for\n"
    "      --namespace=NS        where MetalLB's objects live (" DEFAULT_NAMESPACE ")\n"
    "      --lb-class=CLASS      handle only Services of this spec.loadBalancerClass\n"
    "      --ignore-exclude-lb   announce from nodes labelled exclude-from-external-load-balancers too\n"
    "      --exclude-interface=REGEX\n"
    "                            never use interfaces that match; may be repeated and replaces the\n"
    "                            default list (docker, veth, cali, ... as MetalLB); '' for none\n"
    "      --gratuitous-arp-interval=SECONDS\n"
    "                            announce every address again at this interval (0: only on changes)\n"
    "      --pin                 keep FOLDER/pins.yaml up to date; on one node only\n"
    "      --user=NAME           run as this user once the sockets are open\n"
    "      --control-socket=PATH where `steellb status` asks (" DEFAULT_CONTROL_SOCKET
    "); '' for none\n"
    "      --bgp-listen-port=PORT\n"
    "                            let BGP peers connect to this port, such as 179 (0: we connect)\n"
    "      --drain-delay=TIME    how long a node with the annotation steellb.io/drain prefers others\n"
    "                            before it withdraws its BGP routes (30s)\n"
    "      --realtime            run at a real-time priority, as --fast-detect does: for BFD intervals\n"
    "                            below 100 ms\n"
    "      --metrics-listen=ADDR[:PORT]\n"
    "                            serve metrics to Prometheus there, by plain HTTP (port 9120)\n"
    "      --log-level=LEVEL     error, warn, info or debug (info)\n"
    "\n"
    "The other nodes, so that one takes over when another fails (without: all are taken to be alive):\n"
    "\n"
    "      --peers=ADDR[:PORT],...\n"
    "                            where their `steellb run` listens; ours may be among them\n"
    "      --bind=ADDR[:PORT]    our own address there; gossip uses UDP and TCP (port 7946)\n"
    "      --secret-file=FILE    what all nodes share, to encrypt and authenticate\n"
    "      --fast-detect=INTERVALxCOUNT\n"
    "                            take a node for dead after COUNT heartbeats were missed, such as\n"
    "                            50msx3; uses the next UDP port; without: after about 6 s\n"
    "      --memberlist-config=FILE\n"
    "                            MetalLB's config.json of memberlist\n"
    "\n"
    "  -h, --help\n"
    "\n"
    "SIGHUP reads the folder again; SIGTERM ends it cleanly.\n";

static const char pin_help[] =
    "Usage: steellb pin -f FOLDER [--namespace NS] [--lb-class CLASS]\n"
    "Write the addresses that FOLDER allocates into FOLDER/pins.yaml, so that no later edit moves one.\n";

static const char status_help[] =
    "Usage: steellb status [bgp | routes [PREFIX] [--peer=NAME]] [OPTION]...\n"
    "Show what the speaker on this machine (`steellb run` or `steellb speaker`) announces.\n"
    "\n"
    "  bgp                       the BGP peers: state, families, timers, last error\n"
    "  routes                    each BGP route to each peer: is it sent, and with what\n"
    "  routes PREFIX             only those that have an address in common with PREFIX, or are for\n"
    "                            the address PREFIX\n"
    "\n"
    "      --peer=NAME           only the routes to this BGPPeer\n"
    "      --control-socket=PATH where it listens (" DEFAULT_CONTROL_SOCKET
    ", else " SPEAKER_CONTROL_SOCKET ")\n"
    "  -o, --output=FORM         text or json (text); --json is short for -o json\n"
    "  -h, --help\n";

void run_options_done(struct run_options *o)
{
    free(o->exclude.items);
    o->exclude = (struct string_list){0};
}

static void exclude_add(struct run_options *o, const char *expression)
{
    o->exclude.items = xreallocarray(o->exclude.items, o->exclude.count + 1, sizeof(char *));
    o->exclude.items[o->exclude.count++] = expression;
}

static bool parse_seconds(int64_t *ret_ns, const char *text)
{
    char *end;
    long v;

    errno = 0;
    v = strtol(text, &end, 0);
    if (errno != 0 || end == text || *end != '\0' || v < 0 || v > INT_MAX)
        return false;
    *ret_ns = v * NS_PER_SEC;
    return true;
}

static bool parse_port(uint16_t *ret, const char *text)
{
    char *end;
    long v;

    errno = 0;
    v = strtol(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || v < 0 || v > UINT16_MAX)
        return false;
    *ret = (uint16_t)v;
    return true;
}

static int usage_error(const char *command, const char *what, int *ret_exit)
{
    fprintf(stderr, "steellb %s: %s\nTry 'steellb %s --help'.\n", command, what, command);
    *ret_exit = 2;
    return -1;
}

static int help(const char *text, int *ret_exit)
{
    fputs(text, stdout);
    *ret_exit = 0;
    return -1;
}

/* Options that more than one of the commands has; false when `c` is none of them. */
static bool take_common(struct run_options *o, int c)
{
    switch (c) {
    case OPT_FOLDER:
        o->folder = optarg;
        return true;
    case OPT_NAMESPACE:
        o->namespace = optarg;
        return true;
    case OPT_LB_CLASS:
        o->lb_class = optarg;
        return true;
    default:
        return false;
    }
}

static const char *take_bind(struct run_options *o, const char *text)
{
    CLEANUP(err_done) struct err err = {0};

    return membership_addr_parse(&o->bind, text, MEMBERSHIP_PORT, &err) < 0
               ? "--bind must be an IP address, or one with :PORT"
               : NULL;
}

static const char *take_fast_detect(struct run_options *o, const char *text)
{
    CLEANUP(err_done) struct err err = {0};

    return fast_detect_parse(&o->fast, text, &err) < 0
               ? "--fast-detect must be INTERVALxCOUNT, such as 50msx3, with 1ms to 10s and 1 to 100"
               : NULL;
}

/* NULL when all is well, or the option is none of these: then *ret_known is false. */
static const char *take_member_option(struct run_options *o, int c, bool *ret_known)
{
    *ret_known = true;
    switch (c) {
    case OPT_PEERS:
        o->peers = optarg;
        return NULL;
    case OPT_BIND:
        return take_bind(o, optarg);
    case OPT_SECRET_FILE:
        o->secret_file = optarg;
        return NULL;
    case OPT_FAST_DETECT:
        return take_fast_detect(o, optarg);
    case OPT_MEMBERLIST_CONFIG:
        o->memberlist_config = optarg;
        return NULL;
    default:
        *ret_known = false;
        return NULL;
    }
}

static const char *member_problem(const struct run_options *o)
{
    bool any = o->bind.ip.family != IP_NONE || o->secret_file != NULL || o->fast.interval_ns > 0 ||
               o->memberlist_config != NULL;

    if (o->peers != NULL && o->bind.ip.family == IP_NONE)
        return "--peers needs --bind ADDR: where do the others find this node?";
    if (o->peers == NULL && any)
        return "--bind, --secret-file, --fast-detect and --memberlist-config need --peers";
    return NULL;
}

static const char *take_metrics_listen(struct run_options *o, const char *text)
{
    CLEANUP(err_done) struct err err = {0};

    return membership_addr_parse(&o->metrics_listen, text, METRICS_PORT, &err) < 0
               ? "--metrics-listen must be an IP address, or one with :PORT"
               : NULL;
}

static const char *take_run_option(struct run_options *o, int c)
{
    enum log_level level;
    bool known;
    const char *problem = take_member_option(o, c, &known);

    if (known)
        return problem;
    switch (c) {
    case OPT_NODE_NAME:
        o->node_name = optarg;
        return NULL;
    case OPT_IGNORE_EXCLUDE_LB:
        o->ignore_exclude_lb = true;
        return NULL;
    case OPT_EXCLUDE_INTERFACE:
        exclude_add(o, optarg);
        return NULL;
    case OPT_GRATUITOUS_INTERVAL:
        return parse_seconds(&o->gratuitous_interval_ns, optarg)
                   ? NULL
                   : "--gratuitous-arp-interval must be a whole number of seconds, 0 or more";
    case OPT_BGP_LISTEN_PORT:
        return parse_port(&o->bgp_listen_port, optarg)
                   ? NULL
                   : "--bgp-listen-port must be a port number, or 0";
    case OPT_DRAIN_DELAY:
        return duration_parse(&o->drain_delay_ns, optarg) && o->drain_delay_ns >= 0
                   ? NULL
                   : "--drain-delay must be a duration such as 30s";
    case OPT_REALTIME:
        o->realtime = true;
        return NULL;
    case OPT_METRICS_LISTEN:
        return take_metrics_listen(o, optarg);
    case OPT_PIN:
        o->pin = true;
        return NULL;
    case OPT_USER:
        o->user = optarg;
        return NULL;
    case OPT_CONTROL_SOCKET:
        o->control_socket = optarg;
        return NULL;
    case OPT_LOG_LEVEL:
        if (!log_parse_level(&level, optarg))
            return "--log-level must be error, warn, info or debug";
        log_set_level(level);
        return NULL;
    default:
        return "the command line is wrong";
    }
}

/* No option at all stands for the default list. '' adds nothing: as an expression it would match
 * every name. */
static void settle_exclude(struct run_options *o)
{
    size_t given = o->exclude.count, kept = 0;

    for (size_t i = 0; i < given; i++) {
        if (!str_empty(o->exclude.items[i]))
            o->exclude.items[kept++] = o->exclude.items[i];
    }
    o->exclude.count = kept;
    for (size_t i = 0; given == 0 && i < ARRAY_SIZE(default_exclude); i++)
        exclude_add(o, default_exclude[i]);
}

static const struct run_options run_defaults = {
    .namespace = DEFAULT_NAMESPACE,
    .lb_class = "",
    .control_socket = DEFAULT_CONTROL_SOCKET,
    .drain_delay_ns = 30 * NS_PER_SEC,
};

struct evaluation_options run_evaluation_options(const struct run_options *o)
{
    return (struct evaluation_options){.namespace = o->namespace,
                                       .lb_class = o->lb_class,
                                       .ignore_exclude_lb = o->ignore_exclude_lb};
}

int run_options_parse(struct run_options *ret, int argc, char **argv, int *ret_exit)
{
    CLEANUP(run_options_done) struct run_options o = run_defaults;
    const char *problem = NULL;
    int c;

    optind = 1;
    while (problem == NULL && (c = getopt_long(argc, argv, "f:h", run_longopts, NULL)) != -1) {
        if (c == OPT_HELP)
            return help(run_help, ret_exit);
        if (!take_common(&o, c))
            problem = take_run_option(&o, c);
    }
    if (problem == NULL && optind < argc)
        problem = "there are arguments that belong to no option";
    if (problem == NULL && str_empty(o.folder))
        problem = "-f FOLDER is missing";
    if (problem == NULL && str_empty(o.node_name))
        problem = "--node-name NAME is missing: which Node object does this process speak for?";
    if (problem == NULL)
        problem = member_problem(&o);
    if (problem != NULL)
        return usage_error("run", problem, ret_exit);
    settle_exclude(&o);
    *ret = o;
    o.exclude.items = NULL; /* handed over */
    return 0;
}

int pin_options_parse(struct run_options *ret, int argc, char **argv, int *ret_exit)
{
    struct run_options o = run_defaults;
    int c;

    optind = 1;
    while ((c = getopt_long(argc, argv, "f:h", pin_longopts, NULL)) != -1) {
        if (c == OPT_HELP)
            return help(pin_help, ret_exit);
        if (!take_common(&o, c))
            return usage_error("pin", "the command line is wrong", ret_exit);
    }
    if (optind < argc)
        return usage_error("pin", "there are arguments that belong to no option", ret_exit);
    if (str_empty(o.folder))
        return usage_error("pin", "-f FOLDER is missing", ret_exit);
    *ret = o;
    return 0;
}

/* NULL, or what is wrong with the words behind the options. */
static const char *take_words(struct status_options *o, char **words, int count)
{
    struct prefix p;

    if (count == 0)
        return NULL;
    if (str_eq(words[0], "bgp"))
        o->part = STATUS_BGP;
    else if (str_eq(words[0], "routes"))
        o->part = STATUS_ROUTES;
    else
        return "the parts are bgp and routes";
    if (count == 1)
        return NULL;
    if (o->part != STATUS_ROUTES || count > 2)
        return "one part at a time";
    if (!bgp_answer_parse_prefix(&p, words[1]))
        return "routes are chosen by an address or a prefix";
    o->within = words[1];
    return NULL;
}

static const char *take_status_option(struct status_options *o, int c)
{
    switch (c) {
    case OPT_CONTROL_SOCKET:
        o->control_socket = optarg;
        return NULL;
    case OPT_OUTPUT:
        o->json = str_eq(optarg, "json");
        return o->json || str_eq(optarg, "text") ? NULL : "-o must be text or json";
    case OPT_JSON:
        o->json = true;
        return NULL;
    case OPT_PEER:
        o->peer = optarg;
        return dns_is_subdomain(optarg, strlen(optarg)) ? NULL
                                                        : "--peer must be the name of a BGPPeer";
    default:
        return "the command line is wrong";
    }
}

int status_options_parse(struct status_options *ret, int argc, char **argv, int *ret_exit)
{
    struct status_options o = {0};
    const char *problem = NULL;
    int c;

    optind = 1;
    while (problem == NULL && (c = getopt_long(argc, argv, "o:h", status_longopts, NULL)) != -1) {
        if (c == OPT_HELP)
            return help(status_help, ret_exit);
        problem = take_status_option(&o, c);
    }
    if (problem == NULL)
        problem = take_words(&o, argv + optind, argc - optind);
    if (problem == NULL && o.peer != NULL && o.part != STATUS_ROUTES)
        problem = "--peer goes with routes";
    if (problem != NULL)
        return usage_error("status", problem, ret_exit);
    *ret = o;
    return 0;
}
