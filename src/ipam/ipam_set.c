/* SPDX-License-Identifier: Apache-2.0 */
#include "ipam/ipam_set.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

void ip_set_done(struct ip_set *s)
{
    free(s->runs);
    *s = (struct ip_set){0};
}

/* The index of the first run that ends at or after `a`. */
static size_t run_from(const struct ip_set *s, struct ip a)
{
    size_t low = 0, high = s->count;

    while (low < high) {
        size_t mid = low + (high - low) / 2;

        if (ip_cmp(s->runs[mid].last, a) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

static bool run_holds(const struct ip_set *s, size_t i, struct ip a)
{
    return i < s->count && ip_cmp(s->runs[i].first, a) <= 0;
}

bool ip_set_has(const struct ip_set *s, struct ip a)
{
    return run_holds(s, run_from(s, a), a);
}

static void run_insert(struct ip_set *s, size_t i, struct ip_run r)
{
    s->runs = array_grow(s->runs, &s->cap, s->count + 1, sizeof(*s->runs));
    memmove(&s->runs[i + 1], &s->runs[i], (s->count - i) * sizeof(*s->runs));
    s->runs[i] = r;
    s->count++;
}

static void run_remove(struct ip_set *s, size_t i)
{
    s->count--;
    memmove(&s->runs[i], &s->runs[i + 1], (s->count - i) * sizeof(*s->runs));
}

static bool is_next(struct ip a, struct ip b)
{
    struct ip next;

    return ip_next(&next, a) && ip_eq(next, b);
}

void ip_set_add(struct ip_set *s, struct ip a)
{
    size_t i = run_from(s, a);
    bool left, right;

    if (run_holds(s, i, a))
        return;
    left = i > 0 && is_next(s->runs[i - 1].last, a);
    right = i < s->count && is_next(a, s->runs[i].first);
    if (left && right) {
        s->runs[i - 1].last = s->runs[i].last;
        run_remove(s, i);
    } else if (left) {
        s->runs[i - 1].last = a;
    } else if (right) {
        s->runs[i].first = a;
    } else {
        run_insert(s, i, (struct ip_run){a, a});
    }
}

void ip_set_del(struct ip_set *s, struct ip a)
{
    size_t i = run_from(s, a);
    struct ip_run left, right;
    bool has_left, has_right;

    if (!run_holds(s, i, a))
        return;
    left = right = s->runs[i];
    has_left = ip_cmp(left.first, a) < 0 && ip_prev(&left.last, a);
    has_right = ip_cmp(a, right.last) < 0 && ip_next(&right.first, a);
    if (has_left && has_right) {
        s->runs[i] = left;
        run_insert(s, i + 1, right);
    } else if (has_left) {
        s->runs[i] = left;
    } else if (has_right) {
        s->runs[i] = right;
    } else {
        run_remove(s, i);
    }
}

bool ip_set_next_absent(struct ip *ret, const struct ip_set *s, struct ip from, struct ip last)
{
    size_t i = run_from(s, from);

    if (run_holds(s, i, from) && !ip_next(&from, s->runs[i].last))
        return false;
    if (ip_cmp(from, last) > 0)
        return false;
    *ret = from;
    return true;
}

bool ip_set_next_present(struct ip *ret, const struct ip_set *s, struct ip from, struct ip last)
{
    size_t i = run_from(s, from);

    if (i == s->count)
        return false;
    if (ip_cmp(s->runs[i].first, from) > 0)
        from = s->runs[i].first;
    if (ip_cmp(from, last) > 0)
        return false;
    *ret = from;
    return true;
}
