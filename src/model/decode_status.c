/* SPDX-License-Identifier: Apache-2.0 */
/* The objects in which MetalLB reports (spec api-and-config 1.8 to 1.10). */
#include "model/decode_int.h"

/* A list of mappings with a name each, read as the list of the names. */
static const struct field interface_fields[] = {
    {"name", FIELD_STRING, .offset = 0},
};
static const struct table interface_table = {
    .fields = interface_fields,
    .count = ARRAY_SIZE(interface_fields),
    .item_size = sizeof(const char *),
};

static const struct field l2_status_fields[] = {
    {"node", FIELD_STRING, AT(object, service_status.node)},
    {"serviceName", FIELD_STRING, AT(object, service_status.service)},
    {"serviceNamespace", FIELD_STRING, AT(object, service_status.service_namespace)},
    {"interfaces", FIELD_LIST,
     LIST_AT(object, service_status.names.items, service_status.names.count),
     .table = &interface_table},
};
static const struct table l2_status_table = TABLE(l2_status_fields);

static const struct field bgp_status_fields[] = {
    {"node", FIELD_STRING, AT(object, service_status.node)},
    {"serviceName", FIELD_STRING, AT(object, service_status.service)},
    {"serviceNamespace", FIELD_STRING, AT(object, service_status.service_namespace)},
    {"peers", FIELD_STRINGS, AT(object, service_status.names)},
};
static const struct table bgp_status_table = TABLE(bgp_status_fields);

static const struct field condition_fields[] = {
    {"type", FIELD_STRING, AT(condition, type)},
    {"status", FIELD_STRING, AT(condition, status)},
    {"reason", FIELD_STRING, AT(condition, reason)},
    {"message", FIELD_STRING, AT(condition, message)},
};
static const struct table condition_table = ITEM_TABLE(condition_fields, condition);

static const struct field state_fields[] = {
    {"result", FIELD_STRING, AT(object, configuration_state.result)},
    {"errorSummary", FIELD_STRING, AT(object, configuration_state.error_summary)},
    {"conditions", FIELD_LIST,
     LIST_AT(object, configuration_state.conditions, configuration_state.condition_count),
     .table = &condition_table},
};
static const struct table state_table = TABLE(state_fields);

static const struct field l2_status_doc[] = {
    {"status", FIELD_MAPPING, .table = &l2_status_table},
};
static const struct field bgp_status_doc[] = {
    {"status", FIELD_MAPPING, .table = &bgp_status_table},
};
static const struct field state_doc[] = {
    {"status", FIELD_MAPPING, .table = &state_table},
};

const struct schema schema_service_l2_status = {.table = TABLE(l2_status_doc)};
const struct schema schema_service_bgp_status = {.table = TABLE(bgp_status_doc)};
const struct schema schema_configuration_state = {.table = TABLE(state_doc)};
