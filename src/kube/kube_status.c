/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/kube_status.h"

#include "base/mem.h"
#include "base/mono.h"
#include "base/text.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

enum { BODY_SHOWN = 200, TEXT_MAX = 4096, RETRY_MAX_S = 3600 };

/* A message may have several lines, a body may be a page of a proxy. */
static char *one_line(const char *text, size_t len)
{
    char *line = xstrndup(text, len);

    for (char *p = line; *p != '\0'; p++) {
        if (*p == '\n' || *p == '\r' || *p == '\t')
            *p = ' ';
    }
    str_replace_controls(line);
    return line;
}

static int64_t retry_after(const json_t *status)
{
    const json_t *seconds =
        json_object_get(json_object_get(status, "details"), "retryAfterSeconds");
    json_int_t value = json_integer_value(seconds);

    if (!json_is_integer(seconds) || value <= 0)
        return -1;
    return (value < RETRY_MAX_S ? value : RETRY_MAX_S) * NS_PER_SEC;
}

static struct kube_status of_object(unsigned http_status, const json_t *status)
{
    const char *message = json_string_value(json_object_get(status, "message"));
    const char *reason = json_string_value(json_object_get(status, "reason"));
    struct kube_status s = {.retry_after_ns = retry_after(status)};

    s.reason = xstrdup(reason != NULL ? reason : "");
    if (!str_empty(message))
        s.text = one_line(message, strnlen(message, TEXT_MAX));
    else
        s.text =
            xasprintf("HTTP status %u%s%s", http_status, *s.reason != '\0' ? ", " : "", s.reason);
    return s;
}

static struct kube_status of_bytes(unsigned http_status, const char *body, size_t len)
{
    CLEANUP(xfreep) char *line = one_line(body, len < BODY_SHOWN ? len : BODY_SHOWN);

    return (struct kube_status){
        .text = xasprintf("HTTP status %u%s%s", http_status, *line != '\0' ? ": " : "", line),
        .reason = xstrdup(""),
        .retry_after_ns = -1,
    };
}

struct kube_status kube_status_read(unsigned http_status, const char *body, size_t len)
{
    json_t *json = json_loadb(body, len, JSON_REJECT_DUPLICATES, NULL);
    struct kube_status s;

    if (str_eq(json_string_value(json_object_get(json, "kind")), "Status"))
        s = of_object(http_status, json);
    else
        s = of_bytes(http_status, body, len);
    json_decref(json);
    return s;
}

void kube_status_done(struct kube_status *s)
{
    free(s->text);
    free(s->reason);
}
