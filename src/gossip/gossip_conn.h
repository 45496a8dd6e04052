/* SPDX-License-Identifier: Apache-2.0 */
/* One TCP connection of the session: a frame in one direction, a frame back, the end. */
#pragma once

#include <event2/event.h>
#include <stdbool.h>
#include <stdint.h>

#include "gossip/gossip_packet.h"

enum {
    GOSSIP_ACCEPTED_MAX = 128, /* connections that peers opened, as in memberlist */
};
#define GOSSIP_BUFFERED_MAX                                                                        \
    ((size_t)64 << 20) /* bytes of frames that are not whole yet, in all                           \
                        */

struct gossip_conn;

/* What the session does about a connection. None of them may free it. */
struct gossip_conn_ops {
    /* The frame that a peer sent on a connection of its own. Fills in the answer, if there is one.
     */
    void (*request)(void *arg, struct gossip_addr from, struct gossip_part frame,
                    struct gossip_blob *ret_answer);
    void (*bad_request)(void *arg, enum gossip_reading why, struct gossip_blob *ret_answer);
    /* On ours: the frame that came back, or that none will. */
    void (*reply)(void *arg, uint32_t stream, struct gossip_part frame);
    void (*lost)(void *arg, uint32_t stream);
};

struct gossip_conns; /* all of a session */

struct gossip_conns *gossip_conns_new(struct event_base *base, int64_t timeout_ns,
                                      const struct gossip_conn_ops *ops, void *arg);
struct gossip_conns *gossip_conns_free(struct gossip_conns *c); /* closes all, calls nothing */

/* Takes the descriptor. False, and it is closed, when there are too many. */
bool gossip_conns_accept(struct gossip_conns *c, int fd_take, struct gossip_addr from);

/* `lost` follows, never from within this call, when it cannot be opened. */
void gossip_conns_open(struct gossip_conns *c, uint32_t stream, struct gossip_addr to,
                       struct gossip_part bytes);
void gossip_conns_close(struct gossip_conns *c, uint32_t stream); /* calls nothing */
