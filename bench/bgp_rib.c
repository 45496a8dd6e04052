/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What routes cost in the BGP engine's RIB: memory, and time to put and to drain them.
 *
 *     bgp_rib ROUTES PEERS RUNS
 *
 * Two scenes take turns: every peer with one attribute set, and a hundred sets. A line a run, all
 * times in nanoseconds of CPU: a put, a (route, peer) drained into messages, the same without the
 * writer of messages (whose time is measured alone, over the same prefixes), and a route that
 * changes its attributes and is drained.
 */
#include "bgp/bgp_rib.h"

#include "base/mem.h"
#include "base/mono.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { SETS_MAX = 100, CHANGES = 10000 };

struct scene {
    uint32_t routes, peers, sets;
    struct bgp_rib *r;
    struct bgp_offer *offers[SETS_MAX + 1]; /* the last one: of routes that have changed */
    size_t start_bytes;
    uint64_t messages;
};

static const struct bgp_path path = {
    .as4 = true,
    .local_as = 64512,
    .next_hop = {{4, {192, 0, 2, 1}}, {16, {0x20, 0x01, 0x0d, 0xb8}}},
};

static size_t heap_bytes(void)
{
    struct mallinfo2 m = mallinfo2();

    return m.uordblks + m.hblkhd;
}

static struct prefix nth(uint32_t n)
{
    return prefix_of(ip_v4(UINT32_C(0xc6120000) + n), 32);
}

/* Of this process, so that others on the machine do not count. */
static int64_t cpu_ns(void)
{
    struct timespec t;

    if (clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t) < 0)
        abort();
    return t.tv_sec * NS_PER_SEC + t.tv_nsec;
}

static double passed(int64_t start, uint64_t operations)
{
    return (double)(cpu_ns() - start) / (double)operations;
}

static void make_offers(struct scene *s)
{
    CLEANUP(xfreep) struct bgp_share *shares = xcalloc(s->peers, sizeof(*shares));

    for (uint32_t i = 0; i <= s->sets; i++) {
        for (uint32_t p = 0; p < s->peers; p++)
            shares[p] = (struct bgp_share){p, {.med = i + 1}};
        s->offers[i] = bgp_offer_get(s->r, shares, s->peers);
    }
}

static double put_all(struct scene *s)
{
    int64_t start = cpu_ns();

    for (uint32_t i = 0; i < s->routes; i++)
        bgp_rib_put(s->r, nth(i), s->offers[i % s->sets]);
    return passed(start, s->routes);
}

/* As sessions do: a message of each peer in turn. */
static size_t drain(struct scene *s)
{
    uint8_t bytes[BGP_MESSAGE_MAX];
    size_t peak = 0;
    bool more;

    do {
        more = false;
        for (uint32_t p = 0; p < s->peers; p++) {
            bool sent = bgp_rib_peer_next(s->r, p, &path, bytes, sizeof(bytes)) > 0;

            s->messages += sent;
            more |= sent;
        }
        if (peak == 0)
            peak = heap_bytes();
    } while (more);
    return peak;
}

static double write_all(const struct scene *s)
{
    uint8_t bytes[BGP_MESSAGE_MAX];
    int64_t start = cpu_ns();
    struct bgp_attrs attrs = {.med = 1};

    for (uint32_t p = 0; p < s->peers; p++) {
        for (uint32_t i = 0; i < s->routes;) {
            struct bgp_update u;

            if (!bgp_update_begin(&u, bytes, sizeof(bytes), BGP_IPV4, &attrs, &path))
                abort();
            while (i < s->routes && bgp_update_add(&u, nth(i)))
                i++;
            (void)bgp_update_end(&u); /* only its time counts */
        }
    }
    return passed(start, (uint64_t)s->routes * s->peers);
}

static double change(struct scene *s)
{
    uint32_t count = s->routes < CHANGES ? s->routes : CHANGES;
    int64_t start = cpu_ns();

    for (uint32_t i = 0; i < count; i++) {
        bgp_rib_put(s->r, nth(i), s->offers[s->sets]);
        (void)drain(s); /* the peak does not matter here */
    }
    return passed(start, count);
}

static void run(uint32_t routes, uint32_t peers, uint32_t sets)
{
    static const bool families[BGP_FAMILIES] = {true, true};
    struct scene s = {.routes = routes, .peers = peers, .sets = sets};
    double put_ns, drain_ns, write_ns, change_ns;
    size_t peak, after;
    int64_t start;

    s.start_bytes = heap_bytes();
    s.r = bgp_rib_new();
    make_offers(&s);
    for (uint32_t p = 0; p < peers; p++)
        bgp_rib_peer_up(s.r, p, families);
    put_ns = put_all(&s);
    start = cpu_ns();
    peak = drain(&s) - s.start_bytes;
    drain_ns = passed(start, (uint64_t)routes * peers);
    after = heap_bytes() - s.start_bytes;
    write_ns = write_all(&s);
    printf("sets %3u  put %6.1f  drained %5.1f  without writer %5.1f", sets, put_ns, drain_ns,
           drain_ns - write_ns);
    change_ns = change(&s);
    printf("  change %7.1f  KiB peak %zu after %zu  messages %llu\n", change_ns, peak / 1024,
           after / 1024, (unsigned long long)s.messages);
    for (uint32_t i = 0; i <= sets; i++)
        bgp_offer_unref(s.r, s.offers[i]);
    bgp_rib_free(s.r);
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        fprintf(stderr, "usage: bgp_rib ROUTES PEERS RUNS\n");
        return 2;
    }
    for (long i = strtol(argv[3], NULL, 10); i > 0; i--) {
        run((uint32_t)strtoul(argv[1], NULL, 10), (uint32_t)strtoul(argv[2], NULL, 10), 1);
        run((uint32_t)strtoul(argv[1], NULL, 10), (uint32_t)strtoul(argv[2], NULL, 10), SETS_MAX);
    }
    return 0;
}
