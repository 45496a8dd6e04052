/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One request is under way at a time, or none while waiting. What the next one is follows from
 * `needs_list`: as long as the whole set is not known it is a watch-list, or a list where that is
 * refused; afterwards a watch from the last resource version. Only what makes that version useless
 * asks for a new list; a connection that breaks does not.
 *
 * Deviations from client-go: 410 on a watch lists without a resource version at once instead of
 * trying the last one first; a broken connection never causes a list; who may list but not watch
 * lists every 30 to 60 s.
 */
#include "kube/kube_reflector.h"

#include "base/mem.h"
#include "base/random.h"
#include "base/text.h"
#include "kube/kube_path.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* Spec kubernetes-client 1.1. */
#define WATCH_MIN_S 300u
#define WATCH_MAX_S 600u
#define STALL_EXTRA_NS (60 * NS_PER_SEC)
#define LIST_STALL_NS (60 * NS_PER_SEC)
#define QUIET_NS (10 * NS_PER_SEC)
#define SHORT_WATCH_NS NS_PER_SEC
#define BACKOFF_FIRST_NS (800 * NS_PER_MS)
#define BACKOFF_LAST_NS (30 * NS_PER_SEC)
#define HEALTH_NS (120 * NS_PER_SEC)
#define PAGE_LIMIT "500"

#define HEAD_WAIT_NS (90 * NS_PER_SEC)        /* longer than a request may queue in the server */
#define RETRY_AFTER_MAX_NS (120 * NS_PER_SEC) /* whatever a proxy asks for */
#define WATCH_LIST_AGAIN_NS (3600 * NS_PER_SEC)
#define TROUBLES_MAX 5 /* watches that a server breaks, before the set is listed anew */

enum { ACTIONS_MAX = 8 };

enum phase {
    PHASE_IDLE,
    PHASE_WAITING,
    PHASE_LIST,
    PHASE_WATCH_LIST, /* until the bookmark that ends the initial events; then PHASE_WATCH */
    PHASE_WATCH,
};

/* Of what a complaint is, so that it is not repeated until it was better in between. */
enum concern { CONCERN_LIST, CONCERN_WATCH };
enum { CONCERNS = CONCERN_WATCH + 1 };

struct failure {
    unsigned status; /* HTTP, or of a Status object */
    const char *reason, *text;
    int64_t retry_after_ns;
};

struct kube_reflector {
    char *path, *field_selector, *label_selector;
    bool field_selector_refused;
    uint64_t random;

    enum phase phase;
    bool needs_list;
    bool lists_plainly; /* watching is forbidden: list, until a watch works */
    bool takes_no_pages;
    bool is_replacing, is_synced;
    struct mono no_watch_list_until;
    char *version;        /* NULL: none yet; "": the last one is of no use */
    char *continue_token; /* of the next page, or NULL */

    bool has_head; /* of the request under way */
    uint64_t events;
    struct mono started;
    int64_t watch_ns; /* the longest silence of it */

    struct mono deadline, last_event, healthy_since;
    int64_t backoff_ns;
    unsigned troubles;
    char *complaints[CONCERNS];

    struct reflect_action actions[ACTIONS_MAX];
    char *texts[ACTIONS_MAX];
    size_t action_count, action_next;
    char *request;
};

/* --- life --- */

struct kube_reflector *kube_reflector_new(const struct kube_reflector_options *options)
{
    struct kube_reflector *r = xcalloc(1, sizeof(*r));

    r->path = xstrdup(options->path);
    r->field_selector = xstrdup(options->field_selector != NULL ? options->field_selector : "");
    r->label_selector = xstrdup(options->label_selector != NULL ? options->label_selector : "");
    r->random = options->seed;
    r->phase = PHASE_IDLE;
    r->needs_list = true;
    return r;
}

static void forget_actions(struct kube_reflector *r)
{
    for (size_t i = 0; i < r->action_count; i++) {
        free(r->texts[i]);
        r->texts[i] = NULL;
    }
    r->action_count = 0;
    r->action_next = 0;
}

struct kube_reflector *kube_reflector_free(struct kube_reflector *r)
{
    if (r == NULL)
        return NULL;
    forget_actions(r);
    for (size_t i = 0; i < CONCERNS; i++)
        free(r->complaints[i]);
    free(r->path);
    free(r->field_selector);
    free(r->label_selector);
    free(r->version);
    free(r->continue_token);
    free(r->request);
    free(r);
    return NULL;
}

bool kube_reflector_is_synced(const struct kube_reflector *r)
{
    return r->is_synced;
}

struct mono kube_reflector_last_event(const struct kube_reflector *r)
{
    return r->last_event;
}

struct mono kube_reflector_deadline(const struct kube_reflector *r)
{
    return r->deadline;
}

/* --- actions --- */

bool kube_reflector_next(struct kube_reflector *r, struct reflect_action *ret)
{
    if (r->action_next == r->action_count) {
        forget_actions(r);
        return false;
    }
    *ret = r->actions[r->action_next++];
    return true;
}

static struct reflect_action *push(struct kube_reflector *r, enum reflect_action_kind kind)
{
    struct reflect_action *a;

    assert(r->action_count < ACTIONS_MAX);
    a = &r->actions[r->action_count++];
    *a = (struct reflect_action){.kind = kind, .path = "", .text = ""};
    return a;
}

static void say_take(struct kube_reflector *r, bool is_warning, char *text)
{
    struct reflect_action *a = push(r, REFLECT_LOG);

    a->is_warning = is_warning;
    a->text = text;
    r->texts[r->action_count - 1] = text;
}

static void set_string(char **to, const char *s)
{
    char *copy = xstrdup(s);

    free(*to);
    *to = copy;
}

static enum concern concern_of(enum phase phase)
{
    return phase == PHASE_LIST ? CONCERN_LIST : CONCERN_WATCH;
}

/* A warning, unless it is the same as the last time. */
PRINTF_LIKE(2, 3) static void complain(struct kube_reflector *r, const char *fmt, ...)
{
    enum concern concern = concern_of(r->phase);
    CLEANUP(xfreep) char *reason = NULL;
    va_list ap;

    va_start(ap, fmt);
    reason = xvasprintf(fmt, ap);
    va_end(ap);
    say_take(r, !str_eq(r->complaints[concern], reason),
             xasprintf("%s failed: %s", concern == CONCERN_LIST ? "list" : "watch", reason));
    set_string(&r->complaints[concern], reason);
}

static void forget_complaint(struct kube_reflector *r, enum concern concern)
{
    free(r->complaints[concern]);
    r->complaints[concern] = NULL;
}

/* --- time --- */

/* From d to twice that: 800 ms at first, doubled up to 30 s, anew after two minutes of health. */
static int64_t next_pause(struct kube_reflector *r, struct mono now)
{
    if (mono_is_set(r->healthy_since) && mono_sub(now, r->healthy_since) > HEALTH_NS)
        r->backoff_ns = 0;
    r->healthy_since = (struct mono){0};
    r->backoff_ns = r->backoff_ns == 0 ? BACKOFF_FIRST_NS : r->backoff_ns * 2;
    if (r->backoff_ns > BACKOFF_LAST_NS)
        r->backoff_ns = BACKOFF_LAST_NS;
    return r->backoff_ns + (int64_t)random_below(&r->random, (uint64_t)r->backoff_ns);
}

static void wait_for(struct kube_reflector *r, struct mono now, int64_t at_least_ns)
{
    int64_t pause = next_pause(r, now);

    if (at_least_ns > RETRY_AFTER_MAX_NS)
        at_least_ns = RETRY_AFTER_MAX_NS;
    r->phase = PHASE_WAITING;
    r->deadline = mono_add(now, pause > at_least_ns ? pause : at_least_ns);
}

/* What only a person can change needs no haste. */
static void wait_long(struct kube_reflector *r, struct mono now)
{
    r->backoff_ns = BACKOFF_LAST_NS;
    wait_for(r, now, 0);
}

/* --- requests --- */

static void start_request(struct kube_reflector *r, struct mono now, enum phase phase,
                          struct text *path)
{
    struct reflect_action *a = push(r, REFLECT_START);

    if (*r->field_selector != '\0' && !r->field_selector_refused)
        kube_path_add(path, "fieldSelector", r->field_selector);
    if (*r->label_selector != '\0')
        kube_path_add(path, "labelSelector", r->label_selector);
    free(r->request);
    r->request = text_take(path);
    r->phase = phase;
    r->has_head = false;
    r->events = 0;
    r->started = now;
    r->deadline = mono_add(now, HEAD_WAIT_NS);
    a->path = r->request;
    a->is_watch = phase != PHASE_LIST;
    a->stall_ns = phase == PHASE_LIST ? LIST_STALL_NS : r->watch_ns;
}

static void start_watch(struct kube_reflector *r, struct mono now, bool with_initial_events)
{
    unsigned seconds =
        WATCH_MIN_S + (unsigned)random_below(&r->random, WATCH_MAX_S - WATCH_MIN_S + 1);
    struct text path = {0}, number = {0};

    text_add(&path, r->path);
    kube_path_add(&path, "watch", "1");
    kube_path_add(&path, "allowWatchBookmarks", "true");
    if (with_initial_events) {
        kube_path_add(&path, "sendInitialEvents", "true");
        kube_path_add(&path, "resourceVersionMatch", "NotOlderThan");
    }
    if (!str_empty(r->version))
        kube_path_add(&path, "resourceVersion", r->version);
    text_printf(&number, "%u", seconds);
    kube_path_add(&path, "timeoutSeconds", text_str(&number));
    text_done(&number);
    r->watch_ns = (int64_t)seconds * NS_PER_SEC + STALL_EXTRA_NS;
    start_request(r, now, with_initial_events ? PHASE_WATCH_LIST : PHASE_WATCH, &path);
}

/* With a resource version the answer comes from the watch cache, which ignores limits; without one
 * it may be large, and comes in pages. */
static void start_list(struct kube_reflector *r, struct mono now)
{
    bool has_version = r->version == NULL || *r->version != '\0';
    struct text path = {0};

    text_add(&path, r->path);
    if (r->continue_token != NULL) {
        kube_path_add(&path, "limit", PAGE_LIMIT);
        kube_path_add(&path, "continue", r->continue_token);
    } else if (has_version) {
        kube_path_add(&path, "resourceVersion", r->version != NULL ? r->version : "0");
    } else if (!r->takes_no_pages) {
        kube_path_add(&path, "limit", PAGE_LIMIT);
    }
    start_request(r, now, PHASE_LIST, &path);
}

static void start_next(struct kube_reflector *r, struct mono now)
{
    if (str_empty(r->version))
        r->needs_list = true; /* there is nothing to watch from */
    if (!r->needs_list)
        start_watch(r, now, false);
    else if (r->lists_plainly || mono_before(now, r->no_watch_list_until))
        start_list(r, now);
    else
        start_watch(r, now, true);
}

void kube_reflector_start(struct kube_reflector *r, struct mono now)
{
    if (r->phase == PHASE_IDLE)
        start_next(r, now);
}

/* --- the set --- */

static void begin_set(struct kube_reflector *r)
{
    if (r->is_replacing)
        return; /* a further page */
    r->is_replacing = true;
    push(r, REFLECT_BEGIN);
}

static void abandon_set(struct kube_reflector *r)
{
    free(r->continue_token);
    r->continue_token = NULL;
    if (!r->is_replacing)
        return;
    r->is_replacing = false;
    push(r, REFLECT_ABANDON);
}

static void complete_set(struct kube_reflector *r)
{
    r->is_replacing = false;
    r->is_synced = true;
    r->needs_list = false;
    r->takes_no_pages = false;
    push(r, REFLECT_REPLACED);
}

/* --- failures --- */

static bool is_expired(const struct failure *f)
{
    return f->status == 410 || str_eq(f->reason, "Expired") || str_eq(f->reason, "Gone");
}

/* The server is behind us: it was restored from a backup, or is a replica that lags. The cause
 * ResourceVersionTooLarge has this text. */
static bool is_from_future(const struct failure *f)
{
    return strstr(f->text, "Too large resource version") != NULL;
}

/* The version is of no use: list without one. At once if a list or a page failed for it, unless
 * that list had none either. */
static void drop_version(struct kube_reflector *r, struct mono now, bool was_page)
{
    bool had_version = r->version == NULL || *r->version != '\0';
    bool is_list = r->phase != PHASE_WATCH;

    r->needs_list = true;
    if (was_page)
        r->takes_no_pages = true;
    set_string(&r->version, "");
    if (is_list && (had_version || was_page))
        start_next(r, now);
    else
        wait_for(r, now, 0);
}

/* 400 and 422: something in the request is new to the server, or unknown to it for this kind. */
static void drop_parameter(struct kube_reflector *r, struct mono now, const struct failure *f)
{
    bool is_about_watch_list =
        strstr(f->text, "sendInitialEvents") != NULL || strstr(f->text, "WatchList") != NULL;
    bool has_selector = *r->field_selector != '\0' && !r->field_selector_refused;

    r->needs_list = true;
    if (has_selector && !is_about_watch_list) {
        r->field_selector_refused = true;
        say_take(r, true,
                 xasprintf("the server refuses the field selector %s, all objects are read: %s",
                           r->field_selector, f->text));
        start_next(r, now);
    } else if (r->phase == PHASE_WATCH_LIST) {
        r->no_watch_list_until = mono_add(now, WATCH_LIST_AGAIN_NS);
        say_take(r, false, xasprintf("the server has no watch-lists: %s", f->text));
        start_next(r, now);
    } else {
        complain(r, "%s", f->text);
        wait_for(r, now, 0);
    }
}

/* Some may list and not watch: MetalLB's controller the Nodes (spec 1.6, trap 3). */
static void lack_right(struct kube_reflector *r, struct mono now, const struct failure *f)
{
    bool is_list = r->phase == PHASE_LIST;

    complain(r, "%s", f->text);
    r->needs_list = true;
    r->lists_plainly = !is_list;
    if (r->phase == PHASE_WATCH_LIST)
        start_next(r, now);
    else
        wait_long(r, now);
}

static void fail(struct kube_reflector *r, struct mono now, const struct failure *f)
{
    bool was_page = r->continue_token != NULL;

    abandon_set(r);
    if (is_expired(f) || is_from_future(f)) {
        say_take(r, false, xasprintf("the resource version is of no use: %s", f->text));
        drop_version(r, now, was_page);
        return;
    }
    if (f->status == 400 || f->status == 422) {
        drop_parameter(r, now, f);
        return;
    }
    if (f->status == 403) {
        lack_right(r, now, f);
        return;
    }
    complain(r, "%s", f->text);
    if (f->status == 429) {
        wait_for(r, now, f->retry_after_ns);
        return;
    }
    if (f->status < 500 || ++r->troubles >= TROUBLES_MAX)
        r->needs_list = true;
    wait_for(r, now, f->retry_after_ns);
}

static bool has_request(const struct kube_reflector *r)
{
    return r->phase == PHASE_LIST || r->phase == PHASE_WATCH_LIST || r->phase == PHASE_WATCH;
}

void kube_reflector_on_answer(struct kube_reflector *r, struct mono now, unsigned status,
                              const char *reason, const char *text, int64_t retry_after_ns)
{
    struct failure f = {status, reason, text, retry_after_ns};

    if (!has_request(r) || r->has_head)
        return;
    if (status / 100 != 2) {
        fail(r, now, &f);
        return;
    }
    r->has_head = true;
    if (!mono_is_set(r->healthy_since))
        r->healthy_since = now;
    switch (r->phase) {
    case PHASE_LIST:
        begin_set(r);
        r->deadline = (struct mono){0}; /* LIST_STALL_NS holds */
        break;
    case PHASE_WATCH_LIST:
        begin_set(r);
        r->deadline = mono_add(now, QUIET_NS);
        break;
    case PHASE_WATCH:
        r->lists_plainly = false;
        r->deadline = mono_add(now, r->watch_ns);
        break;
    case PHASE_IDLE:
    case PHASE_WAITING:
        break;
    }
}

/* --- events --- */

static bool is_watching(const struct kube_reflector *r)
{
    return r->has_head && (r->phase == PHASE_WATCH_LIST || r->phase == PHASE_WATCH);
}

/* The objects of an initial stream are in no order, so that their versions say nothing. */
static void note_version(struct kube_reflector *r, enum reflect_event type, const char *version)
{
    if (*version == '\0' || (r->phase == PHASE_WATCH_LIST && type == REFLECT_ADDED))
        return;
    set_string(&r->version, version);
}

void kube_reflector_on_event(struct kube_reflector *r, struct mono now, enum reflect_event type,
                             const char *resource_version, bool initial_events_end)
{
    if (!is_watching(r))
        return;
    r->events++;
    r->last_event = now;
    r->troubles = 0;
    forget_complaint(r, CONCERN_WATCH);
    note_version(r, type, resource_version);
    switch (type) {
    case REFLECT_ADDED:
    case REFLECT_MODIFIED:
        push(r, REFLECT_PUT);
        break;
    case REFLECT_DELETED:
        push(r, REFLECT_DELETE);
        break;
    case REFLECT_BOOKMARK:
        if (initial_events_end && r->phase == PHASE_WATCH_LIST) {
            complete_set(r);
            r->phase = PHASE_WATCH;
        }
        break;
    }
    /* A server without watch-lists goes on with news of any kind; only initial objects show that
     * the end is still to come. */
    if (r->phase == PHASE_WATCH)
        r->deadline = mono_add(now, r->watch_ns);
    else if (type == REFLECT_ADDED)
        r->deadline = mono_add(now, QUIET_NS);
}

void kube_reflector_on_error_event(struct kube_reflector *r, struct mono now, unsigned code,
                                   const char *reason, const char *text, int64_t retry_after_ns)
{
    struct failure f = {code, reason, text, retry_after_ns};

    if (!is_watching(r))
        return;
    push(r, REFLECT_CANCEL);
    fail(r, now, &f);
}

void kube_reflector_on_item(struct kube_reflector *r, struct mono now)
{
    if (r->phase != PHASE_LIST || !r->has_head)
        return;
    r->events++;
    r->last_event = now;
    push(r, REFLECT_PUT);
}

/* What was sent is broken: the same bytes may well come again, so not for ever from here. */
void kube_reflector_on_garbage(struct kube_reflector *r, struct mono now, const char *text)
{
    struct failure f = {.status = 500, .reason = "", .text = text, .retry_after_ns = -1};

    if (!has_request(r) || !r->has_head)
        return;
    push(r, REFLECT_CANCEL);
    fail(r, now, &f);
}

/* --- ends --- */

static void end_list(struct kube_reflector *r, struct mono now, const char *version,
                     const char *continue_token)
{
    if (*continue_token != '\0') {
        set_string(&r->continue_token, continue_token);
        start_list(r, now);
        return;
    }
    free(r->continue_token);
    r->continue_token = NULL;
    set_string(&r->version, version);
    r->last_event = now; /* an empty list is news too */
    forget_complaint(r, CONCERN_LIST);
    complete_set(r);
    start_next(r, now);
}

static void break_off(struct kube_reflector *r, struct mono now, const char *text)
{
    abandon_set(r);
    complain(r, "%s", text);
    wait_for(r, now, 0);
}

/* Most watches end since their time is over. One that broke goes on at once too: the next one will
 * find out whether the server is there. */
static void end_watch(struct kube_reflector *r, struct mono now, int code, const char *text)
{
    bool is_short = mono_sub(now, r->started) < SHORT_WATCH_NS;

    if (!r->has_head || (is_short && (code != 0 || r->events == 0))) {
        break_off(r, now, code != 0 ? text : "the server ended it at once");
        return;
    }
    if (code != 0)
        say_take(r, false, xasprintf("watch broke off: %s", text));
    start_next(r, now);
}

void kube_reflector_on_end(struct kube_reflector *r, struct mono now, int code, const char *text,
                           const char *resource_version, const char *continue_token)
{
    bool is_same_page = r->continue_token != NULL && str_eq(r->continue_token, continue_token);

    switch (r->phase) {
    case PHASE_IDLE:
    case PHASE_WAITING:
        return;
    case PHASE_LIST:
        if (code != 0)
            break_off(r, now, text);
        else if (!r->has_head || *resource_version == '\0' || is_same_page)
            break_off(r, now, "the answer is no complete list");
        else
            end_list(r, now, resource_version, continue_token);
        return;
    case PHASE_WATCH_LIST:
        break_off(r, now, code != 0 ? text : "it ended before the objects were complete");
        return;
    case PHASE_WATCH:
        end_watch(r, now, code, text);
        return;
    }
}

static void expire(struct kube_reflector *r, struct mono now)
{
    push(r, REFLECT_CANCEL);
    if (!r->has_head) {
        break_off(r, now, "no answer");
        return;
    }
    if (r->phase == PHASE_WATCH) {
        break_off(r, now, "nothing came, not even a bookmark");
        return;
    }
    abandon_set(r);
    r->no_watch_list_until = mono_add(now, WATCH_LIST_AGAIN_NS);
    say_take(r, false, xstrdup("the server does not end watch-lists"));
    start_next(r, now);
}

void kube_reflector_tick(struct kube_reflector *r, struct mono now)
{
    if (!mono_is_set(r->deadline) || mono_before(now, r->deadline))
        return;
    if (r->phase == PHASE_WAITING)
        start_next(r, now);
    else
        expire(r, now);
}
