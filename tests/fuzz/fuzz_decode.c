/* SPDX-License-Identifier: Apache-2.0 */
/* Any JSON document through the object decoder: it must not crash, and what it accepts keeps the
 * promises of object.h. */
#include "fuzz.h"

#include "model/decode.h"
#include "model/store.h"

#include <assert.h>
#include <string.h>

static void check_labels(const struct label_set *set)
{
    for (size_t i = 0; i < set->count; i++) {
        assert(set->items[i].value != NULL);
        assert(i == 0 || strcmp(set->items[i - 1].key, set->items[i].key) < 0);
    }
}

static void check_strings(const struct string_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        assert(list->items[i] != NULL);
}

static void check_selectors(const struct selector_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        check_labels(&list->items[i].labels);
        for (size_t j = 0; j < list->items[i].expr_count; j++) {
            assert(list->items[i].exprs[j].key != NULL && list->items[i].exprs[j].op != NULL);
            check_strings(&list->items[i].exprs[j].values);
        }
    }
}

static void check_slice(const struct endpoint_slice *s)
{
    assert(s->service != NULL && s->address_type != NULL);
    for (size_t i = 0; i < s->endpoint_count; i++) {
        assert(s->endpoints[i].node != NULL);
        check_strings(&s->endpoints[i].addresses);
    }
}

static void check_service(const struct service *s)
{
    assert(s->type != NULL && s->cluster_ip != NULL && s->ip_family_policy != NULL);
    check_strings(&s->cluster_ips);
    check_labels(&s->selector);
    for (size_t i = 0; i < s->port_count; i++)
        assert(s->ports[i].protocol != NULL && s->ports[i].name != NULL);
    for (size_t i = 0; i < s->ingress_count; i++)
        assert(s->ingress[i].ip != NULL && s->ingress[i].hostname != NULL &&
               s->ingress[i].ip_mode != NULL);
}

static void check_object(const struct object *o)
{
    assert(*o->meta.name != '\0' && o->meta.namespace != NULL && o->meta.uid != NULL);
    check_labels(&o->meta.labels);
    check_labels(&o->meta.annotations);
    if (o->kind == OBJ_SERVICE)
        check_service(&o->service);
    if (o->kind == OBJ_ENDPOINT_SLICE)
        check_slice(&o->slice);
    if (o->kind == OBJ_IP_ADDRESS_POOL)
        check_selectors(&o->pool.service_selectors);
    if (o->kind == OBJ_BGP_PEER) {
        check_selectors(&o->peer.node_selectors);
        assert(o->peer.port != 0 && o->peer.vrf != NULL && o->peer.secret_name != NULL);
    }
    if (o->kind == OBJ_SECRET)
        assert(o->secret.password != NULL && o->secret.type != NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    json_t *doc = json_loadb((const char *)bytes, len, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    CLEANUP(store_freep) struct store *store = store_new();
    CLEANUP(fault_list_done) struct fault_list faults = {0};
    CLEANUP(err_done) struct err err = {0};
    struct object *o = NULL;
    enum decode_result result;

    if (doc == NULL)
        return 0;
    result = object_decode(&o, doc, (struct origin){.file = "fuzz.json", .line = 1}, &faults, &err);
    json_decref(doc); /* the object must not point into it */
    assert((o != NULL) == (result == DECODE_OK));
    assert((err.text != NULL) == (result == DECODE_NOT_OBJECT));
    assert(result != DECODE_INVALID || faults.count > 0);
    if (o != NULL) {
        check_object(o);
        store_put_take(store, o);
    }
    return 0;
}
