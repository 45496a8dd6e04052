/* SPDX-License-Identifier: Apache-2.0 */
#include "fake_client.h"

#include "base/mem.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static struct kube_fetch *first;
static size_t most;

static struct kube_fetch **link_of(const struct kube_fetch *f)
{
    struct kube_fetch **at = &first;

    while (*at != f) {
        assert(*at != NULL);
        at = &(*at)->next;
    }
    return at;
}

static void fetch_free(struct kube_fetch *f)
{
    free(f->method);
    free(f->path);
    free(f->content_type);
    free(f->body);
    free(f);
}

struct kube_fetch *kube_fetch_start(struct kube_client *c, const struct kube_request *request,
                                    kube_reply_fn done, void *arg)
{
    struct kube_fetch *f = xcalloc(1, sizeof(*f));

    (void)c;
    f->method = xstrdup(request->method);
    f->path = xstrdup(request->path);
    f->content_type = xstrdup(request->content_type == NULL ? "" : request->content_type);
    f->body = xstrndup(request->body == NULL ? "" : request->body, request->body_len);
    f->done = done;
    f->arg = arg;
    *link_of(NULL) = f;
    if (fake_count() > most)
        most = fake_count();
    return f;
}

void kube_fetch_cancel(struct kube_fetch *f)
{
    *link_of(f) = f->next;
    fetch_free(f);
}

size_t fake_count(void)
{
    size_t n = 0;

    for (const struct kube_fetch *f = first; f != NULL; f = f->next)
        n++;
    return n;
}

size_t fake_most(void)
{
    return most;
}

void fake_reset(void)
{
    assert(first == NULL);
    most = 0;
}

const struct kube_fetch *fake_first(void)
{
    return first;
}

const struct kube_fetch *fake_find(const char *method, const char *path_part)
{
    for (const struct kube_fetch *f = first; f != NULL; f = f->next) {
        if (strcmp(f->method, method) == 0 && strstr(f->path, path_part) != NULL)
            return f;
    }
    return NULL;
}

static void finish(const struct kube_fetch *f, const struct kube_reply *reply)
{
    struct kube_fetch **at = link_of(f), *own = *at;

    *at = own->next;
    own->done(own->arg, reply);
    fetch_free(own);
}

void fake_answer(const struct kube_fetch *f, unsigned status, const char *bytes)
{
    const struct kube_reply reply = {.status = status,
                                     .text = status / 100 == 2 ? "" : "refused",
                                     .reason = "",
                                     .bytes = bytes,
                                     .len = strlen(bytes),
                                     .retry_after_ns = -1};

    finish(f, &reply);
}

void fake_break(const struct kube_fetch *f)
{
    const struct kube_reply reply = {.code = -ECONNRESET,
                                     .text = "the connection broke",
                                     .reason = "",
                                     .bytes = "",
                                     .retry_after_ns = -1};

    finish(f, &reply);
}
