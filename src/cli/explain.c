/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"
#include "cli/hops.h"
#include "cli/options.h"
#include "cli/report.h"
#include "cli/similar.h"

#include <string.h>

static const char explain_help[] =
    "Usage: steellb explain [NAMESPACE/]NAME -f PATH... [-o text|json] [OPTION]...\n"
    "Show how one Service gets from its manifest to the wire, and where the way ends.\n"
    "\n"
    "  -f, --file=PATH...        files or folders of YAML or JSON manifests; '-' is standard input\n"
    "  -o, --output=FORM         text or json (text)\n"
    "      --namespace=NS        where MetalLB's objects live (metallb-system)\n"
    "      --lb-class=CLASS      handle only Services of this spec.loadBalancerClass\n"
    "      --ignore-exclude-lb   announce from nodes labelled exclude-from-external-load-balancers too\n"
    "      --control-socket=PATH ask the speaker on this machine what it sends to its BGP peers\n"
    "  -h, --help\n"
    "\n"
    "Exit status: 0 when the Service is announced, 1 when not, 2 when the input cannot be read or holds no such Service.\n";

static const struct {
    const char *word, *sign;
    enum term_style style;
} marks[] = {
    [HOP_OK] = {"ok", "\xe2\x9c\x93", TERM_GOOD},
    [HOP_ATTENTION] = {"attention", "!", TERM_NOTICE},
    [HOP_BROKEN] = {"broken", "\xe2\x9c\x97", TERM_BAD},
};

static void print_text(const struct hop_list *h)
{
    struct term t = term_for(stdout);

    for (size_t i = 0; i < h->count; i++) {
        const struct hop *hop = &h->items[i];

        if (t.unicode)
            term_print(&t, marks[hop->mark].style, "%s", marks[hop->mark].sign);
        else
            term_print(&t, marks[hop->mark].style, "%-9s", marks[hop->mark].word);
        term_print(&t, TERM_DIM, " %-13s", hop->link);
        term_print(&t, TERM_PLAIN, " %s\n", hop->text);
    }
    term_print(&t, h->announced ? TERM_GOOD : TERM_BAD, "\n%s\n", h->verdict);
    if (*h->releases != '\0')
        term_print(&t, TERM_NOTICE, "%s\n", h->releases);
}

static void print_json(const struct hop_list *h, const struct meta *m)
{
    json_t *o = json_object(), *hops = json_array();

    report_json_put(o, "kind", "Explanation");
    json_object_set_new_nocheck(o, "version", json_integer(1));
    report_json_put(o, "namespace", m->namespace);
    report_json_put(o, "name", m->name);
    json_object_set_new_nocheck(o, "announced", json_boolean(h->announced));
    report_json_put(o, "verdict", h->verdict);
    report_json_put(o, "releases", h->releases);
    for (size_t i = 0; i < h->count; i++) {
        json_t *hop = json_object();

        report_json_put(hop, "link", h->items[i].link);
        report_json_put(hop, "mark", marks[h->items[i].mark].word);
        report_json_put(hop, "text", h->items[i].text);
        json_array_append_new(hops, hop);
    }
    json_object_set_new_nocheck(o, "hops", hops);
    report_json_dump_take(stdout, o);
    fputs("\n", stdout);
}

/* A typing error in either part, or the right name in another namespace. */
static bool is_similar(const struct meta *m, const char *namespace, const char *name)
{
    if (str_eq(m->name, name))
        return true;
    return similar_to(m->namespace, namespace) && similar_to(m->name, name);
}

static int unknown_service(struct store *store, const char *namespace, const char *name)
{
    struct object_list services = store_list(store, OBJ_SERVICE);
    size_t found = 0;

    fprintf(stderr, "steellb explain: the input holds no Service %s/%s", namespace, name);
    for (size_t i = 0; i < services.count && found < 5; i++) {
        const struct meta *m = &services.items[i]->meta;

        if (is_similar(m, namespace, name))
            fprintf(stderr, "%s %s/%s", found++ == 0 ? "; similar:" : ",", m->namespace, m->name);
    }
    fputs("\n", stderr);
    return CLI_UNREADABLE;
}

/* What is planned is worth printing even if nobody answers. */
static void add_sent(struct hop_list *h, const struct input *in, const struct object *service,
                     const char *control_socket)
{
    CLEANUP(err_done) struct err err = {0};
    int i = evaluation_find(in->evaluation, service->meta.namespace, service->meta.name);

    if (control_socket == NULL || i < 0)
        return;
    if (hops_add_sent(h, &in->evaluation->services[i], control_socket, &err) < 0)
        fprintf(stderr, "steellb explain: %s\n", err_text(&err));
}

static int explain_in(const struct input *in, const struct cli_options *o)
{
    const char *slash = strchr(o->service, '/');
    const char *name = slash != NULL ? slash + 1 : o->service;
    CLEANUP(xfreep)
    char *namespace =
        slash != NULL ? xstrndup(o->service, (size_t)(slash - o->service)) : xstrdup("default");
    CLEANUP(hops_done) struct hop_list h = {0};
    const struct object *service = store_find(in->manifest.store, OBJ_SERVICE, namespace, name);

    if (service == NULL)
        return unknown_service(in->manifest.store, namespace, name);
    hops_explain(&h, in, service, &o->evaluation);
    add_sent(&h, in, service, o->control_socket);
    if (o->json)
        print_json(&h, &service->meta);
    else
        print_text(&h);
    return h.announced ? CLI_OK : CLI_FAULTS;
}

static int explain(const struct cli_options *o)
{
    CLEANUP(err_done) struct err err = {0};
    CLEANUP(input_done) struct input in = {0};

    if (input_read(&in, &o->files, &o->evaluation, &err) < 0) {
        fprintf(stderr, "steellb explain: %s\n", err_text(&err));
        return CLI_UNREADABLE;
    }
    return explain_in(&in, o);
}

static const struct command explain_command = {
    .name = "explain",
    .help = explain_help,
    .run = explain,
    .takes_service = true,
};

int cli_explain(int argc, char **argv)
{
    return cli_command_run(&explain_command, argc, argv);
}
