/* SPDX-License-Identifier: Apache-2.0 */
#include "speaker/l2_report.h"

#include "base/mono.h"
#include "speaker/json_text.h"

/* --- addresses --- */

static json_t *string_array(const struct string_list *list)
{
    json_t *a = json_array();

    for (size_t i = 0; i < list->count; i++)
        json_array_append_new(a, json_string(list->items[i]));
    return a;
}

static void add_address(const struct announcer_address_status *s, void *arg)
{
    struct address_report *r = arg;
    struct ip_key key = ip_key(s->ip);
    json_t *names = json_array();
    json_t *entry =
        json_pack("{s:s, s:I, s:b, s:o, s:o, s:I, s:I, s:I}", "address", ip_format(s->ip).s,
                  "sinceSeconds", (json_int_t)(s->since_ns / NS_PER_SEC), "allInterfaces",
                  s->all_interfaces, "interfaces", string_array(&s->interfaces), "services", names,
                  "gratuitousSent", (json_int_t)s->gratuitous_sent, "requestsReceived",
                  (json_int_t)s->requests_received, "responsesSent", (json_int_t)s->responses_sent);

    json_array_append_new(r->array, entry);
    (void)map_put(&r->names, arena_memdup(r->arena, &key, sizeof(key)), sizeof(key), names);
}

void address_report_init(struct address_report *r, const struct announcer *a)
{
    *r = (struct address_report){.array = json_array(), .arena = arena_new()};
    announcer_each_address(a, add_address, r);
}

void address_report_add(struct address_report *r, struct ip ip, const char *service)
{
    struct ip_key key = ip_key(ip);
    json_t *names = map_find(&r->names, &key, sizeof(key));

    if (names != NULL)
        json_array_append_new(names, json_string(service));
}

json_t *address_report_done(struct address_report *r)
{
    json_t *array = TAKE(r->array);

    map_done(&r->names);
    arena_free(r->arena);
    return array;
}

/* --- interfaces --- */

static void add_link(const struct announcer_link_status *s, void *arg)
{
    json_t *array = arg;
    json_t *entry =
        json_pack("{s:o, s:i, s:b, s:b, s:s*, s:I, s:I}", "name", json_text(s->name), "index",
                  (int)s->ifindex, "arp", s->arp, "ndp", s->ndp, "reason", s->reason, "dropped",
                  (json_int_t)s->dropped, "failed", (json_int_t)s->failed);

    json_array_append_new(array, entry);
}

json_t *link_report(const struct announcer *a)
{
    json_t *array = json_array();

    announcer_each_link(a, add_link, array);
    return array;
}

/* --- members --- */

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

void member_report(json_t *root, const struct membership *m)
{
    json_t *members = json_array();
    const char *obstacle = membership_fast_obstacle(m);

    membership_each(m, add_member, members);
    json_object_set_new(root, "members", members);
    json_object_set_new(root, "fastDetection", json_string(obstacle == NULL ? "on" : obstacle));
}
