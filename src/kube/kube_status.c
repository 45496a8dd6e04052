/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/kube_status.h"

#include "base/mem.h"
#include "base/mono.h"
#include "base/text.h"

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

static const char *string_of(const json_t *mapping, const char *name)
{
    const char *s = json_string_value(json_object_get(mapping, name));

    return s != NULL ? s : "";
}

struct kube_status kube_status_of(const json_t *doc)
{
    const json_t *details = json_object_get(doc, "details");
    json_int_t code = json_integer_value(json_object_get(doc, "code"));
    json_int_t seconds = json_integer_value(json_object_get(details, "retryAfterSeconds"));

    if (seconds > RETRY_MAX_S)
        seconds = RETRY_MAX_S;
    return (struct kube_status){
        .code = code > 0 && code < 1000 ? (unsigned)code : 0,
        .reason = string_of(doc, "reason"),
        .message = string_of(doc, "message"),
        .retry_after_ns = seconds > 0 ? seconds * NS_PER_SEC : -1,
    };
}

static struct kube_refusal of_object(unsigned http_status, const json_t *doc)
{
    struct kube_status s = kube_status_of(doc);
    struct kube_refusal r = {.reason = xstrdup(s.reason), .retry_after_ns = s.retry_after_ns};

    if (*s.message != '\0')
        r.text = one_line(s.message, strnlen(s.message, TEXT_MAX));
    else
        r.text =
            xasprintf("HTTP status %u%s%s", http_status, *s.reason != '\0' ? ", " : "", s.reason);
    return r;
}

static struct kube_refusal of_bytes(unsigned http_status, const char *body, size_t len)
{
    CLEANUP(xfreep) char *line = one_line(body, len < BODY_SHOWN ? len : BODY_SHOWN);

    return (struct kube_refusal){
        .text = xasprintf("HTTP status %u%s%s", http_status, *line != '\0' ? ": " : "", line),
        .reason = xstrdup(""),
        .retry_after_ns = -1,
    };
}

struct kube_refusal kube_refusal_read(unsigned http_status, const char *body, size_t len)
{
    json_t *json = json_loadb(body, len, JSON_REJECT_DUPLICATES, NULL);
    struct kube_refusal r;

    if (str_eq(json_string_value(json_object_get(json, "kind")), "Status"))
        r = of_object(http_status, json);
    else
        r = of_bytes(http_status, body, len);
    json_decref(json);
    return r;
}

void kube_refusal_done(struct kube_refusal *r)
{
    free(r->text);
    free(r->reason);
}
