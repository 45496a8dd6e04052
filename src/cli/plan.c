/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/plan.h"

#include "cli/cli.h"
#include "cli/options.h"

static const char plan_help[] =
    "Usage: steellb plan -f PATH... [--against OLD...] [-o text|json] [OPTION]...\n"
    "Show what the controller and the speakers would make of these Kubernetes objects.\n"
    "\n"
    "  -f, --file=PATH...        files or folders of YAML or JSON manifests; '-' is standard input\n"
    "      --against=OLD...      show only what changes from OLD to PATH; addresses held in OLD are in use\n"
    "  -o, --output=FORM         text or json (text)\n"
    "      --namespace=NS        where MetalLB's objects live (metallb-system)\n"
    "      --lb-class=CLASS      handle only Services of this spec.loadBalancerClass\n"
    "      --ignore-exclude-lb   announce from nodes labelled exclude-from-external-load-balancers too\n"
    "  -h, --help\n"
    "\n"
    "Exit status: 0; 1 when the configuration has faults; 2 when the input cannot be read;\n"
    "3 with --against when an address that is in use would move or vanish.\n";

static int unreadable(struct err *err)
{
    fprintf(stderr, "steellb plan: %s\n", err_text(err));
    return CLI_UNREADABLE;
}

static int plan_one(const struct cli_options *o)
{
    CLEANUP(err_done) struct err err = {0};
    CLEANUP(input_done) struct input in = {0};
    struct term t = term_for(stdout);

    if (input_read(&in, &o->files, &o->evaluation, &err) < 0)
        return unreadable(&err);

    if (o->json)
        plan_print_json(stdout, &in);
    else
        plan_print_text(&t, &in);
    return in.evaluation->faults.count > 0 ? CLI_FAULTS : CLI_OK;
}

/* A Service without a status in the new set holds what it was given in the old one: an edit is
 * planned for a system that runs. */
static int plan_against(const struct cli_options *o)
{
    CLEANUP(err_done) struct err err = {0};
    CLEANUP(input_done) struct input old = {0};
    CLEANUP(input_done) struct input new = {0};
    CLEANUP(diff_done) struct diff d = {0};
    struct evaluation_options options = o->evaluation;
    struct term t = term_for(stdout);

    if (input_read(&old, &o->against, &options, &err) < 0)
        return unreadable(&err);
    options.held_from = old.evaluation;
    if (input_read(&new, &o->files, &options, &err) < 0)
        return unreadable(&err);

    diff_compute(&d, &old, &new);
    if (o->json)
        diff_print_json(stdout, &d);
    else
        diff_print_text(&t, &d);
    if (d.disturbs)
        return CLI_DISTURBS;
    return d.comparable ? CLI_OK : CLI_FAULTS;
}

static int plan(const struct cli_options *o)
{
    return o->against.count > 0 ? plan_against(o) : plan_one(o);
}

static const struct command plan_command = {
    .name = "plan",
    .help = plan_help,
    .run = plan,
    .takes_against = true,
};

int cli_plan(int argc, char **argv)
{
    return cli_command_run(&plan_command, argc, argv);
}
