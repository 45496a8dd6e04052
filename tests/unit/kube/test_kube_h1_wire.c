/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "kube/kube_h1_wire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define OK "HTTP/1.1 200 OK\r\n"
#define CHUNKED OK "Transfer-Encoding: chunked\r\n\r\n"

/* What comes out as a text: "status NAME=VALUE ... | body", then how it ended: "." whole, "!" bad,
 * "?" cut off. */
static const struct {
    const char *name, *bytes, *want;
} answers[] = {
    {"a length", OK "Content-Length: 3\r\n\r\nabc", "200 Content-Length=3 |abc."},
    {"no body", OK "Content-Length: 0\r\n\r\n", "200 Content-Length=0 |."},
    {"until the end", OK "\r\nabc", "200 |abc."},
    {"204", "HTTP/1.1 204 No Content\r\n\r\n", "204 |."},
    {"304", "HTTP/1.1 304\r\n\r\n", "304 |."},
    {"no reason", "HTTP/1.0 404 \r\n\r\n", "404 |."},
    {"bare LF", "HTTP/1.1 200 OK\nA: b\n\nabc", "200 A=b |abc."},
    {"blanks around a value", OK "A:\t b c \t\r\n\r\n", "200 A=b c |."},
    {"an empty value", OK "A:\r\n\r\n", "200 A= |."},
    {"chunks", CHUNKED "3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n",
     "200 Transfer-Encoding=chunked |abcde."},
    {"hex", CHUNKED "A\r\n0123456789\r\n0b \r\n0123456789a\r\n00\r\n\r\n",
     "200 Transfer-Encoding=chunked |01234567890123456789a."},
    {"trailers", CHUNKED "1\r\na\r\n0\r\nX: y\r\n\r\n", "200 Transfer-Encoding=chunked |a."},
    {"an interim answer", "HTTP/1.1 100 Continue\r\nA: b\r\n\r\n" OK "\r\nabc", "200 |abc."},
    {"the same length twice", OK "Content-Length: 1\r\nContent-Length: 1\r\n\r\na",
     "200 Content-Length=1 Content-Length=1 |a."},
    {"cut in the head", OK "A: b\r\n", "200 A=b?"},
    {"cut in the body", OK "Content-Length: 3\r\n\r\nab", "200 Content-Length=3 |ab?"},
    {"cut in a chunk", CHUNKED "3\r\nab", "200 Transfer-Encoding=chunked |ab?"},
    {"cut before the last chunk", CHUNKED "1\r\na\r\n", "200 Transfer-Encoding=chunked |a?"},
    {"cut before the last line", CHUNKED "1\r\na\r\n0\r\n", "200 Transfer-Encoding=chunked |a?"},
    {"nothing", "", "0?"},
    {"another protocol", "SSH-2.0-OpenSSH\r\n", "0!"},
    {"HTTP/2", "HTTP/2 200\r\n", "0!"},
    {"a status of two digits", "HTTP/1.1 20\r\n", "0!"},
    {"a status of four digits", "HTTP/1.1 2000\r\n", "0!"},
    {"a switch of protocols", "HTTP/1.1 101 Switching\r\n\r\n", "0!"},
    {"status 0", "HTTP/1.1 000\r\n\r\n", "0!"},
    {"a folded line", OK "A: b\r\n c\r\n\r\n", "200 A=b!"},
    {"a blank before the colon", OK "A : b\r\n\r\n", "200!"},
    {"no name", OK ": b\r\n\r\n", "200!"},
    {"no colon", OK "abc\r\n\r\n", "200!"},
    {"CR inside", OK "A: b\rc\r\n\r\n", "200!"},
    {"two lengths", OK "Content-Length: 1\r\nContent-Length: 2\r\n\r\nab", "200 Content-Length=1!"},
    {"a negative length", OK "Content-Length: -1\r\n\r\n", "200!"},
    {"a length that is too long", OK "Content-Length: 9999999999999999999\r\n\r\n", "200!"},
    {"a list as length", OK "Content-Length: 1, 1\r\n\r\na", "200!"},
    {"a length and chunks", OK "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
     "200 Content-Length=1 Transfer-Encoding=chunked!"},
    {"another coding", OK "Transfer-Encoding: gzip, chunked\r\n\r\n", "200!"},
    {"chunked twice", OK "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
     "200 Transfer-Encoding=chunked!"},
    {"a chunk without a size", CHUNKED "\r\n", "200 Transfer-Encoding=chunked |!"},
    {"a chunk of a bad size", CHUNKED "0x1\r\na\r\n", "200 Transfer-Encoding=chunked |!"},
    {"a chunk of a huge size", CHUNKED "1000000000000000\r\n", "200 Transfer-Encoding=chunked |!"},
    {"a chunk that is longer than it says", CHUNKED "1\r\nab\r\n",
     "200 Transfer-Encoding=chunked |a!"},
};

struct reading {
    struct kube_h1_reader reader;
    struct text out;
    bool has_head, is_over;
};

static void take(struct reading *r, enum kube_h1_event event, const struct kube_h1_item *item)
{
    switch (event) {
    case KUBE_H1_FIELD:
        text_printf(&r->out, " %.*s=%.*s", (int)item->field.name_len, item->field.name,
                    (int)item->field.value_len, item->field.value);
        break;
    case KUBE_H1_HEAD:
        text_add(&r->out, " |");
        break;
    case KUBE_H1_DATA:
        text_add_n(&r->out, item->bytes, item->len);
        break;
    case KUBE_H1_END:
    case KUBE_H1_BAD:
        text_add(&r->out, event == KUBE_H1_END ? "." : "!");
        r->is_over = true;
        break;
    case KUBE_H1_MORE:
        break;
    }
}

/* Reads `len` bytes that came as one piece. */
static void read_piece(struct reading *r, const char *bytes, size_t len)
{
    struct rd in = rd_from(bytes, len);
    enum kube_h1_event event;

    do {
        struct kube_h1_item item;

        event = kube_h1_next(&r->reader, &in, &item);
        take(r, event, &item);
    } while (event != KUBE_H1_MORE && !r->is_over);
}

/* In pieces of `step` bytes. The caller frees the text. */
static char *read_answer(const char *bytes, size_t step)
{
    struct reading r = {0};
    size_t len = strlen(bytes);
    char *want;

    for (size_t at = 0; at < len && !r.is_over; at += step)
        read_piece(&r, bytes + at, len - at < step ? len - at : step);
    if (!r.is_over)
        text_add(&r.out, kube_h1_is_whole(&r.reader) ? "." : "?");
    want = xasprintf("%u%s", r.reader.status, text_str(&r.out));
    text_done(&r.out);
    kube_h1_reader_done(&r.reader);
    return want;
}

static void test_answers(void **state)
{
    static const size_t steps[] = {1, 2, 3, 7, 1000};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(answers); i++) {
        for (size_t k = 0; k < ARRAY_SIZE(steps); k++) {
            CLEANUP(xfreep) char *got = read_answer(answers[i].bytes, steps[k]);

            if (strcmp(got, answers[i].want) != 0)
                fail_msg("%s, in pieces of %zu: %s", answers[i].name, steps[k], got);
        }
    }
}

/* A server cannot make us keep more than the limit. */
static void test_head_limit(void **state)
{
    struct reading r = {0};
    char line[100];

    (void)state;
    memset(line, 'a', sizeof(line));
    read_piece(&r, OK, strlen(OK));
    for (size_t sent = 0; sent <= KUBE_H1_HEAD_MAX && !r.is_over; sent += sizeof(line))
        read_piece(&r, line, sizeof(line));
    assert_string_equal(text_str(&r.out), "!");
    text_done(&r.out);
    kube_h1_reader_done(&r.reader);
}

/* The limit is not one of the number of chunks. */
static void test_many_chunks(void **state)
{
    struct reading r = {0};

    (void)state;
    read_piece(&r, CHUNKED, strlen(CHUNKED));
    for (int i = 0; i < KUBE_H1_HEAD_MAX; i++)
        read_piece(&r, "1\r\na\r\n", 6);
    read_piece(&r, "0\r\n\r\n", 5);
    assert_true(r.is_over);
    assert_int_equal(r.out.chars[r.out.len - 1], '.');
    text_done(&r.out);
    kube_h1_reader_done(&r.reader);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answers),
        cmocka_unit_test(test_head_limit),
        cmocka_unit_test(test_many_chunks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
