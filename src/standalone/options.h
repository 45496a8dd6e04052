/* SPDX-License-Identifier: Apache-2.0 */
/* The command lines of run, pin and status. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "model/object.h"
#include "speaker/membership.h"
#include "standalone/evaluate.h"

#define DEFAULT_NAMESPACE "metallb-system"
#define DEFAULT_CONTROL_SOCKET "/run/steellb.sock"

struct run_options {
    const char *folder, *node_name, *namespace, *lb_class;
    const char *user;           /* NULL: stay who we are */
    const char *control_socket; /* "" for none */
    struct string_list exclude; /* owned array; the strings are argv's or constants */
    int64_t gratuitous_interval_ns;
    bool ignore_exclude_lb, pin;
    bool realtime;            /* as with fast detection, for BFD */
    uint16_t bgp_listen_port; /* 0: does not listen */
    int64_t drain_delay_ns;
    struct gossip_addr metrics_listen; /* IP_NONE: no metrics */

    /* Membership; without `peers` every node of the folder is taken to be alive. */
    const char *peers, *secret_file, *memberlist_config; /* NULL when not given */
    struct gossip_addr bind;                             /* given whenever `peers` is */
    struct fast_detect fast;
};

enum status_part { STATUS_ALL, STATUS_BGP, STATUS_ROUTES };

struct status_options {
    const char *control_socket; /* NULL: not given */
    enum status_part part;
    const char *within; /* of routes: an address or a prefix; NULL: all */
    const char *peer;   /* of routes; NULL: all */
    bool json;
};

/*
 * 0 to go on, or -1 when the process should end with *ret_exit: help was printed, or the command
 * line is wrong and stderr says how.
 */
int run_options_parse(struct run_options *ret, int argc, char **argv, int *ret_exit);
int pin_options_parse(struct run_options *ret, int argc, char **argv, int *ret_exit);
int status_options_parse(struct status_options *ret, int argc, char **argv, int *ret_exit);
void run_options_done(struct run_options *o);

/* What the command line says about evaluating. */
struct evaluation_options run_evaluation_options(const struct run_options *o);
