/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/review_wire.h"

#include "base/text.h"

#include <errno.h>

#define EVERYBODY "system:authenticated"

static char *dump_take(json_t *o_take)
{
    char *text = json_dumps(o_take, JSON_COMPACT);

    json_decref(o_take);
    return text;
}

char *review_of_token(const char *token)
{
    return dump_take(json_pack("{s:s, s:s, s:{s:s}}", "apiVersion", "authentication.k8s.io/v1",
                               "kind", "TokenReview", "spec", "token", token));
}

static json_t *groups_of(const json_t *user)
{
    const json_t *had = json_object_get(user, "groups");
    json_t *groups = json_array();
    bool has_everybody = false;

    for (size_t i = 0; i < json_array_size(had); i++) {
        const char *group = json_string_value(json_array_get(had, i));

        has_everybody = has_everybody || str_eq(group, EVERYBODY);
        if (group != NULL)
            json_array_append_new(groups, json_string(group));
    }
    if (!has_everybody)
        json_array_append_new(groups, json_string(EVERYBODY));
    return groups;
}

char *review_of_access(json_t *user, const char *verb, const char *path)
{
    json_t *o =
        json_pack("{s:s, s:s, s:{s:s, s:o, s:{s:s, s:s}}}", "apiVersion", "authorization.k8s.io/v1",
                  "kind", "SubjectAccessReview", "spec", "user", review_user_name(user), "groups",
                  groups_of(user), "nonResourceAttributes", "verb", verb, "path", path);
    json_t *spec = json_object_get(o, "spec");
    static const char *const as_they_are[] = {"uid", "extra"};

    for (size_t i = 0; i < ARRAY_SIZE(as_they_are); i++) {
        json_t *value = json_object_get(user, as_they_are[i]);

        if (value != NULL)
            json_object_set(spec, as_they_are[i], value);
    }
    return dump_take(o);
}

/* The status of an answer, a new reference. */
NODISCARD static int read_status(json_t **ret, const char *bytes, size_t len, struct err *err)
{
    json_t *o = json_loadb(bytes, len, 0, NULL);
    json_t *status = json_incref(json_object_get(o, "status"));

    json_decref(o);
    if (!json_is_object(status)) {
        json_decref(status);
        return err_set(err, -EBADMSG, "the answer of the API server has no status");
    }
    *ret = status;
    return 0;
}

int review_read_token(json_t **ret_user, const char *bytes, size_t len, struct err *err)
{
    json_t *status, *user = NULL;
    int r = read_status(&status, bytes, len, err);

    if (r < 0)
        return r;
    if (json_is_true(json_object_get(status, "authenticated")))
        user = json_object_get(status, "user");
    *ret_user = json_is_object(user) ? json_incref(user) : NULL;
    json_decref(status);
    return 0;
}

int review_read_access(bool *ret_allowed, const char *bytes, size_t len, struct err *err)
{
    json_t *status;
    int r = read_status(&status, bytes, len, err);

    if (r < 0)
        return r;
    *ret_allowed = json_is_true(json_object_get(status, "allowed")) &&
                   !json_is_true(json_object_get(status, "denied"));
    json_decref(status);
    return 0;
}

const char *review_user_name(const json_t *user)
{
    const char *name = json_string_value(json_object_get(user, "username"));

    return name != NULL ? name : "";
}
