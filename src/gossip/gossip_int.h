/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the machine share. Nobody else includes this. */
#pragma once

#include "base/map.h"
#include "gossip/gossip_fsm.h"
#include "gossip/gossip_queue.h"
#include "gossip/gossip_suspicion.h"

enum {
    GOSSIP_KNOWN_MAX = 16384,  /* nodes, the dead ones included */
    GOSSIP_RELAYS_MAX = 256,   /* pings on behalf of others that are under way */
    GOSSIP_JOIN_PARALLEL = 8,  /* streams of one join at a time */
    GOSSIP_KEY_MEMORY = 16384, /* addresses of which we know the key */
    GOSSIP_CHOICE_MAX = 100,   /* random members at once: gossip_profile.h lets no more */
    GOSSIP_PART_OVERHEAD = 2,  /* of a message in a compound: its length */
};

/* What a peer understands, by the maximum of its protocol versions (spec speaker-l2 6.9). */
enum { PROTOCOL_TCP_PING = 3, PROTOCOL_NACK = 4, PROTOCOL_CRC = 5 };

/* A known node. */
struct member {
    char *name;
    struct gossip_addr addr;
    struct gossip_meta *meta; /* NULL: none */
    struct gossip_vsn vsn;
    enum gossip_state state;
    uint32_t incarnation;
    struct mono changed;                /* when it came into that state */
    struct gossip_suspicion *suspicion; /* while the timer runs */
};

/* The one probe under way. The node's data are those at its start. */
struct probe {
    bool active, asked_others, tcp_answered;
    char *name;
    struct gossip_addr addr;
    struct gossip_vsn vsn;
    uint32_t incarnation, seq;
    uint32_t stream; /* of the TCP ping, 0: none */
    struct mono ask_others, deadline;
    unsigned nacks_expected, nacks;
};

/* A ping on behalf of another node. */
struct relay {
    uint32_t seq, their_seq;
    struct gossip_addr requester;
    bool nack;
    struct mono deadline;
};

enum exchange_kind { EXCHANGE_PERIODIC, EXCHANGE_JOIN, EXCHANGE_PING };

/* A stream that we opened. */
struct exchange {
    enum exchange_kind kind;
    uint32_t stream, seq;
    struct gossip_addr addr;
    struct mono deadline;
    size_t key;
    bool retried; /* with the other key */
};

struct join {
    struct gossip_addr *todo; /* owned */
    size_t count, next;       /* todo[next] is the next to begin */
    size_t under_way, joined;
    bool active;
};

struct peer_key {
    struct ip_key ip;
    size_t key;
};

struct action {
    struct gossip_action a;
    uint8_t *bytes; /* owned, as are these */
    char *name, *text;
};

struct gossip {
    struct gossip_options options;
    struct mono now; /* of the call under way */
    uint64_t random_state;

    struct member **members; /* in the order of probing; all owned */
    size_t count, cap;
    struct map by_name;
    struct member *me;
    unsigned health;
    bool leaving, left_told;
    uint64_t farewell; /* ticket of the leave */

    struct gossip_queue *queue;
    uint32_t seq;
    struct probe probe;
    size_t probe_index;
    struct relay *relays;
    size_t relay_count, relay_cap;
    struct mono next_probe, next_gossip, next_push_pull; /* the latter never when off */

    struct exchange *exchanges;
    size_t exchange_count, exchange_cap;
    uint32_t streams;
    struct join join;
    struct map peer_keys;   /* address -> struct peer_key, owned here: who was heard, in what key */
    size_t other_key_peers; /* of them, those with another key than ours */

    struct action *actions; /* a queue: from `action_next` on */
    size_t action_next, action_count, action_cap;
    struct action current; /* what gossip_next_action returned */

    uint8_t *scratch; /* a datagram in the making, of scratch_len bytes */
    size_t scratch_len;
    uint64_t dropped[GOSSIP_DROPS];
};

/* gossip_fsm.c */
uint64_t gossip_random_below(struct gossip *g, uint64_t n); /* 0 .. n - 1; n > 0 */
struct gossip_action *gossip_act(struct gossip *g, enum gossip_action_kind kind);
void gossip_act_bytes(struct gossip *g, struct gossip_blob bytes_take); /* of the last action */
struct gossip_action *gossip_tell(struct gossip *g, enum gossip_action_kind kind, const char *name,
                                  struct gossip_addr addr);
void gossip_tell_text(struct gossip *g, enum gossip_action_kind kind, struct gossip_addr addr,
                      const char *text);
size_t gossip_key_of(const struct gossip *g, struct ip ip); /* ours, if it was never heard */
void gossip_remember_key(struct gossip *g, struct ip ip, int key);
struct gossip_wrap gossip_wrap(struct gossip *g, size_t key); /* with a nonce of its own */
struct gossip_unwrap gossip_unwrap(const struct gossip *g);
void gossip_count_unopened(struct gossip *g, enum gossip_opened o);
/* Wraps and sends a whole datagram. */
void gossip_send(struct gossip *g, struct gossip_addr to, struct gossip_part message, bool crc);
/* Sends a message and, with it, what waits in the queue. */
void gossip_send_with_gossip(struct gossip *g, struct gossip_addr to, struct gossip_part message);
/* Sends a message to every other live member, not waiting for the next round of gossip. */
void gossip_send_to_all(struct gossip *g, struct gossip_part message);

/* gossip_members.c */
struct member *gossip_find(const struct gossip *g, const char *name);
void gossip_on_alive(struct gossip *g, const struct gossip_record *a);
void gossip_on_suspect(struct gossip *g, const struct gossip_accusation *a);
void gossip_on_dead(struct gossip *g, const struct gossip_accusation *a);
void gossip_reset_members(struct gossip *g); /* at the end of a probing round: reap, shuffle */
void gossip_fire_suspicions(struct gossip *g);
struct mono gossip_suspicion_deadline(const struct gossip *g);
void gossip_add_health(struct gossip *g, int delta);
struct gossip_record gossip_record_of(const struct member *m);
void gossip_members_done(struct gossip *g);

typedef bool (*gossip_choice_fn)(const struct gossip *g, const struct member *m, const void *arg);
/* Up to `max`, at most GOSSIP_CHOICE_MAX, random members for which `choice` says yes. Returns their
 * number. */
size_t gossip_choose(struct gossip *g, struct member **ret, size_t max, gossip_choice_fn choice,
                     const void *arg);

/* gossip_probe.c */
void gossip_on_ping(struct gossip *g, struct gossip_addr from, const struct gossip_ping *p);
void gossip_on_indirect_ping(struct gossip *g, struct gossip_addr from,
                             const struct gossip_indirect_ping *p);
void gossip_on_ack(struct gossip *g, uint32_t seq);
void gossip_on_nack(struct gossip *g, uint32_t seq);
void gossip_probe_tick(struct gossip *g);
struct mono gossip_probe_deadline(const struct gossip *g);
struct gossip_ping gossip_own_ping(const struct gossip *g, uint32_t seq, const char *node);
void gossip_probe_done(struct gossip *g);

/* gossip_exchange.c */
uint32_t gossip_tcp_ping(struct gossip *g, struct gossip_addr to, const struct gossip_ping *p,
                         struct mono deadline);               /* returns the stream */
void gossip_stream_forget(struct gossip *g, uint32_t stream); /* and close it */
void gossip_exchange_tick(struct gossip *g);
struct mono gossip_exchange_deadline(const struct gossip *g);
void gossip_exchange_done(struct gossip *g);
