/* SPDX-License-Identifier: Apache-2.0 */
/* `steellb drain`: sets the annotation by which a node gives its routes away (speaker/drain.h). */
#include "base/log.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/options.h"
#include "kube/kube_client.h"
#include "kube/kube_path.h"
#include "model/dns_name.h"
#include "role/loop.h"

#include <getopt.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char drain_help[] =
    "Usage: steellb drain NODE [--undo | --force] [--kubeconfig FILE]\n"
    "Give the BGP routes of a node away before it goes down for maintenance.\n"
    "\n"
    "Its speaker announces them with the community GRACEFUL_SHUTDOWN and local preference 0, so that\n"
    "routers prefer other nodes, and withdraws them after its --drain-delay (30s). An address that no\n"
    "other node announces stays. Layer 2 is not concerned.\n"
    "\n"
    "      --undo                the node announces as before\n"
    "      --force               withdraw also what no other node announces\n"
    "      --kubeconfig=FILE     where the API server is; by default KUBECONFIG or ~/.kube/config\n"
    "  -h, --help\n"
    "\n"
    "It sets the annotation " ANNOTATION_DRAIN
    " of the Node to \"true\" or \"force\", or removes it. With\n"
    "`steellb run`, write it into the Node's manifest in the folder.\n"
    "\n"
    "Exit status: 0 when the annotation is set, 1 when the API server refused, 2 when it was not reached.\n";

enum { OPT_HELP = 'h', OPT_UNDO = 256, OPT_FORCE, OPT_KUBECONFIG };

static const struct option longopts[] = {
    {"undo", no_argument, NULL, OPT_UNDO},
    {"force", no_argument, NULL, OPT_FORCE},
    {"kubeconfig", required_argument, NULL, OPT_KUBECONFIG},
    {"help", no_argument, NULL, OPT_HELP},
    {0},
};

struct drain_options {
    const char *node, *kubeconfig;
    bool undo, force;
};

/* One PATCH, and its end. */
struct drain_request {
    const struct drain_options *options;
    struct event_base *base;
    int exit_status;
};

/* --- the request --- */

static void print_success(const struct drain_options *o)
{
    if (o->undo)
        printf("node %s is drained no longer\n", o->node);
    else if (o->force)
        printf("node %s is being drained: all of its routes are withdrawn after the delay\n",
               o->node);
    else
        printf("node %s is being drained: routes that other nodes announce are withdrawn after the "
               "delay\n",
               o->node);
}

static void on_reply(void *arg, const struct kube_reply *reply)
{
    struct drain_request *r = arg;

    if (reply->code == 0 && reply->status < 300) {
        print_success(r->options);
        r->exit_status = CLI_OK;
    } else {
        fprintf(stderr, "steellb drain: node %s: %s\n", r->options->node, reply->text);
        r->exit_status = reply->code == 0 ? CLI_FAULTS : CLI_UNREADABLE;
    }
    event_base_loopbreak(r->base);
}

static char *patch_of(const struct drain_options *o)
{
    json_t *value = o->undo ? json_null() : json_string(o->force ? "force" : "true");
    json_t *patch = json_pack("{s:{s:{s:o}}}", "metadata", "annotations", ANNOTATION_DRAIN, value);
    char *text = json_dumps(patch, JSON_COMPACT);

    json_decref(patch);
    return text;
}

static void ask(struct drain_request *r, struct kube_client *client)
{
    CLEANUP(xfreep) char *path = kube_path(OBJ_NODE, "", r->options->node, NULL);
    CLEANUP(xfreep) char *body = patch_of(r->options);
    const struct kube_request request = {
        .method = "PATCH",
        .path = path,
        .content_type = "application/merge-patch+json",
        .body = body,
        .body_len = strlen(body),
    };

    (void)kube_fetch_start(client, &request, on_reply, r); /* the client's, and gone after it */
    (void)event_base_dispatch(r->base);
}

static int connect_and_ask(struct drain_request *r, struct err *err)
{
    CLEANUP(kube_client_freep) struct kube_client *client = NULL;
    CLEANUP(kube_config_freep) struct kube_config *config = NULL;
    struct kube_environment env = kube_environment_of_process(r->options->kubeconfig);
    struct kube_client_options options = {
        .base = r->base,
        .user_agent = "steellb/" STEELLB_VERSION,
    };
    int code = kube_config_load(&config, &env, err);

    if (code < 0)
        return code;
    options.config = config;
    code = kube_client_new(&client, &options, err);
    if (code < 0)
        return code;
    ask(r, client);
    client = kube_client_free(client); /* before what it borrows */
    return 0;
}

static int drain(const struct drain_options *o)
{
    CLEANUP(err_done) struct err err = {0};
    struct drain_request r = {.options = o, .base = loop_new(), .exit_status = CLI_UNREADABLE};

    log_set_level(LOG_WARN);  /* what it did is said once, and not by the connection */
    signal(SIGPIPE, SIG_IGN); /* the server may close the connection at any time */
    if (r.base == NULL)
        return CLI_UNREADABLE;
    if (connect_and_ask(&r, &err) < 0)
        fprintf(stderr, "steellb drain: %s\n", err_text(&err));
    event_base_free(r.base);
    return r.exit_status;
}

/* --- the command line --- */

static const char *problem_of(const struct drain_options *o, int argc)
{
    if (optind < argc)
        return "one node at a time";
    if (o->node == NULL)
        return "which node?";
    if (!dns_is_subdomain(o->node, strlen(o->node)))
        return "that is no name of a node";
    return o->undo && o->force ? "--undo and --force exclude each other" : NULL;
}

int cli_drain(int argc, char **argv)
{
    struct drain_options o = {.kubeconfig = ""};
    const char *problem;
    int c;

    optind = 0; /* GNU: start over, the dispatcher may have looked at argv before */
    while ((c = getopt_long(argc, argv, "h", longopts, NULL)) != -1) {
        switch (c) {
        case OPT_UNDO:
            o.undo = true;
            break;
        case OPT_FORCE:
            o.force = true;
            break;
        case OPT_KUBECONFIG:
            o.kubeconfig = optarg;
            break;
        case OPT_HELP:
            fputs(drain_help, stdout);
            return CLI_OK;
        default:
            return cli_usage_error("drain", "the command line is wrong");
        }
    }
    if (optind < argc)
        o.node = argv[optind++];
    problem = problem_of(&o, argc);
    return problem != NULL ? cli_usage_error("drain", "%s", problem) : drain(&o);
}
