/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A value that lies within one piece of the body is handed out where it lies; only what a border
 * between pieces cuts is copied together. Of a list everything but the items is kept, since it is
 * small: the scanner follows it byte by byte to find the key "items" at the first level.
 */
#include "kube/kube_scan.h"

#include "base/mem.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A buffer that one large object has blown up is given back after it. */
#define HELD_KEEP ((size_t)64 << 10)

enum place {
    PLACE_BETWEEN,     /* before the first byte, or between the values of a watch */
    PLACE_MEMBERS,     /* of a list, in the outer object */
    PLACE_ITEM_FIRST,  /* behind the bracket of "items" */
    PLACE_ITEM_WANTED, /* behind a comma */
    PLACE_ITEM_DONE,   /* behind an item */
    PLACE_VALUE,       /* in a value that is handed out as a whole */
    PLACE_OVER,        /* behind the outer object */
    PLACE_BROKEN,
};

/* What the bytes so far mean to the next one. */
struct nesting {
    size_t depth;
    bool in_string, is_escaped;
};

struct kube_scan {
    enum kube_scan_kind kind;
    size_t max;
    enum place place;
    const char *pos, *end; /* what was fed */
    struct nesting nesting;
    struct text held; /* the beginning of a value that goes on in the next piece */
    bool is_held_out; /* `held` was handed out: it begins anew */
    struct text rest;
    size_t key_at;  /* of the string that was opened in a key's place */
    bool wants_key; /* the next string at the first level is a key */
    bool in_key;
    bool is_items;    /* the last key at the first level was "items" */
    bool wants_items; /* and its colon was seen */
};

struct kube_scan *kube_scan_new(enum kube_scan_kind kind, size_t max)
{
    struct kube_scan *s = xcalloc(1, sizeof(*s));

    s->kind = kind;
    s->max = max;
    s->place = PLACE_BETWEEN;
    return s;
}

struct kube_scan *kube_scan_free(struct kube_scan *s)
{
    if (s == NULL)
        return NULL;
    text_done(&s->held);
    text_done(&s->rest);
    free(s);
    return NULL;
}

void kube_scan_feed(struct kube_scan *s, const char *bytes, size_t len)
{
    s->pos = bytes;
    s->end = bytes + len;
}

static int break_off(struct kube_scan *s, int code, const char *why, struct err *err)
{
    s->place = PLACE_BROKEN;
    return err_set(err, code, "%s", why);
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

/* False when the piece is used up. */
static bool skip_blanks(struct kube_scan *s)
{
    while (s->pos < s->end && is_blank(*s->pos))
        s->pos++;
    return s->pos < s->end;
}

static const char *skip_string(struct nesting *n, const char *pos, const char *end)
{
    for (; pos < end; pos++) {
        if (n->is_escaped) {
            n->is_escaped = false;
        } else if (*pos == '\\') {
            n->is_escaped = true;
        } else if (*pos == '"') {
            n->in_string = false;
            return pos + 1;
        }
    }
    return pos;
}

/* Passes bytes until the bracket that brings the depth to 0. Whether opening and closing ones are
 * of a kind is left to the parser. */
static const char *skip_brackets(struct nesting *n, const char *pos, const char *end)
{
    while (pos < end) {
        if (n->in_string) {
            pos = skip_string(n, pos, end);
            continue;
        }
        switch (*pos++) {
        case '"':
            n->in_string = true;
            break;
        case '{':
        case '[':
            n->depth++;
            break;
        case '}':
        case ']':
            if (--n->depth == 0)
                return pos;
            break;
        }
    }
    return pos;
}

static int begin_value(struct kube_scan *s, struct err *err)
{
    if (*s->pos != '{')
        return break_off(s, -EBADMSG, "an object is expected", err);
    s->nesting = (struct nesting){0};
    s->place = PLACE_VALUE;
    return 0;
}

static int take_value(struct kube_scan *s, const char **ret, size_t *ret_len, struct err *err)
{
    const char *start = s->pos;

    s->pos = skip_brackets(&s->nesting, s->pos, s->end);
    if ((size_t)(s->pos - start) > s->max - s->held.len)
        return break_off(s, -EMSGSIZE, "an object is too large", err);
    if (s->nesting.depth > 0) {
        text_add_n(&s->held, start, (size_t)(s->pos - start));
        return 0;
    }
    s->place = s->kind == KUBE_SCAN_WATCH ? PLACE_BETWEEN : PLACE_ITEM_DONE;
    if (s->held.len > 0) {
        text_add_n(&s->held, start, (size_t)(s->pos - start));
        s->is_held_out = true;
        *ret = text_str(&s->held);
        *ret_len = s->held.len;
    } else {
        *ret = start;
        *ret_len = (size_t)(s->pos - start);
    }
    return 1;
}

/* A bracket, comma, colon or quote of the outer object, outside strings. */
static void pass_member_byte(struct kube_scan *s, char c)
{
    bool is_first_level = s->nesting.depth == 1;

    switch (c) {
    case '"':
        s->nesting.in_string = true;
        s->in_key = is_first_level && s->wants_key;
        s->key_at = s->rest.len + 1;
        break;
    case '{':
    case '[':
        s->nesting.depth++;
        break;
    case '}':
    case ']':
        if (--s->nesting.depth == 0)
            s->place = PLACE_OVER;
        break;
    case ',':
        s->wants_key = s->wants_key || is_first_level;
        break;
    case ':':
        s->wants_items = is_first_level && s->is_items;
        break;
    }
}

/* The rest of a string of the outer object. */
static void pass_member_string(struct kube_scan *s)
{
    const char *start = s->pos;

    s->pos = skip_string(&s->nesting, s->pos, s->end);
    text_add_n(&s->rest, start, (size_t)(s->pos - start));
    if (s->nesting.in_string || !s->in_key)
        return;
    s->in_key = false;
    s->wants_key = false;
    s->is_items = strcmp(text_str(&s->rest) + s->key_at, "items\"") == 0;
}

static int pass_members(struct kube_scan *s, struct err *err)
{
    while (s->pos < s->end && s->place == PLACE_MEMBERS) {
        char c = *s->pos;

        if (s->rest.len >= s->max)
            return break_off(s, -EMSGSIZE, "what surrounds the items is too large", err);
        if (s->nesting.in_string) {
            pass_member_string(s);
            continue;
        }
        s->pos++;
        if (s->wants_items && !is_blank(c)) {
            s->wants_items = false;
            s->is_items = false;
            if (c == '[') { /* anything else, null as a rule, holds no items */
                text_add(&s->rest, "[]");
                s->place = PLACE_ITEM_FIRST;
                return 0;
            }
        }
        pass_member_byte(s, c);
        text_add_n(&s->rest, &c, 1);
    }
    return 0;
}

static int begin_list(struct kube_scan *s, struct err *err)
{
    if (*s->pos != '{')
        return break_off(s, -EBADMSG, "an object is expected", err);
    s->nesting = (struct nesting){0};
    s->wants_key = true;
    s->place = PLACE_MEMBERS;
    return 0;
}

/* One step between two items. */
static int pass_between_items(struct kube_scan *s, struct err *err)
{
    char c = *s->pos;

    if (c == ']' && s->place != PLACE_ITEM_WANTED) {
        s->pos++;
        s->nesting = (struct nesting){.depth = 1};
        s->place = PLACE_MEMBERS;
        return 0;
    }
    if (s->place != PLACE_ITEM_DONE)
        return begin_value(s, err);
    if (c != ',')
        return break_off(s, -EBADMSG, "\",\" or \"]\" is expected behind an item", err);
    s->pos++;
    s->place = PLACE_ITEM_WANTED;
    return 0;
}

/* One step outside a value; there is at least one byte. */
static int step(struct kube_scan *s, struct err *err)
{
    switch (s->place) {
    case PLACE_MEMBERS:
        return pass_members(s, err);
    case PLACE_BETWEEN:
        if (!skip_blanks(s))
            return 0;
        return s->kind == KUBE_SCAN_WATCH ? begin_value(s, err) : begin_list(s, err);
    case PLACE_ITEM_FIRST:
    case PLACE_ITEM_WANTED:
    case PLACE_ITEM_DONE:
        return skip_blanks(s) ? pass_between_items(s, err) : 0;
    case PLACE_OVER:
        if (!skip_blanks(s))
            return 0;
        return break_off(s, -EBADMSG, "something follows the list", err);
    case PLACE_VALUE:
        return 0;
    case PLACE_BROKEN:
        return err_set(err, -EBADMSG, "the body was broken before");
    }
    return 0;
}

static void forget_held(struct kube_scan *s)
{
    if (!s->is_held_out)
        return;
    s->is_held_out = false;
    s->held.len = 0;
    if (s->held.cap > HELD_KEEP)
        text_done(&s->held);
}

int kube_scan_next(struct kube_scan *s, const char **ret, size_t *ret_len, struct err *err)
{
    forget_held(s);
    while (s->pos < s->end) {
        int r = s->place == PLACE_VALUE ? take_value(s, ret, ret_len, err) : step(s, err);

        if (r != 0)
            return r;
    }
    return 0;
}

int kube_scan_finish(struct kube_scan *s, struct err *err)
{
    enum place whole = s->kind == KUBE_SCAN_WATCH ? PLACE_BETWEEN : PLACE_OVER;

    if (s->place == whole)
        return 0;
    return err_set(err, -EBADMSG, "the body is cut off");
}

const char *kube_scan_rest(const struct kube_scan *s, size_t *ret_len)
{
    *ret_len = s->rest.len;
    return text_str(&s->rest);
}
