/* SPDX-License-Identifier: Apache-2.0 */
/* Bodies and header values that come from a server or a plugin; the first byte chooses. */
#include "fuzz.h"

#include "base/mem.h"
#include "base/mono.h"
#include "base/text.h"
#include "kube/kube_exec_info.h"
#include "kube/kube_head.h"
#include "kube/kube_inflate.h"
#include "kube/kube_status.h"

#include <assert.h>
#include <string.h>

#define WALL_S 1795608000

static void read_status(const char *bytes, size_t len)
{
    struct kube_refusal s = kube_refusal_read(500, bytes, len);

    assert(!str_empty(s.text) && s.reason != NULL && strchr(s.text, '\n') == NULL);
    assert(s.retry_after_ns >= -1);
    kube_refusal_done(&s);
}

static void read_credentials(const char *bytes, size_t len)
{
    CLEANUP(kube_exec_credentials_done) struct kube_exec_credentials c = {0};
    CLEANUP(err_done) struct err err = {0};

    if (kube_exec_parse(&c, "client.authentication.k8s.io/v1", bytes, len, &err) < 0)
        return;
    assert(c.token != NULL || c.cert != NULL);
    assert((c.cert == NULL) == (c.key == NULL));
}

static void read_field(const char *bytes, size_t len)
{
    static const char *const names[] = {"retry-after", "warning", "content-encoding"};
    struct kube_head h = kube_head_new();

    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        kube_head_add(&h, &(struct kube_field){names[i], bytes, strlen(names[i]), len}, WALL_S);
    assert(h.retry_after_ns >= -1 && h.retry_after_ns <= KUBE_RETRY_AFTER_MAX_S * NS_PER_SEC);
    assert(!(h.gzip && h.unknown_encoding));
    kube_head_done(&h);
}

static void unpack(const char *bytes, size_t len)
{
    CLEANUP(kube_inflate_freep) struct kube_inflate *i = kube_inflate_new();
    const char *out;
    size_t out_len;

    kube_inflate_feed(i, bytes, len);
    while (kube_inflate_next(i, &out, &out_len) > 0)
        assert(out_len > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    static void (*const readers[])(const char *, size_t) = {read_status, read_credentials,
                                                            read_field, unpack};

    if (len > 0)
        readers[bytes[0] % ARRAY_SIZE(readers)]((const char *)bytes + 1, len - 1);
    return 0;
}
