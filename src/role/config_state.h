/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Our ConfigurationState object: created at start and again when it is deleted, its result computed
 * from its conditions, one condition of ours applied (spec api-and-config 4, controller 4.6).
 *
 * MetalLB applies the condition at every pass, with a new time each; ours is applied when it
 * differs from what the object has.
 */
#pragma once

#include "role/cluster.h"

struct config_state;

enum config_state_of { CONFIG_STATE_CONTROLLER, CONFIG_STATE_SPEAKER };

/* `node`: of a speaker. The cluster must outlive it. */
struct config_state *config_state_new(struct cluster *c, enum config_state_of of, const char *node);
struct config_state *config_state_free(struct config_state *s);
DEFINE_CLEANUP(struct config_state, config_state_free);

/* The selection that must be among those of the feed: our own object only. */
struct kube_selection config_state_selection(const struct config_state *s);
/* To be called for every change of an OBJ_CONFIGURATION_STATE, and once when the feed is synced. */
void config_state_on_change(struct config_state *s);

/* NULL: the configuration is valid. Else "<text>" of `configuration error: <text>`. */
void config_state_report(struct config_state *s, const char *fault);
