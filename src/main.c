/* SPDX-License-Identifier: Apache-2.0 */
#include "base/text.h"
#include "cli/cli.h"
#include "cli/similar.h"
#include "cli/term.h"
#include "controller/controller.h"
#include "speaker/speaker.h"
#include "standalone/standalone.h"

#include <string.h>

static int help(int argc, char **argv);

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *summary;
} commands[] = {
    {"run", standalone_run, "announce addresses from a folder of manifests"},
    {"controller", controller_main, "give addresses to the Services of a cluster"},
    {"speaker", speaker_main, "announce the addresses of a cluster from this node"},
    {"plan", cli_plan, "show what manifests would lead to, or what an edit changes"},
    {"check", cli_check, "show the faults and warnings of manifests"},
    {"explain", cli_explain, "show why one Service is announced, or is not"},
    {"pin", standalone_pin, "write the allocated addresses into the folder"},
    {"status", standalone_status, "show what the running process announces"},
    {"drain", cli_drain, "give the BGP routes of a node away, or no longer"},
    {"version", cli_version, "show the version"},
    {"help", help, "show this list, or the options of a command"},
};

static int usage(FILE *out)
{
    fputs("Usage: steellb COMMAND [OPTION]...\n"
          "A load balancer for bare-metal Kubernetes that does MetalLB's job.\n\n",
          out);
    for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
        fprintf(out, "  %-10s  %s\n", commands[i].name, commands[i].summary);
    fputs("\n'steellb COMMAND --help' shows the options of a command.\n", out);
    return out == stdout ? CLI_OK : CLI_UNREADABLE;
}

static int unknown(const char *name)
{
    fprintf(stderr, "steellb: no command '%s'", name);
    for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
        if (similar_to(commands[i].name, name)) {
            fprintf(stderr, "; did you mean '%s'?", commands[i].name);
            break;
        }
    }
    fputs("\nTry 'steellb help'.\n", stderr);
    return CLI_UNREADABLE;
}

static int dispatch(int argc, char **argv)
{
    for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
        if (str_eq(argv[0], commands[i].name))
            return commands[i].run(argc, argv);
    }
    return unknown(argv[0]);
}

static int help(int argc, char **argv)
{
    char option[] = "--help";
    char *words[] = {argv[1], option, NULL};

    if (argc < 2 || str_eq(argv[1], "help") || argv[1][0] == '-')
        return usage(stdout);
    return dispatch(2, words);
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash != NULL ? slash + 1 : path;
}

/* MetalLB's images start their programs by name. */
static int run(int argc, char **argv)
{
    if (argc > 0 && str_eq(base_name(argv[0]), "controller"))
        return controller_main(argc, argv);
    if (argc > 0 && str_eq(base_name(argv[0]), "speaker"))
        return speaker_main(argc, argv);
    if (argc < 2)
        return usage(stderr);
    if (str_eq(argv[1], "--help") || str_eq(argv[1], "-h"))
        return usage(stdout);
    if (str_eq(argv[1], "--version"))
        return cli_version(1, &argv[1]);
    return dispatch(argc - 1, argv + 1);
}

int main(int argc, char **argv)
{
    int status = run(argc, argv);
    int written = term_finish(stdout);

    return written != 0 ? written : status;
}
