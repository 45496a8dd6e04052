/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every object that is being written has a lane: its writes in order, of which the first may be
 * under way. Lanes that wait for a free place stand in one of two queues, of which the second has
 * its turn when the first is empty. Nothing begins from within a call of the writer's user, so that
 * a burst of requests for one object is one write.
 */
#include "kube/kube_writer.h"

#include "base/delay.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/mono.h"
#include "base/text.h"
#include "kube/kube_body.h"
#include "kube/kube_path.h"

#include <errno.h>
#include <event2/event_struct.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

enum {
    IN_FLIGHT_MAX = 64,  /* of the 100 streams that an API server allows a connection */
    STARTS_A_ROUND = 16, /* each may decode and encode an object */
    TRIES_MAX = 5,
    KNOWN_MAX = 8 << 20, /* bytes of objects that wait */
    /* After a burst of so many lanes their memory is given back, instead of kept for the next
     * one, which may be a year away. */
    MANY = 256,
};
#define FIRST_PAUSE_NS (10 * NS_PER_MS)

enum turn { TURN_FIRST, TURN_LATE };
enum { TURNS = TURN_LATE + 1 };

/* One allocation with its texts: ten thousand may wait. */
struct write {
    struct write *next;
    kube_written_fn done; /* NULL: nobody wants to know */
    void *arg;
    enum turn turn;
    bool is_edit, is_forgotten;
    struct kube_request request; /* not of an edit */
    /* of an edit: */
    enum object_kind kind;
    unsigned tries;
    kube_edit_fn edit;
    const char *subresource; /* NULL: the object itself */
    char *known;
    size_t known_len;
    char texts[];
};

struct lane {
    struct kube_writer *writer;
    char *key; /* of an edit it is the path to read */
    struct write *first, *last;
    bool is_ready, is_under_way;
    struct kube_fetch *fetch;
    struct event pause;
    struct lane *next_ready;
};

struct ready {
    struct lane *first, *last;
};

struct kube_writer {
    struct kube_client *client;
    struct event_base *base;
    struct event wake;
    struct map lanes; /* by key */
    size_t burst;     /* how many there were since there was none */
    struct ready ready[TURNS];
    struct write *first_canceled, *last_canceled;
    size_t in_flight, pending, known_bytes;
    uint64_t count;
};

/* --- writes --- */

static struct write *write_free(struct kube_writer *w, struct write *x)
{
    if (x->known != NULL)
        w->known_bytes -= x->known_len;
    free(x->known);
    free(x);
    return NULL;
}

static char *copy_bytes(const void *bytes, size_t len)
{
    return memcpy(xmalloc(len + 1), bytes, len); /* one more: an empty copy is no NULL */
}

static size_t size_of(const char *s)
{
    return s == NULL ? 0 : strlen(s) + 1;
}

/* Copies bytes to *at, which then is behind them. */
static char *place(char **at, const void *bytes, size_t size)
{
    char *copy = *at;

    if (bytes == NULL)
        return NULL;
    memcpy(copy, bytes, size);
    *at += size;
    return copy;
}

static char *place_text(char **at, const char *s)
{
    return place(at, s, size_of(s));
}

static struct write *write_of_request(const struct kube_request *r, enum turn turn)
{
    size_t size = size_of(r->method) + size_of(r->path) + size_of(r->accept) +
                  size_of(r->content_type) + r->body_len;
    struct write *x = xcalloc(1, sizeof(*x) + size);
    char *at = x->texts;

    x->turn = turn;
    x->request = *r;
    x->request.method = place_text(&at, r->method);
    x->request.path = place_text(&at, r->path);
    x->request.accept = place_text(&at, r->accept);
    x->request.content_type = place_text(&at, r->content_type);
    x->request.body = place(&at, r->body, r->body_len);
    return x;
}

static struct write *write_of_edit(struct kube_writer *w, const struct kube_edit_request *r)
{
    struct write *x = xcalloc(1, sizeof(*x) + size_of(r->subresource));
    char *at = x->texts;

    x->is_edit = true;
    x->subresource = place_text(&at, r->subresource);
    x->kind = r->kind;
    x->edit = r->edit;
    x->done = r->done;
    x->arg = r->arg;
    if (r->known != NULL && r->known_len <= KNOWN_MAX - w->known_bytes) {
        x->known = copy_bytes(r->known, r->known_len);
        x->known_len = r->known_len;
        w->known_bytes += r->known_len;
    }
    return x;
}

static void write_report(const struct write *x, const struct kube_reply *reply)
{
    if (x->done != NULL)
        x->done(x->arg, reply);
}

/* What to report when no answer of the server stands behind it. */
static struct kube_reply no_answer(int code, const char *text)
{
    return (struct kube_reply){
        .code = code, .text = text, .reason = "", .bytes = "", .retry_after_ns = -1};
}

/* --- lanes --- */

static void wake(struct kube_writer *w)
{
    event_active(&w->wake, EV_TIMEOUT, 0);
}

static void ready_add(struct kube_writer *w, struct lane *l)
{
    struct ready *r = &w->ready[l->first->turn];

    l->is_ready = true;
    if (r->first == NULL)
        r->first = l;
    else
        r->last->next_ready = l;
    r->last = l;
    wake(w);
}

static struct lane *ready_take(struct kube_writer *w)
{
    struct ready *r = &w->ready[w->ready[TURN_FIRST].first != NULL ? TURN_FIRST : TURN_LATE];
    struct lane *l = r->first;

    if (l == NULL)
        return NULL;
    r->first = TAKE(l->next_ready);
    l->is_ready = false;
    return l;
}

static struct lane *lane_free(struct lane *l)
{
    if (l->fetch != NULL)
        kube_fetch_cancel(l->fetch);
    (void)event_del(&l->pause); /* fails only for an event that was never set up */
    while (l->first != NULL) {
        struct write *x = l->first;

        l->first = x->next;
        write_free(l->writer, x);
    }
    free(l->key);
    free(l);
    return NULL;
}

static void lane_on_pause_over(evutil_socket_t fd, short what, void *arg);

static struct lane *lane_of(struct kube_writer *w, const char *key)
{
    struct lane *l = map_find_str(&w->lanes, key);

    if (l != NULL)
        return l;
    l = xcalloc(1, sizeof(*l));
    l->writer = w;
    l->key = xstrdup(key);
    (void)event_assign(&l->pause, w->base, -1, 0, lane_on_pause_over, l); /* cannot fail */
    map_put_str(&w->lanes, l->key, l);
    w->burst++;
    return l;
}

static void lane_append(struct lane *l, struct write *x)
{
    if (l->first == NULL)
        l->first = x;
    else
        l->last->next = x;
    l->last = x;
    l->writer->pending++;
    if (!l->is_ready && !l->is_under_way)
        ready_add(l->writer, l);
}

static void lane_drop(struct kube_writer *w, struct lane *l)
{
    map_del_str(&w->lanes, l->key);
    lane_free(l);
    wake(w);
    if (w->lanes.count > 0)
        return;
    map_done(&w->lanes);
    if (w->burst >= MANY)
        malloc_trim(0);
    w->burst = 0;
}

/* The first write has ended. */
static void lane_finish(struct lane *l, const struct kube_reply *reply)
{
    struct kube_writer *w = l->writer;
    struct write *x = l->first;

    l->first = x->next;
    l->is_under_way = false;
    w->in_flight--;
    w->pending--;
    if (l->first != NULL)
        ready_add(w, l);
    else
        lane_drop(w, l);
    write_report(x, reply);
    write_free(w, x);
}

/* --- one edit --- */

static void lane_on_written(void *arg, const struct kube_reply *reply);

static void lane_send(struct lane *l, const struct kube_request *request)
{
    l->writer->count++;
    l->fetch = kube_fetch_start(l->writer->client, request, lane_on_written, l);
}

/* The request has its copy of the body. */
static void lane_put(struct lane *l, const char *body, size_t len)
{
    const char *subresource = l->first->subresource;
    CLEANUP(xfreep)
    char *path = subresource == NULL ? xstrdup(l->key) : xasprintf("%s/%s", l->key, subresource);
    const struct kube_request put = {.method = "PUT", .path = path, .body = body, .body_len = len};

    lane_send(l, &put);
}

/* Items of a list have no type, and a custom resource is refused without. */
static void add_type(json_t *object, enum object_kind kind)
{
    if (json_object_get(object, "apiVersion") == NULL)
        json_object_set_new(object, "apiVersion", json_string(kube_api_version(kind)));
    if (json_object_get(object, "kind") == NULL)
        json_object_set_new(object, "kind", json_string(object_kind_name(kind)));
}

/* What may be edited: with a resource version, without managedFields. */
NODISCARD static int read_object(struct kube_body *ret, const char *bytes, size_t len,
                                 struct err *err)
{
    CLEANUP(kube_body_done) struct kube_body b = {0};
    json_t *meta;
    int r;

    r = kube_body_read(&b, bytes, len, err);
    if (r < 0)
        return r;
    meta = json_object_get(b.value, "metadata");
    if (str_empty(json_string_value(json_object_get(meta, "resourceVersion"))))
        return err_set(err, -EBADMSG, "an object without a resource version");
    json_object_del(meta, "managedFields");
    *ret = b;
    b = (struct kube_body){0};
    return 0;
}

/* The body of the PUT; NULL when there is nothing to write. The caller frees it. */
static char *edit_object(const struct write *x, struct kube_body *b, size_t *ret_len)
{
    CLEANUP(xfreep) char *before = NULL;
    CLEANUP(xfreep) char *after = NULL;
    size_t before_len;

    if (x->is_forgotten)
        return NULL;
    add_type(b->value, x->kind);
    before = kube_body_write(b, &before_len);
    if (x->edit(x->arg, b->value) == KUBE_EDIT_NOTHING)
        return NULL;
    after = kube_body_write(b, ret_len);
    if (*ret_len == before_len && memcmp(after, before, before_len) == 0)
        return NULL;
    return TAKE(after);
}

static void lane_edit(struct lane *l, const char *bytes, size_t len)
{
    CLEANUP(err_done) struct err err = {0};
    CLEANUP(kube_body_done) struct kube_body b = {0};
    CLEANUP(xfreep) char *body = NULL;
    int r = read_object(&b, bytes, len, &err);
    struct kube_reply reply;
    size_t body_len;

    if (r == 0)
        body = edit_object(l->first, &b, &body_len);
    if (body != NULL) {
        lane_put(l, body, body_len);
        return;
    }
    reply = no_answer(r, r < 0 ? err_text(&err) : "");
    lane_finish(l, &reply);
}

static void lane_on_read(void *arg, const struct kube_reply *reply)
{
    struct lane *l = arg;

    l->fetch = NULL;
    if (reply->code == 0 && reply->status == 200)
        lane_edit(l, reply->bytes, reply->len);
    else
        lane_finish(l, reply);
}

static void lane_read(struct lane *l)
{
    const struct kube_request get = {.method = "GET", .path = l->key};

    l->fetch = kube_fetch_start(l->writer->client, &get, lane_on_read, l);
}

static void lane_on_pause_over(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    lane_read(arg);
}

static void lane_pause(struct lane *l)
{
    struct timeval tv = delay_from_ns(FIRST_PAUSE_NS << (l->first->tries - 1));

    (void)event_add(&l->pause, &tv); /* fails only without memory */
}

static void lane_on_written(void *arg, const struct kube_reply *reply)
{
    struct lane *l = arg;
    struct write *x = l->first;

    l->fetch = NULL;
    if (x->is_edit && reply->status == 409 && ++x->tries < TRIES_MAX)
        lane_pause(l);
    else
        lane_finish(l, reply);
}

static void lane_begin(struct lane *l)
{
    struct write *x = l->first;
    CLEANUP(xfreep) char *known = TAKE(x->known);

    l->is_under_way = true;
    l->writer->in_flight++;
    if (!x->is_edit) {
        lane_send(l, &x->request);
    } else if (known != NULL) {
        l->writer->known_bytes -= x->known_len;
        lane_edit(l, known, x->known_len);
    } else {
        lane_read(l);
    }
}

/* --- the writer --- */

static bool start_one(struct kube_writer *w)
{
    struct lane *l = w->in_flight < IN_FLIGHT_MAX ? ready_take(w) : NULL;

    if (l == NULL)
        return false;
    lane_begin(l);
    return true;
}

static bool report_one_canceled(struct kube_writer *w)
{
    struct write *x = w->first_canceled;
    const struct kube_reply reply = no_answer(-ECANCELED, "a newer request has replaced it");

    if (x == NULL)
        return false;
    w->first_canceled = x->next;
    write_report(x, &reply);
    write_free(w, x);
    return true;
}

static void on_wake(evutil_socket_t fd, short what, void *arg)
{
    struct kube_writer *w = arg;

    (void)fd;
    (void)what;
    for (int i = 0; i < STARTS_A_ROUND; i++) {
        if (!report_one_canceled(w) && !start_one(w))
            return;
    }
    wake(w);
}

struct kube_writer *kube_writer_new(struct event_base *base, struct kube_client *client)
{
    struct kube_writer *w = xcalloc(1, sizeof(*w));

    w->base = base;
    w->client = client;
    (void)event_assign(&w->wake, base, -1, 0, on_wake, w); /* cannot fail */
    return w;
}

struct kube_writer *kube_writer_free(struct kube_writer *w)
{
    if (w == NULL)
        return NULL;
    (void)event_del(&w->wake);
    MAP_EACH (&w->lanes, e)
        lane_free(e->value);
    map_done(&w->lanes);
    while (w->first_canceled != NULL) {
        struct write *x = w->first_canceled;

        w->first_canceled = x->next;
        write_free(w, x);
    }
    free(w);
    return NULL;
}

static void cancel(struct kube_writer *w, struct write *x)
{
    x->next = NULL;
    if (w->first_canceled == NULL)
        w->first_canceled = x;
    else
        w->last_canceled->next = x;
    w->last_canceled = x;
    w->pending--;
    wake(w);
}

/* Takes the last write out of the lane if it has not begun and `x` is to come instead of it. */
static struct write *take_replaced(struct lane *l, const struct write *x)
{
    struct write *last = l->last, **at = &l->first;

    if (l->first == NULL || (l->first == last && l->is_under_way))
        return NULL;
    if (!last->is_edit || !str_eq(last->subresource, x->subresource))
        return NULL;
    l->last = NULL;
    while (*at != last) {
        l->last = *at;
        at = &(*at)->next;
    }
    *at = NULL;
    return last;
}

void kube_writer_edit(struct kube_writer *w, const struct kube_edit_request *request)
{
    CLEANUP(xfreep) char *key = kube_path(request->kind, request->namespace, request->name, NULL);
    struct lane *l = lane_of(w, key);
    struct write *x = write_of_edit(w, request), *replaced = take_replaced(l, x);

    if (replaced != NULL)
        cancel(w, replaced);
    lane_append(l, x);
}

static void send_in_turn(struct kube_writer *w, const char *key, struct write *x_take,
                         kube_written_fn done, void *arg)
{
    x_take->done = done;
    x_take->arg = arg;
    lane_append(lane_of(w, key), x_take);
}

void kube_writer_send(struct kube_writer *w, const char *key, const struct kube_request *request,
                      kube_written_fn done, void *arg)
{
    send_in_turn(w, key, write_of_request(request, TURN_FIRST), done, arg);
}

void kube_writer_send_late(struct kube_writer *w, const char *key,
                           const struct kube_request *request, kube_written_fn done, void *arg)
{
    send_in_turn(w, key, write_of_request(request, TURN_LATE), done, arg);
}

static void forget(struct write *x, const void *arg)
{
    for (; x != NULL; x = x->next) {
        if (x->arg == arg) {
            x->is_forgotten = true;
            x->done = NULL;
        }
    }
}

void kube_writer_forget(struct kube_writer *w, const void *arg)
{
    MAP_EACH (&w->lanes, e)
        forget(((struct lane *)e->value)->first, arg);
    forget(w->first_canceled, arg);
}

size_t kube_writer_pending(const struct kube_writer *w)
{
    return w->pending;
}

uint64_t kube_writer_count(const struct kube_writer *w)
{
    return w->count;
}

void kube_writer_apply_status(struct kube_writer *w, enum object_kind kind, const char *namespace,
                              const char *name, const char *field_manager, const json_t *object,
                              kube_written_fn done, void *arg)
{
    CLEANUP(xfreep) char *key = kube_path(kind, namespace, name, NULL);
    CLEANUP(xfreep) char *status = kube_path(kind, namespace, name, "status");
    CLEANUP(xfreep) char *body = json_dumps(object, JSON_COMPACT);
    CLEANUP(text_done) struct text path = {0};
    struct kube_request request = {.method = "PATCH",
                                   .content_type = "application/apply-patch+yaml",
                                   .body = body,
                                   .body_len = strlen(body)};

    text_add(&path, status);
    kube_path_add(&path, "fieldManager", field_manager);
    kube_path_add(&path, "force", "true");
    request.path = text_str(&path);
    kube_writer_send(w, key, &request, done, arg);
}
