/* SPDX-License-Identifier: Apache-2.0 */
#include "gossip/gossip_suspicion.h"

#include "base/mem.h"
#include "base/text.h"

#include <math.h>
#include <stdlib.h>

/* We and the node itself confirm nothing; two less than the multiplier is what makes the minimum
 * the usual time. */
unsigned gossip_suspicion_k(unsigned mult, size_t n)
{
    unsigned k = mult > 2 ? mult - 2 : 0;

    return n < (size_t)k + 2 ? 0 : k;
}

int64_t gossip_suspicion_min_ns(unsigned mult, size_t n, int64_t probe_interval_ns)
{
    double scale = n > 10 ? log10((double)n) : 1.0;

    return (int64_t)mult * (int64_t)(scale * 1000) * probe_interval_ns / 1000;
}

/* In seconds and floor to milliseconds, so that the figures are those of the Go code. */
int64_t gossip_suspicion_timeout_ns(unsigned confirmations, unsigned k, int64_t min_ns,
                                    int64_t max_ns)
{
    double share = log(confirmations + 1.0) / log(k + 1.0);
    double max_s = (double)max_ns / (double)NS_PER_SEC, min_s = (double)min_ns / (double)NS_PER_SEC;
    double raw_s = max_s - share * (max_s - min_s);
    int64_t timeout_ns = (int64_t)floor(1000.0 * raw_s) * NS_PER_MS;

    return timeout_ns < min_ns ? min_ns : timeout_ns;
}

struct gossip_suspicion *gossip_suspicion_new(const char *from, unsigned k, int64_t min_ns,
                                              int64_t max_ns, struct mono now)
{
    struct gossip_suspicion *s = xcalloc(1, sizeof(*s));

    s->start = now;
    s->deadline = mono_add(now, k > 0 ? max_ns : min_ns);
    s->min_ns = min_ns;
    s->max_ns = max_ns;
    s->k = k;
    s->from = xcalloc((size_t)k + 1, sizeof(*s->from));
    s->from[s->from_count++] = xstrdup(from);
    return s;
}

struct gossip_suspicion *gossip_suspicion_free(struct gossip_suspicion *s)
{
    if (s == NULL)
        return NULL;
    for (size_t i = 0; i < s->from_count; i++)
        free(s->from[i]);
    free(s->from);
    free(s);
    return NULL;
}

bool gossip_suspicion_confirm(struct gossip_suspicion *s, const char *from)
{
    if (s->confirmations >= s->k)
        return false;
    for (size_t i = 0; i < s->from_count; i++) {
        if (str_eq(s->from[i], from))
            return false;
    }
    s->from[s->from_count++] = xstrdup(from);
    s->confirmations++;
    s->deadline = mono_add(
        s->start, gossip_suspicion_timeout_ns(s->confirmations, s->k, s->min_ns, s->max_ns));
    return true;
}
