/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The announcer alone, driven by lines on stdin, for tests in network namespaces.
 *
 *     announce_tool [-x EXCLUDE]... [-i INTERVAL_MS]
 *
 *     set [IP[@INTERFACE,...]]...    the whole set from now on
 *     status                         one line of JSON
 *     has INTERFACE                  true or false
 *     drop                           keep NET_RAW only
 *     quit
 *
 * Every other command is answered with "ok", or "error" and a text.
 */
#include "base/log.h"
#include "base/mem.h"
#include "base/mono.h"
#include "net/caps.h"
#include "speaker/announcer.h"
#include "tool.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TOOL_NAMES_MAX 16
#define TOOL_EXCLUDE_MAX 16

struct tool {
    struct event_base *base;
    struct announcer *announcer;
};

/* One word of "set", cut in place. */
static bool parse_announcement(struct announcement *ret, const char **names, char *word)
{
    char *at = strchr(word, '@'), *save = NULL;
    struct announcement a = {.all_interfaces = at == NULL, .interfaces = {.items = names}};

    if (at != NULL) {
        *at = '\0';
        for (char *n = strtok_r(at + 1, ",", &save);
             n != NULL && a.interfaces.count < TOOL_NAMES_MAX; n = strtok_r(NULL, ",", &save))
            names[a.interfaces.count++] = n;
    }
    if (!ip_parse(&a.ip, word))
        return false;
    *ret = a;
    return true;
}

static void command_set(struct tool *t, char *rest)
{
    struct announcement *entries = NULL;
    const char **names;
    size_t count = 0, cap = 0;
    char *save = NULL;

    for (char *w = strtok_r(rest, " ", &save); w != NULL; w = strtok_r(NULL, " ", &save)) {
        entries = array_grow(entries, &cap, count + 1, sizeof(*entries));
        names = xcalloc(TOOL_NAMES_MAX, sizeof(*names));
        if (!parse_announcement(&entries[count], names, w)) {
            printf("error %s\n", w);
            exit(2);
        }
        count++;
    }
    announcer_set(t->announcer, entries, count);
    for (size_t i = 0; i < count; i++)
        free(entries[i].interfaces.items);
    free(entries);
    puts("ok");
}

struct listing {
    const char *separator;
};

static void print_address(const struct announcer_address_status *s, void *arg)
{
    struct listing *l = arg;

    printf("%s\"%s\": {\"gratuitous\": %llu, \"requests\": %llu, \"responses\": %llu}",
           l->separator, ip_format(s->ip).s, (unsigned long long)s->gratuitous_sent,
           (unsigned long long)s->requests_received, (unsigned long long)s->responses_sent);
    l->separator = ", ";
}

static void print_link(const struct announcer_link_status *s, void *arg)
{
    struct listing *l = arg;

    printf("%s\"%s\": {\"arp\": %s, \"ndp\": %s, \"reason\": \"%s\", \"dropped\": %llu, "
           "\"failed\": %llu}",
           l->separator, s->name, s->arp ? "true" : "false", s->ndp ? "true" : "false",
           s->reason != NULL ? s->reason : "", (unsigned long long)s->dropped,
           (unsigned long long)s->failed);
    l->separator = ", ";
}

static void command_status(struct tool *t)
{
    struct listing l = {.separator = ""};

    printf("{\"addresses\": {");
    announcer_each_address(t->announcer, print_address, &l);
    l.separator = "";
    printf("}, \"links\": {");
    announcer_each_link(t->announcer, print_link, &l);
    puts("}}");
}

static void command_drop(void)
{
    struct err err = {0};

    if (caps_drop(CAPS_BIT(CAP_NET_RAW), &(struct caps_user){65534, 65534}, &err) < 0)
        printf("error %s\n", err_text(&err));
    else
        puts("ok");
    err_done(&err);
}

static void command(void *arg, char *line)
{
    struct tool *t = arg;
    char *rest = strchr(line, ' ');

    if (rest != NULL)
        *rest++ = '\0';
    if (strcmp(line, "set") == 0)
        command_set(t, rest != NULL ? rest : line + strlen(line));
    else if (strcmp(line, "status") == 0)
        command_status(t);
    else if (strcmp(line, "has") == 0 && rest != NULL)
        puts(announcer_has_interface(t->announcer, rest) ? "true" : "false");
    else if (strcmp(line, "drop") == 0)
        command_drop();
    else
        event_base_loopbreak(t->base);
    fflush(stdout);
}

int main(int argc, char **argv)
{
    const char *exclude[TOOL_EXCLUDE_MAX];
    struct announcer_options options = {.exclude = {.items = exclude}};
    struct tool t = {.base = loop_new()};
    struct tool_input *input;
    struct err err = {0};
    int c;

    log_set_level(LOG_DEBUG);
    while ((c = getopt(argc, argv, "x:i:")) >= 0) {
        if (c == 'x' && options.exclude.count < TOOL_EXCLUDE_MAX)
            exclude[options.exclude.count++] = optarg;
        else if (c == 'i')
            options.gratuitous_interval_ns = strtol(optarg, NULL, 10) * NS_PER_MS;
        else
            return 2;
    }
    options.base = t.base;
    if (announcer_new(&t.announcer, &options, &err) < 0) {
        printf("error %s\n", err_text(&err));
        return 1;
    }
    input = tool_input_new(t.base, command, &t);
    puts("ready");
    fflush(stdout);
    event_base_dispatch(t.base);
    announcer_free(t.announcer);
    tool_input_free(input);
    event_base_free(t.base);
    return 0;
}
