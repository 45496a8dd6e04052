/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"
#include "cli/input.h"
#include "cli/options.h"
#include "cli/report.h"

static const char check_help[] =
    "Usage: steellb check -f PATH... [-o text|json] [OPTION]...\n"
    "Show the faults and warnings of these Kubernetes objects, and nothing else.\n"
    "\n"
    "  -f, --file=PATH...        files or folders of YAML or JSON manifests; '-' is standard input\n"
    "  -o, --output=FORM         text or json (text)\n"
    "      --namespace=NS        where MetalLB's objects live (metallb-system)\n"
    "      --lb-class=CLASS      handle only Services of this spec.loadBalancerClass\n"
    "      --ignore-exclude-lb   announce from nodes labelled exclude-from-external-load-balancers too\n"
    "  -h, --help\n"
    "\n"
    "Exit status: 0 without faults, whatever the warnings; 1 with faults; 2 when the input cannot be read.\n";

static void print_json(const struct evaluation *e)
{
    fputs("{\"kind\": \"Check\", \"version\": 1,\n\"faults\": ", stdout);
    report_json_dump_take(stdout, report_json_faults(&e->faults));
    fputs(",\n\"warnings\": ", stdout);
    report_json_dump_take(stdout, report_json_faults(&e->warnings));
    fputs("}\n", stdout);
}

static void print_text(const struct evaluation *e)
{
    CLEANUP(text_done) struct text summary = {0};
    struct term t = term_for(stdout);

    report_faults(&t, &e->faults);
    report_warnings(&t, &e->warnings);
    if (e->faults.count == 0)
        text_add(&summary, "no faults");
    else
        report_count(&summary, e->faults.count, "fault", "faults");
    if (e->warnings.count > 0) {
        text_add(&summary, ", ");
        report_count(&summary, e->warnings.count, "warning", "warnings");
    }
    term_print(&t, e->faults.count == 0 ? TERM_GOOD : TERM_BAD, "%s\n", text_str(&summary));
}

static int check(const struct cli_options *o)
{
    CLEANUP(err_done) struct err err = {0};
    CLEANUP(input_done) struct input in = {0};

    if (input_read(&in, &o->files, &o->evaluation, &err) < 0) {
        fprintf(stderr, "steellb check: %s\n", err_text(&err));
        return CLI_UNREADABLE;
    }
    if (o->json)
        print_json(in.evaluation);
    else
        print_text(in.evaluation);
    return in.evaluation->faults.count > 0 ? CLI_FAULTS : CLI_OK;
}

static const struct command check_command = {.name = "check", .help = check_help, .run = check};

int cli_check(int argc, char **argv)
{
    return cli_command_run(&check_command, argc, argv);
}
