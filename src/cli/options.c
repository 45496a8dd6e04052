/* SPDX-License-Identifier: Apache-2.0 */
/*
 * -f and --against take several paths each, so words that follow one of them belong to it until the
 * next option. The leading '-' of the option string makes getopt hand over such words in their
 * place, as the argument of option 1.
 */
#include "cli/options.h"

#include "base/mem.h"
#include "base/text.h"
#include "cli/cli.h"
#include "standalone/options.h"

#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    OPT_WORD = 1,
    OPT_FILE = 'f',
    OPT_HELP = 'h',
    OPT_OUTPUT = 'o',
    OPT_AGAINST = 256,
    OPT_NAMESPACE,
    OPT_LB_CLASS,
    OPT_IGNORE_EXCLUDE_LB,
    OPT_CONTROL_SOCKET,
};

enum options_result {
    OPTIONS_GO,
    OPTIONS_HELPED, /* --help was printed: all is done */
    OPTIONS_BAD,    /* stderr says why */
};

static const struct option longopts[] = {
    {"file", required_argument, NULL, OPT_FILE},
    {"output", required_argument, NULL, OPT_OUTPUT},
    {"against", required_argument, NULL, OPT_AGAINST},
    {"namespace", required_argument, NULL, OPT_NAMESPACE},
    {"lb-class", required_argument, NULL, OPT_LB_CLASS},
    {"ignore-exclude-lb", no_argument, NULL, OPT_IGNORE_EXCLUDE_LB},
    {"control-socket", required_argument, NULL, OPT_CONTROL_SOCKET},
    {"help", no_argument, NULL, OPT_HELP},
    {0},
};

int cli_usage_error(const char *command, const char *fmt, ...)
{
    va_list ap;

    fprintf(stderr, "steellb %s: ", command);
    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    fprintf(stderr, "\nTry 'steellb %s --help'.\n", command);
    return CLI_UNREADABLE;
}

static void path_add(struct path_list *list, const char *path)
{
    list->items = array_grow(list->items, &list->cap, list->count + 1, sizeof(*list->items));
    list->items[list->count++] = path;
}

static void cli_options_done(struct cli_options *o)
{
    free(o->files.items);
    free(o->against.items);
    *o = (struct cli_options){0};
}

/* A word that is no option: one more path, or the Service. False: there is no place for it. */
static bool take_word(struct cli_options *o, const struct command *c, struct path_list *open,
                      const char *word)
{
    if (open != NULL) {
        path_add(open, word);
        return true;
    }
    if (!c->takes_service || o->service != NULL)
        return false;
    o->service = word;
    return true;
}

static bool take_output(struct cli_options *o, const char *form)
{
    o->json = str_eq(form, "json");
    return o->json || str_eq(form, "text");
}

static enum options_result bad(const struct command *c, const char *what, const char *which)
{
    cli_usage_error(c->name, "%s '%s'", what, which);
    return OPTIONS_BAD;
}

/* What is in argv[optind - 1] when getopt refuses it: "--nonsense", or "-x" as a part of "-xyz". */
static enum options_result refuse(const struct command *c, int opt, char **argv)
{
    char letter[3] = {'-', (char)optopt, '\0'};
    bool is_letter = optopt > 0 && optopt < OPT_AGAINST;
    const char *which = is_letter ? letter : argv[optind - 1];

    return bad(c, opt == ':' ? "an argument is missing after" : "no such option", which);
}

static enum options_result take_option(struct cli_options *o, const struct command *c, int opt,
                                       struct path_list **open)
{
    switch (opt) {
    case OPT_FILE:
        path_add(&o->files, optarg);
        *open = &o->files;
        return OPTIONS_GO;
    case OPT_AGAINST:
        if (!c->takes_against)
            return bad(c, "no such option", "--against");
        path_add(&o->against, optarg);
        *open = &o->against;
        return OPTIONS_GO;
    case OPT_WORD:
        return take_word(o, c, *open, optarg) ? OPTIONS_GO : bad(c, "unexpected argument", optarg);
    default:
        break;
    }

    *open = NULL;
    switch (opt) {
    case OPT_OUTPUT:
        return take_output(o, optarg) ? OPTIONS_GO
                                      : bad(c, "the output is 'text' or 'json', not", optarg);
    case OPT_NAMESPACE:
        o->evaluation.namespace = optarg;
        return OPTIONS_GO;
    case OPT_CONTROL_SOCKET:
        if (!c->takes_service)
            return bad(c, "no such option", "--control-socket");
        o->control_socket = optarg;
        return OPTIONS_GO;
    case OPT_LB_CLASS:
        o->evaluation.lb_class = optarg;
        return OPTIONS_GO;
    case OPT_IGNORE_EXCLUDE_LB:
        o->evaluation.ignore_exclude_lb = true;
        return OPTIONS_GO;
    default:
        fputs(c->help, stdout);
        return OPTIONS_HELPED;
    }
}

static size_t count_stdin(const struct path_list *list)
{
    size_t n = 0;

    for (size_t i = 0; i < list->count; i++)
        n += str_eq(list->items[i], "-");
    return n;
}

static enum options_result check_whole(const struct cli_options *o, const struct command *c)
{
    if (c->takes_service && o->service == NULL) {
        cli_usage_error(c->name, "which Service? Name it before -f, as NAMESPACE/NAME");
        return OPTIONS_BAD;
    }
    if (o->files.count == 0) {
        cli_usage_error(c->name, "nothing to read: give files, folders or '-' with -f");
        return OPTIONS_BAD;
    }
    if (count_stdin(&o->files) + count_stdin(&o->against) > 1) {
        cli_usage_error(c->name, "standard input ('-') can be read only once");
        return OPTIONS_BAD;
    }
    return OPTIONS_GO;
}

static enum options_result parse_words(struct cli_options *o, const struct command *c, int argc,
                                       char **argv)
{
    struct path_list *open = NULL;
    enum options_result result = OPTIONS_GO;
    int opt;

    optind = 0; /* GNU: start over, the dispatcher may have looked at argv before */
    opterr = 0;
    while ((opt = getopt_long(argc, argv, "-:f:o:h", longopts, NULL)) != -1) {
        result = opt == '?' || opt == ':' ? refuse(c, opt, argv) : take_option(o, c, opt, &open);
        if (result != OPTIONS_GO)
            return result;
    }
    for (; optind < argc; optind++) { /* behind "--" */
        if (!take_word(o, c, open, argv[optind]))
            return bad(c, "unexpected argument", argv[optind]);
    }
    return check_whole(o, c);
}

/* *ret is set for OPTIONS_GO and must then be given to cli_options_done. */
static enum options_result cli_options_parse(struct cli_options *ret, const struct command *c,
                                             int argc, char **argv)
{
    struct cli_options o = {.evaluation = {.namespace = DEFAULT_NAMESPACE, .lb_class = ""}};
    enum options_result result = parse_words(&o, c, argc, argv);

    if (result == OPTIONS_GO)
        *ret = o;
    else
        cli_options_done(&o);
    return result;
}

int cli_command_run(const struct command *c, int argc, char **argv)
{
    CLEANUP(cli_options_done) struct cli_options o = {0};

    switch (cli_options_parse(&o, c, argc, argv)) {
    case OPTIONS_GO:
        return c->run(&o);
    case OPTIONS_HELPED:
        return CLI_OK;
    case OPTIONS_BAD:
        return CLI_UNREADABLE;
    }
    return CLI_UNREADABLE;
}
