/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Input: a script of events for one interface, each of 4 bytes: what happens, from whom, two bytes
 * that mean the time or a hop limit and a length; after these, a packet's bytes. Only neighbours
 * may become the router, and we never send more often than we should.
 */
#include "ra/ra_fsm.h"

#include "base/wire.h"
#include "fuzz.h"

#include <stdlib.h>

enum { EVENTS_MAX = 200, LEN_MAX = 64 };

struct script {
    struct rd in;
    struct ra_fsm f;
    struct mono now, advertised, solicited;
};

static void require(bool holds)
{
    if (!holds)
        abort();
}

static struct ip address_of(uint8_t i)
{
    struct ip ip = {.hi = UINT64_C(0xfe80) << 48, .lo = i & 15, .family = IP_V6};

    if ((i & 0x80) != 0)
        ip.hi = (i & 0x40) != 0 ? UINT64_C(0x20010db8) << 32 : 0;
    return ip;
}

static void tick(struct script *s)
{
    unsigned acts = ra_fsm_tick(&s->f, s->now);

    if ((acts & RA_DO_ADVERTISE) != 0)
        s->advertised = s->now;
    if ((acts & RA_DO_SOLICIT) != 0) {
        require(mono_sub(s->now, s->solicited) >= NS_PER_SEC);
        s->solicited = s->now;
    }
    require(ra_fsm_tick(&s->f, s->now) == 0);
    require(s->f.running == mono_is_set(ra_fsm_deadline(&s->f)));
    require(!s->f.running || mono_before(s->now, ra_fsm_deadline(&s->f)));
    require(!s->f.running || mono_sub(ra_fsm_deadline(&s->f), s->now) <= 10 * NS_PER_SEC);
}

static void check(const struct script *s)
{
    struct ip router = ra_fsm_router(&s->f);

    require(s->f.sender_count <= RA_SENDERS_MAX);
    require((router.family != IP_NONE) == (s->f.sender_count > 0));
    require(router.family == IP_NONE || ip_is_link_local(router));
}

static void pass_time(struct script *s, int64_t ns)
{
    struct mono end = mono_add(s->now, ns);

    while (s->f.running && !mono_before(end, ra_fsm_deadline(&s->f))) {
        s->now = ra_fsm_deadline(&s->f);
        tick(s);
    }
    s->now = end;
}

static void hear(struct script *s, uint8_t from, uint8_t hop_limit, uint8_t len)
{
    struct ra_packet p = {.from = address_of(from), .hop_limit = hop_limit};
    struct ra_message m;
    enum ra_result result;
    int r;

    p.len = len % LEN_MAX < s->in.left ? len % LEN_MAX : s->in.left;
    rd_copy(&s->in, p.bytes, p.len);
    r = ra_read(&m, p.bytes, p.len);
    result = ra_fsm_hear(&s->f, &p, s->now);
    require(r < 0 || m.kind == RA_SOLICITATION || p.len >= 16);
    if (result != RA_ROUTER && result != RA_SOLICITED)
        return;
    require(r == 0 && hop_limit == RA_HOP_LIMIT && s->f.running && !ip_eq(p.from, s->f.own));
    require(result == (m.kind == RA_ADVERTISEMENT ? RA_ROUTER : RA_SOLICITED));
}

static void step(struct script *s)
{
    uint8_t op = rd_u8(&s->in), who = rd_u8(&s->in), a = rd_u8(&s->in), b = rd_u8(&s->in);

    switch (op & 7) {
    case 0:
        ra_fsm_start(&s->f, address_of(who & 15), s->now);
        s->solicited = (struct mono){0}; /* at once, whatever was before */
        break;
    case 1:
        ra_fsm_stop(&s->f);
        break;
    case 2:
        pass_time(s, (a << 8 | b) * NS_PER_MS);
        break;
    case 3:
        pass_time(s, b * 10 * NS_PER_SEC);
        break;
    case 4:
        hear(s, who, a, b);
        break;
    default: /* what a mutator would rarely find */
        hear(s, who & 15, RA_HOP_LIMIT, b);
        break;
    }
    tick(s);
    check(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct script s = {.in = rd_from(bytes, len), .now = {NS_PER_SEC}};

    ra_fsm_init(&s.f, len);
    ra_fsm_start(&s.f, address_of(1), s.now);
    for (int i = 0; i < EVENTS_MAX && s.in.left > 0; i++)
        step(&s);
    ra_fsm_stop(&s.f);
    check(&s);
    return 0;
}
