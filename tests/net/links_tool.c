/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The link monitor alone, for tests in network namespaces: at the start and after every change it
 * prints one line of JSON, {"addresses": [...], "networks": [...]}. Ends when its stdin does.
 */
#include "net/links.h"
#include "tool.h"

#include <stdio.h>

struct tool {
    struct event_base *base;
    struct links *links;
    const char *separator;
};

static void print_address(const struct host_address *a, void *arg)
{
    struct tool *t = arg;

    printf("%s{\"ip\": \"%s\", \"prefix_len\": %u, \"ifindex\": %u, \"usable\": %s, "
           "\"peer\": \"%s\"}",
           t->separator, ip_format(a->ip).s, a->prefix_len, (unsigned)a->ifindex,
           a->usable ? "true" : "false", a->peer.family != IP_NONE ? ip_format(a->peer).s : "");
    t->separator = ", ";
}

static void print_network(struct prefix network, void *arg)
{
    struct tool *t = arg;

    printf("%s\"%s\"", t->separator, prefix_format(network).s);
    t->separator = ", ";
}

static void print_networks(const struct link *link, void *arg)
{
    struct tool *t = arg;

    links_each_network(t->links, link->ifindex, print_network, t);
}

static void on_links(void *arg)
{
    struct tool *t = arg;

    t->separator = "";
    printf("{\"addresses\": [");
    links_each_host_address(t->links, print_address, t);
    t->separator = "";
    printf("], \"networks\": [");
    links_each(t->links, print_networks, t);
    puts("]}");
    fflush(stdout);
}

int main(void)
{
    struct tool t = {.base = loop_new()};
    struct tool_input *input;
    struct err err = {0};

    if (links_new(&t.links, t.base, on_links, &t, &err) < 0) {
        printf("error %s\n", err_text(&err));
        return 1;
    }
    on_links(&t);
    input = tool_input_new(t.base, NULL, NULL);
    event_base_dispatch(t.base);
    links_free(t.links);
    tool_input_free(input);
    event_base_free(t.base);
    return 0;
}
