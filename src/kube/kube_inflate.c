/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/kube_inflate.h"

#include "base/mem.h"

#include <errno.h>
#include <stdlib.h>
#include <zlib.h>

enum {
    OUTPUT_SIZE = 16 * 1024,
    GZIP_WINDOW = 15 + 16, /* zlib: the largest window, in gzip's frame only */
};

struct kube_inflate {
    z_stream z;
    uint64_t total;
    bool is_complete;
    unsigned char output[OUTPUT_SIZE];
};

struct kube_inflate *kube_inflate_new(void)
{
    struct kube_inflate *i = xcalloc(1, sizeof(*i));

    if (inflateInit2(&i->z, GZIP_WINDOW) != Z_OK)
        abort(); /* only without memory */
    return i;
}

struct kube_inflate *kube_inflate_free(struct kube_inflate *i)
{
    if (i == NULL)
        return NULL;
    inflateEnd(&i->z);
    free(i);
    return NULL;
}

void kube_inflate_feed(struct kube_inflate *i, const char *bytes, size_t len)
{
    /* zlib writes to none of it. */
    union {
        const char *read;
        unsigned char *bytes;
    } input = {bytes};

    i->z.next_in = input.bytes;
    i->z.avail_in = (unsigned)len;
}

int kube_inflate_next(struct kube_inflate *i, const char **ret, size_t *ret_len)
{
    int r;

    if (i->is_complete)
        return i->z.avail_in == 0 ? 0 : -EBADMSG;
    i->z.next_out = i->output;
    i->z.avail_out = OUTPUT_SIZE;
    r = inflate(&i->z, Z_NO_FLUSH);
    if (r != Z_OK && r != Z_STREAM_END && r != Z_BUF_ERROR)
        return -EBADMSG;
    i->is_complete = r == Z_STREAM_END;
    if (i->z.avail_out == OUTPUT_SIZE)
        return i->is_complete && i->z.avail_in > 0 ? -EBADMSG : 0;
    i->total += OUTPUT_SIZE - i->z.avail_out;
    if (i->total > KUBE_INFLATE_MAX)
        return -EMSGSIZE;
    *ret = (const char *)i->output;
    *ret_len = OUTPUT_SIZE - i->z.avail_out;
    return 1;
}

bool kube_inflate_is_complete(const struct kube_inflate *i)
{
    return i->is_complete;
}
