/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A gossip session alone, driven by lines on stdin, beside nodes of the real memberlist.
 *
 *     gossip_tool NAME IP PORT SECRET
 *
 *     join IP...     its outcome is in the log
 *     members        prints "members NAME..."
 *     leave          "left" follows
 *     drops          prints "drops" and the number of messages that were dropped
 *     quit
 *
 * Events are printed as they come: "join NAME", "leave NAME", "update NAME".
 */
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "gossip/gossip_session.h"
#include "tool.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ADDRS_MAX = 64, NAMES_MAX = 64 };

struct tool {
    struct event_base *base;
    struct gossip_session *session;
    uint16_t port;
};

static void on_changed(void *arg, enum gossip_action_kind kind, const char *name,
                       struct gossip_addr addr)
{
    (void)arg;
    (void)addr;
    printf("%s %s\n",
           kind == GOSSIP_TELL_JOIN    ? "join"
           : kind == GOSSIP_TELL_LEAVE ? "leave"
                                       : "update",
           name);
}

static void on_left(void *arg)
{
    (void)arg;
    printf("left\n");
}

static void command_join(struct tool *t, char *rest)
{
    struct gossip_addr addrs[ADDRS_MAX];
    size_t count = 0;
    char *save = NULL;

    for (char *w = strtok_r(rest, " ", &save); w != NULL && count < ADDRS_MAX;
         w = strtok_r(NULL, " ", &save)) {
        addrs[count].port = t->port;
        if (ip_parse(&addrs[count].ip, w))
            count++;
    }
    if (!gossip_session_join(t->session, addrs, count))
        printf("busy\n");
}

static void command_members(const struct tool *t)
{
    const struct gossip *g = gossip_session_state(t->session);
    const char *names[NAMES_MAX];
    size_t count = 0;

    for (size_t i = 0; i < gossip_member_count(g) && count < NAMES_MAX; i++) {
        struct gossip_member m = gossip_member_at(g, i);

        if (gossip_is_live(m.state))
            names[count++] = m.name;
    }
    qsort(names, count, sizeof(names[0]), str_cmp_ptr);
    printf("members");
    for (size_t i = 0; i < count; i++)
        printf(" %s", names[i]);
    printf("\n");
}

static void print_meta(const char *name, struct gossip_part meta)
{
    printf("meta %s ", name);
    for (size_t i = 0; i < meta.len; i++)
        printf("%02x", meta.bytes[i]);
    printf("\n");
}

static void command_meta(const struct tool *t, const char *name)
{
    struct gossip_member m = {0};

    if (gossip_member_find(gossip_session_state(t->session), name, &m))
        print_meta(name, m.meta);
}

static void command_drops(const struct tool *t)
{
    uint64_t sum = 0;

    for (int i = 0; i < GOSSIP_DROPS; i++)
        sum += gossip_dropped(gossip_session_state(t->session), (enum gossip_drop)i);
    printf("drops %" PRIu64 "\n", sum);
}

static void command(void *arg, char *line)
{
    struct tool *t = arg;

    if (strncmp(line, "join ", 5) == 0)
        command_join(t, line + 5);
    else if (str_eq(line, "members"))
        command_members(t);
    else if (strncmp(line, "meta ", 5) == 0)
        command_meta(t, line + 5);
    else if (strncmp(line, "set-meta ", 9) == 0)
        gossip_session_set_meta(t->session,
                                (struct gossip_part){(const uint8_t *)line + 9, strlen(line + 9)});
    else if (str_eq(line, "drops"))
        command_drops(t);
    else if (str_eq(line, "leave"))
        gossip_session_leave(t->session);
    else
        event_base_loopbreak(t->base);
}

static int run(struct tool *t, char **argv)
{
    struct tool_input *input = tool_input_new(t->base, command, t);
    struct gossip_session_options o = {.base = t->base,
                                       .profile = gossip_profile_lan(),
                                       .name = argv[1],
                                       .bind = {.port = t->port},
                                       .secret = (const uint8_t *)argv[4],
                                       .secret_len = strlen(argv[4]),
                                       .changed = on_changed,
                                       .left = on_left};
    struct err err = {0};
    int r = -1;

    if (ip_parse(&o.bind.ip, argv[2]))
        r = gossip_session_new(&t->session, &o, &err);
    if (r < 0)
        fprintf(stderr, "%s\n", err_text(&err));
    else
        event_base_dispatch(t->base);
    err_done(&err);
    tool_input_free(input);
    return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
    struct tool t = {.base = loop_new()};
    int status;

    if (argc != 5)
        return EXIT_FAILURE;
    setvbuf(stdout, NULL, _IOLBF, 0);
    log_set_level(LOG_DEBUG);
    t.port = (uint16_t)strtoul(argv[3], NULL, 10);
    status = run(&t, argv);
    gossip_session_free(t.session);
    event_base_free(t.base);
    return status;
}
