/* SPDX-License-Identifier: Apache-2.0 */
/* `steellb status`: asks the running process and prints its answer. */
#include "base/err.h"
#include "base/text.h"
#include "standalone/options.h"
#include "standalone/standalone.h"
#include "standalone/status_ask.h"
#include "standalone/status_bgp.h"
#include "standalone/status_value.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

static void add_addresses(struct text *out, const json_t *announcing)
{
    const json_t *a;
    size_t i, count = json_array_size(announcing);

    text_printf(out, "announcing %zu address%s\n", count, count == 1 ? "" : "es");
    json_array_foreach(announcing, i, a)
    {
        text_printf(out, "  %s on ", value_text(a, "address"));
        value_add_names(out, json_object_get(a, "interfaces"), "all interfaces");
        text_add(out, " for ");
        value_add_names(out, json_object_get(a, "services"), "-");
        text_printf(out,
                    ", since %lld s: %lld gratuitous frames sent, %lld requests, %lld answers\n",
                    value_number(a, "sinceSeconds"), value_number(a, "gratuitousSent"),
                    value_number(a, "requestsReceived"), value_number(a, "responsesSent"));
    }
}

static void add_announcers(struct text *out, const char *l2_node, const json_t *bgp_nodes)
{
    if (l2_node != NULL)
        text_printf(out, " from node %s", l2_node);
    if (json_array_size(bgp_nodes) > 0) {
        text_add(out, l2_node != NULL ? ", by BGP from " : " by BGP from ");
        value_add_names(out, bgp_nodes, "");
    }
    text_add(out,
             l2_node == NULL && json_array_size(bgp_nodes) == 0 ? " announced by nobody\n" : "\n");
}

static void add_services(struct text *out, const json_t *services)
{
    const json_t *s;
    size_t i;

    json_array_foreach(services, i, s)
    {
        text_printf(out, "  %s/%s ", value_text(s, "namespace"), value_text(s, "name"));
        value_add_names(out, json_object_get(s, "addresses"), "no address");
        if (json_object_get(s, "pending") != NULL)
            text_printf(out, ": %s\n", value_text(s, "pending"));
        else
            add_announcers(out, json_string_value(json_object_get(s, "node")),
                           json_object_get(s, "bgpNodes"));
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

        text_printf(out, "  %s: %s%s%s%s%s\n", value_text(l, "name"), arp ? "ARP" : "",
                    arp && ndp ? " and " : "", ndp ? "NDP" : "",
                    (arp || ndp) && json_object_get(l, "reason") != NULL ? ", " : "",
                    value_text(l, "reason"));
    }
}

static void add_members(struct text *out, const json_t *status)
{
    const json_t *members = json_object_get(status, "members"), *m;
    size_t i;

    text_printf(out, "members; fast detection: %s\n", value_text(status, "fastDetection"));
    json_array_foreach(members, i, m)
    {
        text_printf(out, "  %s at %s port %lld: %s", value_text(m, "node"),
                    value_text(m, "address"), value_number(m, "port"),
                    json_is_true(json_object_get(m, "alive")) ? "alive" : "not alive");
        if (json_is_true(json_object_get(m, "fast")))
            text_printf(out, ", heard %lld ms ago", value_number(m, "heartbeatAgeMs"));
        text_add(out, "\n");
    }
}

static const char *draining_text(const json_t *status)
{
    return json_is_true(json_object_get(status, "draining")) ? ", gives its BGP routes away" : "";
}

static void add_run(struct text *out, const json_t *status)
{
    text_printf(out, "node %s, folder %s, up %lld s, %lld readings%s\n", value_text(status, "node"),
                value_text(status, "folder"), value_number(status, "upSeconds"),
                value_number(status, "readings"), draining_text(status));
    if (json_object_get(status, "refused") != NULL)
        text_printf(out, "NOT IN FORCE: the newest reading of the folder was refused: %s\n",
                    value_text(status, "refused"));
}

static void add_peers(struct text *out, const json_t *bgp)
{
    size_t count = json_array_size(json_object_get(bgp, "peers"));
    long long prefixes = value_number(bgp, "prefixes");

    text_printf(out, "%zu BGP peer%s, routes of %lld prefix%s\n", count, count == 1 ? "" : "s",
                prefixes, prefixes == 1 ? "" : "es");
    status_bgp_peers(out, bgp);
}

static void add_all(struct text *out, const json_t *status)
{
    const json_t *bgp = json_object_get(status, "bgp");

    if (json_object_get(status, "folder") != NULL)
        add_run(out, status);
    else
        text_printf(out, "node %s, up %lld s%s\n", value_text(status, "node"),
                    value_number(status, "upSeconds"), draining_text(status));
    add_addresses(out, json_object_get(status, "announcing"));
    if (json_object_get(status, "services") != NULL) {
        text_add(out, "services\n");
        add_services(out, json_object_get(status, "services"));
    }
    if (json_array_size(json_object_get(bgp, "peers")) > 0)
        add_peers(out, bgp);
    if (json_object_get(status, "members") != NULL)
        add_members(out, status);
    text_add(out, "interfaces\n");
    add_links(out, json_object_get(status, "interfaces"));
}

/* --- the answer --- */

/* Names and messages come from files and from peers. */
static void put_text(struct text *out)
{
    if (out->len == 0)
        return;
    str_replace_controls(out->chars);
    fputs(text_str(out), stdout);
}

static void put_json(const json_t *json)
{
    (void)json_dumpf(json, stdout, JSON_INDENT(2)); /* told at the end */
    fputs("\n", stdout);
}

static int show_all(const struct status_options *o, struct err *err)
{
    CLEANUP(text_done) struct text out = {0};
    json_t *status;
    int r = status_ask(&status, o->control_socket, "", err);

    if (r < 0)
        return r;
    if (o->json)
        put_json(status);
    else
        add_all(&out, status);
    put_text(&out);
    json_decref(status);
    return 0;
}

static int show_bgp(const struct status_options *o, struct err *err)
{
    CLEANUP(text_done) struct text out = {0};
    json_t *bgp;
    int r = status_ask(&bgp, o->control_socket, "bgp", err);

    if (r < 0)
        return r;
    if (o->json)
        put_json(json_object_get(bgp, "peers"));
    else
        add_peers(&out, bgp);
    put_text(&out);
    json_decref(bgp);
    return 0;
}

static void put_line(void *arg, char *line)
{
    (void)arg;
    puts(line);
}

/* Brackets are no routes. */
static void put_route(void *arg, char *line)
{
    CLEANUP(text_done) struct text out = {0};
    json_t *route = json_loads(line, JSON_DISABLE_EOF_CHECK, NULL); /* a comma may follow */

    (void)arg;
    if (json_is_object(route)) {
        status_bgp_route(&out, route);
        text_add(&out, "\n");
        put_text(&out);
    }
    json_decref(route);
}

static int show_routes(const struct status_options *o, struct err *err)
{
    CLEANUP(text_done) struct text request = {0};

    text_add(&request, "routes");
    if (o->within != NULL)
        text_printf(&request, " within %s", o->within);
    if (o->peer != NULL)
        text_printf(&request, " peer %s", o->peer);
    return status_list(o->control_socket, text_str(&request), o->json ? put_line : put_route, NULL,
                       err);
}

static int show(const struct status_options *o, struct err *err)
{
    switch (o->part) {
    case STATUS_ALL:
        return show_all(o, err);
    case STATUS_BGP:
        return show_bgp(o, err);
    case STATUS_ROUTES:
        return show_routes(o, err);
    }
    return 0;
}

int standalone_status(int argc, char **argv)
{
    CLEANUP(err_done) struct err err = {0};
    struct status_options options;
    int exit_status = 0;

    if (status_options_parse(&options, argc, argv, &exit_status) < 0)
        return exit_status;
    if (show(&options, &err) < 0) {
        fprintf(stderr, "steellb status: %s\n", err_text(&err));
        return 1;
    }
    return 0;
}
