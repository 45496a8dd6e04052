/* SPDX-License-Identifier: Apache-2.0 */
/* The command line of the speaker, MetalLB's with some flags of ours (spec api-and-config 6.2,
 * changes-0.16.2 2), and the files that it names. */
#pragma once

#include "model/object.h"
#include "serve/tls_identity.h"
#include "speaker/membership.h"
#include "speaker/router.h"

#define SPEAKER_CONTROL_SOCKET "/run/steellb/speaker.sock"

struct speaker_options {
    /* As given. Strings are the command line's or the environment's, "" when absent. */
    const char *kubeconfig, *namespace, *node, *pod_name;
    const char *lb_class;
    bool ignore_exclude_lb;
    const char *ml_bind_addr, *ml_bind_port, *ml_labels, *ml_secret_dir;
    bool ml_wan;
    const char *fast_detect;
    bool realtime; /* as with fast detection, for BFD */
    int64_t port, health_port;
    struct tls_identity_options tls; /* of the metrics */
    const char *bgp_listen, *drain_delay;
    const char *control_socket; /* NULL: not given; "": none */
    const char *config_dir;     /* of excludel2.yaml and memberlist/config.json */

    /* What became of them. */
    int64_t gratuitous_interval_ns;
    struct gossip_addr bind; /* without an address: membership is off */
    struct fast_detect fast;
    struct router_defaults bgp; /* of METALLB_BGP_TYPE */
    uint16_t bgp_listen_port;   /* 0: does not listen */
    int64_t drain_delay_ns;     /* how long a drained node yields before it withdraws */
};

/*
 * Reads the command line and sets up the log. 0, or -1 when the process should end with *ret_exit;
 * what is wrong has been said, in MetalLB's words.
 */
NODISCARD int speaker_options_parse(struct speaker_options *ret, int argc, char **argv,
                                    int *ret_exit);

/* Membership needs a bind address and labels to find the others by (spec speaker-l2 5.1). */
bool speaker_options_has_membership(const struct speaker_options *o);

/* excludel2.yaml, read once; no file and no list mean none. The list lives in `a`. 0 or -errno. */
NODISCARD int speaker_read_exclude(struct string_list *ret, const struct speaker_options *o,
                                   struct arena *a, struct err *err);
