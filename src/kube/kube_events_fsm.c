/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/kube_events_fsm.h"

#include "base/hash.h"
#include "base/mem.h"
#include "base/random.h"
#include "base/text.h"
#include "kube/kube_lru.h"

#include <assert.h>
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* client-go: tools/record, events_cache.go and event.go */
enum {
    QUEUE_MAX = 1000,
    MEMORY_MAX = 4096,
    SIMILAR_MAX = 10,
    TRIES_MAX = 12,
    BURST = 25,
};
#define SIMILAR_NS (600 * NS_PER_SEC)
#define REFILL_NS (300 * NS_PER_SEC)
#define PAUSE_NS (10 * NS_PER_SEC)
#define COMBINED "(combined from similar events): "

/* Of events that are alike in everything. */
struct seen {
    uint64_t count;
    int64_t first_ns, name_ns; /* the latter makes its name */
};

/* Of events that differ in their message. */
struct similar {
    struct mono last;
    uint32_t count;
    uint32_t messages[SIMILAR_MAX - 1]; /* hashes; two that meet are one message, without harm */
};

/* Of all events about one object. */
struct bucket {
    int64_t credit_ns; /* REFILL_NS buys one event */
    struct mono at;    /* "never": not used yet */
};

struct queued {
    struct queued *next;
    struct events_input in;
    char texts[];
};

enum slot_state { SLOT_FREE, SLOT_READY, SLOT_SENT, SLOT_PAUSED };

struct slot {
    enum slot_state state;
    enum events_request_kind kind;
    unsigned tries;
    struct mono until;   /* of a pause */
    struct queued *from; /* owned; the texts of the record */
    char *combined;      /* owned; or the message of the record */
    struct events_record record;
};

struct events_fsm {
    char *component, *host;
    uint64_t random_state, hash_basis;
    int64_t last_name_ns;
    struct lru seen, similar, buckets;
    struct queued *first, *last;
    struct slot slots[EVENTS_SLOTS];
    struct events_fsm_stats stats;
};

/* --- texts --- */

static const char **input_texts(struct events_input *in, size_t i)
{
    const char **texts[] = {&in->api_version,      &in->kind, &in->namespace, &in->name,   &in->uid,
                            &in->resource_version, &in->type, &in->reason,    &in->message};

    return i < ARRAY_SIZE(texts) ? texts[i] : NULL;
}

/* Copies a text to *at, which then is behind it. */
static const char *text_place(char **at, const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = memcpy(*at, text, size);

    *at += size;
    return copy;
}

static struct queued *queued_new(const struct events_input *in)
{
    struct events_input copy = *in;
    struct queued *q;
    size_t size = 0;
    const char **t;
    char *to;

    for (size_t i = 0; (t = input_texts(&copy, i)) != NULL; i++)
        size += strlen(*t) + 1;
    q = xcalloc(1, sizeof(*q) + size);
    to = q->texts;
    for (size_t i = 0; (t = input_texts(&copy, i)) != NULL; i++)
        *t = text_place(&to, *t);
    q->in = copy;
    return q;
}

/* --- life --- */

struct events_fsm *events_fsm_new(const char *component, const char *host, uint64_t seed)
{
    struct events_fsm *f = xcalloc(1, sizeof(*f));

    f->component = xstrdup(component);
    f->host = xstrdup(host);
    f->random_state = f->hash_basis = seed;
    lru_init(&f->seen, MEMORY_MAX, sizeof(struct seen));
    lru_init(&f->similar, MEMORY_MAX, sizeof(struct similar));
    lru_init(&f->buckets, MEMORY_MAX, sizeof(struct bucket));
    return f;
}

static struct queued *queue_take(struct events_fsm *f)
{
    struct queued *q = f->first;

    f->first = q->next;
    f->stats.queued--;
    return q;
}

static void slot_clear(struct slot *s)
{
    free(s->from);
    free(s->combined);
    *s = (struct slot){.state = SLOT_FREE};
}

struct events_fsm *events_fsm_free(struct events_fsm *f)
{
    if (f == NULL)
        return NULL;
    while (f->first != NULL)
        free(queue_take(f));
    for (size_t i = 0; i < EVENTS_SLOTS; i++)
        slot_clear(&f->slots[i]);
    lru_done(&f->seen);
    lru_done(&f->similar);
    lru_done(&f->buckets);
    free(f->component);
    free(f->host);
    free(f);
    return NULL;
}

bool events_fsm_add(struct events_fsm *f, const struct events_input *in)
{
    struct queued *q;

    if (f->stats.queued == QUEUE_MAX) {
        f->stats.dropped++;
        return false;
    }
    q = queued_new(in);
    if (f->first == NULL)
        f->first = q;
    else
        f->last->next = q;
    f->last = q;
    f->stats.queued++;
    return true;
}

/* --- correlation --- */

/* What all three keys begin with: the source and the object. */
static void add_object(const struct events_fsm *f, struct text *key, const struct events_input *in)
{
    text_printf(key, "%s\n%s\n%s\n%s\n%s\n%s\n%s", f->component, f->host, in->kind, in->namespace,
                in->name, in->uid, in->api_version);
}

/* From a basis that nobody else knows: the memories keep no more of a text than this. */
static uint64_t hash(const struct events_fsm *f, const char *s)
{
    return hash_text(HASH_START ^ f->hash_basis, s);
}

static bool similar_has(const struct similar *s, uint32_t message)
{
    for (size_t i = 0; i < s->count; i++) {
        if (s->messages[i] == message)
            return true;
    }
    return false;
}

/*
 * True when there are too many messages. client-go then forgets any one of them; here it is the new
 * one, so that those that were told by themselves go on to be.
 */
static bool is_combined(struct similar *s, struct mono now, uint64_t message)
{
    uint32_t h = (uint32_t)(message >> 32);

    if (mono_is_set(s->last) && mono_sub(now, s->last) > SIMILAR_NS)
        s->count = 0;
    s->last = now;
    if (similar_has(s, h))
        return false;
    if (s->count == ARRAY_SIZE(s->messages))
        return true;
    s->messages[s->count++] = h;
    return false;
}

static bool is_spam(struct bucket *b, struct mono now)
{
    int64_t full = BURST * REFILL_NS, passed = mono_is_set(b->at) ? mono_sub(now, b->at) : full;

    b->credit_ns = passed >= full - b->credit_ns ? full : b->credit_ns + passed;
    b->at = now;
    if (b->credit_ns < REFILL_NS)
        return true;
    b->credit_ns -= REFILL_NS;
    return false;
}

/* A number that no other event of ours has, for its name. */
static int64_t name_ns_new(struct events_fsm *f, int64_t wall_ns)
{
    f->last_name_ns = wall_ns > f->last_name_ns ? wall_ns : f->last_name_ns + 1;
    return f->last_name_ns;
}

/* "<object>.<hex of a number>", cut to what a name may be. */
static void set_name(struct events_record *r, int64_t ns)
{
    char suffix[24];
    int len, object_len = (int)strlen(r->about.name);

    len = snprintf(suffix, sizeof(suffix), ".%" PRIx64, (uint64_t)ns);
    if (object_len > EVENTS_NAME_MAX - len)
        object_len = EVENTS_NAME_MAX - len;
    while (object_len > 0 && !isalnum((unsigned char)r->about.name[object_len - 1]))
        object_len--;
    (void)snprintf(r->name, sizeof(r->name), "%.*s%s", object_len, r->about.name,
                   suffix); /* it fits */
}

/* Gives the record its name, count and first time. True when it is a count of an earlier one. */
static bool observe(struct events_fsm *f, struct events_record *r, const char *key)
{
    struct seen *s = lru_get(&f->seen, hash(f, key));
    bool is_known = s->count > 0;

    if (!is_known) {
        s->name_ns = name_ns_new(f, r->about.wall_ns);
        s->first_ns = r->about.wall_ns;
    }
    s->count++;
    set_name(r, s->name_ns);
    r->count = s->count;
    r->first_ns = s->first_ns;
    r->last_ns = r->about.wall_ns;
    return is_known;
}

/* Takes what was queued. False when nothing is to be sent: the slot is still free. */
static bool correlate(struct events_fsm *f, struct mono now, struct queued *q_take,
                      struct slot *slot)
{
    CLEANUP(text_done) struct text object = {0};
    CLEANUP(text_done) struct text key = {0};
    struct events_record *r = &slot->record;
    const struct events_input *in = &q_take->in;
    bool is_combination, is_known;

    slot->from = q_take;
    r->about = *in;
    add_object(f, &object, in);
    text_printf(&key, "%s\n%s\n%s", text_str(&object), in->type, in->reason);
    is_combination =
        is_combined(lru_get(&f->similar, hash(f, text_str(&key))), now, hash(f, in->message));
    if (is_combination)
        r->about.message = slot->combined = xasprintf(COMBINED "%s", in->message);
    else
        text_printf(&key, "\n%s", in->message);
    is_known = observe(f, r, text_str(&key));
    if (is_spam(lru_get(&f->buckets, hash(f, text_str(&object))), now)) {
        f->stats.dropped++;
        slot_clear(slot);
        return false;
    }
    f->stats.folded += is_known || is_combination;
    slot->kind = is_known ? EVENTS_PATCH : EVENTS_CREATE;
    slot->state = SLOT_READY;
    return true;
}

/* --- requests --- */

static bool is_paused(const struct events_fsm *f)
{
    for (size_t i = 0; i < EVENTS_SLOTS; i++) {
        if (f->slots[i].state == SLOT_PAUSED)
            return true;
    }
    return false;
}

static struct slot *slot_find(struct events_fsm *f, enum slot_state state)
{
    for (size_t i = 0; i < EVENTS_SLOTS; i++) {
        if (f->slots[i].state == state)
            return &f->slots[i];
    }
    return NULL;
}

static void end_pauses(struct events_fsm *f, struct mono now)
{
    for (size_t i = 0; i < EVENTS_SLOTS; i++) {
        struct slot *s = &f->slots[i];

        if (s->state == SLOT_PAUSED && !mono_before(now, s->until))
            s->state = SLOT_READY;
    }
}

/* While a pause runs nothing new begins: it would fail as well. */
static struct slot *slot_to_send(struct events_fsm *f, struct mono now)
{
    struct slot *s = slot_find(f, SLOT_READY);

    if (s != NULL || is_paused(f))
        return s;
    while (f->first != NULL && (s = slot_find(f, SLOT_FREE)) != NULL) {
        if (correlate(f, now, queue_take(f), s))
            return s;
    }
    return NULL;
}

bool events_fsm_next(struct events_fsm *f, struct mono now, struct events_request *ret)
{
    struct slot *s;

    end_pauses(f, now);
    s = slot_to_send(f, now);
    if (s == NULL)
        return false;
    s->state = SLOT_SENT;
    *ret = (struct events_request){
        .kind = s->kind, .slot = (size_t)(s - f->slots), .record = &s->record};
    return true;
}

static bool give_up(struct events_fsm *f, struct slot *s)
{
    f->stats.dropped++;
    slot_clear(s);
    return true;
}

/* The first pause is of random length, so that not everybody comes back at once. */
static bool try_later(struct events_fsm *f, struct mono now, struct slot *s)
{
    if (++s->tries == TRIES_MAX)
        return give_up(f, s);
    s->until = mono_add(now, s->tries == 1 ? (int64_t)random_below(&f->random_state, PAUSE_NS) + 1
                                           : PAUSE_NS);
    s->state = SLOT_PAUSED;
    return false;
}

bool events_fsm_on_reply(struct events_fsm *f, struct mono now, size_t slot,
                         enum events_reply reply)
{
    struct slot *s = &f->slots[slot];

    assert(slot < EVENTS_SLOTS && s->state == SLOT_SENT);
    switch (reply) {
    case EVENTS_WRITTEN:
        f->stats.sent++;
        slot_clear(s);
        return false;
    case EVENTS_MISSING:
        if (s->kind == EVENTS_CREATE)
            return give_up(f, s);
        s->kind = EVENTS_CREATE;
        s->state = SLOT_READY;
        return false;
    case EVENTS_REFUSED:
        return give_up(f, s);
    case EVENTS_UNREACHABLE:
        return try_later(f, now, s);
    }
    return false;
}

struct mono events_fsm_deadline(const struct events_fsm *f)
{
    struct mono first = {0};

    for (size_t i = 0; i < EVENTS_SLOTS; i++) {
        if (f->slots[i].state == SLOT_PAUSED)
            first = mono_earlier(first, f->slots[i].until);
    }
    return first;
}

struct events_fsm_stats events_fsm_stats(const struct events_fsm *f)
{
    return f->stats;
}
