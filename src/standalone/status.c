/* SPDX-License-Identifier: Apache-2.0 */
/* `steellb status`: asks the running process and prints its answer. */
#include "base/err.h"
#include "base/text.h"
#include "standalone/options.h"
#include "standalone/standalone.h"
#include "standalone/status_ask.h"
#include "standalone/status_bgp.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

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

static void add_announcers(struct text *out, const char *l2_node, const json_t *bgp_nodes)
{
    if (l2_node != NULL)
        text_printf(out, " from node %s", l2_node);
    if (json_array_size(bgp_nodes) > 0) {
        text_add(out, l2_node != NULL ? ", by BGP from " : " by BGP from ");
        add_names(out, bgp_nodes, "");
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
        text_printf(out, "  %s/%s ", text_of(s, "namespace"), text_of(s, "name"));
        add_names(out, json_object_get(s, "addresses"), "no address");
        if (json_object_get(s, "pending") != NULL)
            text_printf(out, ": %s\n", text_of(s, "pending"));
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

static void add_run(struct text *out, const json_t *status)
{
    text_printf(out, "node %s, folder %s, up %lld s, %lld readings\n", text_of(status, "node"),
                text_of(status, "folder"), number_of(status, "upSeconds"),
                number_of(status, "readings"));
    if (json_object_get(status, "refused") != NULL)
        text_printf(out, "NOT IN FORCE: the newest reading of the folder was refused: %s\n",
                    text_of(status, "refused"));
}

static void add_peers(struct text *out, const json_t *bgp)
{
    size_t count = json_array_size(json_object_get(bgp, "peers"));

    text_printf(out, "%zu BGP peer%s, %zu routes to them\n", count, count == 1 ? "" : "s",
                json_array_size(json_object_get(bgp, "routes")));
    status_bgp_peers(out, bgp);
}

static void add_all(struct text *out, const json_t *status)
{
    const json_t *bgp = json_object_get(status, "bgp");

    if (json_object_get(status, "folder") != NULL)
        add_run(out, status);
    else
        text_printf(out, "node %s, up %lld s\n", text_of(status, "node"),
                    number_of(status, "upSeconds"));
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

static void add_part(struct text *out, const json_t *status, enum status_part part)
{
    const json_t *bgp = json_object_get(status, "bgp");

    switch (part) {
    case STATUS_ALL:
        add_all(out, status);
        return;
    case STATUS_BGP:
        add_peers(out, bgp);
        return;
    case STATUS_ROUTES:
        status_bgp_routes(out, bgp);
        return;
    }
}

/* The list that was asked for, or everything; borrowed. */
static const json_t *part_of(const json_t *status, enum status_part part)
{
    const json_t *bgp = json_object_get(status, "bgp");

    switch (part) {
    case STATUS_ALL:
        return status;
    case STATUS_BGP:
        return json_object_get(bgp, "peers");
    case STATUS_ROUTES:
        return json_object_get(bgp, "routes");
    }
    return status;
}

static void print(const json_t *status, const struct status_options *o)
{
    CLEANUP(text_done) struct text out = {0};

    if (o->json) {
        (void)json_dumpf(part_of(status, o->part), stdout, JSON_INDENT(2)); /* told at the end */
        fputs("\n", stdout);
        return;
    }
    add_part(&out, status, o->part);
    if (out.len == 0)
        return;
    str_replace_controls(out.chars); /* names and messages come from files and from peers */
    fputs(text_str(&out), stdout);
}

int standalone_status(int argc, char **argv)
{
    CLEANUP(err_done) struct err err = {0};
    struct status_options options;
    json_t *status;
    int exit_status = 0;

    if (status_options_parse(&options, argc, argv, &exit_status) < 0)
        return exit_status;
    if (status_ask(&status, options.control_socket, &err) < 0) {
        fprintf(stderr, "steellb status: %s\n", err_text(&err));
        return 1;
    }
    print(status, &options);
    json_decref(status);
    return 0;
}
