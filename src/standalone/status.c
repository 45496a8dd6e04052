/* SPDX-License-Identifier: Apache-2.0 */
/* `steellb status`: asks the running process and prints its answer. */
#include "base/err.h"
#include "base/fd.h"
#include "base/mem.h"
#include "base/text.h"
#include "standalone/options.h"
#include "standalone/standalone.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

/* 2,000 addresses take about 600 KiB. */
#define ANSWER_MAX ((size_t)64 << 20)

static int read_all(int fd, struct text *answer)
{
    char chunk[4096];

    while (answer->len < ANSWER_MAX) {
        ssize_t n = read(fd, chunk, sizeof(chunk));

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errno == EAGAIN ? -ETIMEDOUT : -errno;
        if (n == 0)
            return 0;
        text_add_n(answer, chunk, (size_t)n);
    }
    return -EMSGSIZE;
}

static int ask(const char *path, struct text *answer, struct err *err)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const struct timeval patience = {.tv_sec = 10};
    CLEANUP(fd_closep) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int r;

    if (fd < 0)
        return err_set(err, -errno, "%s", strerror(errno));
    if (strlen(path) >= sizeof(address.sun_path))
        return err_set(err, -ENAMETOOLONG, "%s: the path is too long for a socket", path);
    memcpy(address.sun_path, path, strlen(path));
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience,
                     sizeof(patience)); /* else we wait longer */
    if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
        return err_set(err, -errno, "%s: %s; is `steellb run` running, with this --control-socket?",
                       path, strerror(errno));
    r = read_all(fd, answer);
    return r < 0 ? err_set(err, r, "%s: %s", path, strerror(-r)) : 0;
}

static const char *text_of(const json_t *object, const char *key)
{
    const char *s = json_string_value(json_object_get(object, key));

    return s != NULL ? s : "";
}

static long long number_of(const json_t *object, const char *key)
{
    return json_integer_value(json_object_get(object, key));
}

static void add_names(struct text *out, const json_t *array, const char *when_empty)
{
    const json_t *name;
    size_t i;

    if (json_array_size(array) == 0)
        text_add(out, when_empty);
    json_array_foreach(array, i, name)
        text_printf(out, "%s%s", i > 0 ? "," : "", json_string_value(name));
}

static void add_addresses(struct text *out, const json_t *announcing)
{
    const json_t *a;
    size_t i, count = json_array_size(announcing);

    text_printf(out, "announcing %zu address%s\n", count, count == 1 ? "" : "es");
    json_array_foreach(announcing, i, a)
    {
        text_printf(out, "  %s on ", text_of(a, "address"));
        add_names(out, json_object_get(a, "interfaces"), "all interfaces");
        text_add(out, " for ");
        add_names(out, json_object_get(a, "services"), "-");
        text_printf(out,
                    ", since %lld s: %lld gratuitous frames sent, %lld requests, %lld answers\n",
                    number_of(a, "sinceSeconds"), number_of(a, "gratuitousSent"),
                    number_of(a, "requestsReceived"), number_of(a, "responsesSent"));
    }
}

static void add_services(struct text *out, const json_t *services)
{
    const json_t *s;
    size_t i;

    json_array_foreach(services, i, s)
    {
        text_printf(out, "  %s/%s ", text_of(s, "namespace"), text_of(s, "name"));
        add_names(out, json_object_get(s, "addresses"), "no address");
        if (json_object_get(s, "pending") != NULL)
            text_printf(out, ": %s\n", text_of(s, "pending"));
        else if (json_object_get(s, "node") != NULL)
            text_printf(out, " from node %s\n", text_of(s, "node"));
        else
            text_add(out, " announced by nobody\n");
    }
}

static void add_links(struct text *out, const json_t *links)
{
    const json_t *l;
    size_t i;

    json_array_foreach(links, i, l)
    {
        bool arp = json_is_true(json_object_get(l, "arp")),
             ndp = json_is_true(json_object_get(l, "ndp"));

        text_printf(out, "  %s: %s%s%s%s%s\n", text_of(l, "name"), arp ? "ARP" : "",
                    arp && ndp ? " and " : "", ndp ? "NDP" : "",
                    (arp || ndp) && json_object_get(l, "reason") != NULL ? ", " : "",
                    text_of(l, "reason"));
    }
}

static void add_members(struct text *out, const json_t *status)
{
    const json_t *members = json_object_get(status, "members"), *m;
    size_t i;

    text_printf(out, "members; fast detection: %s\n", text_of(status, "fastDetection"));
    json_array_foreach(members, i, m)
    {
        text_printf(out, "  %s at %s port %lld: %s", text_of(m, "node"), text_of(m, "address"),
                    number_of(m, "port"),
                    json_is_true(json_object_get(m, "alive")) ? "alive" : "not alive");
        if (json_is_true(json_object_get(m, "fast")))
            text_printf(out, ", heard %lld ms ago", number_of(m, "heartbeatAgeMs"));
        text_add(out, "\n");
    }
}

static void add_all(struct text *out, const json_t *status)
{
    text_printf(out, "node %s, folder %s, up %lld s, %lld readings\n", text_of(status, "node"),
                text_of(status, "folder"), number_of(status, "upSeconds"),
                number_of(status, "readings"));
    if (json_object_get(status, "refused") != NULL)
        text_printf(out, "NOT IN FORCE: the newest reading of the folder was refused: %s\n",
                    text_of(status, "refused"));
    add_addresses(out, json_object_get(status, "announcing"));
    text_add(out, "services\n");
    add_services(out, json_object_get(status, "services"));
    if (json_object_get(status, "members") != NULL)
        add_members(out, status);
    text_add(out, "interfaces\n");
    add_links(out, json_object_get(status, "interfaces"));
}

int standalone_status(int argc, char **argv)
{
    CLEANUP(text_done) struct text answer = {0};
    CLEANUP(err_done) struct err err = {0};
    struct status_options options;
    json_t *status;
    int exit_status = 0;

    if (status_options_parse(&options, argc, argv, &exit_status) < 0)
        return exit_status;
    if (ask(options.control_socket, &answer, &err) < 0) {
        fprintf(stderr, "steellb status: %s\n", err_text(&err));
        return 1;
    }
    status = json_loadb(text_str(&answer), answer.len, 0, NULL);
    if (status == NULL) {
        fprintf(stderr, "steellb status: the answer was cut short\n");
        return 1;
    }
    if (!options.json) {
        text_done(&answer);
        add_all(&answer, status);
        str_replace_controls(answer.chars); /* names and messages come from files */
    }
    fputs(text_str(&answer), stdout);
    json_decref(status);
    return 0;
}
