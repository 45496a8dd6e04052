/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Router discovery alone, on the interfaces that are named, for tests in network namespaces.
 *
 *     ra_tool INTERFACE...
 *
 * Prints "ready", then a line for each change: "INTERFACE ROUTER", or "INTERFACE none". Ends when
 * its stdin does.
 */
#include "base/log.h"
#include "net/links.h"
#include "ra/ra.h"
#include "tool.h"

#include <stdio.h>
#include <string.h>

#define TOOL_INTERFACES_MAX 8

struct tool {
    struct event_base *base;
    struct links *links;
    struct ra *ra;
    struct ra_interface interfaces[TOOL_INTERFACES_MAX];
    size_t count;
};

static void on_link(const struct link *link, void *arg)
{
    struct tool *t = arg;

    for (size_t i = 0; i < t->count; i++) {
        struct ra_interface *r = &t->interfaces[i];

        if (strcmp(r->name, link->name) != 0)
            continue;
        r->ifindex = link->ifindex;
        r->link_local = link->link_local;
        memcpy(r->mac, link->mac, sizeof(r->mac));
        r->up = link->up && link->carrier;
    }
}

static void on_links(void *arg)
{
    struct tool *t = arg;

    for (size_t i = 0; i < t->count; i++) {
        t->interfaces[i].ifindex = 0;
        t->interfaces[i].up = false;
    }
    links_each(t->links, on_link, t);
    ra_set_interfaces(t->ra, t->interfaces, t->count);
}

static void on_router(void *arg, const char *interface, struct ip router)
{
    (void)arg;
    printf("%s %s\n", interface, router.family != IP_NONE ? ip_format(router).s : "none");
    fflush(stdout);
}

int main(int argc, char **argv)
{
    struct tool t = {.base = loop_new()};
    struct tool_input *input;
    struct err err = {0};

    log_set_level(LOG_DEBUG);
    for (int i = 1; i < argc && t.count < TOOL_INTERFACES_MAX; i++)
        snprintf(t.interfaces[t.count++].name, IFNAMSIZ, "%s", argv[i]);
    if (links_new(&t.links, t.base, on_links, &t, &err) < 0 ||
        ra_new(&t.ra, t.base, on_router, &t, &err) < 0) {
        printf("error %s\n", err_text(&err));
        return 1;
    }
    puts("ready");
    fflush(stdout);
    on_links(&t);
    input = tool_input_new(t.base, NULL, NULL);
    event_base_dispatch(t.base);
    ra_free(t.ra);
    links_free(t.links);
    tool_input_free(input);
    event_base_free(t.base);
    return 0;
}
