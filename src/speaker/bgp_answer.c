/* SPDX-License-Identifier: Apache-2.0 */
#include "speaker/bgp_answer.h"

#include "base/mem.h"
#include "speaker/bgp_report.h"

#include <stdlib.h>
#include <string.h>

enum {
    PAGE = 1024,       /* prefixes that are found at once */
    TURN_ROUTES = 512, /* looked at for a portion, whether they are told or not */
};

/* --- the listing of routes --- */

struct listing {
    struct control_answer answer;
    const struct router *router;
    struct router_range range; /* `after`: what was told */
    char *peer;                /* owned; NULL: all */
    bool has_begun, told_any;
    struct prefix page[PAGE];
    size_t at, count;

    struct text *out; /* of this portion */
    size_t looked_at;
};

static void add_route(void *arg, const struct router_route_view *v)
{
    struct listing *l = arg;
    json_t *route;
    char *line;

    l->looked_at++;
    if (l->peer != NULL && !str_eq(l->peer, v->peer))
        return;
    route = bgp_report_route(v);
    line = json_dumps(route, JSON_COMPACT);
    json_decref(route);
    if (line == NULL)
        return;
    text_add(l->out, l->told_any ? ",\n" : "\n");
    text_add(l->out, line);
    l->told_any = true;
    free(line);
}

static void turn_page(struct listing *l)
{
    l->at = 0;
    l->count = router_prefixes(l->router, &l->range, l->page, PAGE);
    if (l->count > 0)
        l->range.after = l->page[l->count - 1];
}

static bool listing_next(struct control_answer *a, struct text *out)
{
    struct listing *l = container_of(a, struct listing, answer);

    l->out = out;
    l->looked_at = 0;
    if (!l->has_begun)
        text_add(out, "[");
    l->has_begun = true;
    if (l->at == l->count) {
        turn_page(l);
        if (l->count > 0)
            return true; /* that was enough for a turn */
        text_add(out, "\n]\n");
        return false;
    }
    while (l->at < l->count && l->looked_at < TURN_ROUTES && out->len < CONTROL_PORTION) {
        l->looked_at++; /* a prefix without routes counts, too */
        router_each_route(l->router, l->page[l->at++], add_route, l);
    }
    return true;
}

static void listing_free(struct control_answer *a)
{
    struct listing *l = container_of(a, struct listing, answer);

    free(l->peer);
    free(l);
}

/* --- requests --- */

bool bgp_answer_parse_prefix(struct prefix *ret, const char *text)
{
    struct ip ip;

    if (prefix_parse(ret, text))
        return true;
    if (!ip_parse(&ip, text))
        return false;
    *ret = prefix_of(ip, ip_bits(ip.family));
    return true;
}

/* Takes the pairs of a key and a value that `words` has left. NULL, or what is wrong. */
static const char *read_filters(struct listing *l, char **words)
{
    for (char *key = strtok_r(NULL, " ", words); key != NULL; key = strtok_r(NULL, " ", words)) {
        const char *value = strtok_r(NULL, " ", words);

        if (value == NULL)
            return "a filter needs a value";
        if (str_eq(key, "within")) {
            if (!bgp_answer_parse_prefix(&l->range.within, value))
                return "not an address or a prefix";
        } else if (str_eq(key, "peer")) {
            free(l->peer);
            l->peer = xstrdup(value);
        } else {
            return "no such filter";
        }
    }
    return NULL;
}

static struct control_answer *list_routes(const struct router *r, char **words)
{
    struct listing *l = xcalloc(1, sizeof(*l));
    const char *problem;

    l->answer = (struct control_answer){.next = listing_next, .free = listing_free};
    l->router = r;
    problem = read_filters(l, words);
    if (problem == NULL)
        return &l->answer;
    listing_free(&l->answer);
    return control_refusal(problem);
}

struct control_answer *bgp_answer(const struct router *r, const char *request)
{
    CLEANUP(xfreep) char *copy = xstrdup(request);
    char *words = NULL;
    const char *what = strtok_r(copy, " ", &words);

    if (what == NULL)
        return NULL;
    if (str_eq(what, "bgp"))
        return control_document_take(bgp_report(r));
    if (str_eq(what, "routes"))
        return list_routes(r, &words);
    return control_refusal("no such question");
}
