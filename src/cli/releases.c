/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/releases.h"

#include "base/mem.h"
#include "cli/report.h"
#include "decide/decide.h"

#include <stdlib.h>

/*
 * The current rule accepts whatever one of the earlier rules accepts, so an earlier release can
 * only have counted fewer endpoints; and since each endpoint that counts now counted for one of
 * them, only one can have counted none.
 */
struct span {
    const char *name, *others; /* who differs, and who does as we do */
    bool (*counted)(const struct endpoint_verdict *v);
};

static bool counted_0_13_12(const struct endpoint_verdict *v)
{
    return v->counted_0_13_12;
}

static bool counted_0_14_3(const struct endpoint_verdict *v)
{
    return v->counted_0_14_3;
}

static const struct span spans[] = {
    {"MetalLB up to 0.13.12", "0.14.0 and later", counted_0_13_12},
    {"MetalLB 0.14.0 to 0.14.4", "0.13.12, 0.14.5", counted_0_14_3},
};

/* What one span would have made of the endpoints that count now. */
struct tally {
    bool local; /* externalTrafficPolicy: then each node stands for itself */
    size_t then, lost;
    bool all_terminating;     /* of the lost ones */
    struct string_list nodes; /* Local: that would not have announced; owned array */
    size_t lost_on_nodes;     /* endpoints on those nodes */
};

static bool node_counted(const struct span *span, struct object_list slices, const char *node)
{
    for (size_t i = 0; i < slices.count; i++) {
        const struct endpoint_slice *slice = &slices.items[i]->slice;

        for (size_t k = 0; k < slice->endpoint_count; k++) {
            struct endpoint_verdict v = decide_endpoint(&slice->endpoints[k]);

            if (v.counts && span->counted(&v) && str_eq(slice->endpoints[k].node, node))
                return true;
        }
    }
    return false;
}

static void tally_endpoint(struct tally *t, const struct span *span, struct object_list slices,
                           const struct endpoint *e)
{
    struct endpoint_verdict v = decide_endpoint(e);

    if (!v.counts)
        return;
    if (span->counted(&v)) {
        t->then++;
        return;
    }
    t->lost++;
    t->all_terminating = t->all_terminating && e->terminating == TRI_TRUE;
    if (!t->local || *e->node == '\0' || node_counted(span, slices, e->node))
        return;
    t->lost_on_nodes++;
    if (string_list_has(&t->nodes, e->node))
        return;
    t->nodes.items = xreallocarray(t->nodes.items, t->nodes.count + 1, sizeof(*t->nodes.items));
    t->nodes.items[t->nodes.count++] = e->node;
}

static struct tally tally_of(const struct span *span, struct object_list slices, bool local)
{
    struct tally t = {.local = local, .all_terminating = true};

    for (size_t i = 0; i < slices.count; i++) {
        const struct endpoint_slice *slice = &slices.items[i]->slice;

        for (size_t k = 0; k < slice->endpoint_count; k++)
            tally_endpoint(&t, span, slices, &slice->endpoints[k]);
    }
    return t;
}

/* Spec speaker-l2 1.3: why an endpoint has conditions that a release did not count. */
static const char *condition_text(const struct span *span, const struct tally *t,
                                  const struct service *s)
{
    if (span->counted == counted_0_13_12)
        return t->all_terminating ? "terminating (serving, but not ready)"
                                  : "serving, but not ready";
    if (s->publish_not_ready_addresses)
        return "ready only because of publishNotReadyAddresses (ready, but not serving)";
    return "ready, but not serving";
}

static void endpoints_text(struct text *t, size_t n, const char *where, const char *condition)
{
    text_printf(t, "its %zu %s%s %s %s", n, n == 1 ? "endpoint" : "endpoints", where,
                n == 1 ? "is" : "are", condition);
}

static void span_text(struct text *t, const struct span *span, const struct service *s,
                      const struct tally *tally, bool announced)
{
    const char *condition = condition_text(span, tally, s);

    if (t->len > 0)
        text_add(t, " ");
    if (tally->then == 0) {
        text_printf(t, "%s would not have announced this Service: ", span->name);
        endpoints_text(t, tally->lost, "", condition);
        text_printf(t, "; %s and SteelLB %s.", span->others,
                    announced ? "announce it" : "count them");
        return;
    }
    text_printf(t, "%s would not have announced this Service from ", span->name);
    report_names(t, tally->nodes.items, tally->nodes.count);
    text_add(t, ", with externalTrafficPolicy Local: ");
    endpoints_text(t, tally->lost_on_nodes, " there", condition);
    text_printf(t, "; %s and SteelLB count such endpoints.", span->others);
}

void releases_text(struct text *t, const struct service *s, struct object_list slices,
                   bool announced)
{
    CLEANUP(text_done) struct text sentences = {0};
    bool local = str_eq(s->external_traffic_policy, "Local");

    for (size_t i = 0; i < ARRAY_SIZE(spans); i++) {
        struct tally tally = tally_of(&spans[i], slices, local);

        if (tally.lost > 0 && (tally.then == 0 || tally.nodes.count > 0))
            span_text(&sentences, &spans[i], s, &tally, announced);
        free(tally.nodes.items);
    }
    text_add(t, text_str(&sentences));
}
