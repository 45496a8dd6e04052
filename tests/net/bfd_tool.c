/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The BFD engine alone, driven by lines on stdin, for tests in network namespaces and benchmarks.
 *
 *     join NAME PEER [WORD=VALUE]...
 *         local=IP interface=NAME vrf=NAME multihop=1, and of a profile
 *         rx=MS tx=MS echo=MS mult=N ttl=N echo-mode=1 passive=1
 *     change NAME [WORD=VALUE]...
 *     leave NAME
 *     admin-down                        all
 *     view [NAME]                       one line of JSON
 *     stall MS                          does nothing else for so long
 *     quit
 *
 * Every other command is answered with "ok", or "error" and a text. Events come between the
 * answers:
 *
 *     event NAME up|down SECONDS DIAGNOSTIC      the time is that of CLOCK_MONOTONIC
 */
#include "base/log.h"
#include "base/mem.h"
#include "base/mono.h"
#include "base/text.h"
#include "bfd/bfd.h"
#include "tool.h"

#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

enum { TOOL_NAME_MAX = 32 };

struct entry {
    char name[TOOL_NAME_MAX];
    char vrf[IFNAMSIZ];
    struct bfd_key key;
    struct bfd_params params;
    struct bfd_user *user;
    unsigned ups, downs;
};

struct tool {
    struct event_base *base;
    struct bfd_engine *engine;
    struct entry **entries;
    size_t count, cap;
};

static void on_event(void *arg, bool up, const char *diagnostic)
{
    struct entry *e = arg;

    e->ups += up ? 1 : 0;
    e->downs += up ? 0 : 1;
    printf("event %s %s %.6f %s\n", e->name, up ? "up" : "down", (double)mono_now().ns / NS_PER_SEC,
           diagnostic);
    fflush(stdout);
}

static uint32_t number(const char *text)
{
    return (uint32_t)strtoul(text, NULL, 10);
}

static bool set_key(struct entry *e, const char *name, const char *value)
{
    struct bfd_key *k = &e->key;

    if (strcmp(name, "local") == 0)
        return ip_parse(&k->local, value);
    if (strcmp(name, "interface") == 0)
        return (k->ifindex = if_nametoindex(value)) != 0;
    if (strcmp(name, "vrf") == 0)
        return snprintf(e->vrf, sizeof(e->vrf), "%s", value) < IFNAMSIZ;
    if (strcmp(name, "multihop") != 0)
        return false;
    k->multihop = number(value) != 0;
    return true;
}

static bool set_param(struct bfd_params *p, const char *name, const char *value)
{
    uint32_t n = number(value);

    if (strcmp(name, "rx") == 0)
        p->receive_us = n * 1000;
    else if (strcmp(name, "tx") == 0)
        p->transmit_us = n * 1000;
    else if (strcmp(name, "echo") == 0)
        p->echo_us = n * 1000;
    else if (strcmp(name, "mult") == 0)
        p->multiplier = (uint8_t)n;
    else if (strcmp(name, "ttl") == 0)
        p->min_ttl = (uint8_t)n;
    else if (strcmp(name, "echo-mode") == 0)
        p->echo = n != 0;
    else if (strcmp(name, "passive") == 0)
        p->passive = n != 0;
    else
        return false;
    return true;
}

/* The words that are left, cut in place. */
static bool set_words(struct entry *e, char **save)
{
    for (char *w = strtok_r(NULL, " ", save); w != NULL; w = strtok_r(NULL, " ", save)) {
        char *value = strchr(w, '=');

        if (value == NULL)
            return false;
        *value++ = '\0';
        if (!set_key(e, w, value) && !set_param(&e->params, w, value))
            return false;
    }
    return true;
}

static struct entry *find(struct tool *t, const char *name)
{
    for (size_t i = 0; name != NULL && i < t->count; i++)
        if (strcmp(t->entries[i]->name, name) == 0)
            return t->entries[i];
    return NULL;
}

static const char *command_join(struct tool *t, char **save)
{
    const char *name = strtok_r(NULL, " ", save), *peer = strtok_r(NULL, " ", save);
    struct entry *e;

    if (name == NULL || peer == NULL || find(t, name) != NULL)
        return "error name";
    e = xcalloc(1, sizeof(*e));
    (void)snprintf(e->name, sizeof(e->name), "%s", name);
    e->params = bfd_params_default();
    e->key.vrf = e->vrf;
    if (!ip_parse(&e->key.peer, peer) || !set_words(e, save)) {
        free(e);
        return "error word";
    }
    t->entries = array_grow(t->entries, &t->cap, t->count + 1, sizeof(*t->entries));
    t->entries[t->count++] = e;
    e->user = bfd_join(t->engine, &e->key, &e->params, on_event, e);
    return "ok";
}

static const char *command_change(struct tool *t, char **save)
{
    struct entry *e = find(t, strtok_r(NULL, " ", save));

    if (e == NULL || !set_words(e, save))
        return "error";
    bfd_change(e->user, &e->params);
    return "ok";
}

static const char *command_leave(struct tool *t, char **save)
{
    struct entry *e = find(t, strtok_r(NULL, " ", save));

    if (e == NULL)
        return "error name";
    for (size_t i = 0; i < t->count; i++)
        if (t->entries[i] == e)
            t->entries[i] = t->entries[--t->count];
    bfd_leave(e->user);
    free(e);
    return "ok";
}

static void print_view(const struct entry *e)
{
    struct bfd_view v;

    if (!bfd_view(e->user, &v))
        return;
    printf("\"%s\": {\"state\": \"%s\", \"remote_state\": \"%s\", \"local\": \"%s\", "
           "\"diagnostic\": \"%s\", ",
           e->name, bfd_state_name(v.state), bfd_state_name(v.remote_state),
           v.key.local.family == IP_NONE ? "" : ip_format(v.key.local).s, v.diagnostic);
    printf("\"local_discriminator\": %u, \"remote_discriminator\": %u, \"transmit_us\": %u, "
           "\"detect_us\": %u, \"remote_receive_us\": %u, \"remote_transmit_us\": %u, "
           "\"remote_echo_us\": %u, \"remote_multiplier\": %u, ",
           v.local_discriminator, v.remote_discriminator, v.transmit_us, v.detect_us,
           v.remote_receive_us, v.remote_transmit_us, v.remote_echo_us, v.remote_multiplier);
    printf("\"control_in\": %llu, \"control_out\": %llu, \"echo_in\": %llu, \"echo_out\": %llu, "
           "\"ups\": %llu, \"downs\": %llu, \"notifications\": %llu, \"dropped\": %llu, "
           "\"told_up\": %u, \"told_down\": %u}",
           (unsigned long long)v.control_in, (unsigned long long)v.control_out,
           (unsigned long long)v.echo_in, (unsigned long long)v.echo_out, (unsigned long long)v.ups,
           (unsigned long long)v.downs, (unsigned long long)v.notifications,
           (unsigned long long)v.dropped, e->ups, e->downs);
}

static void print_drop(void *arg, const char *reason, uint64_t count)
{
    const char **separator = arg;

    printf("%s\"%s\": %llu", *separator, reason, (unsigned long long)count);
    *separator = ", ";
}

static void command_view(struct tool *t, char **save)
{
    const char *name = strtok_r(NULL, " ", save), *separator = "";
    struct rusage usage;

    printf("{\"sessions\": {");
    for (size_t i = 0; i < t->count; i++) {
        if (name != NULL && strcmp(name, t->entries[i]->name) != 0)
            continue;
        fputs(separator, stdout);
        print_view(t->entries[i]);
        separator = ", ";
    }
    separator = "";
    printf("}, \"drops\": {");
    bfd_engine_each_drop(t->engine, print_drop, &separator);
    getrusage(RUSAGE_SELF, &usage);
    printf("}, \"strays\": %llu, \"cpu_s\": %.6f, \"switches\": %ld}\n",
           (unsigned long long)bfd_engine_dropped(t->engine),
           (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
               (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6,
           usage.ru_nvcsw);
}

static const char *command_stall(char **save)
{
    const char *ms = strtok_r(NULL, " ", save);
    struct mono end = mono_add(mono_now(), number(ms != NULL ? ms : "0") * NS_PER_MS);

    while (mono_before(mono_now(), end))
        ;
    return "ok";
}

static void command(void *arg, char *line)
{
    struct tool *t = arg;
    char *save = NULL, *verb = strtok_r(line, " ", &save);

    if (verb == NULL || strcmp(verb, "quit") == 0) {
        event_base_loopbreak(t->base);
    } else if (strcmp(verb, "join") == 0) {
        puts(command_join(t, &save));
    } else if (strcmp(verb, "change") == 0) {
        puts(command_change(t, &save));
    } else if (strcmp(verb, "leave") == 0) {
        puts(command_leave(t, &save));
    } else if (strcmp(verb, "stall") == 0) {
        puts(command_stall(&save));
    } else if (strcmp(verb, "view") == 0) {
        command_view(t, &save);
    } else if (strcmp(verb, "admin-down") == 0) {
        bfd_admin_down(t->engine);
        puts("ok");
    } else {
        puts("error command");
    }
    fflush(stdout);
}

int main(void)
{
    struct tool t = {.base = loop_new()};
    struct tool_input *input;
    struct err err = {0};

    if (bfd_engine_new(&t.engine, t.base, &err) < 0) {
        printf("error %s\n", err_text(&err));
        return 1;
    }
    input = tool_input_new(t.base, command, &t);
    puts("ready");
    fflush(stdout);
    event_base_dispatch(t.base);
    bfd_engine_free(t.engine);
    for (size_t i = 0; i < t.count; i++)
        free(t.entries[i]);
    free(t.entries);
    tool_input_free(input);
    event_base_free(t.base);
    return 0;
}
