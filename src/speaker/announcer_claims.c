/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who holds an address. Services that share one may want it on different interfaces; it is
 * announced on all that any of them allows (spec speaker-l2 4.7, changes-0.16.2 2).
 */
#include "base/mem.h"
#include "base/text.h"
#include "speaker/announcer_int.h"

#include <stdlib.h>
#include <string.h>

struct claim *claim_free(struct claim *c)
{
    rule_unref(c->rule);
    free(c);
    return NULL;
}

/* Where the holder's claim hangs, or the end of the list. */
static struct claim **claim_slot(struct address *d, const void *holder)
{
    struct claim **at = &d->claims;

    while (*at != NULL && (*at)->holder != holder)
        at = &(*at)->next;
    return at;
}

static void add_names(struct string_list *to, const struct string_list *more)
{
    for (size_t i = 0; i < more->count; i++) {
        if (!string_list_has(to, more->items[i]))
            to->items[to->count++] = more->items[i];
    }
}

/* Tells the announcer what all claims of the address come to. */
static void declare_merged(struct announcer *a, struct ip ip, const struct claim *claims,
                           struct mono now)
{
    struct announcement merged = {.ip = ip};
    size_t room = 0;

    for (const struct claim *c = claims; c != NULL; c = c->next) {
        merged.all_interfaces = merged.all_interfaces || c->rule->all_interfaces;
        room += c->rule->interfaces.count;
    }
    if (!merged.all_interfaces && room > 0) {
        merged.interfaces.items = xcalloc(room, sizeof(*merged.interfaces.items));
        for (const struct claim *c = claims; c != NULL; c = c->next)
            add_names(&merged.interfaces, &c->rule->interfaces);
        qsort(merged.interfaces.items, merged.interfaces.count, sizeof(*merged.interfaces.items),
              str_cmp_ptr);
    }
    (void)address_declare(a, &merged, now); /* the caller knows whether it is new */
    free(merged.interfaces.items);
}

static struct claim *claim_new(struct announcer *a, const void *holder,
                               const struct announcement *entry)
{
    struct claim *c = xcalloc(1, sizeof(*c));

    c->holder = holder;
    c->rule = rule_ref(&a->rules, entry->all_interfaces, &entry->interfaces);
    return c;
}

void announcer_put(struct announcer *a, const void *holder, const struct announcement *entry)
{
    struct address *d = address_find(a, entry->ip);
    struct claim *c = claim_new(a, holder, entry);
    struct mono now = mono_now();
    struct claim **slot;

    if (d == NULL) {
        declare_merged(a, entry->ip, c, now);
        address_find(a, entry->ip)->claims = c;
        addr_filter_add(entry->ip.family == IP_V4 ? a->arp_filter : a->nd_filter, entry->ip);
        return;
    }
    slot = claim_slot(d, holder);
    if (*slot != NULL) {
        c->next = (*slot)->next;
        claim_free(*slot);
    }
    *slot = c;
    declare_merged(a, entry->ip, d->claims, now);
}

void announcer_drop(struct announcer *a, const void *holder, struct ip ip)
{
    struct address *d = address_find(a, ip);
    struct claim **slot = d != NULL ? claim_slot(d, holder) : NULL;
    struct claim *c = slot != NULL ? *slot : NULL;

    if (c == NULL)
        return;
    *slot = c->next;
    claim_free(c);
    if (d->claims != NULL) {
        declare_merged(a, ip, d->claims, mono_now());
        return;
    }
    address_withdraw(a, d);
    addr_filter_del(ip.family == IP_V4 ? a->arp_filter : a->nd_filter, ip);
}

void announcer_flush(struct announcer *a)
{
    announcer_work(a, mono_now());
}
