/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/kube_lease_wire.h"

#include "base/mem.h"
#include "base/text.h"
#include "kube/kube_body.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Absent, and null, is "". */
NODISCARD static int read_text(char *ret, size_t size, const json_t *spec, const char *name,
                               struct err *err)
{
    const json_t *v = json_object_get(spec, name);
    size_t len = json_string_length(v);

    if (v == NULL || json_is_null(v)) {
        ret[0] = '\0';
        return 0;
    }
    if (!json_is_string(v) || len >= size || memchr(json_string_value(v), '\0', len) != NULL)
        return err_set(err, -EBADMSG, "spec.%s of a Lease cannot be read", name);
    memcpy(ret, json_string_value(v), len + 1);
    return 0;
}

NODISCARD static int read_number(int64_t *ret, const json_t *spec, const char *name,
                                 struct err *err)
{
    const json_t *v = json_object_get(spec, name);

    if (v != NULL && !json_is_null(v) && !json_is_integer(v))
        return err_set(err, -EBADMSG, "spec.%s of a Lease cannot be read", name);
    *ret = json_integer_value(v); /* 0 of what is no integer */
    return 0;
}

NODISCARD static int read_spec(struct lease_record *ret, const json_t *spec, struct err *err)
{
    struct lease_record r = {0};

    if (read_text(r.holder, sizeof(r.holder), spec, "holderIdentity", err) < 0 ||
        read_text(r.acquired, sizeof(r.acquired), spec, "acquireTime", err) < 0 ||
        read_text(r.renewed, sizeof(r.renewed), spec, "renewTime", err) < 0 ||
        read_number(&r.duration_s, spec, "leaseDurationSeconds", err) < 0 ||
        read_number(&r.transitions, spec, "leaseTransitions", err) < 0)
        return err->code;
    *ret = r;
    return 0;
}

int lease_read(struct lease_record *ret, const char *bytes, size_t len, struct err *err)
{
    CLEANUP(kube_body_done) struct kube_body j = {0};
    const json_t *spec;
    int r;

    r = kube_body_read(&j, bytes, len, err);
    if (r < 0)
        return r;
    spec = json_object_get(j.value, "spec");
    if (!str_eq(json_string_value(json_object_get(j.value, "kind")), "Lease") ||
        (spec != NULL && !json_is_object(spec)))
        return err_set(err, -EBADMSG, "the server's answer is no Lease");
    return read_spec(ret, spec, err);
}

/* A time that nobody has set is absent. */
static void set_time(json_t *spec, const char *name, const char *value)
{
    if (str_empty(value))
        json_object_del(spec, name);
    else
        json_object_set_new(spec, name, json_string(value));
}

static void set_spec(json_t *spec, const struct lease_record *r)
{
    json_object_set_new(spec, "holderIdentity", json_string(r->holder));
    json_object_set_new(spec, "leaseDurationSeconds", json_integer(r->duration_s));
    set_time(spec, "acquireTime", r->acquired);
    set_time(spec, "renewTime", r->renewed);
    json_object_set_new(spec, "leaseTransitions", json_integer(r->transitions));
}

char *lease_write_new(const char *namespace, const char *name, const struct lease_record *record,
                      size_t *ret_len)
{
    struct kube_body j = {.value = json_pack("{s:s, s:s, s:{s:s, s:s}, s:{}}", "apiVersion",
                                             "coordination.k8s.io/v1", "kind", "Lease", "metadata",
                                             "name", name, "namespace", namespace, "spec")};
    char *bytes;

    set_spec(json_object_get(j.value, "spec"), record);
    bytes = kube_body_write(&j, ret_len);
    kube_body_done(&j);
    return bytes;
}

int lease_write_changed(char **ret, size_t *ret_len, const char *bytes, size_t len,
                        const struct lease_record *record, struct err *err)
{
    CLEANUP(kube_body_done) struct kube_body j = {0};
    json_t *spec;
    int r;

    r = kube_body_read(&j, bytes, len, err);
    if (r < 0)
        return r;
    json_object_del(json_object_get(j.value, "metadata"), "managedFields");
    spec = json_object_get(j.value, "spec");
    if (!json_is_object(spec)) {
        spec = json_object();
        json_object_set_new(j.value, "spec", spec);
    }
    set_spec(spec, record);
    *ret = kube_body_write(&j, ret_len);
    return 0;
}
