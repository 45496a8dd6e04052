/* SPDX-License-Identifier: Apache-2.0 */
/* What the speaker on this machine tells of the routes of a Service. */
#include "base/mem.h"
#include "base/text.h"
#include "cli/hops_int.h"
#include "standalone/status_ask.h"
#include "standalone/status_bgp.h"

#include <jansson.h>

static void add_route(struct hop_list *h, const json_t *route)
{
    CLEANUP(text_done) struct text line = {0};
    const char *state = json_string_value(json_object_get(route, "state"));

    status_bgp_route(&line, route);
    hop_add(h, "wire", str_eq(state, "sent") ? HOP_OK : HOP_ATTENTION, "%s", text_str(&line));
}

/* 0 or -errno; adds to *found. */
static int add_routes_of(struct hop_list *h, struct ip address, const char *control_socket,
                         size_t *found, struct err *err)
{
    CLEANUP(xfreep) char *request = xasprintf("routes within %s", ip_format(address).s);
    json_t *routes, *route;
    size_t i;
    int r = status_ask(&routes, control_socket, request, err);

    if (r < 0)
        return r;
    json_array_foreach(routes, i, route) add_route(h, route);
    *found += json_array_size(routes);
    json_decref(routes);
    return 0;
}

int hops_add_sent(struct hop_list *h, const struct decide_service *s, const char *control_socket,
                  struct err *err)
{
    size_t found = 0;

    for (size_t i = 0; i < s->addr_count; i++) {
        int r = add_routes_of(h, s->addrs[i], control_socket, &found, err);

        if (r < 0)
            return r;
    }
    if (found == 0)
        hop_add(h, "wire", HOP_ATTENTION, "the speaker on this machine has no route for it");
    return 0;
}
