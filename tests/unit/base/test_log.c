/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"

#include "base/macro.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* A standard stream goes to a file between capture_start and capture_stop. */
struct capture {
    FILE *file;
    int fd, saved;
    char text[4096];
};

static void capture_start_of(struct capture *c, int fd)
{
    c->file = tmpfile();
    assert_non_null(c->file);
    fflush(fd == STDOUT_FILENO ? stdout : stderr);
    c->fd = fd;
    c->saved = dup(fd);
    assert_true(c->saved >= 0);
    assert_int_equal(dup2(fileno(c->file), fd), fd);
}

static void capture_start(struct capture *c)
{
    capture_start_of(c, STDERR_FILENO);
}

static void capture_stop(struct capture *c)
{
    size_t len;

    assert_int_equal(dup2(c->saved, c->fd), c->fd);
    close(c->saved);
    rewind(c->file);
    len = fread(c->text, 1, sizeof(c->text) - 1, c->file);
    c->text[len] = '\0';
    fclose(c->file);
}

/* Cuts "2026-11-25T09:44:28Z " off and checks its form. */
static const char *behind_stamp(const char *line)
{
    static const char form[] = "dddd-dd-ddTdd:dd:ddZ ";

    for (size_t i = 0; form[i] != '\0'; i++) {
        bool digit = line[i] >= '0' && line[i] <= '9';

        if (form[i] == 'd' ? !digit : line[i] != form[i])
            fail_msg("time stamp: %s", line);
    }
    return line + strlen(form);
}

static int restore_level(void **state)
{
    (void)state;
    log_set_level(LOG_INFO);
    return 0;
}

static void test_line(void **state)
{
    struct capture c;

    (void)state;
    capture_start(&c);
    log_warn("arp frame dropped", F_S("if", "eth0"), F_U("len", 12), F_I("code", -5));
    capture_stop(&c);
    assert_string_equal(behind_stamp(c.text), "warn arp frame dropped if=eth0 len=12 code=-5\n");
}

static void test_line_without_fields(void **state)
{
    struct capture c;

    (void)state;
    capture_start(&c);
    log_error("out of sockets");
    capture_stop(&c);
    assert_string_equal(behind_stamp(c.text), "error out of sockets\n");
}

static void test_extreme_numbers(void **state)
{
    struct capture c;

    (void)state;
    capture_start(&c);
    log_info("n", F_U("u", UINT64_MAX), F_I("i", INT64_MIN));
    capture_stop(&c);
    assert_string_equal(behind_stamp(c.text),
                        "info n u=18446744073709551615 i=-9223372036854775808\n");
}

/* One message stays one line, and a value cannot pretend to be another field. */
static void test_values_are_quoted(void **state)
{
    static const struct {
        const char *name, *in, *want;
    } rows[] = {
        {"plain", "10.0.0.1", "10.0.0.1"},
        {"empty", "", "\"\""},
        {"nothing", NULL, "-"},
        {"blank", "a b", "\"a b\""},
        {"equals sign", "a=b", "\"a=b\""},
        {"quote", "a\"b", "\"a\\\"b\""},
        {"line feed", "a\nerror forged", "\"a\\nerror forged\""},
        {"escape", "\x1b[2J", "\"\\x1b[2J\""},
        {"delete", "\x7f", "\"\\x7f\""},
        {"UTF-8", "gr\xc3\xbcn", "gr\xc3\xbcn"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct capture c;
        char want[128];

        capture_start(&c);
        log_info("m", F_S("v", rows[i].in));
        capture_stop(&c);
        snprintf(want, sizeof(want), "info m v=%s\n", rows[i].want);
        if (strcmp(behind_stamp(c.text), want) != 0)
            fail_msg("%s: %s", rows[i].name, c.text);
    }
}

static void test_levels(void **state)
{
    static const struct {
        enum log_level level;
        size_t lines; /* of one message at each of the four levels */
    } rows[] = {{LOG_ERROR, 1}, {LOG_WARN, 2}, {LOG_INFO, 3}, {LOG_DEBUG, 4}};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct capture c;
        size_t lines = 0;

        log_set_level(rows[i].level);
        capture_start(&c);
        log_debug("d");
        log_info("i");
        log_warn("w");
        log_error("e");
        capture_stop(&c);
        for (const char *p = c.text; *p != '\0'; p++)
            lines += *p == '\n';
        assert_int_equal(lines, rows[i].lines);
    }
}

static void test_parse_level(void **state)
{
    static const struct {
        const char *name;
        bool ok;
        enum log_level want;
    } rows[] = {
        {"error", true, LOG_ERROR}, {"warn", true, LOG_WARN},   {"info", true, LOG_INFO},
        {"debug", true, LOG_DEBUG}, {"", false, LOG_INFO},      {"Info", false, LOG_INFO},
        {"all", false, LOG_INFO},   {"info ", false, LOG_INFO},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        enum log_level level = LOG_INFO;

        if (log_parse_level(&level, rows[i].name) != rows[i].ok || level != rows[i].want)
            fail_msg("\"%s\"", rows[i].name);
    }
}

static void test_limit(void **state)
{
    static const struct {
        const char *name;
        int64_t now_ns;
        bool want;
        uint64_t suppressed; /* what a line that passes can tell */
    } rows[] = {
        {"the first passes", 1000, true, 0},      {"at once again", 1000, false, 0},
        {"just before the end", 1099, false, 0},  {"at the end", 1100, true, 2},
        {"a new interval began", 1150, false, 2}, {"much later", 5000, true, 1},
        {"nothing was swallowed", 6000, true, 0},
    };
    struct log_limit limit = {0};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        if (log_limit_pass(&limit, rows[i].now_ns, 100) != rows[i].want)
            fail_msg("%s", rows[i].name);
        if (limit.suppressed != rows[i].suppressed)
            fail_msg("%s: %llu suppressed", rows[i].name, (unsigned long long)limit.suppressed);
    }
}

static const struct {
    const char *name, *message, *text, *expect; /* CALLER and TS stand for what changes */
} json_lines[] = {
    {"sorted keys", "hello", "v",
     "{\"caller\":CALLER,\"level\":\"warn\",\"msg\":\"hello\",\"n\":-7,\"text\":\"v\",\"ts\":TS}"},
    {"no message", "", "v",
     "{\"caller\":CALLER,\"level\":\"warn\",\"n\":-7,\"text\":\"v\",\"ts\":TS}"},
    {"escapes", "a\"b\\c\n", "\x01\x7f",
     "{\"caller\":CALLER,\"level\":\"warn\",\"msg\":\"a\\\"b\\\\c\\n\",\"n\":-7,"
     "\"text\":\"\\u0001\x7f\",\"ts\":TS}"},
    {"no HTML escapes", "<&>", "\xc3\xa4",
     "{\"caller\":CALLER,\"level\":\"warn\",\"msg\":\"<&>\",\"n\":-7,\"text\":\"\xc3\xa4\",\"ts\":TS}"},
    {"no UTF-8", "\xff", "\xc3",
     "{\"caller\":CALLER,\"level\":\"warn\",\"msg\":\"\\ufffd\",\"n\":-7,\"text\":\"\\ufffd\","
     "\"ts\":TS}"},
    {"a missing text is empty", "m", NULL,
     "{\"caller\":CALLER,\"level\":\"warn\",\"msg\":\"m\",\"n\":-7,\"text\":\"\",\"ts\":TS}"},
};

/* The value behind "key": is replaced by a word, so that the rest can be compared. */
static void mask(char *line, const char *key, const char *word)
{
    char *at = strstr(line, key), *value, *end;

    assert_non_null(at);
    value = at + strlen(key);
    end = strchr(value + 1, '"');
    assert_non_null(end);
    memmove(value + strlen(word), end + 1, strlen(end + 1) + 1);
    memcpy(value, word, strlen(word));
}

static void test_json(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(json_lines); i++) {
        struct capture c = {0};
        char *end;

        log_set_format(LOG_FORMAT_JSON);
        capture_start_of(&c, STDOUT_FILENO);
        log_warn(json_lines[i].message, F_S("text", "overwritten"), F_I("n", -7),
                 F_S("text", json_lines[i].text));
        capture_stop(&c);
        log_set_format(LOG_FORMAT_TEXT);
        assert_non_null(strstr(c.text, "\"caller\":\"test_log.c:"));
        mask(c.text, "\"caller\":", "CALLER");
        mask(c.text, "\"ts\":", "TS");
        end = strchr(c.text, '\n');
        if (end == NULL || end[1] != '\0')
            fail_msg("%s: not one line: %s", json_lines[i].name, c.text);
        *end = '\0';
        if (strcmp(c.text, json_lines[i].expect) != 0)
            fail_msg("%s: %s", json_lines[i].name, c.text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_json),
        cmocka_unit_test(test_line),
        cmocka_unit_test(test_line_without_fields),
        cmocka_unit_test(test_extreme_numbers),
        cmocka_unit_test(test_values_are_quoted),
        cmocka_unit_test_teardown(test_levels, restore_level),
        cmocka_unit_test(test_parse_level),
        cmocka_unit_test(test_limit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
