/* SPDX-License-Identifier: Apache-2.0 */
/* What a Service asks for: families, policy, addresses, pool, sharing identity, ports. */
#include "ipam/ipam_int.h"

#include "base/text.h"

#include <stdlib.h>
#include <string.h>

enum ipam_code ipam_refuse(struct ipam_reason *why, struct ipam_reason reason)
{
    *why = reason;
    return reason.code;
}

/* ---- families ---- */

enum stack stack_of_family(enum ip_family family)
{
    switch (family) {
    case IP_V4:
        return STACK_V4;
    case IP_V6:
        return STACK_V6;
    case IP_NONE:
        return STACK_NONE;
    }
    return STACK_NONE;
}

const char *stack_name(enum stack s)
{
    switch (s) {
    case STACK_NONE:
        return "unknown";
    case STACK_V4:
        return "ipv4";
    case STACK_V6:
        return "ipv6";
    case STACK_DUAL:
        return "dual";
    }
    return "unknown";
}

/* MetalLB's IPFamilyForAddresses: its three refusals in its order. */
enum ipam_code stack_of_ips(enum stack *ret, const struct ip *ips, size_t count,
                            struct ipam_reason *why)
{
    struct ipam_reason r = {.addrs = ips, .addr_count = count};
    enum stack s = STACK_NONE;

    if (count == 0 || count > 2) {
        r.code = IPAM_TOO_MANY_ADDRESSES;
        return ipam_refuse(why, r);
    }
    for (size_t i = 0; i < count; i++) {
        if (ips[i].family == IP_NONE) {
            r.code = IPAM_INVALID_ADDRESS;
            return ipam_refuse(why, r);
        }
        s |= stack_of_family(ips[i].family);
    }
    if (count == 2 && s != STACK_DUAL) {
        r.code = IPAM_SAME_FAMILY_TWICE;
        return ipam_refuse(why, r);
    }
    *ret = s;
    return IPAM_OK;
}

struct string_list ipam_copy_strings(struct arena *a, const char *const *items, size_t count)
{
    struct string_list list = {.items = arena_calloc(a, count, sizeof(*list.items))};

    for (; list.count < count; list.count++)
        list.items[list.count] = arena_strdup(a, items[list.count]);
    return list;
}

enum ipam_code stack_of_service(enum stack *ret, const struct service *s, struct arena *a,
                                struct ipam_reason *why)
{
    struct string_list names =
        s->cluster_ips.count > 0 ? ipam_copy_strings(a, s->cluster_ips.items, s->cluster_ips.count)
                                 : ipam_copy_strings(a, &s->cluster_ip, 1);
    enum ipam_code code;
    struct ip *ips;

    ips = arena_calloc(a, names.count, sizeof(*ips));
    for (size_t i = 0; i < names.count; i++) {
        if (!ip_parse(&ips[i], names.items[i]))
            ips[i] = (struct ip){0};
    }
    code = stack_of_ips(ret, ips, names.count, why);
    if (code != IPAM_OK) { /* cluster IPs are quoted as written */
        why->addrs = NULL;
        why->addr_count = 0;
        why->names = names;
    }
    return code;
}

enum policy ipam_policy_of(const struct service *s)
{
    if (str_eq(s->ip_family_policy, "RequireDualStack"))
        return POLICY_REQUIRE;
    if (str_eq(s->ip_family_policy, "PreferDualStack"))
        return POLICY_PREFER;
    return POLICY_SINGLE;
}

/* ---- requested addresses and pool (spec controller 2.6) ---- */

static bool is_blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static const char *trimmed(struct arena *a, const char *s, size_t len)
{
    while (len > 0 && is_blank(s[0])) {
        s++;
        len--;
    }
    while (len > 0 && is_blank(s[len - 1]))
        len--;
    return arena_strndup(a, s, len);
}

static size_t count_pieces(const char *list)
{
    size_t n = 1;

    for (; *list != '\0'; list++)
        n += *list == ',';
    return n;
}

static enum ipam_code parse_annotation(const struct ip **ret, size_t *ret_count, const char *list,
                                       struct arena *a, struct ipam_reason *why)
{
    size_t count = count_pieces(list), n = 0;
    struct ip *ips = arena_calloc(a, count, sizeof(*ips));
    enum ipam_code code;
    enum stack stack;

    for (const char *at = list; n < count; n++) {
        size_t len = strcspn(at, ",");

        if (!ip_parse(&ips[n], trimmed(a, at, len)))
            return ipam_refuse(why, (struct ipam_reason){.code = IPAM_BAD_LB_IPS_ANNOTATION,
                                                         .text = arena_strdup(a, list)});
        at += len + (at[len] == ',');
    }
    code = stack_of_ips(&stack, ips, count, why);
    if (code != IPAM_OK)
        return code;
    *ret = ips;
    *ret_count = count;
    return IPAM_OK;
}

enum ipam_code ipam_requested_ips(const struct ip **ret, size_t *ret_count,
                                  const struct object *service, struct arena *a,
                                  struct ipam_reason *why)
{
    const char *list = annotation_find(&service->meta, "loadBalancerIPs");
    const char *field = service->service.load_balancer_ip;
    struct ip *ip;

    if (str_empty(list) && str_empty(field)) {
        *ret = NULL;
        *ret_count = 0;
        return IPAM_OK;
    }
    if (!str_empty(list) && !str_empty(field))
        return ipam_refuse(why, (struct ipam_reason){.code = IPAM_BOTH_REQUESTS});
    if (!str_empty(list))
        return parse_annotation(ret, ret_count, list, a, why);
    ip = arena_alloc(a, sizeof(*ip));
    if (!ip_parse(ip, field))
        return ipam_refuse(why, (struct ipam_reason){.code = IPAM_BAD_LB_IP_FIELD,
                                                     .text = arena_strdup(a, field)});
    *ret = ip;
    *ret_count = 1;
    return IPAM_OK;
}

const char *ipam_requested_pool(const struct object *service)
{
    const char *pool = annotation_find(&service->meta, "address-pool");

    return pool != NULL ? pool : "";
}

/* ---- sharing identity and ports (spec controller 2.1) ---- */

/* "k=v,k=v": only Services with traffic policy Local need the same backends. */
static const char *backend_key(const struct service *s, struct arena *a)
{
    CLEANUP(text_done) struct text t = {0};

    if (!str_eq(s->external_traffic_policy, "Local"))
        return "";
    for (size_t i = 0; i < s->selector.count; i++) {
        const struct label *l = &s->selector.items[i];

        text_printf(&t, "%s%s=%s", i > 0 ? "," : "", l->key, l->value);
    }
    return arena_strdup(a, text_str(&t));
}

static bool has_port(const struct claim *c, const char *key)
{
    for (size_t i = 0; i < c->port_count; i++) {
        if (str_eq(c->ports[i].key, key))
            return true;
    }
    return false;
}

void claim_init(struct claim *ret, const struct object *service, struct arena *a)
{
    const struct service *s = &service->service;
    const char *sharing = annotation_find(&service->meta, "allow-shared-ip");
    struct claim c = {.service = service, .sharing = sharing != NULL ? sharing : ""};
    char *group_key;

    c.key = arena_printf(a, "%s/%s", service->meta.namespace, service->meta.name);
    c.backend = backend_key(s, a);
    c.group_key_len = strlen(c.sharing) + 1 + strlen(c.backend) + 1;
    group_key = arena_alloc(a, c.group_key_len);
    memcpy(group_key, c.sharing, strlen(c.sharing) + 1);
    memcpy(group_key + strlen(c.sharing) + 1, c.backend, strlen(c.backend) + 1);
    c.group_key = group_key;
    c.ports = arena_calloc(a, s->port_count, sizeof(*c.ports));
    for (size_t i = 0; i < s->port_count; i++) {
        const struct service_port *p = &s->ports[i];
        const char *key = arena_printf(a, "%s/%u", p->protocol, p->port);

        if (!has_port(&c, key)) /* the API forbids twins; a file may have them */
            c.ports[c.port_count++] = (struct claim_port){key, p->protocol, p->port, NULL};
    }
    *ret = c;
}

/* ---- small public questions ---- */

struct ipam_held ipam_held_from_status(const struct service *s, struct arena *a)
{
    struct ip *ips = arena_calloc(a, s->ingress_count, sizeof(*ips));
    size_t n = 0;

    for (size_t i = 0; i < s->ingress_count; i++) {
        if (str_empty(s->ingress[i].ip))
            continue;
        if (!ip_parse(&ips[n], s->ingress[i].ip))
            ips[n] = (struct ip){0};
        n++;
    }
    return (struct ipam_held){ips, n};
}

bool ipam_class_is_ours(const struct service *s, const char *lb_class)
{
    if (s->load_balancer_class == NULL)
        return str_empty(lb_class);
    return str_eq(s->load_balancer_class, lb_class);
}
