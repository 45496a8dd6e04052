/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/kube_head.h"

#include "base/mem.h"
#include "base/mono.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>
#include <time.h>

enum { VALUE_MAX = 1024, WARN_CODE_LEN = 3 };

struct kube_head kube_head_new(void)
{
    return (struct kube_head){.retry_after_ns = -1};
}

void kube_head_done(struct kube_head *h)
{
    text_done(&h->warning);
}

static bool is_number(const char *text)
{
    return *text != '\0' && strspn(text, "0123456789") == strlen(text);
}

int64_t kube_retry_after_parse(const char *value, int64_t wall_s)
{
    int64_t seconds = 0;
    struct tm tm = {0};
    const char *end;

    if (is_number(value)) {
        for (const char *p = value; *p != '\0' && seconds <= KUBE_RETRY_AFTER_MAX_S; p++)
            seconds = seconds * 10 + (*p - '0');
    } else {
        end = strptime(value, "%a, %d %b %Y %H:%M:%S GMT", &tm);
        if (end == NULL || *end != '\0')
            return -1;
        seconds = (int64_t)timegm(&tm) - wall_s;
    }
    if (seconds < 0)
        seconds = 0;
    if (seconds > KUBE_RETRY_AFTER_MAX_S)
        seconds = KUBE_RETRY_AFTER_MAX_S;
    return seconds * NS_PER_SEC;
}

/* `299 - "text"` (RFC 7234 section 5.5), with backslashes before quotes. */
static void read_warning(struct text *to, const char *value)
{
    const char *p = strchr(value, '"');

    if (strncmp(value, "299 ", WARN_CODE_LEN + 1) != 0 || p == NULL)
        return;
    for (p++; *p != '\0' && *p != '"'; p++) {
        if (*p == '\\' && p[1] != '\0')
            p++;
        text_add_n(to, p, 1);
    }
    if (to->chars != NULL)
        str_replace_controls(to->chars);
}

bool kube_field_is(const struct kube_field *f, const char *name)
{
    return f->name_len == strlen(name) && strncasecmp(f->name, name, f->name_len) == 0;
}

void kube_head_add(struct kube_head *h, const struct kube_field *field, int64_t wall_s)
{
    CLEANUP(xfreep) char *value = NULL;

    if (field->value_len > VALUE_MAX)
        return; /* none of ours is so long */
    value = xstrndup(field->value, field->value_len);
    if (kube_field_is(field, "retry-after")) {
        h->retry_after_ns = kube_retry_after_parse(value, wall_s);
    } else if (kube_field_is(field, "content-encoding")) {
        h->gzip = strcasecmp(value, "gzip") == 0;
        h->unknown_encoding = !h->gzip && strcasecmp(value, "identity") != 0;
    } else if (kube_field_is(field, "warning") && h->warning.len == 0) {
        read_warning(&h->warning, value);
    }
}
