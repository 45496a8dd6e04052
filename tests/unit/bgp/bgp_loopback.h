/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The engine over loopback against a router that is the test itself: it reads and writes messages
 * as bytes. The loop of the engine runs while the test waits for something; what does not come in
 * PATIENCE_NS fails.
 */
#pragma once

#include "bgp/bgp.h"

enum { OUR_AS = 64512, THEIR_AS = 64513, IN_MAX = 1 << 20, EVENTS_MAX = 256 };
#define PATIENCE_NS (20 * NS_PER_SEC)
#define QUIET_NS (200 * NS_PER_MS) /* to see that nothing comes */

/* One connection as the router sees it. */
struct router {
    int listener, fd;
    uint8_t *in;
    size_t len;
    bool ended;
};

struct event_seen {
    enum bgp_event event;
    char peer[32], text[128];
};

struct fixture {
    struct event_base *base;
    struct bgp *bgp;
    struct event_seen events[EVENTS_MAX];
    size_t event_count;
    int done;
};

/* --- the engine's side --- */

struct fixture *engine_new(uint16_t listen_port);
void engine_free(struct fixture *f);
void engine_idle(struct fixture *f, int64_t ns);
bool engine_wait(struct fixture *f, const char *name, enum bgp_state state);
struct bgp_peer_view engine_view(struct fixture *f, const char *name);
/* How often that was told of the peer. */
size_t engine_seen(const struct fixture *f, enum bgp_event event, const char *peer);
/* Routes to single addresses from `first` on, for the peer with id 0. */
void engine_put(struct fixture *f, uint32_t first, size_t count);
/* At 127.0.0.1, IPv4 alone. */
struct bgp_peer_options peer_of(const char *name, uint16_t port);

/* --- the router's side --- */

struct message {
    struct bgp_header header;
    uint8_t body[BGP_EXTENDED_MAX];
};

extern const struct bgp_capabilities v4_caps, graceful_caps;

uint16_t router_free_port(void);
struct router router_new(uint16_t *ret_port);
/* One that dials itself, from an address of its own. */
struct router router_dialling(void);
void router_free(struct router *r);
/* The dial of the engine; an earlier connection is closed. */
void router_accept(struct fixture *f, struct router *r);
/* A connection to the engine from an address of the router's. */
int router_connect(uint32_t source, uint16_t port);
void router_send(const struct router *r, const void *bytes, size_t len);
/* Its OPEN, and a KEEPALIVE. */
struct wr router_open(uint8_t bytes[BGP_MESSAGE_MAX], struct bgp_capabilities caps);
void router_read(struct router *r);
/* The next message; false at the end of the connection. */
bool router_take(struct fixture *f, struct router *r, struct message *ret);
/* The next one of that type; KEEPALIVEs are passed over. */
bool router_expect(struct fixture *f, struct router *r, enum bgp_type type, struct message *ret);
bool router_expect_error(struct fixture *f, struct router *r, uint8_t code, uint8_t subcode);
bool router_quiet(struct fixture *f, struct router *r);
void router_establish(struct fixture *f, struct router *r, const char *name,
                      struct bgp_capabilities caps);
/* The same with the dial of the router. */
void router_establish_from(struct fixture *f, struct router *r, const char *name, uint32_t source,
                           uint16_t port);
/* The only peer, which is told its port, and the session with it. */
struct router router_with_session(struct fixture *f, struct bgp_peer_options *p,
                                  struct bgp_capabilities caps);
/* One that does not read: what it has not read fills the sockets, the rest of the routes waits in
 * the RIB. */
struct router router_slow(struct fixture *f, struct bgp_peer_options *p, size_t routes);
/* What the UPDATE says, which must be valid. */
struct bgp_update_sum router_update(const struct message *m);
