/* SPDX-License-Identifier: Apache-2.0 */
/*
 * BGP messages as bytes (spec speaker-bgp 5.2-5.7): RFC 4271, 4760 (multiprotocol), 5492 and 9072
 * (capabilities), 6793 (4-byte AS), 8950, 2918 and 7313 (refresh), 4724 and 8538 (graceful
 * restart), 8654 (extended messages), 9003 (shutdown text), 7606 (error handling). Nothing that is
 * received is kept: an UPDATE is checked, counted and forgotten. What we announce is written by
 * bgp_update.h.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/ip.h"
#include "base/text.h"
#include "base/wire.h"

enum {
    BGP_HEADER_LEN = 19,
    BGP_MESSAGE_MAX = 4096,
    BGP_EXTENDED_MAX = 65535, /* RFC 8654; never OPEN and KEEPALIVE */
    BGP_AS_TRANS = 23456,
    BGP_TEXT_MAX = 255, /* bytes of a shutdown communication (RFC 9003) */
};

enum bgp_type {
    BGP_OPEN = 1,
    BGP_UPDATE,
    BGP_NOTIFICATION,
    BGP_KEEPALIVE,
    BGP_ROUTE_REFRESH,
};

/* The address families that we speak, all of them unicast; indexes of arrays. */
enum bgp_family { BGP_IPV4, BGP_IPV6 };
enum { BGP_FAMILIES = 2 };

enum bgp_family bgp_family_of(enum ip_family family); /* not IP_NONE */
const char *bgp_family_name(enum bgp_family f);       /* "ipv4" */
uint16_t bgp_family_afi(enum bgp_family f);
/* False for a family that we do not speak. */
bool bgp_family_find(enum bgp_family *ret, uint16_t afi, uint8_t safi);

/* What a NOTIFICATION says (RFC 4271 4.5, spec 5.6). */
enum {
    BGP_ERR_HEADER = 1,
    BGP_ERR_OPEN = 2,
    BGP_ERR_UPDATE = 3,
    BGP_ERR_HOLD = 4,
    BGP_ERR_FSM = 5,
    BGP_ERR_CEASE = 6,
    BGP_ERR_REFRESH = 7,
    BGP_ERR_SEND_HOLD = 8,
};

enum {
    BGP_CEASE_PREFIXES = 1,
    BGP_CEASE_SHUTDOWN = 2, /* administrative */
    BGP_CEASE_DECONFIGURED = 3,
    BGP_CEASE_RESET = 4, /* administrative */
    BGP_CEASE_REJECTED = 5,
    BGP_CEASE_CHANGED = 6, /* other configuration change */
    BGP_CEASE_COLLISION = 7,
    BGP_CEASE_RESOURCES = 8,
    BGP_CEASE_HARD_RESET = 9, /* RFC 8538 */
    BGP_CEASE_BFD_DOWN = 10,  /* RFC 9384 */
};

enum { BGP_ERROR_DATA_MAX = 260 }; /* what we ever send, and keep of what we got */

struct bgp_error {
    uint8_t code, subcode;
    uint16_t data_len;
    uint8_t data[BGP_ERROR_DATA_MAX];
};

/* Without data. */
struct bgp_error bgp_error_of(uint8_t code, uint8_t subcode);
/* A cease with a text (RFC 9003), cut at a whole UTF-8 character; "" or NULL: without one. With
 * `hard` it is wrapped into a Hard Reset (RFC 8538). */
struct bgp_error bgp_error_cease(uint8_t subcode, const char *text, bool hard);

/*
 * "0x0602 (administrative shutdown): maintenance": numbers as MetalLB's native mode logs them,
 * then the name, then the peer's text, made harmless for logs. A hard reset tells what is inside.
 */
void bgp_error_print(struct text *t, const struct bgp_error *e);

/* --- header --- */

struct bgp_header {
    enum bgp_type type;
    uint16_t len; /* of the whole message */
};

/*
 * Reads BGP_HEADER_LEN bytes. `extended`: RFC 8654 was agreed. False with what to answer in
 * *ret_err: marker, length for that type, type.
 */
bool bgp_header_read(struct bgp_header *ret, const uint8_t *bytes, bool extended,
                     struct bgp_error *ret_err);

/* Writes a header whose length is not known yet; what is returned is for bgp_message_end, which
 * fills it in. */
size_t bgp_message_begin(struct wr *w, enum bgp_type type);
void bgp_message_end(struct wr *w, size_t len_at);

/* --- OPEN --- */

struct bgp_capabilities {
    bool family[BGP_FAMILIES]; /* multiprotocol (1) */
    bool refresh;              /* route refresh (2), or the old code (128) when reading */
    bool enhanced_refresh;     /* (70) */
    bool extended_message;     /* (6) */
    bool v4_over_v6;           /* extended next hop (5): IPv4 unicast with an IPv6 next hop */
    bool as4;                  /* (65) with `asn`; when writing with that of struct bgp_open */
    uint32_t asn;

    bool graceful;                      /* graceful restart (64) is there at all */
    bool restarting, with_notification; /* R, N */
    uint16_t restart_s;
    bool graceful_family[BGP_FAMILIES], forwarding[BGP_FAMILIES]; /* listed; F */

    bool multiprotocol; /* when reading: there was a capability 1 of whatever family; without any
                           the session carries IPv4 unicast */
    char hostname[65];  /* FQDN (73), printable; "" without. Never written when "" */
};

struct bgp_open {
    uint32_t asn; /* the real one: of capability 65 when it is there */
    uint16_t hold_s;
    uint32_t id;
    struct bgp_capabilities caps;
};

/* A whole message; needs less than 255 bytes of parameters, so the classic form. */
void bgp_open_write(struct wr *w, const struct bgp_open *o);

/*
 * Body without header. Checks the form: version, hold time, identifier not 0, parameters of both
 * forms, capabilities; unknown capabilities are skipped, repeated ones must agree on the AS.
 * Whether it is the peer that we expect is for bgp_fsm.
 */
bool bgp_open_read(struct bgp_open *ret, const uint8_t *body, size_t len,
                   struct bgp_error *ret_err);

/* --- the small ones: whole messages when written, bodies when read --- */

void bgp_keepalive_write(struct wr *w);
void bgp_notification_write(struct wr *w, const struct bgp_error *e);
void bgp_notification_read(struct bgp_error *ret, const uint8_t *body, size_t len); /* len >= 2;
                                                                       longer data is cut */

enum bgp_refresh_kind { BGP_REFRESH_REQUEST, BGP_REFRESH_BEGIN, BGP_REFRESH_END };

struct bgp_refresh {
    uint16_t afi;
    uint8_t safi, subtype;
    bool known; /* one of our families and subtypes: */
    enum bgp_family family;
    enum bgp_refresh_kind kind;
};

void bgp_refresh_write(struct wr *w, enum bgp_family family, enum bgp_refresh_kind kind);
/* False with what to answer in *ret_err: another length (RFC 7313 5). */
bool bgp_refresh_read(struct bgp_refresh *ret, const uint8_t *body, size_t len,
                      struct bgp_error *ret_err);

/* --- UPDATE, received --- */

/* RFC 7606 2, the weakest first. */
enum bgp_update_verdict {
    BGP_UPDATE_GOOD,
    BGP_UPDATE_DISCARD,     /* an attribute was discarded */
    BGP_UPDATE_AS_WITHDRAW, /* what it announces counts as withdrawn, also in the sum */
    BGP_UPDATE_RESET,       /* the session cannot go on */
};

struct bgp_update_sum {
    uint32_t announced[BGP_FAMILIES], withdrawn[BGP_FAMILIES]; /* prefixes */
    bool end_of_rib[BGP_FAMILIES];
    const char *problem; /* a constant, for the log; NULL when good */
};

/*
 * `as4`: capability 65 was agreed; `ibgp`: the class of the session. Linear in len, no memory.
 * *ret_err is written for BGP_UPDATE_RESET only; the sum has then but the problem.
 */
enum bgp_update_verdict bgp_update_check(struct bgp_update_sum *ret, const uint8_t *body,
                                         size_t len, bool as4, bool ibgp,
                                         struct bgp_error *ret_err);
