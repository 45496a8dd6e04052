/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses, prefixes, durations and time stamps from any text: what is accepted is printed in a
 * form that means the same. */
#include "fuzz.h"

#include "base/duration.h"
#include "base/ip.h"
#include "base/mem.h"

#include <assert.h>
#include <string.h>

static void try_ip(const char *text)
{
    struct ip a, again;

    if (!ip_parse(&a, text))
        return;
    assert(a.family == IP_V4 || a.family == IP_V6);
    assert(ip_parse(&again, ip_format(a).s) && ip_eq(a, again));
    assert(!ip_text_is_v4_mapped(ip_format(a).s));
}

static void try_prefix(const char *text)
{
    struct prefix p, again;

    if (!prefix_parse(&p, text))
        return;
    assert(p.len <= ip_bits(p.addr.family));
    assert(prefix_parse(&again, prefix_format(p).s) && prefix_eq(p, again));
    assert(prefix_contains(p, prefix_first(p)) && prefix_contains(p, prefix_last(p)));
}

/* "first-last", as pools have them. */
static void try_range(const char *text)
{
    CLEANUP(xfreep) struct prefix *cover = NULL;
    const char *dash = strchr(text, '-');
    CLEANUP(xfreep) char *from = NULL;
    struct ip first, last;
    size_t n;

    if (dash == NULL)
        return;
    from = xstrndup(text, (size_t)(dash - text));
    if (!ip_parse(&first, from) || !ip_parse(&last, dash + 1) || first.family != last.family ||
        ip_cmp(first, last) > 0)
        return;
    cover = xcalloc(PREFIX_RANGE_MAX, sizeof(*cover));
    n = prefix_cover(cover, first, last);
    assert(n >= 1 && n <= PREFIX_RANGE_MAX);
    assert(ip_eq(prefix_first(cover[0]), first) && ip_eq(prefix_last(cover[n - 1]), last));
}

static void try_duration(const char *text)
{
    int64_t ns, again;

    if (timestamp_parse(&ns, text))
        assert(strchr(text, ':') != NULL);
    if (duration_parse(&ns, text))
        assert(duration_parse(&again, duration_format(ns).s) && ns == again);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    CLEANUP(xfreep) char *text = xmalloc(len + 1); /* of its exact size: a read behind it is seen */

    memcpy(text, bytes, len);
    text[len] = '\0';
    try_ip(text);
    try_prefix(text);
    try_range(text);
    try_duration(text);
    return 0;
}
