/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/kube_h1_wire.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

enum { STATUS_DIGITS = 3, HEX_DIGITS_MAX = 15, DECIMAL_DIGITS_MAX = 18 };

void kube_h1_reader_done(struct kube_h1_reader *r)
{
    text_done(&r->line);
}

enum line { LINE_WHOLE, LINE_MORE, LINE_BAD };

/* Collects one line into r->line, without its end. */
static enum line line_read(struct kube_h1_reader *r, struct rd *in)
{
    const uint8_t *end = in->left > 0 ? memchr(in->pos, '\n', in->left) : NULL;
    struct rd piece = rd_sub(in, end != NULL ? (size_t)(end - in->pos) + 1 : in->left);
    struct text *t = &r->line;

    r->lines_len += piece.left;
    if (r->lines_len > KUBE_H1_HEAD_MAX)
        return LINE_BAD;
    text_add_n(t, (const char *)piece.pos, piece.left);
    if (end == NULL)
        return LINE_MORE;
    t->chars[--t->len] = '\0';
    if (t->len > 0 && t->chars[t->len - 1] == '\r')
        t->chars[--t->len] = '\0';
    /* RFC 9112 section 2.2: a CR alone ends no line; RFC 9110 section 5.5: no NUL. */
    return memchr(t->chars, '\r', t->len) != NULL || strlen(t->chars) != t->len ? LINE_BAD
                                                                                : LINE_WHOLE;
}

static void line_clear(struct kube_h1_reader *r)
{
    r->line.len = 0;
}

/* "HTTP/1.1 200 OK" */
static bool read_status(struct kube_h1_reader *r)
{
    const char *line = text_str(&r->line);
    unsigned status = 0;

    if (strncmp(line, "HTTP/1.", 7) != 0 || !isdigit((unsigned char)line[7]) || line[8] != ' ')
        return false;
    line += 9;
    for (int i = 0; i < STATUS_DIGITS; i++) {
        if (!isdigit((unsigned char)line[i]))
            return false;
        status = status * 10 + (unsigned)(line[i] - '0');
    }
    if ((line[STATUS_DIGITS] != ' ' && line[STATUS_DIGITS] != '\0') || status < 100 ||
        status == 101)
        return false;
    *r = (struct kube_h1_reader){
        .state = KUBE_H1_FIELDS, .status = status, .lines_len = r->lines_len, .line = r->line};
    return true;
}

/* Name and value of the line, blanks around the value taken off. */
static bool split_field(const struct text *line, struct kube_field *ret)
{
    const char *colon = memchr(line->chars, ':', line->len);
    const char *value, *end = line->chars + line->len;

    if (colon == NULL || colon == line->chars)
        return false;
    for (const char *p = line->chars; p < colon; p++) {
        if (!isalnum((unsigned char)*p) && strchr("!#$%&'*+-.^_`|~", *p) == NULL)
            return false; /* RFC 9110 section 5.6.2 */
    }
    for (value = colon + 1; value < end && (*value == ' ' || *value == '\t'); value++)
        ;
    while (end > value && (end[-1] == ' ' || end[-1] == '\t'))
        end--;
    *ret = (struct kube_field){line->chars, value, (size_t)(colon - line->chars),
                               (size_t)(end - value)};
    return true;
}

static bool read_length(struct kube_h1_reader *r, const struct kube_field *f)
{
    uint64_t length = 0;

    if (f->value_len == 0 || f->value_len > DECIMAL_DIGITS_MAX)
        return false;
    for (size_t i = 0; i < f->value_len; i++) {
        if (!isdigit((unsigned char)f->value[i]))
            return false;
        length = length * 10 + (uint64_t)(f->value[i] - '0');
    }
    if (r->has_length && r->left != length)
        return false;
    r->has_length = true;
    r->left = length;
    return true;
}

/* What says how long the body is (RFC 9112 section 6). */
static bool read_framing(struct kube_h1_reader *r, const struct kube_field *f)
{
    if (kube_field_is(f, "content-length"))
        return read_length(r, f);
    if (!kube_field_is(f, "transfer-encoding"))
        return true;
    if (r->is_chunked || f->value_len != 7 || strncasecmp(f->value, "chunked", 7) != 0)
        return false;
    r->is_chunked = true;
    return true;
}

static enum kube_h1_event end_of_head(struct kube_h1_reader *r)
{
    if (r->status / 100 == 1) {
        r->state = KUBE_H1_STATUS_LINE;
        return KUBE_H1_MORE;
    }
    if (r->is_chunked && r->has_length)
        return KUBE_H1_BAD;
    if (r->status == 204 || r->status == 304 || (r->has_length && r->left == 0))
        r->state = KUBE_H1_DONE;
    else
        r->state = r->is_chunked ? KUBE_H1_CHUNK_SIZE : KUBE_H1_BODY;
    return KUBE_H1_HEAD;
}

/* A line of the head is whole; KUBE_H1_MORE: it is no event. */
static enum kube_h1_event head_line(struct kube_h1_reader *r, struct kube_h1_item *ret)
{
    if (r->state == KUBE_H1_STATUS_LINE)
        return read_status(r) ? KUBE_H1_MORE : KUBE_H1_BAD;
    if (r->line.len == 0)
        return end_of_head(r);
    if (!split_field(&r->line, &ret->field) || !read_framing(r, &ret->field))
        return KUBE_H1_BAD;
    return r->status / 100 == 1 ? KUBE_H1_MORE : KUBE_H1_FIELD;
}

/* "1a2b;extension" */
static bool read_chunk_size(struct kube_h1_reader *r)
{
    const char *p = text_str(&r->line);
    uint64_t size = 0;
    int digits = 0;

    for (; hex_digit(*p) >= 0; p++) {
        if (++digits > HEX_DIGITS_MAX)
            return false;
        size = size * 16 + (uint64_t)hex_digit(*p);
    }
    while (*p == ' ' || *p == '\t')
        p++;
    if (digits == 0 || (*p != '\0' && *p != ';'))
        return false;
    r->left = size;
    r->state = size > 0 ? KUBE_H1_CHUNK : KUBE_H1_TRAILERS;
    r->lines_len = 0; /* the limit is for lines without data between them */
    return true;
}

/* A line of the framing of chunks is whole. */
static enum kube_h1_event chunk_line(struct kube_h1_reader *r)
{
    if (r->state == KUBE_H1_CHUNK_SIZE)
        return read_chunk_size(r) ? KUBE_H1_MORE : KUBE_H1_BAD;
    if (r->state == KUBE_H1_CHUNK_END) {
        r->state = KUBE_H1_CHUNK_SIZE;
        return r->line.len == 0 ? KUBE_H1_MORE : KUBE_H1_BAD;
    }
    if (r->line.len > 0)
        return KUBE_H1_MORE; /* a trailer */
    r->state = KUBE_H1_DONE;
    return KUBE_H1_END;
}

static enum kube_h1_event data(struct kube_h1_reader *r, struct rd *in, struct kube_h1_item *ret)
{
    bool is_bounded = r->state == KUBE_H1_CHUNK || r->has_length;
    struct rd piece = rd_sub(in, is_bounded && r->left < in->left ? (size_t)r->left : in->left);

    ret->bytes = (const char *)piece.pos;
    ret->len = piece.left;
    if (!is_bounded)
        return KUBE_H1_DATA;
    r->left -= piece.left;
    if (r->left == 0)
        r->state = r->state == KUBE_H1_CHUNK ? KUBE_H1_CHUNK_END : KUBE_H1_DONE;
    return KUBE_H1_DATA;
}

static enum kube_h1_event line(struct kube_h1_reader *r, struct rd *in, struct kube_h1_item *ret)
{
    bool is_head = r->state == KUBE_H1_STATUS_LINE || r->state == KUBE_H1_FIELDS;
    enum kube_h1_event event;

    switch (line_read(r, in)) {
    case LINE_MORE:
        return KUBE_H1_MORE;
    case LINE_BAD:
        return KUBE_H1_BAD;
    case LINE_WHOLE:
        break;
    }
    event = is_head ? head_line(r, ret) : chunk_line(r);
    line_clear(r); /* the bytes stay for the item */
    return event;
}

enum kube_h1_event kube_h1_next(struct kube_h1_reader *r, struct rd *in, struct kube_h1_item *ret)
{
    while (r->state != KUBE_H1_DONE) {
        bool is_data = r->state == KUBE_H1_BODY || r->state == KUBE_H1_CHUNK;
        enum kube_h1_event event;

        if (in->left == 0)
            return KUBE_H1_MORE;
        event = is_data ? data(r, in, ret) : line(r, in, ret);
        if (event != KUBE_H1_MORE)
            return event;
    }
    return KUBE_H1_END;
}

bool kube_h1_is_whole(const struct kube_h1_reader *r)
{
    return r->state == KUBE_H1_DONE || (r->state == KUBE_H1_BODY && !r->has_length);
}
