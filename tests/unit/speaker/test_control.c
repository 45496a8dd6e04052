/* SPDX-License-Identifier: Apache-2.0 */
/* The control socket: what clients ask, and answers that leave in portions. */
#include "speaker/control.h"

#include "base/fd.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/mono.h"
#include "role/loop.h"

#include <errno.h>
#include <event2/event_struct.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#define PATIENCE_NS (10 * NS_PER_SEC)

enum { MANY = 200, EMPTY = 30, QUEUE = 30 };

/* An answer of `left` portions, all of one letter; the request says of which kind. */
struct counted {
    struct control_answer answer;
    struct server *server;
    unsigned left, empty; /* empty: portions without anything, before each */
    unsigned told_empty;
};

struct server {
    struct event_base *base;
    struct control *control;
    char folder[32], path[64];
    char *asked; /* the last request, owned; NULL: none */
    unsigned portions, answers, ended;
    atomic_bool *may_go; /* shared with the child, which answers once this is set; NULL: at once */
};

static bool counted_next(struct control_answer *a, struct text *out)
{
    struct counted *c = container_of(a, struct counted, answer);
    char portion[1024];

    c->server->portions++;
    if (c->told_empty < c->empty) {
        c->told_empty++;
        return true;
    }
    c->told_empty = 0;
    memset(portion, 'x', sizeof(portion));
    for (size_t i = 0; i < CONTROL_PORTION / sizeof(portion); i++)
        text_add_n(out, portion, sizeof(portion));
    return --c->left > 0;
}

static void counted_free(struct control_answer *a)
{
    struct counted *c = container_of(a, struct counted, answer);

    c->server->ended++;
    free(c);
}

static struct control_answer *on_ask(void *arg, const char *request)
{
    struct server *s = arg;
    struct counted *c;

    free(s->asked);
    s->asked = xstrdup(request);
    s->answers++;
    if (*request == '\0')
        return NULL;
    if (strncmp(request, "many", 4) != 0)
        return control_document_take(json_pack("{s:s}", "asked", request));
    c = xcalloc(1, sizeof(*c));
    c->answer = (struct control_answer){.next = counted_next, .free = counted_free};
    c->server = s;
    c->left = MANY;
    c->empty = strcmp(request, "many empty") == 0 ? EMPTY : 0;
    return &c->answer;
}

static json_t *on_whole(void *arg)
{
    const struct server *s = arg;

    assert_string_equal(s->asked, "");
    while (s->may_go != NULL && !*s->may_go)
        poll(NULL, 0, 1);
    return json_pack("{s:s}", "asked", "");
}

static int set_up(void **state)
{
    struct server *s = xcalloc(1, sizeof(*s));
    struct control_options how = {.ask = on_ask, .answer = on_whole, .arg = s};
    struct err err = {0};

    snprintf(s->folder, sizeof(s->folder), "/tmp/control-XXXXXX");
    assert_non_null(mkdtemp(s->folder));
    snprintf(s->path, sizeof(s->path), "%s/socket", s->folder);
    s->base = loop_new();
    how.base = s->base;
    how.path = s->path;
    assert_int_equal(control_open(&s->control, &how, &err), 0);
    *state = s;
    return 0;
}

static int tear_down(void **state)
{
    struct server *s = *state;

    control_close(s->control);
    assert_int_equal(access(s->path, F_OK), -1);
    rmdir(s->folder);
    event_base_free(s->base);
    free(s->asked);
    free(s);
    return 0;
}

static int client(const struct server *s)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    memcpy(address.sun_path, s->path, sizeof(s->path));
    assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
    return fd;
}

static void say(int fd, const char *words)
{
    assert_int_equal(send(fd, words, strlen(words), MSG_NOSIGNAL), strlen(words));
}

static void turn(const struct server *s)
{
    assert_true(event_base_loop(s->base, EVLOOP_ONCE | EVLOOP_NONBLOCK) >= 0);
}

/* Until the server closes: what it said. */
static struct text answer_to(const struct server *s, int fd)
{
    struct mono begin = mono_now();
    struct text t = {0};
    char chunk[4096];

    for (;;) {
        ssize_t n = read(fd, chunk, sizeof(chunk));

        if (n > 0)
            text_add_n(&t, chunk, (size_t)n);
        if (n == 0 || (n < 0 && errno != EAGAIN))
            return t;
        if (n < 0)
            turn(s);
        if (mono_sub(mono_now(), begin) > PATIENCE_NS)
            fail_msg("no end of the answer after %zu bytes", t.len);
    }
}

/* --- requests --- */

static const struct {
    const char *name, *words;
    bool ends;         /* its side, after the words */
    const char *asked; /* NULL: it is dropped */
} requests[] = {
    {"a line", "routes peer tor\n", false, "routes peer tor"},
    {"a line of another system", "bgp\r\n", false, "bgp"},
    {"an empty line", "\n", false, ""},
    {"more than a line", "bgp\nroutes\n", false, "bgp"},
    {"nothing", "", false, ""},
    {"nothing, ended", "", true, ""},
    {"no line, ended", "routes", true, "routes"},
    {"no line", "routes", false, "routes"},
    {"a line, ended", "bgp\n", true, "bgp"},
};

static void asks(void **state)
{
    struct server *s = *state;

    for (size_t i = 0; i < ARRAY_SIZE(requests); i++) {
        CLEANUP(fd_closep) int fd = client(s);
        CLEANUP(text_done) struct text got = {0}, want = {0};

        say(fd, requests[i].words);
        if (requests[i].ends)
            assert_int_equal(shutdown(fd, SHUT_WR), 0);
        got = answer_to(s, fd);
        text_printf(&want, "{\n  \"asked\": \"%s\"\n}\n", requests[i].asked);
        if (strcmp(text_str(&got), text_str(&want)) != 0)
            fail_msg("%s: %s", requests[i].name, text_str(&got));
    }
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    *((struct server *)arg)->may_go = true;
}

/* The loop lets the answer go: were it not to run meanwhile, this would never end. */
static void goes_on_meanwhile(void **state)
{
    const struct timeval soon = {.tv_usec = 20000};
    struct server *s = *state;
    CLEANUP(fd_closep) int fd = client(s);
    CLEANUP(text_done) struct text got = {0};
    struct event tick;

    s->may_go =
        mmap(NULL, sizeof(*s->may_go), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(s->may_go, MAP_FAILED);
    say(fd, "\n");
    while (s->answers == 0)
        turn(s);
    (void)evtimer_assign(&tick, s->base, on_tick, s);
    (void)evtimer_add(&tick, &soon);
    got = answer_to(s, fd);
    assert_string_equal(text_str(&got), "{\n  \"asked\": \"\"\n}\n");
    munmap(s->may_go, sizeof(*s->may_go));
}

/* More than have a process at a time: all are answered. */
static void answers_a_queue(void **state)
{
    const struct server *s = *state;
    int fds[QUEUE];

    for (size_t i = 0; i < QUEUE; i++) {
        fds[i] = client(s);
        say(fds[i], "\n");
        turn(s); /* the kernel's queue is short */
    }
    for (size_t i = 0; i < QUEUE; i++) {
        CLEANUP(text_done) struct text got = answer_to(s, fds[i]);

        assert_string_equal(text_str(&got), "{\n  \"asked\": \"\"\n}\n");
        close(fds[i]);
    }
}

static void drops_endless_lines(void **state)
{
    struct server *s = *state;
    CLEANUP(fd_closep) int fd = client(s);
    CLEANUP(text_done) struct text got = {0};
    char words[CONTROL_REQUEST_MAX + 1];

    memset(words, 'x', sizeof(words));
    words[sizeof(words) - 1] = '\0';
    say(fd, words);
    got = answer_to(s, fd);
    assert_int_equal(got.len, 0);
    assert_null(s->asked);
}

static void refuses(void **state)
{
    struct control_answer *a = control_refusal("no such thing");
    CLEANUP(text_done) struct text t = {0};

    (void)state;
    assert_false(a->next(a, &t));
    assert_string_equal(text_str(&t), "{\n  \"error\": \"no such thing\"\n}\n");
    a->free(a);
}

/* --- portions --- */

static void leaves_in_portions(void **state)
{
    struct server *s = *state;
    CLEANUP(fd_closep) int fd = client(s);
    CLEANUP(text_done) struct text got = {0};

    say(fd, "many\n");
    got = answer_to(s, fd);
    assert_int_equal(got.len, (size_t)MANY * CONTROL_PORTION);
    assert_int_equal(s->portions, MANY);
    assert_int_equal(s->ended, 1);
}

/* Others have their turn also while there is nothing to tell. */
static void looks_in_portions(void **state)
{
    struct server *s = *state;
    CLEANUP(fd_closep) int fd = client(s);
    CLEANUP(text_done) struct text got = {0};

    say(fd, "many empty\n");
    while (s->portions == 0)
        turn(s);
    assert_true(s->portions <= 2); /* of two events at most: read, and its own */
    got = answer_to(s, fd);
    assert_int_equal(got.len, (size_t)MANY * CONTROL_PORTION);
    assert_int_equal(s->portions, (EMPTY + 1) * MANY);
}

/* What waits for it is what the kernel takes, and one portion. */
static void waits_for_a_client_that_does_not_read(void **state)
{
    struct server *s = *state;
    CLEANUP(fd_closep) int stuck = client(s), other = client(s);
    CLEANUP(text_done) struct text got = {0};
    int room = 0;
    socklen_t len = sizeof(room);

    assert_int_equal(getsockopt(stuck, SOL_SOCKET, SO_SNDBUF, &room, &len), 0);
    say(stuck, "many\n");
    for (int i = 0; i < 200; i++)
        turn(s);
    assert_true(s->portions > 0);
    assert_true(s->portions <= (unsigned)room / CONTROL_PORTION + 2);
    say(other, "bgp\n");
    got = answer_to(s, other);
    assert_true(got.len > 0);
    assert_int_equal(s->ended, 0);
    s->control = control_close(s->control);
    assert_int_equal(s->ended, 1);
}

static void forgets_a_client_that_is_gone(void **state)
{
    struct server *s = *state;
    struct mono begin = mono_now();
    int fd = client(s);

    say(fd, "many\n");
    while (s->portions == 0)
        turn(s);
    close(fd);
    while (s->ended == 0 && mono_sub(mono_now(), begin) < PATIENCE_NS)
        turn(s);
    assert_int_equal(s->ended, 1);
    assert_true(s->portions < MANY);
}

/* The oldest go first. */
static void bounds_its_clients(void **state)
{
    enum { CROWD = 100 };
    struct server *s = *state;
    CLEANUP(text_done) struct text got = {0};
    int crowd[CROWD];

    for (int i = 0; i < CROWD; i++) {
        crowd[i] = client(s);
        say(crowd[i], "many\n");
        turn(s);
        turn(s);
    }
    while (s->answers < CROWD)
        turn(s);
    assert_int_equal(s->ended, CROWD - 64);
    got = answer_to(s, crowd[CROWD - 1]);
    assert_int_equal(got.len, (size_t)MANY * CONTROL_PORTION);
    for (int i = 0; i < CROWD; i++)
        close(crowd[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(asks, set_up, tear_down),
        cmocka_unit_test_setup_teardown(goes_on_meanwhile, set_up, tear_down),
        cmocka_unit_test_setup_teardown(answers_a_queue, set_up, tear_down),
        cmocka_unit_test_setup_teardown(drops_endless_lines, set_up, tear_down),
        cmocka_unit_test(refuses),
        cmocka_unit_test_setup_teardown(leaves_in_portions, set_up, tear_down),
        cmocka_unit_test_setup_teardown(looks_in_portions, set_up, tear_down),
        cmocka_unit_test_setup_teardown(waits_for_a_client_that_does_not_read, set_up, tear_down),
        cmocka_unit_test_setup_teardown(forgets_a_client_that_is_gone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(bounds_its_clients, set_up, tear_down),
    };

    signal(SIGPIPE, SIG_IGN);
    log_set_silent();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
