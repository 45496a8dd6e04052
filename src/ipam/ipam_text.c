/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every sentence of this room. MetalLB's texts are exact; what we add to explain one follows it, so
 * that whoever searches for MetalLB's words finds them.
 */
#include "ipam/ipam.h"

/* The API refuses Events above 1,024 bytes. */
enum { MAX_NAMES = 10 };

/* ---- lists as Go prints them ---- */

/* %q of a list: ["a" "b"] */
static void add_quoted_ips(struct text *t, const struct ip *ips, size_t count)
{
    text_add(t, "[");
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            text_add(t, " ");
        text_quote(t, ip_format(ips[i]).s);
    }
    text_add(t, "]");
}

static void add_quoted_strings(struct text *t, const struct string_list *list)
{
    text_add(t, "[");
    for (size_t i = 0; i < list->count; i++) {
        if (i > 0)
            text_add(t, " ");
        text_quote(t, list->items[i]);
    }
    text_add(t, "]");
}

/* Cluster IPs as they were written, or addresses. */
static void add_subject(struct text *t, const struct ipam_reason *r)
{
    if (r->names.count > 0)
        add_quoted_strings(t, &r->names);
    else
        add_quoted_ips(t, r->addrs, r->addr_count);
}

static size_t subject_count(const struct ipam_reason *r)
{
    return r->names.count > 0 ? r->names.count : r->addr_count;
}

static void add_joined(struct text *t, const struct string_list *list, const char *separator)
{
    size_t shown = list->count > MAX_NAMES ? MAX_NAMES : list->count;

    for (size_t i = 0; i < shown; i++)
        text_printf(t, "%s%s", i > 0 ? separator : "", list->items[i]);
    if (shown < list->count)
        text_printf(t, " and %zu more", list->count - shown);
}

static void add_first_ip(struct text *t, const struct ipam_reason *r)
{
    text_quote(t, r->addr_count > 0 ? ip_format(r->addrs[0]).s : NULL);
}

/* ---- what we add ---- */

static const char *family_text(enum ip_family family)
{
    switch (family) {
    case IP_V4:
        return "IPv4 ";
    case IP_V6:
        return "IPv6 ";
    case IP_NONE:
        return "";
    }
    return "";
}

static void add_try(struct text *t, const struct ipam_tried *p)
{
    switch (p->why) {
    case IPAM_TRY_NOT_AUTO:
        text_printf(t, "pool %s has autoAssign false", p->pool);
        return;
    case IPAM_TRY_NAMESPACE:
        text_printf(t, "pool %s does not serve the namespace", p->pool);
        return;
    case IPAM_TRY_LABELS:
        text_printf(t, "pool %s does not select the Service", p->pool);
        return;
    case IPAM_TRY_NO_FAMILY:
        text_printf(t, "pool %s has no %saddresses", p->pool, family_text(p->family));
        return;
    case IPAM_TRY_FULL:
        text_printf(t, "pool %s has no free %saddress", p->pool, family_text(p->family));
        return;
    case IPAM_TRY_NOT_SHAREABLE:
        text_printf(t, "pool %s has no %saddress that is free or can be shared", p->pool,
                    family_text(p->family));
        return;
    case IPAM_TRY_SINGLE_STACK:
        text_add(t, "the Service has cluster IPs of both families, but its ipFamilyPolicy is "
                    "SingleStack");
        return;
    }
}

static void add_tried(struct text *t, const struct ipam_reason *r)
{
    for (size_t i = 0; i < r->tried_count; i++) {
        text_add(t, i == 0 ? ": " : "; ");
        add_try(t, &r->tried[i]);
    }
    if (r->tried_more > 0)
        text_printf(t, "; and %zu more", r->tried_more);
}

static const char *rule_text(enum ipam_sharing_rule rule)
{
    switch (rule) {
    case IPAM_SHARING_NOT_WANTED:
        return "this Service has no allow-shared-ip annotation";
    case IPAM_SHARING_NOT_ALLOWED:
        return "they have no allow-shared-ip annotation";
    case IPAM_SHARING_KEYS_DIFFER:
        return "allow-shared-ip has another value there";
    case IPAM_SHARING_BACKENDS_DIFFER:
        return "externalTrafficPolicy, or with Local the selector, differs";
    }
    return "";
}

/* ---- reasons ---- */

static void add_request(struct text *t, const struct ipam_reason *r)
{
    text_add(t, "requested loadBalancer IP(s) ");
    add_quoted_ips(t, r->addrs, r->addr_count);
}

static void add_pair(struct text *t, const struct ipam_reason *r)
{
    for (size_t i = 0; i < r->addr_count; i++) {
        text_quote(t, ip_format(r->addrs[i]).s);
        text_add(t, " ");
    }
    text_add(t, "has the same family");
}

static void add_sharing(struct text *t, const struct ipam_reason *r)
{
    text_add(t, "can't change sharing key for ");
    text_quote(t, r->text);
    text_add(t, ", address also in use by ");
    add_joined(t, &r->names, ",");
    text_printf(t, ": %s", rule_text(r->rule));
}

/* long: a flat table of sentences, one a code. */
static void add_sentence(struct text *t, const struct ipam_reason *r)
{
    switch (r->code) {
    case IPAM_OK:
        return;
    case IPAM_NO_POOLS:
        text_add(t, "there is no IPAddressPool in the configuration; create one");
        return;
    case IPAM_NO_CLUSTER_IP:
        text_add(t, "the Service has no cluster IP, so its IP family is unknown");
        return;
    case IPAM_NOT_ENOUGH_CLUSTER_IPS:
        text_add(t, "Service requires dual stack but not enough clusterips [");
        add_joined(t, &r->names, " ");
        text_add(t, "]");
        return;
    case IPAM_BAD_LB_IP_FIELD:
        text_add(t, "invalid spec.loadBalancerIP ");
        text_quote(t, r->text);
        return;
    case IPAM_BAD_LB_IPS_ANNOTATION:
        text_add(t, "invalid metallb.io/loadBalancerIPs: ");
        text_quote(t, r->text);
        return;
    case IPAM_BOTH_REQUESTS:
        text_add(t, "service can not have both metallb.io/loadBalancerIPs and "
                    "svc.Spec.LoadBalancerIP");
        return;
    case IPAM_SAME_FAMILY_TWICE:
        text_add(t, "IPFamilyForAddresses: same address family ");
        add_subject(t, r);
        return;
    case IPAM_TOO_MANY_ADDRESSES:
        text_printf(t, "IPFamilyForAddresses: invalid ips length %zu ", subject_count(r));
        add_subject(t, r);
        return;
    case IPAM_INVALID_ADDRESS:
        text_add(t, "IPFamilyForAddresses: Invalid address ");
        add_subject(t, r);
        return;
    case IPAM_FAMILY_MISMATCH:
        add_request(t, r);
        text_add(t, " does not match the ipFamily of the service");
        return;
    case IPAM_NOT_IN_REQUESTED_POOL:
        add_request(t, r);
        text_printf(t, " is not compatible with requested address pool %s", r->text);
        return;
    case IPAM_NOT_IN_ANY_POOL:
        add_quoted_ips(t, r->addrs, r->addr_count);
        text_add(t, " is not allowed in config");
        return;
    case IPAM_POOL_NOT_COMPATIBLE:
        text_printf(t, "pool %s not compatible for ip assignment", r->pool);
        return;
    case IPAM_MORE_THAN_TWO:
        text_add(t, "more than two addresses ");
        add_quoted_ips(t, r->addrs, r->addr_count);
        return;
    case IPAM_PAIR_OF_ONE_FAMILY:
        add_pair(t, r);
        return;
    case IPAM_SHARING_KEY_IN_USE:
        add_sharing(t, r);
        return;
    case IPAM_PORT_IN_USE:
        text_printf(t, "port %s/%u is already in use on ", r->protocol, r->port);
        add_first_ip(t, r);
        text_printf(t, " by %s", r->text);
        return;
    case IPAM_HELD_FAMILY_DIFFERS:
        text_printf(t, "IP for wrong family assigned alloc %s service family %s", r->held_family,
                    r->family);
        return;
    case IPAM_UNKNOWN_POOL:
        text_add(t, "unknown pool ");
        text_quote(t, r->text);
        return;
    case IPAM_POOL_EXHAUSTED:
        text_printf(t, "no available IPs in pool %s", r->pool);
        return;
    case IPAM_POOL_LACKS_FAMILY:
        text_printf(t, "no available IPs in pool %s for %s IPFamily", r->pool, r->family);
        return;
    case IPAM_EXHAUSTED:
        text_add(t, "no available IPs");
        return;
    }
}

void ipam_reason_text(struct text *t, const struct ipam_reason *r)
{
    add_sentence(t, r);
    add_tried(t, r);
}

/* ---- events ---- */

static const struct {
    const char *reason;
    bool is_warning;
} kinds[] = {
    [IPAM_EVENT_NOT_ENOUGH_CLUSTER_IPS] = {"not enough clusterips", true},
    [IPAM_EVENT_NO_LB_IPS_FAMILY] = {"nolbIPsIPFamily", true},
    [IPAM_EVENT_NO_CLUSTER_IPS_FAMILY] = {"noclusterIPsIPFamily", true},
    [IPAM_EVENT_CLEAR_ASSIGNMENT] = {"ClearAssignment", false},
    [IPAM_EVENT_LOAD_BALANCER_FAILED] = {"LoadBalancerFailed", true},
    [IPAM_EVENT_ADDITIONAL_FAILED] = {"AdditionalAssignFailed", false},
    [IPAM_EVENT_ALLOCATION_FAILED] = {"AllocationFailed", true},
    [IPAM_EVENT_ADDITIONAL_ALLOCATED] = {"IPAllocated", false},
    [IPAM_EVENT_ALLOCATED] = {"IPAllocated", false},
    [IPAM_EVENT_NO_POOLS] = {"NoPools", true},
    [IPAM_EVENT_NO_CLUSTER_IP] = {"NoClusterIP", true},
};

const char *ipam_event_reason(enum ipam_event_kind kind)
{
    return kinds[kind].reason;
}

bool ipam_event_is_warning(enum ipam_event_kind kind)
{
    return kinds[kind].is_warning;
}

/* What stands before the reason, or everything when there is none. */
static void add_event_head(struct text *t, const struct ipam_event *e)
{
    switch (e->kind) {
    case IPAM_EVENT_NOT_ENOUGH_CLUSTER_IPS:
    case IPAM_EVENT_NO_POOLS:
    case IPAM_EVENT_NO_CLUSTER_IP:
        return; /* the reason is the message */
    case IPAM_EVENT_NO_LB_IPS_FAMILY:
        text_add(t, "Failed to retrieve LBIPs IPFamily for ");
        add_quoted_ips(t, e->addrs, e->addr_count);
        text_add(t, ": ");
        return;
    case IPAM_EVENT_NO_CLUSTER_IPS_FAMILY:
        text_add(t, "Failed to retrieve ClusterIPs IPFamily for ");
        add_quoted_strings(t, &e->cluster_ips);
        text_printf(t, " %s: ", e->cluster_ip);
        return;
    case IPAM_EVENT_CLEAR_ASSIGNMENT:
        text_add(t, "current IP for ");
        text_quote(t, e->service);
        text_add(t, " not allowed by config, will attempt for new IP assignment: ");
        return;
    case IPAM_EVENT_LOAD_BALANCER_FAILED:
        text_add(t, "invalid requested loadbalancer IPs: ");
        return;
    case IPAM_EVENT_ADDITIONAL_FAILED:
        text_add(t, "cannot assign additional IP in PreferDualStack: ");
        return;
    case IPAM_EVENT_ALLOCATION_FAILED:
        text_add(t, "Failed to allocate IP for ");
        text_quote(t, e->service);
        text_add(t, ": ");
        return;
    case IPAM_EVENT_ADDITIONAL_ALLOCATED:
        text_add(t, "Assigned additional IP ");
        text_quote(t, e->addr_count > 0 ? ip_format(e->addrs[0]).s : NULL);
        return;
    case IPAM_EVENT_ALLOCATED:
        text_add(t, "Assigned IP ");
        add_quoted_ips(t, e->addrs, e->addr_count);
        return;
    }
}

void ipam_event_text(struct text *t, const struct ipam_event *e)
{
    add_event_head(t, e);
    ipam_reason_text(t, &e->why);
}
