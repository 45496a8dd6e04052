/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What stands behind the router in its tests: engines and links that note what they are asked, with
 * the names and numbers of bgp/bgp.h, bfd/bfd.h, ra/ra.h and net/links.h.
 */
#pragma once

#include "speaker/router.h"

void fake_reset(void); /* all forgotten; what is given out must be back */

/* --- links --- */

/* `addresses`: "198.18.0.1/24 2001:db8::1/64". The link is up. */
void fake_link_put(const char *name, uint32_t ifindex, const char *addresses);
struct link *fake_link(const char *name); /* to be changed */
void fake_link_del(const char *name);

/* --- what the engines were told --- */

/* Since the last call, "; " between them; routes apart from the rest. */
const char *fake_calls(void);
const char *fake_route_calls(void);

/* As the last bgp_set_peers has it; fails the test when unknown. */
const struct bgp_peer_options *fake_peer(const char *name);
/* "10.20.30.1/32 tor lp=100 pp=2 1:2, leaf ..." by prefix, one a line. */
const char *fake_routes(void);
size_t fake_route_count(void);
size_t fake_offer_count(void);
struct ip fake_node_v6(void);
void fake_no_passwords(void); /* says bgp_has_passwords until fake_reset */

/* --- what the engines say --- */

void fake_bfd_says(bool up);                                  /* to all who have joined */
void fake_ra_says(const char *interface, const char *router); /* "": aged out */
