/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An API server in any mood, driven by numbers, that asserts what must hold of a reflector whatever
 * it answers:
 *
 * - at most one request is under way, and what is not under way is not cancelled;
 * - a list is begun before it is complete or abandoned, and never begun twice;
 * - objects are put and deleted only when one was passed in;
 * - no deadline lies in the past; without a request there is one, within the bounds of back-off;
 * - there are few requests in a row without time or news between them.
 */
#pragma once

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "kube/kube_reflector.h"

#define SERVER_PAUSE_MIN_NS (800 * NS_PER_MS)
#define SERVER_PAUSE_MAX_NS (120 * NS_PER_SEC)
#define SERVER_RUSH_MAX 6u

struct server {
    struct kube_reflector *r;
    struct mono now;
    uint64_t random;
    unsigned version;
    unsigned rush; /* requests since time passed or news came */
    bool no_watch_lists;
    bool is_busy, has_head, is_watch, is_initial, is_replacing, has_object;
};

static inline uint64_t server_random(struct server *s)
{
    s->random ^= s->random << 13;
    s->random ^= s->random >> 7;
    s->random ^= s->random << 17;
    return s->random >> 8;
}

static inline void server_take_start(struct server *s, const struct reflect_action *a)
{
    assert(!s->is_busy && a->stall_ns > 0);
    assert(++s->rush <= SERVER_RUSH_MAX);
    s->is_busy = true;
    s->has_head = false;
    s->is_watch = a->is_watch;
    s->is_initial = strstr(a->path, "sendInitialEvents") != NULL;
    assert((strstr(a->path, "watch=1") != NULL) == a->is_watch);
}

static inline void server_take(struct server *s, const struct reflect_action *a)
{
    switch (a->kind) {
    case REFLECT_START:
        server_take_start(s, a);
        break;
    case REFLECT_CANCEL:
        assert(s->is_busy);
        s->is_busy = false;
        break;
    case REFLECT_PUT:
    case REFLECT_DELETE:
        assert(s->has_object);
        break;
    case REFLECT_BEGIN:
        assert(!s->is_replacing);
        s->is_replacing = true;
        break;
    case REFLECT_REPLACED:
    case REFLECT_ABANDON:
        assert(s->is_replacing);
        s->is_replacing = false;
        break;
    case REFLECT_LOG:
        assert(*a->text != '\0');
        break;
    }
}

/* After every input. */
static inline void server_check(struct server *s)
{
    struct mono deadline;
    struct reflect_action a;

    while (kube_reflector_next(s->r, &a))
        server_take(s, &a);
    s->has_object = false;
    deadline = kube_reflector_deadline(s->r);
    assert(!mono_is_set(deadline) || mono_before(s->now, deadline));
    if (s->is_busy)
        return;
    assert(mono_sub(deadline, s->now) <= SERVER_PAUSE_MAX_NS);
}

/* What ended a request leads to another at once, or to a pause. */
static inline void server_check_end(struct server *s)
{
    server_check(s);
    assert(s->is_busy || mono_sub(kube_reflector_deadline(s->r), s->now) >= SERVER_PAUSE_MIN_NS);
}

static inline void server_pass(struct server *s, int64_t ns)
{
    s->now = mono_add(s->now, ns);
    s->rush = 0;
    kube_reflector_tick(s->r, s->now);
    server_check(s);
}

static inline void server_pass_to_deadline(struct server *s)
{
    struct mono deadline = kube_reflector_deadline(s->r);

    if (mono_is_set(deadline))
        server_pass(s, mono_sub(deadline, s->now));
}

static inline void server_answer(struct server *s, uint64_t n)
{
    static const struct {
        unsigned status;
        const char *reason, *text;
    } answers[] = {
        {400, "BadRequest", "field label not supported"},
        {401, "Unauthorized", "Unauthorized"},
        {403, "Forbidden", "may not"},
        {404, "NotFound", "not found"},
        {410, "Expired", "too old"},
        {422, "Invalid", "the WatchList feature gate is off"},
        {429, "TooManyRequests", "busy"},
        {500, "InternalError", "boom"},
        {504, "Timeout", "Too large resource version"},
        {503, "", ""},
        {302, "", ""},
    };
    size_t i = n % (sizeof(answers) / sizeof(answers[0]));
    int64_t after = n % 3 == 0 ? (int64_t)(n % 5000) * NS_PER_SEC : -1;

    if (s->has_head) {
        kube_reflector_on_error_event(s->r, s->now, answers[i].status, answers[i].reason,
                                      answers[i].text, after);
    } else {
        s->is_busy = false;
        kube_reflector_on_answer(s->r, s->now, answers[i].status, answers[i].reason,
                                 answers[i].text, after);
    }
    server_check_end(s);
}

static inline void server_accept(struct server *s)
{
    s->has_head = true;
    kube_reflector_on_answer(s->r, s->now, 200, "", "", -1);
    server_check(s);
}

static inline void server_event(struct server *s, enum reflect_event type, bool ends_initial)
{
    char version[16];

    snprintf(version, sizeof(version), "%u", ++s->version);
    s->rush = 0;
    s->has_object = type != REFLECT_BOOKMARK;
    kube_reflector_on_event(s->r, s->now, type, version, ends_initial);
    server_check(s);
}

static inline void server_break(struct server *s, uint64_t n)
{
    static const int codes[] = {-ECONNREFUSED, -ECONNRESET, -ETIMEDOUT, -EPROTO, -EACCES};

    s->is_busy = false;
    kube_reflector_on_end(s->r, s->now, codes[n % 5], "broken", "", "");
    server_check_end(s);
}

static inline void server_end(struct server *s, bool has_version, uint64_t page)
{
    char version[16] = "", token[16] = "";

    if (has_version)
        snprintf(version, sizeof(version), "%u", ++s->version);
    if (page != 0)
        snprintf(token, sizeof(token), "t%u", (unsigned)(page % 1000));
    if (page != 0)
        s->rush = 0;
    s->is_busy = false;
    kube_reflector_on_end(s->r, s->now, 0, "", version, token);
    server_check_end(s);
}

static inline void server_garbage(struct server *s)
{
    kube_reflector_on_garbage(s->r, s->now, "garbage");
    server_check_end(s);
}

/* What belongs to no request has no effect. */
static inline void server_stray(struct server *s)
{
    struct reflect_action a;

    kube_reflector_on_event(s->r, s->now, REFLECT_ADDED, "1", true);
    kube_reflector_on_error_event(s->r, s->now, 410, "Gone", "gone", -1);
    kube_reflector_on_item(s->r, s->now);
    kube_reflector_on_garbage(s->r, s->now, "garbage");
    kube_reflector_on_end(s->r, s->now, 0, "", "1", "");
    kube_reflector_on_answer(s->r, s->now, 500, "", "", -1);
    assert(!kube_reflector_next(s->r, &a));
}

static inline void server_step_watch(struct server *s, uint64_t n)
{
    switch (n % 10) {
    case 0:
    case 1:
    case 2:
    case 3:
        server_event(s, (enum reflect_event)(n / 10 % 4), n / 40 % 3 == 0);
        break;
    case 4:
        server_answer(s, n / 10);
        break;
    case 5:
        server_break(s, n / 10);
        break;
    case 6:
        server_end(s, false, 0);
        break;
    case 7:
        server_garbage(s);
        break;
    case 8:
        server_pass(s, (int64_t)(n / 10 % 5000) * NS_PER_MS);
        break;
    case 9:
        server_pass_to_deadline(s);
        break;
    }
}

static inline void server_step_list(struct server *s, uint64_t n)
{
    switch (n % 6) {
    case 0:
    case 1:
        s->rush = 0;
        s->has_object = true;
        kube_reflector_on_item(s->r, s->now);
        server_check(s);
        break;
    case 2:
        server_end(s, n / 6 % 4 != 0, 0);
        break;
    case 3:
        server_end(s, true, n / 6);
        break;
    case 4:
        server_break(s, n / 6);
        break;
    case 5:
        server_garbage(s);
        break;
    }
}

static inline void server_step(struct server *s, uint64_t n)
{
    if (!s->is_busy) {
        server_stray(s);
        server_pass_to_deadline(s);
    } else if (s->has_head && s->is_watch) {
        server_step_watch(s, n);
    } else if (s->has_head) {
        server_step_list(s, n);
    } else if (n % 4 == 0) {
        server_accept(s);
    } else if (n % 4 == 1) {
        server_break(s, n / 4);
    } else if (n % 8 == 2) {
        server_pass_to_deadline(s);
    } else {
        server_answer(s, n / 8);
    }
}

static inline void server_step_healthy(struct server *s)
{
    if (!s->is_busy)
        server_pass_to_deadline(s);
    else if (!s->has_head)
        server_accept(s);
    else if (!s->is_watch)
        server_end(s, true, 0);
    else if (s->no_watch_lists)
        server_pass_to_deadline(s);
    else
        server_event(s, REFLECT_BOOKMARK, true);
}

/* From here on the server does what it should: within the longest pause, and the silence that shows
 * an old server, the set is complete and watched. */
static inline void server_recover(struct server *s)
{
    struct mono start = s->now;
    unsigned steps = 0;

    while (!(s->is_busy && s->has_head && s->is_watch && !s->is_replacing)) {
        server_step_healthy(s);
        assert(++steps < 16);
    }
    assert(kube_reflector_is_synced(s->r));
    assert(mono_sub(s->now, start) <= SERVER_PAUSE_MAX_NS + 10 * NS_PER_SEC);
}

static inline void server_init(struct server *s, uint64_t seed)
{
    struct kube_reflector_options options = {
        .path = "/p",
        .field_selector = seed % 2 != 0 ? "a=b" : "",
        .label_selector = "",
        .seed = seed,
    };

    *s = (struct server){.r = kube_reflector_new(&options),
                         .now = {NS_PER_SEC},
                         .random = seed * UINT64_C(0x9e3779b97f4a7c15) + 1,
                         .no_watch_lists = seed % 3 == 0};
    kube_reflector_start(s->r, s->now);
    server_check(s);
}

static inline void server_done(struct server *s)
{
    kube_reflector_free(s->r);
}
