/* SPDX-License-Identifier: Apache-2.0 */
/* What a running process knows about itself, as one JSON document. */
#include "base/map.h"
#include "base/text.h"
#include "standalone/json_text.h"
#include "standalone/run_int.h"

static json_t *string_array(const struct string_list *list)
{
    json_t *a = json_array();

    for (size_t i = 0; i < list->count; i++)
        json_array_append_new(a, json_string(list->items[i]));
    return a;
}

/* Addresses as they are listed, and where the names of their Services go. */
struct address_list {
    json_t *array;
    struct arena *arena;
    struct map names; /* ip_key -> json_t: the array of names in the address's entry, borrowed */
};

static void add_address(const struct announcer_address_status *s, void *arg)
{
    struct address_list *list = arg;
    struct ip_key key = ip_key(s->ip);
    json_t *names = json_array();
    json_t *entry =
        json_pack("{s:s, s:I, s:b, s:o, s:o, s:I, s:I, s:I}", "address", ip_format(s->ip).s,
                  "sinceSeconds", (json_int_t)(s->since_ns / NS_PER_SEC), "allInterfaces",
                  s->all_interfaces, "interfaces", string_array(&s->interfaces), "services", names,
                  "gratuitousSent", (json_int_t)s->gratuitous_sent, "requestsReceived",
                  (json_int_t)s->requests_received, "responsesSent", (json_int_t)s->responses_sent);

    json_array_append_new(list->array, entry);
    (void)map_put(&list->names, arena_memdup(list->arena, &key, sizeof(key)), sizeof(key), names);
}

/* The Services that this node announces, each at its addresses. */
static void add_service_names(const struct run *run, const struct address_list *list)
{
    const struct evaluation *e = run->state->evaluation;

    for (size_t i = 0; i < e->count; i++) {
        const struct ipam_verdict *v = &e->allocations[i].verdict;
        const struct meta *m = &e->allocations[i].service->meta;

        for (size_t k = 0; run_owns(run, e, i) && k < v->addr_count; k++) {
            struct ip_key key = ip_key(v->addrs[k]);
            json_t *names = map_find(&list->names, &key, sizeof(key));

            json_array_append_new(names, json_sprintf("%s/%s", m->namespace, m->name));
        }
    }
}

static json_t *address_array(const struct run *run)
{
    CLEANUP(arena_freep) struct arena *arena = arena_new();
    struct address_list list = {.array = json_array(), .arena = arena};

    announcer_each_address(run->announcer, add_address, &list);
    if (run->state != NULL)
        add_service_names(run, &list);
    map_done(&list.names);
    return list.array;
}

static void add_link(const struct announcer_link_status *s, void *arg)
{
    json_t *array = arg;
    json_t *entry =
        json_pack("{s:o, s:i, s:b, s:b, s:s*, s:I, s:I}", "name", json_text(s->name), "index",
                  (int)s->ifindex, "arp", s->arp, "ndp", s->ndp, "reason", s->reason, "dropped",
                  (json_int_t)s->dropped, "failed", (json_int_t)s->failed);

    json_array_append_new(array, entry);
}

/* Services of the folder that this node does not announce: who does, or why they wait. */
static json_t *service_entry(const struct evaluation *e, size_t i)
{
    const struct ipam_verdict *v = &e->allocations[i].verdict;
    const struct meta *m = &e->allocations[i].service->meta;
    json_t *entry = json_pack("{s:s, s:s}", "namespace", m->namespace, "name", m->name);
    json_t *addresses = json_array();

    for (size_t k = 0; k < v->addr_count; k++)
        json_array_append_new(addresses, json_string(ip_format(v->addrs[k]).s));
    json_object_set_new(entry, "addresses", addresses);
    if (e->l2[i].eligible_count > 0)
        json_object_set_new(entry, "node",
                            json_string(e->cfg->nodes.items[e->l2[i].candidates[0].node]));
    if (v->state == IPAM_PENDING && v->event_count > 0) {
        CLEANUP(text_done) struct text why = {0};

        ipam_event_text(&why, &v->events[v->event_count - 1]);
        json_object_set_new(entry, "pending", json_string(text_str(&why)));
    }
    return entry;
}

static json_t *service_array(const struct run *run)
{
    json_t *a = json_array();

    for (size_t i = 0; i < run->state->evaluation->count; i++)
        json_array_append_new(a, service_entry(run->state->evaluation, i));
    return a;
}

static void add_member(const struct membership_peer *p, void *arg)
{
    json_t *array = arg;
    json_t *entry =
        json_pack("{s:s, s:s, s:i, s:b, s:b}", "node", p->node, "address", ip_format(p->addr.ip).s,
                  "port", (int)p->addr.port, "alive", p->alive, "fast", p->fast);

    if (p->last_heartbeat_age_ns >= 0)
        json_object_set_new(entry, "heartbeatAgeMs",
                            json_integer(p->last_heartbeat_age_ns / NS_PER_MS));
    json_array_append_new(array, entry);
}

static void add_members(json_t *root, const struct run *run)
{
    json_t *members = json_array();
    const char *obstacle = membership_fast_obstacle(run->members);

    membership_each(run->members, add_member, members);
    json_object_set_new(root, "members", members);
    json_object_set_new(root, "fastDetection", json_string(obstacle == NULL ? "on" : obstacle));
}

json_t *status_build(const struct run *run)
{
    json_t *links = json_array();
    json_t *root;

    announcer_each_link(run->announcer, add_link, links);
    root = json_pack("{s:s, s:i, s:s, s:o, s:o, s:I, s:I, s:I, s:I, s:o, s:o}", "kind", "Status",
                     "version", 1, "steellb", STEELLB_VERSION, "node",
                     json_text(run->options->node_name), "folder", json_text(run->options->folder),
                     "upSeconds", (json_int_t)(mono_sub(mono_now(), run->started) / NS_PER_SEC),
                     "appliedAt", (json_int_t)run->applied_at, "readings",
                     (json_int_t)run->readings, "refusals", (json_int_t)run->refusals, "announcing",
                     address_array(run), "interfaces", links);
    if (run->refused != NULL)
        json_object_set_new(root, "refused", json_text(run->refused));
    if (run->state != NULL)
        json_object_set_new(root, "services", service_array(run));
    if (run->members != NULL)
        add_members(root, run);
    return root;
}
