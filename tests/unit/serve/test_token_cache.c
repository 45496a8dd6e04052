/* SPDX-License-Identifier: Apache-2.0 */
/* The times of spec api-and-config 6.5. */
#include "serve/token_cache.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const struct mono start = {NS_PER_SEC};

static struct mono after(int64_t seconds)
{
    return mono_add(start, seconds * NS_PER_SEC);
}

static struct token_digest digest(unsigned n)
{
    struct token_digest d = {0};

    memcpy(d.bytes, &n, sizeof(n));
    return d;
}

static json_t *user(const char *name)
{
    return json_pack("{s:s}", "username", name);
}

static void a_user_is_believed_a_minute(void **state)
{
    struct token_cache c = {0};
    struct token_digest one = digest(1), two = digest(2), zero = digest(0);

    (void)state;
    assert_null(token_cache_find(&c, &zero, start)); /* an empty place is nobody's */
    token_cache_put(&c, &one, user("a"), start);
    token_cache_put(&c, &two, NULL, start);
    assert_non_null(token_cache_find(&c, &one, after(59))->user);
    assert_null(token_cache_find(&c, &two, after(59))->user);
    assert_null(token_cache_find(&c, &one, after(60)));
    assert_null(token_cache_find(&c, &two, after(60)));
    token_cache_done(&c);
}

static const struct {
    const char *name;
    bool allowed;
    int64_t at; /* the user is known anew by then */
    enum token_access want;
} rows[] = {
    {"allowed", true, 299, TOKEN_ACCESS_ALLOWED},
    {"allowed, too old", true, 300, TOKEN_ACCESS_UNKNOWN},
    {"denied", false, 29, TOKEN_ACCESS_DENIED},
    {"denied, too old", false, 30, TOKEN_ACCESS_UNKNOWN},
};

static void a_right_has_its_own_time(void **state)
{
    struct token_digest one = digest(1);

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct token_cache c = {0};

        token_cache_put_access(&c, &one, true, start); /* of an unknown token: nothing */
        assert_null(token_cache_find(&c, &one, start));
        token_cache_put(&c, &one, user("a"), start);
        assert_int_equal(token_entry_access(token_cache_find(&c, &one, start), start),
                         TOKEN_ACCESS_UNKNOWN);
        token_cache_put_access(&c, &one, rows[i].allowed, start);
        token_cache_put(&c, &one, user("a"), after(rows[i].at));
        if (token_entry_access(token_cache_find(&c, &one, after(rows[i].at)), after(rows[i].at)) !=
            rows[i].want)
            fail_msg("%s", rows[i].name);
        token_cache_done(&c);
    }
}

static void another_user_has_other_rights(void **state)
{
    struct token_digest one = digest(1);
    struct token_cache c = {0};

    (void)state;
    token_cache_put(&c, &one, user("a"), start);
    token_cache_put_access(&c, &one, true, start);
    token_cache_put(&c, &one, user("b"), after(1));
    assert_int_equal(token_entry_access(token_cache_find(&c, &one, after(1)), after(1)),
                     TOKEN_ACCESS_UNKNOWN);
    token_cache_done(&c);
}

/* A good token stays, however many made-up ones come; of good ones the oldest goes. */
static void room_is_made(void **state)
{
    struct token_cache c = {0};
    struct token_digest good = digest(1), d;

    (void)state;
    token_cache_put(&c, &good, user("a"), start);
    for (unsigned i = 2; i < 10 * TOKEN_CACHE_MAX; i++) {
        d = digest(i);
        token_cache_put(&c, &d, NULL, after(1));
    }
    assert_non_null(token_cache_find(&c, &good, after(1)));
    assert_non_null(token_cache_find(&c, &d, after(1)));
    for (unsigned i = 1000; i < 1000 + TOKEN_CACHE_MAX; i++) {
        d = digest(i);
        token_cache_put(&c, &d, user("b"), after(2));
    }
    assert_null(token_cache_find(&c, &good, after(2)));
    assert_non_null(token_cache_find(&c, &d, after(2)));
    token_cache_done(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_user_is_believed_a_minute),
        cmocka_unit_test(a_right_has_its_own_time),
        cmocka_unit_test(another_user_has_other_rights),
        cmocka_unit_test(room_is_made),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
