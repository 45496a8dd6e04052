/* SPDX-License-Identifier: Apache-2.0 */
/* The kinds of Kubernetes itself, with the checks of the core API that the roles rely on. */
#include "model/decode_int.h"

#include "base/text.h"
#include "model/base64.h"

#include <string.h>

#define LABEL_SERVICE_NAME "kubernetes.io/service-name"
#define LABEL_EXCLUDE_FROM_LB "node.kubernetes.io/exclude-from-external-load-balancers"
#define PORT_MAX 65535

static const char *const service_types[] = {"ClusterIP", "NodePort", "LoadBalancer", "ExternalName",
                                            NULL};
static const char *const protocols[] = {"TCP", "UDP", "SCTP", NULL};
static const char *const family_policies[] = {"SingleStack", "PreferDualStack", "RequireDualStack",
                                              NULL};
static const char *const families[] = {"IPv4", "IPv6", NULL};
static const char *const traffic_policies[] = {"Cluster", "Local", NULL};
static const char *const address_types[] = {"IPv4", "IPv6", "FQDN", NULL};

static const struct field port_fields[] = {
    {"name", FIELD_STRING, AT(service_port, name)},
    {"protocol", FIELD_STRING, AT(service_port, protocol), .allowed = protocols, .initial = "TCP"},
    {"port", FIELD_U16, AT(service_port, port), .min = 1, .max = PORT_MAX, .required = true},
};
static const struct table port_table = ITEM_TABLE(port_fields, service_port);

static const struct field service_spec_fields[] = {
    {"type", FIELD_STRING, AT(object, service.type), .allowed = service_types,
     .initial = "ClusterIP"},
    {"clusterIP", FIELD_STRING, AT(object, service.cluster_ip)},
    {"clusterIPs", FIELD_STRINGS, AT(object, service.cluster_ips)},
    {"ipFamilies", FIELD_STRINGS, AT(object, service.ip_families), .allowed = families},
    {"ipFamilyPolicy", FIELD_STRING, AT(object, service.ip_family_policy),
     .allowed = family_policies},
    {"loadBalancerIP", FIELD_STRING, AT(object, service.load_balancer_ip)},
    {"loadBalancerClass", FIELD_STRING_OR_NULL, AT(object, service.load_balancer_class)},
    {"externalTrafficPolicy", FIELD_STRING, AT(object, service.external_traffic_policy),
     .allowed = traffic_policies},
    {"selector", FIELD_LABELS, AT(object, service.selector), .null_is_empty = true},
    {"ports", FIELD_LIST, LIST_AT(object, service.ports, service.port_count), .table = &port_table},
    {"publishNotReadyAddresses", FIELD_BOOL, AT(object, service.publish_not_ready_addresses)},
};
static const struct table service_spec_table = TABLE(service_spec_fields);

static const struct field ingress_fields[] = {
    {"ip", FIELD_STRING, AT(ingress, ip)},
    {"hostname", FIELD_STRING, AT(ingress, hostname)},
    {"ipMode", FIELD_STRING, AT(ingress, ip_mode)},
};
static const struct table ingress_table = ITEM_TABLE(ingress_fields, ingress);

static const struct field load_balancer_fields[] = {
    {"ingress", FIELD_LIST, LIST_AT(object, service.ingress, service.ingress_count),
     .table = &ingress_table},
};
static const struct table load_balancer_table = TABLE(load_balancer_fields);

static const struct field service_status_fields[] = {
    {"loadBalancer", FIELD_MAPPING, .table = &load_balancer_table},
};
static const struct table service_status_table = TABLE(service_status_fields);

static const struct field service_doc[] = {
    {"spec", FIELD_MAPPING, .table = &service_spec_table},
    {"status", FIELD_MAPPING, .table = &service_status_table},
};
const struct schema schema_service = {.table = TABLE(service_doc)};

static const struct field endpoint_conditions_fields[] = {
    {"ready", FIELD_TRI, AT(endpoint, ready)},
    {"serving", FIELD_TRI, AT(endpoint, serving)},
    {"terminating", FIELD_TRI, AT(endpoint, terminating)},
};
static const struct table endpoint_conditions_table = TABLE(endpoint_conditions_fields);

static const struct field endpoint_fields[] = {
    {"addresses", FIELD_STRINGS, AT(endpoint, addresses)},
    {"nodeName", FIELD_STRING, AT(endpoint, node)},
    {"conditions", FIELD_MAPPING, .table = &endpoint_conditions_table},
};
static const struct table endpoint_table = ITEM_TABLE(endpoint_fields, endpoint);

static const struct field slice_doc[] = {
    {"addressType", FIELD_STRING, AT(object, slice.address_type), .allowed = address_types,
     .required = true},
    {"endpoints", FIELD_LIST, LIST_AT(object, slice.endpoints, slice.endpoint_count),
     .table = &endpoint_table},
};

static void finish_slice(struct reader *r, const json_t *doc, struct object *o)
{
    const char *service = label_find(&o->meta.labels, LABEL_SERVICE_NAME);

    (void)r;
    (void)doc;
    o->slice.service = service != NULL ? service : "";
}

const struct schema schema_endpoint_slice = {.table = TABLE(slice_doc), .finish = finish_slice};

/* Reads what the object does not keep: the strings go to another arena. */
static void read_scratch(struct reader *r, struct arena *a, const json_t *doc,
                         const struct table *table, void *base)
{
    struct reader scratch = *r;

    scratch.arena = a;
    scratch.pack = NULL;
    scratch.room_left = 0;
    table_read(&scratch, NULL, doc, table, base);
    r->invalid = scratch.invalid;
}

struct node_condition {
    const char *type, *status;
};

struct node_address {
    const char *type, *address;
};

/* Of a Node, what is not kept as it is. */
struct node_details {
    struct node_condition *conditions;
    size_t condition_count;
    struct node_address *addresses;
    size_t address_count;
};

static const struct field condition_fields[] = {
    {"type", FIELD_STRING, AT(node_condition, type)},
    {"status", FIELD_STRING, AT(node_condition, status)},
};
static const struct table condition_table = ITEM_TABLE(condition_fields, node_condition);

static const struct field address_fields[] = {
    {"type", FIELD_STRING, AT(node_address, type)},
    {"address", FIELD_STRING, AT(node_address, address)},
};
static const struct table address_table = ITEM_TABLE(address_fields, node_address);

static const struct field node_status_fields[] = {
    {"conditions", FIELD_LIST, LIST_AT(node_details, conditions, condition_count),
     .table = &condition_table},
    {"addresses", FIELD_LIST, LIST_AT(node_details, addresses, address_count),
     .table = &address_table},
};
static const struct table node_status_table = TABLE(node_status_fields);

static const struct field node_scratch_doc[] = {
    {"status", FIELD_MAPPING, .table = &node_status_table},
};
static const struct table node_scratch_table = TABLE(node_scratch_doc);

/* Spec speaker-l2 8.3: only the status True matters. */
static bool lacks_network(const struct node_details *d)
{
    for (size_t i = 0; i < d->condition_count; i++) {
        if (str_eq(d->conditions[i].type, "NetworkUnavailable"))
            return str_eq(d->conditions[i].status, "True"); /* of two, the first counts */
    }
    return false;
}

static struct ip internal_address(const struct node_details *d, enum ip_family family)
{
    struct ip ip;

    for (size_t i = 0; i < d->address_count; i++) {
        const struct node_address *a = &d->addresses[i];

        if (str_eq(a->type, "InternalIP") && a->address != NULL && ip_parse(&ip, a->address) &&
            ip.family == family)
            return ip;
    }
    return (struct ip){.family = IP_NONE};
}

static enum node_drain drain_of(const struct meta *m)
{
    const char *value = label_find(&m->annotations, ANNOTATION_DRAIN);

    if (value == NULL || str_eq(value, "false"))
        return NODE_DRAIN_NO;
    return str_eq(value, "force") ? NODE_DRAIN_FORCE : NODE_DRAIN;
}

static void finish_node(struct reader *r, const json_t *doc, struct object *o)
{
    CLEANUP(arena_freep) struct arena *scratch = arena_new();
    struct node_details d = {0};

    read_scratch(r, scratch, doc, &node_scratch_table, &d);
    o->node.network_unavailable = lacks_network(&d);
    /* It counts with any value. */
    o->node.exclude_from_lb = label_find(&o->meta.labels, LABEL_EXCLUDE_FROM_LB) != NULL;
    o->node.drain = drain_of(&o->meta);
    o->node.internal_v4 = internal_address(&d, IP_V4);
    o->node.internal_v6 = internal_address(&d, IP_V6);
}

const struct schema schema_node = {.finish = finish_node};
const struct schema schema_namespace = {0};

static const struct field pod_spec_fields[] = {
    {"nodeName", FIELD_STRING, AT(object, pod.node)},
};
static const struct table pod_spec_table = TABLE(pod_spec_fields);

static const struct field pod_status_fields[] = {
    {"phase", FIELD_STRING, AT(object, pod.phase)},
    {"podIP", FIELD_STRING, AT(object, pod.ip)},
};
static const struct table pod_status_table = TABLE(pod_status_fields);

static const struct field pod_doc[] = {
    {"spec", FIELD_MAPPING, .table = &pod_spec_table},
    {"status", FIELD_MAPPING, .table = &pod_status_table},
};
const struct schema schema_pod = {.table = TABLE(pod_doc)};

static const struct field secret_doc[] = {
    {"type", FIELD_STRING, AT(object, secret.type), .initial = "Opaque"},
};

struct passwords {
    const char *encoded, *plain; /* NULL when absent */
};

static const struct field secret_data_fields[] = {
    {"password", FIELD_STRING_OR_NULL, AT(passwords, encoded)},
};
static const struct table secret_data_table = TABLE(secret_data_fields);

static const struct field secret_string_data_fields[] = {
    {"password", FIELD_STRING_OR_NULL, AT(passwords, plain)},
};
static const struct table secret_string_data_table = TABLE(secret_string_data_fields);

static const struct field secret_scratch_doc[] = {
    {"data", FIELD_MAPPING, .table = &secret_data_table},
    {"stringData", FIELD_MAPPING, .table = &secret_string_data_table},
};
static const struct table secret_scratch_table = TABLE(secret_scratch_doc);

/* The bytes of data.password as text, or NULL after a fault. The value itself appears in no
 * message. */
static const char *decode_password(struct reader *r, struct arena *scratch, const char *encoded)
{
    struct path data = {.name = "data"}, at = {.up = &data, .name = "password"};
    uint8_t *bytes;
    size_t len;

    if (!base64_decode(&bytes, &len, scratch, encoded)) {
        reader_fault(r, &at, "not valid base64; plain text belongs into stringData");
        return NULL;
    }
    if (memchr(bytes, '\0', len) != NULL) {
        reader_fault(r, &at, "holds a NUL byte");
        return NULL;
    }
    return (const char *)bytes;
}

static void finish_secret(struct reader *r, const json_t *doc, struct object *o)
{
    CLEANUP(arena_freep) struct arena *scratch = arena_new();
    struct passwords p = {0};
    const char *password = NULL;

    read_scratch(r, scratch, doc, &secret_scratch_table, &p);
    if (p.encoded != NULL)
        password = decode_password(r, scratch, p.encoded);
    if (p.plain != NULL)
        password = p.plain; /* stringData overwrites data */
    o->secret.has_password = password != NULL;
    o->secret.password = password != NULL ? reader_keep(r, password) : "";
}

const struct schema schema_secret = {.table = TABLE(secret_doc), .finish = finish_secret};

static const struct field config_map_doc[] = {
    {"data", FIELD_LABELS, AT(object, config_map.data)},
};
const struct schema schema_config_map = {.table = TABLE(config_map_doc)};
