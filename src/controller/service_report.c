/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/service_report.h"

#include "base/log.h"
#include "controller/service_status.h"

/* What MetalLB logs beside each Event. */
struct line {
    enum log_level level;
    const char *event, *message;
};

static struct line line_of(enum ipam_event_kind kind)
{
    switch (kind) {
    case IPAM_EVENT_NOT_ENOUGH_CLUSTER_IPS:
        return (struct line){LOG_ERROR, "clearAssignment", "not enough clusterips"};
    case IPAM_EVENT_NO_LB_IPS_FAMILY:
        return (struct line){LOG_ERROR, "nolbIPsIPFamily", "Failed to retrieve lbIPs family"};
    case IPAM_EVENT_NO_CLUSTER_IPS_FAMILY:
        return (struct line){LOG_ERROR, "noclusterIPsIPFamily",
                             "Failed to retrieve clusterIPs family"};
    case IPAM_EVENT_CLEAR_ASSIGNMENT:
        return (struct line){LOG_INFO, "clearAssignment",
                             "current IP not allowed by config, clearing"};
    case IPAM_EVENT_LOAD_BALANCER_FAILED:
        return (struct line){LOG_ERROR, "loadbalancerFailed", "invalid requested loadbalancer IPs"};
    case IPAM_EVENT_ADDITIONAL_FAILED:
        return (struct line){LOG_INFO, "additionalAssignFailed",
                             "cannot assign additional IP in PreferDualStack"};
    case IPAM_EVENT_ALLOCATION_FAILED:
        return (struct line){LOG_ERROR, "allocationFailed", "IP allocation failed"};
    case IPAM_EVENT_ADDITIONAL_ALLOCATED:
        return (struct line){LOG_INFO, "ipAllocated",
                             "Additional IP address assigned by controller"};
    case IPAM_EVENT_ALLOCATED:
        return (struct line){LOG_INFO, "ipAllocated", "IP address assigned by controller"};
    case IPAM_EVENT_NO_POOLS:
        return (struct line){LOG_INFO, "clearAssignment", "No pools are configured"};
    case IPAM_EVENT_NO_CLUSTER_IP:
        return (struct line){LOG_INFO, "clearAssignment", "No ClusterIPs"};
    }
    return (struct line){LOG_ERROR, "", ""};
}

static void add_ips(struct text *t, const struct ipam_event *e)
{
    for (size_t i = 0; i < e->addr_count; i++)
        text_printf(t, "%s%s", i > 0 ? "," : "", ip_format(e->addrs[i]).s);
}

static void log_event(const struct ipam_event *e)
{
    struct line line = line_of(e->kind);
    CLEANUP(text_done) struct text ips = {0}, why = {0};

    if (e->why.code == IPAM_OK) {
        add_ips(&ips, e);
        LOG_AT(line.level, line.message, F_S("event", line.event), F_S("service", e->service),
               F_S("ip", text_str(&ips)));
        return;
    }
    ipam_reason_text(&why, &e->why);
    LOG_AT(line.level, line.message, F_S("event", line.event), F_S("service", e->service),
           F_S(line.level == LOG_ERROR ? "error" : "reason", text_str(&why)));
}

static void report_event(struct kube_events *events, const struct object *service,
                         const struct ipam_event *e)
{
    CLEANUP(text_done) struct text t = {0};

    ipam_event_text(&t, e);
    log_event(e);
    kube_event(events, service,
               ipam_event_is_warning(e->kind) ? KUBE_EVENT_WARNING : KUBE_EVENT_NORMAL,
               ipam_event_reason(e->kind), "%s", text_str(&t));
}

void service_report_verdict(struct kube_events *events, const struct object *service,
                            const struct ipam_verdict *v)
{
    for (size_t i = 0; i < v->event_count; i++)
        report_event(events, service, &v->events[i]);
}

void service_report_deprecated(struct kube_events *events, const struct object *service)
{
    const struct label_set *set = &service->meta.annotations;

    for (size_t i = 0; i < set->count; i++) {
        const char *key = set->items[i].key;

        if (!service_annotation_is_deprecated(key))
            continue;
        log_warn("Service uses deprecated annotation", F_S("event", "deprecatedAnnotation"),
                 F_S("service", service->meta.name), F_S("namespace", service->meta.namespace),
                 F_S("annotation", key));
        kube_event(events, service, KUBE_EVENT_WARNING, "deprecatedAnnotation",
                   "Service uses deprecated annotation %s", key);
    }
}
