/* SPDX-License-Identifier: Apache-2.0 */
/* The parameters of memberlist (spec speaker-l2 5.3). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/macro.h"

struct gossip_profile {
    int64_t tcp_timeout_ns;
    int64_t push_pull_interval_ns; /* 0: none but at a join */
    int64_t probe_timeout_ns, probe_interval_ns;
    int64_t gossip_interval_ns;
    int64_t gossip_to_dead_ns;
    int64_t queue_check_interval_ns; /* of a metric in memberlist; no effect here */
    unsigned indirect_checks;
    unsigned retransmit_mult;
    unsigned suspicion_mult, suspicion_max_timeout_mult;
    unsigned awareness_max_mult;
    unsigned gossip_nodes;
    unsigned handoff_queue_depth; /* no effect here: messages are handled as they come */
    unsigned udp_buffer_size;
    bool disable_tcp_pings;
    bool verify_incoming, verify_outgoing;
    bool compress;
};

struct gossip_profile gossip_profile_lan(void);
struct gossip_profile gossip_profile_wan(void);

/*
 * /etc/metallb/memberlist/config.json. All fields are required, and checked: a value with which the
 * engine could not work is refused (memberlist takes a missing number as 0 and stops gossiping).
 * 0 or -EINVAL.
 */
NODISCARD int gossip_profile_parse(struct gossip_profile *ret, const char *json, size_t len,
                                   struct err *err);
