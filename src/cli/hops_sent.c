/* SPDX-License-Identifier: Apache-2.0 */
/* What the speaker on this machine tells of the routes of a Service. */
#include "base/text.h"
#include "cli/hops_int.h"
#include "standalone/status_ask.h"
#include "standalone/status_bgp.h"

#include <jansson.h>

static bool concerns(const json_t *route, const struct decide_service *s)
{
    const char *text = json_string_value(json_object_get(route, "prefix"));
    struct prefix p;

    if (text == NULL || !prefix_parse(&p, text))
        return false;
    for (size_t i = 0; i < s->addr_count; i++) {
        if (prefix_contains(p, s->addrs[i]))
            return true;
    }
    return false;
}

static void add_route(struct hop_list *h, const json_t *route)
{
    CLEANUP(text_done) struct text line = {0};
    const char *state = json_string_value(json_object_get(route, "state"));

    status_bgp_route(&line, route);
    hop_add(h, "wire", str_eq(state, "sent") ? HOP_OK : HOP_ATTENTION, "%s", text_str(&line));
}

int hops_add_sent(struct hop_list *h, const struct decide_service *s, const char *control_socket,
                  struct err *err)
{
    json_t *status, *route;
    size_t i, found = 0;
    int r = status_ask(&status, control_socket, err);

    if (r < 0)
        return r;
    json_array_foreach(json_object_get(json_object_get(status, "bgp"), "routes"), i, route)
    {
        if (!concerns(route, s))
            continue;
        add_route(h, route);
        found++;
    }
    if (found == 0)
        hop_add(h, "wire", HOP_ATTENTION, "the speaker on this machine has no route for it");
    json_decref(status);
    return 0;
}
