/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A heartbeat as anybody may send it, and one that is tagged rightly: what is read must be written
 * again to the same bytes, and a machine must bear it, also when it is addressed to it.
 */
#include "fuzz.h"

#include "base/mem.h"
#include "pulse/pulse_fsm.h"

#include <stdlib.h>
#include <string.h>

static void require(bool ok)
{
    if (!ok)
        abort();
}

static void check_round_trip(const struct pulse_packet *p, const struct pulse_key *key)
{
    uint8_t bytes[PULSE_PACKET_MAX];
    CLEANUP(xfreep) struct pulse_packet *again = xmalloc(sizeof(*again));
    size_t len = pulse_write(bytes, p, key);

    require(pulse_read(again, bytes, len, key) == PULSE_READ);
    require(again->count == p->count && again->seq == p->seq && again->echo == p->echo);
}

/* Drives the machine with it, as if it came from its only peer. */
static void check_machine(struct pulse *m, struct pulse_packet *k, const struct pulse_key *key)
{
    struct mono now = {NS_PER_SEC};
    uint8_t bytes[PULSE_PACKET_MAX];
    struct pulse_datagram d;

    k->from = pulse_id("peer");
    k->to = pulse_id("me");
    for (unsigned i = 0; i < 3; i++) {
        k->to_boot = 9; /* that of the machine */
        k->echo = i + 1;
        k->seq += i;
        for (size_t e = 0; e < k->count; e++)
            k->entries[e].id = e % 3 == 0 ? k->from : e % 3 == 1 ? k->to : k->entries[e].id;
        pulse_on_packet(m, now, bytes, pulse_write(bytes, k, key));
        now = mono_add(now, 20 * NS_PER_MS);
        pulse_tick(m, now);
        require(mono_before(now, pulse_deadline(m)));
        while (pulse_next(m, &d))
            require(d.len <= PULSE_PACKET_MAX);
    }
}

static void check_tagged(struct pulse *m, const uint8_t *bytes, size_t len,
                         const struct pulse_key *key)
{
    uint8_t tagged[PULSE_PACKET_MAX];
    struct pulse_packet p;

    pulse_tag(tagged, bytes, len, key);
    if (pulse_read(&p, tagged, len + PULSE_TAG_LEN, key) != PULSE_READ)
        return;
    check_round_trip(&p, key);
    check_machine(m, &p, key);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct pulse_key key = pulse_key_from_secret(NULL, 0);
    struct pulse_options o = {
        .name = "me", .interval_ns = 20 * NS_PER_MS, .count = 2, .boot = 9, .key = key};
    struct pulse_peer peer = {"peer", {ip_v4(1), 1}};
    struct pulse *m = pulse_new(&o, (struct mono){NS_PER_SEC});

    require(pulse_set_peers(m, (struct mono){NS_PER_SEC}, &peer, 1));
    pulse_on_packet(m, (struct mono){NS_PER_SEC}, bytes, len);
    if (len <= PULSE_PACKET_MAX - PULSE_TAG_LEN)
        check_tagged(m, bytes, len, &key);
    pulse_free(m);
    return 0;
}
