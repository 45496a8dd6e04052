/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "kube/kube_reflector.h"
#include "reflector_server.h"

#define STEPS_MAX 24

/*
 * A step is what happens, and the actions that follow. Inputs: start, head, STATUS REASON TEXT (an
 * answer that is none), added/modified/deleted/bookmark/end RV, error CODE REASON TEXT, item,
 * list RV [CONTINUE], over, broken, refused, garbage, +SECONDS, pause MIN-MAX (until the deadline,
 * which is so many milliseconds ahead).
 */
struct step {
    const char *input, *want;
};

static const struct script {
    const char *name;
    const char *field_selector, *label_selector;
    struct step steps[STEPS_MAX];
} scripts[] = {
    {"a watch-list, then a watch from the last version",
     "spec.type=LoadBalancer",
     "!a/b",
     {
         {"start", "START watch-list field=spec.type%3DLoadBalancer label=%21a%2Fb"},
         {"head", "BEGIN"},
         {"added 7", "PUT"},
         {"added 5", "PUT"},
         {"end 9", "REPLACED"},
         {"modified 10", "PUT"},
         {"added 11", "PUT"},
         {"deleted 12", "DELETE"},
         {"bookmark 20", ""},
         {"+300", ""},
         {"over", "START watch rv=20 field=spec.type%3DLoadBalancer label=%21a%2Fb"},
         {"head", ""},
         {"over", "WARN watch failed: the server ended it at once"},
     }},
    {"a watch that ends at once is an error",
     "",
     "",
     {
         {"start", "START watch-list"},
         {"head", "BEGIN"},
         {"end 9", "REPLACED"},
         {"over", "START watch rv=9"},
         {"head", ""},
         {"over", "WARN watch failed: the server ended it at once"},
         {"pause 800-1600", "START watch rv=9"},
         {"head", ""},
         {"bookmark 10", ""},
         {"over", "START watch rv=10"},
         {"head", ""},
         {"over", "WARN watch failed: the server ended it at once"},
         {"pause 1600-3200", "START watch rv=10"},
     }},
    {"no watch-lists: the gate is off",
     "spec.type=LoadBalancer",
     "",
     {
         {"start", "START watch-list field=spec.type%3DLoadBalancer"},
         {"422 Invalid sendInitialEvents: Forbidden: sendInitialEvents is forbidden for watch "
          "unless the WatchList feature gate is enabled",
          "debug the server has no watch-lists: sendInitialEvents: Forbidden: sendInitialEvents is "
          "forbidden for watch unless the WatchList feature gate is enabled; "
          "START list rv=0 field=spec.type%3DLoadBalancer"},
         {"head", "BEGIN"},
         {"item", "PUT"},
         {"item", "PUT"},
         {"list 30", "REPLACED; START watch rv=30 field=spec.type%3DLoadBalancer"},
         {"head", ""},
         {"added 31", "PUT"},
         {"error 410 Expired too old", "CANCEL; debug the resource version is of no use: too old"},
         {"pause 800-1600", "START list pages field=spec.type%3DLoadBalancer"},
     }},
    {"no watch-lists: an old server is silent",
     "",
     "",
     {
         {"start", "START watch-list"},
         {"+5", ""},
         {"head", "BEGIN"},
         {"added 3", "PUT"},
         {"+9", ""},
         {"added 4", "PUT"},
         {"+9", ""},
         {"modified 5", "PUT"}, /* news do not keep it waiting */
         {"+1", "CANCEL; ABANDON; debug the server does not end watch-lists; START list rv=5"},
         {"head", "BEGIN"},
         {"list 6", "REPLACED; START watch rv=6"},
         {"error 410 Gone gone", ""}, /* without a head it is not listened to */
         {"head", ""},
         {"+3600", "CANCEL; WARN watch failed: nothing came, not even a bookmark"},
         {"pause 800-1600", "START watch rv=6"},
         {"410 Gone gone", "debug the resource version is of no use: gone"},
         {"pause 1600-3200", "START watch-list"}, /* it may have been replaced by a newer one */
     }},
    {"pages when there is no version",
     "",
     "",
     {
         {"start", "START watch-list"},
         {"422 Invalid no WatchList",
          "debug the server has no watch-lists: no WatchList; START list rv=0"},
         {"504 Timeout Too large resource version: 9, current: 3",
          "debug the resource version is of no use: Too large resource version: 9, current: 3; "
          "START list pages"},
         {"head", "BEGIN"},
         {"item", "PUT"},
         {"list 7 c1", "START list pages continue=c1"},
         {"head", ""},
         {"item", "PUT"},
         {"list 7 c2", "START list pages continue=c2"},
         {"410 Expired the token is too old",
          "ABANDON; debug the resource version is of no use: the token is too old; START list"},
         {"head", "BEGIN"},
         {"item", "PUT"},
         {"list 8", "REPLACED; START watch rv=8"},
         {"410 Expired old", "debug the resource version is of no use: old"},
         {"pause 800-1600", "START list pages"},
         {"410 Expired old", "debug the resource version is of no use: old"},
         {"pause 1600-3200", "START list pages"},
         {"head", "BEGIN"},
         {"list 9 same", "START list pages continue=same"},
         {"head", ""},
         {"list 9 same", "ABANDON; WARN list failed: the answer is no complete list"},
     }},
    {"a stream that dies before the end of the initial events",
     "",
     "",
     {
         {"start", "START watch-list"},
         {"head", "BEGIN"},
         {"added 5", "PUT"},
         {"broken", "ABANDON; WARN watch failed: connection reset"},
         {"pause 800-1600", "START watch-list"},
         {"head", "BEGIN"},
         {"modified 6", "PUT"},
         {"deleted 7", "DELETE"},
         {"over", "ABANDON; WARN watch failed: it ended before the objects were complete"},
         {"pause 1600-3200", "START watch-list rv=7"},
         {"head", "BEGIN"},
         {"error 500 InternalError boom", "CANCEL; ABANDON; WARN watch failed: boom"},
         {"pause 3200-6400", "START watch-list rv=7"},
         {"refused", "WARN watch failed: connection refused"},
         {"pause 6400-12800", "START watch-list rv=7"},
         {"refused", "debug watch failed: connection refused"},
         {"pause 12800-25600", "START watch-list rv=7"},
         {"refused", "debug watch failed: connection refused"},
         {"pause 25600-51200", "START watch-list rv=7"},
         {"refused", "debug watch failed: connection refused"},
         {"pause 30000-60000", "START watch-list rv=7"},
         {"head", "BEGIN"},
         {"end 9", "REPLACED"},
     }},
    {"a connection that breaks keeps the version",
     "",
     "",
     {
         {"start", "START watch-list"},
         {"head", "BEGIN"},
         {"end 9", "REPLACED"},
         {"+121", ""},
         {"broken", "debug watch broke off: connection reset; START watch rv=9"},
         {"refused", "WARN watch failed: connection refused"},
         {"pause 800-1600", "START watch rv=9"},
         {"broken", "WARN watch failed: connection reset"},
         {"pause 1600-3200", "START watch rv=9"},
         {"429 TooManyRequests busy", "WARN watch failed: busy"},
         {"pause 3200-6400", "START watch rv=9"},
         {"head", ""},
         {"bookmark 12", ""},
         {"broken", "WARN watch failed: connection reset"},
         {"pause 6400-12800", "START watch rv=12"},
         {"head", ""},
         {"+121", ""}, /* healthy for long enough */
         {"error 500 InternalError boom", "CANCEL; WARN watch failed: boom"},
         {"pause 800-1600", "START watch rv=12"},
     }},
    {"Retry-After",
     "",
     "",
     {
         {"start", "START watch-list"},
         {"429/7 TooManyRequests busy", "WARN watch failed: busy"},
         {"pause 7000-7000", "START watch-list"},
         {"head", "BEGIN"},
         {"error/9 429 TooManyRequests busy", "CANCEL; ABANDON; debug watch failed: busy"},
         {"pause 9000-9000", "START watch-list"},
         {"503/9999 ServiceUnavailable away", "WARN watch failed: away"},
         {"pause 120000-120000", "START watch-list"},
     }},
    {"a field selector that the server does not know",
     "spec.type=LoadBalancer",
     "",
     {
         {"start", "START watch-list field=spec.type%3DLoadBalancer"},
         {"400 BadRequest field label not supported: spec.type",
          "WARN the server refuses the field selector spec.type=LoadBalancer, all objects are read: "
          "field label not supported: spec.type; START watch-list"},
         {"400 BadRequest what is this?",
          "debug the server has no watch-lists: what is this?; START list rv=0"},
         {"400 BadRequest what is this?", "WARN list failed: what is this?"},
         {"pause 800-1600", "START list rv=0"},
         {"400 BadRequest what is this?", "debug list failed: what is this?"},
     }},
    {"no right at all",
     "",
     "",
     {
         {"start", "START watch-list"},
         {"403 Forbidden may not watch", "WARN watch failed: may not watch; START list rv=0"},
         {"403 Forbidden may not list", "WARN list failed: may not list"},
         {"pause 30000-60000", "START watch-list"},
         {"403 Forbidden may not watch", "debug watch failed: may not watch; START list rv=0"},
         {"403 Forbidden may not list", "debug list failed: may not list"},
         {"pause 30000-60000", "START watch-list"},
         {"head", "BEGIN"},
         {"end 3", "REPLACED"},
     }},
    {"the right to list only",
     "",
     "",
     {
         {"start", "START watch-list"},
         {"403 Forbidden may not watch", "WARN watch failed: may not watch; START list rv=0"},
         {"head", "BEGIN"},
         {"list 3", "REPLACED; START watch rv=3"},
         {"403 Forbidden may not watch", "debug watch failed: may not watch"},
         {"pause 30000-60000", "START list rv=3"},
         {"head", "BEGIN"},
         {"list 4", "REPLACED; START watch rv=4"},
         {"head", ""},
         {"+2", ""},
         {"modified 5", "PUT"},
         {"over", "START watch rv=5"},
         {"404 NotFound gone", "WARN watch failed: gone"},
         {"pause 30000-60000", "START watch-list rv=5"},
     }},
    {"a server that breaks every watch",
     "",
     "",
     {
         {"start", "START watch-list"},
         {"head", "BEGIN"},
         {"end 3", "REPLACED"},
         {"garbage", "CANCEL; WARN watch failed: no JSON"},
         {"pause 800-1600", "START watch rv=3"},
         {"500 InternalError a", "WARN watch failed: a"},
         {"pause 1600-3200", "START watch rv=3"},
         {"500 InternalError a", "debug watch failed: a"},
         {"pause 3200-6400", "START watch rv=3"},
         {"500 InternalError a", "debug watch failed: a"},
         {"pause 6400-12800", "START watch rv=3"},
         {"500 InternalError a", "debug watch failed: a"},
         {"pause 12800-25600", "START watch-list rv=3"},
     }},
    {"silence",
     "",
     "",
     {
         {"start", "START watch-list"},
         {"+89", ""},
         {"+1", "CANCEL; WARN watch failed: no answer"},
         {"pause 800-1600", "START watch-list"},
         {"head", "BEGIN"},
         {"end 3", "REPLACED"},
         {"pause 360000-660000", "CANCEL; WARN watch failed: nothing came, not even a bookmark"},
         {"pause 800-1600", "START watch rv=3"}, /* it was healthy for more than two minutes */
     }},
};

struct play {
    struct kube_reflector *r;
    struct mono now;
};

/* Of the text at *at, which is moved behind it and the blank that follows. */
static void take_word(char *ret, size_t size, const char **at)
{
    size_t len = strcspn(*at, " ");

    snprintf(ret, size, "%.*s", (int)len, *at);
    *at += len + ((*at)[len] == ' ');
}

static void play_failure(struct play *p, const char *first, const char *rest)
{
    char reason[32], code[16];
    const char *slash = strchr(first, '/');
    int64_t after = slash != NULL ? strtoll(slash + 1, NULL, 10) * NS_PER_SEC : -1;

    if (strncmp(first, "error", 5) == 0) {
        take_word(code, sizeof(code), &rest);
        take_word(reason, sizeof(reason), &rest);
        kube_reflector_on_error_event(p->r, p->now, (unsigned)strtoul(code, NULL, 10), reason, rest,
                                      after);
        return;
    }
    take_word(reason, sizeof(reason), &rest);
    kube_reflector_on_answer(p->r, p->now, (unsigned)strtoul(first, NULL, 10), reason, rest, after);
}

static void play_list_end(struct play *p, const char *rest)
{
    char version[16], token[16];

    take_word(version, sizeof(version), &rest);
    take_word(token, sizeof(token), &rest);
    kube_reflector_on_end(p->r, p->now, 0, "", version, token);
}

static bool play_event(struct play *p, const char *word, const char *version)
{
    static const char *const names[] = {"added", "modified", "deleted", "bookmark", "end"};
    static const enum reflect_event types[] = {REFLECT_ADDED, REFLECT_MODIFIED, REFLECT_DELETED,
                                               REFLECT_BOOKMARK, REFLECT_BOOKMARK};

    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        if (strcmp(names[i], word) != 0)
            continue;
        kube_reflector_on_event(p->r, p->now, types[i], version, i == 4);
        return true;
    }
    return false;
}

static void play_pause(struct play *p, const char *bounds)
{
    int64_t pause = mono_sub(kube_reflector_deadline(p->r), p->now);
    char *dash;
    int64_t min = strtoll(bounds, &dash, 10) * NS_PER_MS,
            max = strtoll(dash + 1, NULL, 10) * NS_PER_MS;

    if (pause < min || pause > max)
        fail_msg("a pause of %lld ms, want %s", (long long)(pause / NS_PER_MS), bounds);
    kube_reflector_tick(p->r, mono_add(p->now, pause - 1));
    p->now = mono_add(p->now, pause);
    kube_reflector_tick(p->r, p->now);
}

static void play_input(struct play *p, const char *input)
{
    const char *rest = input;
    char word[16];

    take_word(word, sizeof(word), &rest);
    if (play_event(p, word, rest)) {
        return;
    } else if (strcmp(word, "start") == 0) {
        kube_reflector_start(p->r, p->now);
    } else if (strcmp(word, "head") == 0) {
        kube_reflector_on_answer(p->r, p->now, 200, "", "", -1);
    } else if (strcmp(word, "item") == 0) {
        kube_reflector_on_item(p->r, p->now);
    } else if (strcmp(word, "list") == 0) {
        play_list_end(p, rest);
    } else if (strcmp(word, "over") == 0) {
        kube_reflector_on_end(p->r, p->now, 0, "", "", "");
    } else if (strcmp(word, "broken") == 0) {
        kube_reflector_on_end(p->r, p->now, -ECONNRESET, "connection reset", "", "");
    } else if (strcmp(word, "refused") == 0) {
        kube_reflector_on_end(p->r, p->now, -ECONNREFUSED, "connection refused", "", "");
    } else if (strcmp(word, "garbage") == 0) {
        kube_reflector_on_garbage(p->r, p->now, "no JSON");
    } else if (*word == '+') {
        p->now = mono_add(p->now, strtoll(word, NULL, 10) * NS_PER_SEC);
        kube_reflector_tick(p->r, p->now);
    } else if (strcmp(word, "pause") == 0) {
        play_pause(p, rest);
    } else {
        play_failure(p, word, rest);
    }
}

static void print_parameter(struct text *t, const char *path, const char *parameter, const char *as)
{
    const char *at = strstr(path, parameter);

    if (at == NULL)
        return;
    at += strlen(parameter);
    text_printf(t, " %s", as);
    text_add_n(t, at, strcspn(at, "&"));
}

/* The parts that go together are checked to be together. */
static void print_start(struct text *t, const struct reflect_action *a)
{
    bool is_initial = strstr(a->path, "&sendInitialEvents=true") != NULL;

    assert_int_equal(strncmp(a->path, "/p", 2), 0);
    assert_true(a->is_watch == (strstr(a->path, "watch=1") != NULL));
    assert_true(a->is_watch == (strstr(a->path, "&allowWatchBookmarks=true") != NULL));
    assert_true(a->is_watch == (strstr(a->path, "&timeoutSeconds=") != NULL));
    assert_true(is_initial == (strstr(a->path, "&resourceVersionMatch=NotOlderThan") != NULL));
    if (a->is_watch) {
        long seconds = strtol(strstr(a->path, "&timeoutSeconds=") + 16, NULL, 10);

        assert_in_range(seconds, 300, 600);
        assert_int_equal(a->stall_ns, (seconds + 60) * NS_PER_SEC);
    }
    text_add(t, !a->is_watch ? "START list" : is_initial ? "START watch-list" : "START watch");
    print_parameter(t, a->path, "resourceVersion=", "rv=");
    if (strstr(a->path, "limit=500") != NULL)
        text_add(t, " pages");
    print_parameter(t, a->path, "continue=", "continue=");
    print_parameter(t, a->path, "fieldSelector=", "field=");
    print_parameter(t, a->path, "labelSelector=", "label=");
}

static void print_action(struct text *t, const struct reflect_action *a)
{
    if (t->len > 0)
        text_add(t, "; ");
    switch (a->kind) {
    case REFLECT_START:
        print_start(t, a);
        break;
    case REFLECT_CANCEL:
        text_add(t, "CANCEL");
        break;
    case REFLECT_PUT:
        text_add(t, "PUT");
        break;
    case REFLECT_DELETE:
        text_add(t, "DELETE");
        break;
    case REFLECT_BEGIN:
        text_add(t, "BEGIN");
        break;
    case REFLECT_REPLACED:
        text_add(t, "REPLACED");
        break;
    case REFLECT_ABANDON:
        text_add(t, "ABANDON");
        break;
    case REFLECT_LOG:
        text_printf(t, "%s %s", a->is_warning ? "WARN" : "debug", a->text);
        break;
    }
}

static void run_script(const struct script *s)
{
    struct kube_reflector_options options = {"/p", s->field_selector, s->label_selector, 7};
    CLEANUP(kube_reflector_freep) struct kube_reflector *r = kube_reflector_new(&options);
    struct play p = {r, {NS_PER_SEC}};

    for (size_t i = 0; i < STEPS_MAX && s->steps[i].input != NULL; i++) {
        CLEANUP(text_done) struct text got = {0};
        struct reflect_action a;

        play_input(&p, s->steps[i].input);
        while (kube_reflector_next(r, &a))
            print_action(&got, &a);
        if (strcmp(text_str(&got), s->steps[i].want) != 0)
            fail_msg("%s, step %zu, %s:\n     got %s\nexpected %s", s->name, i, s->steps[i].input,
                     text_str(&got), s->steps[i].want);
    }
}

static void test_scripts(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(scripts); i++)
        run_script(&scripts[i]);
}

/* Two that start together do not come back together. */
static void test_jitter(void **state)
{
    (void)state;
    int64_t pauses[2];

    for (unsigned i = 0; i < 2; i++) {
        struct kube_reflector_options options = {"/p", "", "", i};
        CLEANUP(kube_reflector_freep) struct kube_reflector *r = kube_reflector_new(&options);
        struct mono now = {NS_PER_SEC};
        struct reflect_action a;

        kube_reflector_start(r, now);
        while (kube_reflector_next(r, &a))
            ;
        kube_reflector_on_end(r, now, -ECONNREFUSED, "refused", "", "");
        pauses[i] = mono_sub(kube_reflector_deadline(r), now);
        while (kube_reflector_next(r, &a))
            ;
    }
    assert_int_not_equal(pauses[0], pauses[1]);
}

static void test_status(void **state)
{
    (void)state;
    struct kube_reflector_options options = {"/p", NULL, NULL, 1};
    CLEANUP(kube_reflector_freep) struct kube_reflector *r = kube_reflector_new(&options);
    struct play p = {r, {NS_PER_SEC}};
    static const char *const steps[] = {"start", "head", "end 4"};

    assert_false(mono_is_set(kube_reflector_deadline(r)));
    for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
        struct reflect_action a;

        assert_false(kube_reflector_is_synced(r));
        assert_false(mono_is_set(kube_reflector_last_event(r)));
        p.now = mono_add(p.now, 1);
        play_input(&p, steps[i]);
        while (kube_reflector_next(r, &a))
            ;
    }
    assert_true(kube_reflector_is_synced(r));
    assert_int_equal(kube_reflector_last_event(r).ns, p.now.ns);
    assert_null(kube_reflector_free(NULL));
}

/* Whatever a server does, what server_step asserts holds; and once it behaves, the set is complete
 * within a bounded time. */
static void test_any_server(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 40; seed++) {
        struct server s;

        server_init(&s, seed);
        for (unsigned round = 0; round < 20; round++) {
            for (unsigned i = 0; i < 100; i++)
                server_step(&s, server_random(&s));
            server_recover(&s);
        }
        server_done(&s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scripts),
        cmocka_unit_test(test_jitter),
        cmocka_unit_test(test_status),
        cmocka_unit_test(test_any_server),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
