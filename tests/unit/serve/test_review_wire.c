/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/review_wire.h"

#include "base/mem.h"
#include "base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void asks_for_the_user(void **state)
{
    CLEANUP(xfreep) char *text = review_of_token("a.b");

    (void)state;
    assert_string_equal(text,
                        "{\"apiVersion\":\"authentication.k8s.io/v1\",\"kind\":\"TokenReview\","
                        "\"spec\":{\"token\":\"a.b\"}}");
}

static const struct {
    const char *name, *answer;
    int want;
    const char *user; /* NULL: nobody's */
} tokens[] = {
    {"somebody's", "{\"status\":{\"authenticated\":true,\"user\":{\"username\":\"a\"}}}", 0, "a"},
    {"nobody's", "{\"status\":{\"error\":\"no\"}}", 0, NULL},
    {"not authenticated", "{\"status\":{\"authenticated\":false,\"user\":{\"username\":\"a\"}}}", 0,
     NULL},
    {"no user", "{\"status\":{\"authenticated\":true}}", 0, NULL},
    {"a nameless user", "{\"status\":{\"authenticated\":true,\"user\":{}}}", 0, ""},
    {"no status", "{}", -1, NULL},
    {"another status", "{\"kind\":\"Status\",\"status\":\"Failure\"}", -1, NULL},
    {"no object", "[]", -1, NULL},
    {"no JSON", "", -1, NULL},
};

static void reads_the_user(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(tokens); i++) {
        CLEANUP(err_done) struct err err = {0};
        json_t *user = NULL;
        int r = review_read_token(&user, tokens[i].answer, strlen(tokens[i].answer), &err);

        if ((r < 0) != (tokens[i].want < 0) ||
            !str_eq(user != NULL ? review_user_name(user) : NULL, tokens[i].user))
            fail_msg("%s: %d", tokens[i].name, r);
        json_decref(user);
    }
}

static const struct {
    const char *name, *user, *want; /* of spec, before the attributes */
} users[] = {
    {"all of it",
     "{\"username\":\"a\",\"uid\":\"1\",\"groups\":[\"g\",\"system:authenticated\"],"
     "\"extra\":{\"k\":[\"v\"]}}",
     "{\"user\":\"a\",\"groups\":[\"g\",\"system:authenticated\"],\"nonResourceAttributes\":"
     "{\"verb\":\"get\",\"path\":\"/metrics\"},\"uid\":\"1\",\"extra\":{\"k\":[\"v\"]}}"},
    {"the group of all", "{\"username\":\"a\",\"groups\":[\"g\"]}",
     "{\"user\":\"a\",\"groups\":[\"g\",\"system:authenticated\"],\"nonResourceAttributes\":"
     "{\"verb\":\"get\",\"path\":\"/metrics\"}}"},
    {"no groups", "{\"username\":\"a\"}",
     "{\"user\":\"a\",\"groups\":[\"system:authenticated\"],\"nonResourceAttributes\":"
     "{\"verb\":\"get\",\"path\":\"/metrics\"}}"},
};

static void asks_for_the_right(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(users); i++) {
        json_t *user = json_loads(users[i].user, 0, NULL);
        CLEANUP(xfreep) char *got = review_of_access(user, "get", "/metrics");
        CLEANUP(xfreep)
        char *want = xasprintf("{\"apiVersion\":\"authorization.k8s.io/v1\",\"kind\":"
                               "\"SubjectAccessReview\",\"spec\":%s}",
                               users[i].want);

        json_decref(user);
        if (!str_eq(got, want))
            fail_msg("%s: %s", users[i].name, got);
    }
}

static const struct {
    const char *name, *answer;
    int want;
    bool allowed;
} rights[] = {
    {"allowed", "{\"status\":{\"allowed\":true}}", 0, true},
    {"not allowed", "{\"status\":{\"allowed\":false,\"reason\":\"no\"}}", 0, false},
    {"denied", "{\"status\":{\"allowed\":true,\"denied\":true}}", 0, false},
    {"not said", "{\"status\":{}}", 0, false},
    {"a text", "{\"status\":{\"allowed\":\"true\"}}", 0, false},
    {"no status", "{}", -1, false},
};

static void reads_the_right(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rights); i++) {
        CLEANUP(err_done) struct err err = {0};
        bool allowed = false;
        int r = review_read_access(&allowed, rights[i].answer, strlen(rights[i].answer), &err);

        if ((r < 0) != (rights[i].want < 0) || allowed != rights[i].allowed)
            fail_msg("%s: %d", rights[i].name, r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(asks_for_the_user),
        cmocka_unit_test(reads_the_user),
        cmocka_unit_test(asks_for_the_right),
        cmocka_unit_test(reads_the_right),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
