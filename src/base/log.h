/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One line a message: a fixed text, then fields.
 *
 *     log_warn("arp frame dropped", F_S("if", name), F_U("len", n));
 *     2026-11-25T09:44:28Z warn arp frame dropped if=eth0 len=12
 *
 * or, as MetalLB's own logs (spec api-and-config 6.6), one JSON object with sorted keys on stdout:
 *
 *     {"caller":"arp_session.c:80","if":"eth0","len":12,"level":"warn","msg":"arp frame dropped",
 *      "ts":"2026-11-25T09:44:28Z"}
 *
 * error: needs a person. warn: degraded, heals itself. info: a state changed. debug: decisions.
 * base, *_wire.c, *_fsm.c, config, ipam and decide never log.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

enum log_field_kind { LOG_FIELD_END, LOG_FIELD_STRING, LOG_FIELD_UINT, LOG_FIELD_INT };

struct log_field {
    enum log_field_kind kind;
    const char *name;
    const char *s;
    uint64_t u;
    int64_t i;
};

#define F_S(name_, value_)                                                                         \
    {                                                                                              \
        .kind = LOG_FIELD_STRING, .name = (name_), .s = (value_)                                   \
    }
#define F_U(name_, value_)                                                                         \
    {                                                                                              \
        .kind = LOG_FIELD_UINT, .name = (name_), .u = (value_)                                     \
    }
#define F_I(name_, value_)                                                                         \
    {                                                                                              \
        .kind = LOG_FIELD_INT, .name = (name_), .i = (value_)                                      \
    }

#define log_error(...) LOG_AT(LOG_ERROR, __VA_ARGS__)
#define log_warn(...) LOG_AT(LOG_WARN, __VA_ARGS__)
#define log_info(...) LOG_AT(LOG_INFO, __VA_ARGS__)
#define log_debug(...) LOG_AT(LOG_DEBUG, __VA_ARGS__)

#define LOG_TEXT_OF(x) #x
#define LOG_LINE(x) LOG_TEXT_OF(x)
#define LOG_AT(level, message, ...)                                                                \
    log_write(level, __FILE_NAME__ ":" LOG_LINE(__LINE__), message,                                \
              (const struct log_field[]){__VA_ARGS__ __VA_OPT__(, ){.kind = LOG_FIELD_END}})

/* `caller`: file:line, part of JSON only. `message` "": the fields say it all. */
void log_write(enum log_level level, const char *caller, const char *message,
               const struct log_field *fields);

enum log_format { LOG_FORMAT_TEXT, LOG_FORMAT_JSON };

void log_set_format(enum log_format format);     /* text on stderr at start; JSON goes to stdout */
void log_set_level(enum log_level most_verbose); /* info at start */
void log_set_silent(void);                       /* MetalLB's level "none" */
bool log_parse_level(enum log_level *ret, const char *name);

/* Limits lines that a peer can trigger: true at most once an interval for each `struct log_limit`.
 */
struct log_limit {
    int64_t next_ns;
    uint64_t swallowed;  /* since the last line that was let through */
    uint64_t suppressed; /* between the last two that were let through, for the later one to tell */
};

bool log_limit_pass(struct log_limit *l, int64_t now_ns, int64_t interval_ns);
