/* SPDX-License-Identifier: Apache-2.0 */
/* Input: the kind that was asked for, and a line of a watch: event, then object. */
#include "kube/kube_status.h"
#include "kube/kube_watch_wire.h"

#include "fuzz.h"
#include "model/store.h"

#include <assert.h>
#include <string.h>

static void check_event(const struct kube_watch_event *e, const char *line, size_t len)
{
    const struct kube_item *o = &e->object;
    struct kube_status status = kube_status_of(o->doc);

    assert(json_is_object(o->doc));
    assert(o->bytes >= line && o->bytes + o->len <= line + len && o->len >= 2);
    assert(o->bytes[0] == '{' && o->bytes[o->len - 1] == '}');
    assert(o->name != NULL && o->namespace != NULL && o->resource_version != NULL);
    assert(!e->ends_initial_events || e->type == KUBE_WATCH_BOOKMARK);
    assert(status.code < 1000 && status.message != NULL && status.reason != NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    CLEANUP(kube_watch_event_done) struct kube_watch_event e = {0};
    CLEANUP(kube_list_meta_done) struct kube_list_meta meta = {0};
    CLEANUP(store_freep) struct store *store = store_new();
    CLEANUP(err_done) struct err err = {0};
    const char *line = (const char *)bytes + 1;
    struct object *o;
    enum object_kind kind;

    if (len < 1)
        return 0;
    kind = (enum object_kind)(bytes[0] % OBJECT_KINDS);
    if (kube_list_meta_read(&meta, line, len - 1, &err) == 0)
        assert(meta.resource_version != NULL && meta.continue_token != NULL);
    if (kube_watch_event_read(&e, line, len - 1, &err) < 0)
        return 0;
    check_event(&e, line, len - 1);
    if (kube_item_decode(&o, &e.object, kind, &err) < 0)
        return 0;
    assert(o->kind == kind && o->arena == NULL);
    assert(o->meta.name == o->meta.namespace + strlen(o->meta.namespace) + 1);
    store_put_take(store, o);
    assert(store_find(store, kind, o->meta.namespace, o->meta.name) == o);
    return 0;
}
