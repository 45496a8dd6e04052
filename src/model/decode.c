/* SPDX-License-Identifier: Apache-2.0 */
#include "model/decode.h"

#include "base/text.h"
#include "model/decode_int.h"
#include "model/decode_pack.h"
#include "model/dns_name.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

static const struct kind_row {
    const char *api_version, *kind;
    enum object_kind object;
    const struct schema *schema;
} kinds[] = {
    {"metallb.io/v1beta1", "IPAddressPool", OBJ_IP_ADDRESS_POOL, &schema_ip_address_pool},
    {"metallb.io/v1beta1", "L2Advertisement", OBJ_L2_ADVERTISEMENT, &schema_l2_advertisement},
    {"metallb.io/v1beta1", "BGPAdvertisement", OBJ_BGP_ADVERTISEMENT, &schema_bgp_advertisement},
    {"metallb.io/v1beta1", "BGPPeer", OBJ_BGP_PEER, &schema_bgp_peer_v1beta1},
    {"metallb.io/v1beta2", "BGPPeer", OBJ_BGP_PEER, &schema_bgp_peer_v1beta2},
    {"metallb.io/v1beta1", "BFDProfile", OBJ_BFD_PROFILE, &schema_bfd_profile},
    {"metallb.io/v1beta1", "Community", OBJ_COMMUNITY, &schema_community},
    {"v1", "Service", OBJ_SERVICE, &schema_service},
    {"discovery.k8s.io/v1", "EndpointSlice", OBJ_ENDPOINT_SLICE, &schema_endpoint_slice},
    {"discovery.k8s.io/v1beta1", "EndpointSlice", OBJ_ENDPOINT_SLICE, &schema_endpoint_slice},
    {"v1", "Node", OBJ_NODE, &schema_node},
    {"v1", "Namespace", OBJ_NAMESPACE, &schema_namespace},
    {"v1", "Pod", OBJ_POD, &schema_pod},
    {"v1", "Secret", OBJ_SECRET, &schema_secret},
    {"v1", "ConfigMap", OBJ_CONFIG_MAP, &schema_config_map},
    {"metallb.io/v1beta1", "ServiceL2Status", OBJ_SERVICE_L2_STATUS, &schema_service_l2_status},
    {"metallb.io/v1beta1", "ServiceBGPStatus", OBJ_SERVICE_BGP_STATUS, &schema_service_bgp_status},
    {"metallb.io/v1beta1", "ConfigurationState", OBJ_CONFIGURATION_STATE,
     &schema_configuration_state},
};

static const struct field identity_fields[] = {
    {"name", FIELD_STRING, AT(object, meta.name)},
    {"namespace", FIELD_STRING, AT(object, meta.namespace)},
};
static const struct table identity_table = TABLE(identity_fields);

static const struct field meta_fields[] = {
    {"uid", FIELD_STRING, AT(object, meta.uid)},
    {"resourceVersion", FIELD_STRING, AT(object, meta.resource_version)},
    {"creationTimestamp", FIELD_TIME, AT(object, meta.created_ns)},
    {"labels", FIELD_LABELS, AT(object, meta.labels), .null_is_empty = true},
    {"annotations", FIELD_LABELS, AT(object, meta.annotations), .null_is_empty = true},
};
static const struct table meta_table = TABLE(meta_fields);

static const struct kind_row *kind_find(const char *api_version, const char *kind)
{
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
        if (strcmp(kinds[i].kind, kind) == 0 && strcmp(kinds[i].api_version, api_version) == 0)
            return &kinds[i];
    }
    return NULL;
}

/* A field that every object has; NULL with `err` when it is missing or no text. */
static const char *type_field(const json_t *doc, const char *name, struct err *err)
{
    const json_t *v = json_object_get(doc, name);

    if (v == NULL || json_is_null(v)) {
        err_set(err, -EINVAL, "not a Kubernetes object: %s is missing", name);
        return NULL;
    }
    if (!json_is_string(v)) {
        err_set(err, -EINVAL, "not a Kubernetes object: %s is not a string", name);
        return NULL;
    }
    if (json_string_length(v) == 0) {
        err_set(err, -EINVAL, "not a Kubernetes object: %s is empty", name);
        return NULL;
    }
    return json_string_value(v);
}

static bool is_cluster_scoped(enum object_kind kind)
{
    return kind == OBJ_NODE || kind == OBJ_NAMESPACE;
}

/* Where an object is whose document says `given`. */
static const char *namespace_for(enum object_kind kind, const char *given)
{
    if (is_cluster_scoped(kind))
        return "";
    return *given == '\0' && !object_kind_is_config(kind) ? "default" : given;
}

static void check_name(struct reader *r, const struct path *at, const char *name, bool as_label)
{
    CLEANUP(text_done) struct text t = {0};

    if (*name == '\0' || (as_label ? dns_is_label(name) : dns_is_subdomain(name, strlen(name))))
        return;
    text_quote(&t, name);
    reader_fault(r, at,
                 "%s is not a valid name: at most %d of a-z, 0-9%s and '-', beginning and ending "
                 "with a letter or digit",
                 text_str(&t), as_label ? DNS_LABEL_MAX : DNS_SUBDOMAIN_MAX,
                 as_label ? "" : ", '.'");
}

/* A name of the wrong type was reported when it was read. Nothing else tells a person which object
 * has none. */
static void check_name_is_given(struct reader *r, const struct path *at, const json_t *name,
                                const struct origin *origin)
{
    if (name != NULL && !json_is_null(name) &&
        !(json_is_string(name) && json_string_length(name) == 0))
        return;
    if (*origin->file != '\0')
        reader_refuse(r, at, "required (%s:%u)", origin->file, origin->line);
    else
        reader_refuse(r, at, "required");
}

/* Name and namespace come first, since every fault is said to be of the object with that name. */
static void read_identity(struct reader *r, const struct path *metadata, const json_t *mapping,
                          struct object *o)
{
    struct path name_at = {.up = metadata, .name = "name"};
    struct path namespace_at = {.up = metadata, .name = "namespace"};
    /* These two become a part of host names in the cluster. */
    bool as_label = o->kind == OBJ_NAMESPACE || o->kind == OBJ_SERVICE;

    table_read(r, metadata, mapping, &identity_table, o);
    o->meta.namespace = namespace_for(o->kind, o->meta.namespace);
    check_name_is_given(r, &name_at, json_object_get(mapping, "name"), &o->origin);
    check_name(r, &name_at, o->meta.name, as_label);
    check_name(r, &namespace_at, o->meta.namespace, true);
}

static void read_meta(struct reader *r, const json_t *doc, struct object *o)
{
    struct path at = {.name = "metadata"};
    const json_t *mapping = json_object_get(doc, "metadata");

    if (mapping != NULL && !json_is_null(mapping) && !reader_expect_mapping(r, &at, mapping))
        return;
    read_identity(r, &at, mapping, o);
    table_read(r, &at, mapping, &meta_table, o);
}

static struct object *object_new(enum object_kind kind, struct origin origin)
{
    struct arena *arena = arena_new();
    struct object *o = arena_alloc(arena, sizeof(*o));

    o->arena = arena;
    o->kind = kind;
    o->origin.file = str_empty(origin.file) ? "" : arena_strdup(arena, origin.file);
    o->origin.line = origin.line;
    o->meta.name = "";
    o->meta.namespace = "";
    return o;
}

/* The row of a document's kind. */
static enum decode_result find_row(const struct kind_row **ret, const json_t *doc, struct err *err)
{
    const char *api_version, *kind;

    if (!json_is_object(doc)) {
        err_set(err, -EINVAL, "not a Kubernetes object: expected a mapping");
        return DECODE_NOT_OBJECT;
    }
    api_version = type_field(doc, "apiVersion", err);
    kind = api_version != NULL ? type_field(doc, "kind", err) : NULL;
    if (kind == NULL)
        return DECODE_NOT_OBJECT;
    *ret = kind_find(api_version, kind);
    return *ret != NULL ? DECODE_OK : DECODE_IGNORED;
}

/* False when the document is invalid. */
static bool read_document(struct reader *r, const json_t *doc, const struct schema *schema,
                          struct object *o)
{
    r->object = o;
    r->version = schema->version;
    read_meta(r, doc, o);
    table_read(r, NULL, doc, &schema->table, o);
    if (schema->finish != NULL)
        schema->finish(r, doc, o);
    return !r->invalid;
}

enum decode_result object_decode(struct object **ret, const json_t *doc, struct origin origin,
                                 struct fault_list *faults, struct err *err)
{
    CLEANUP(object_freep) struct object *o = NULL;
    struct reader r = {.faults = faults};
    const struct kind_row *row = NULL;
    enum decode_result result = find_row(&row, doc, err);

    if (result != DECODE_OK)
        return result;
    o = object_new(row->object, origin);
    r.arena = o->arena;
    if (!read_document(&r, doc, row->schema, o))
        return DECODE_INVALID;
    *ret = TAKE(o);
    return DECODE_OK;
}

/* Puts the object into the block of a pack that has been measured. */
static struct object *fill(struct pack *pack, const json_t *doc, const struct kind_row *row)
{
    CLEANUP(fault_list_done)
    struct fault_list known = {0}; /* they were told when it was measured */
    struct reader r = {.pack = pack, .faults = &known};
    struct object *o = pack_open(pack, row->object);
    bool is_valid = read_document(&r, doc, row->schema, o);

    assert(is_valid); /* as it was a moment ago */
    o->meta.namespace = pack_key(pack);
    o->meta.name = o->meta.namespace + strlen(o->meta.namespace) + 1;
    return o;
}

enum decode_result object_decode_packed(struct object **ret, const json_t *doc,
                                        struct fault_list *faults, struct err *err)
{
    CLEANUP(object_freep) struct object *loose = NULL;
    CLEANUP(pack_done) struct pack pack = {0};
    struct reader r = {.pack = &pack, .faults = faults};
    const struct kind_row *row = NULL;
    enum decode_result result = find_row(&row, doc, err);
    const json_t *meta = json_object_get(doc, "metadata");
    const char *namespace = json_string_value(json_object_get(meta, "namespace"));
    const char *name = json_string_value(json_object_get(meta, "name"));

    if (result != DECODE_OK)
        return result;
    loose = object_new(row->object, (struct origin){.file = ""});
    r.arena = loose->arena;
    pack_set_key(&pack, namespace_for(row->object, namespace != NULL ? namespace : ""),
                 name != NULL ? name : "");
    if (!read_document(&r, doc, row->schema, loose))
        return DECODE_INVALID;
    *ret = fill(&pack, doc, row);
    return DECODE_OK;
}
