/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a node reaches, where its links have lost their carrier: each node tells it to all others
 * (member_wire.h), and all decide with it (struct decide_node).
 */
#pragma once

#include "decide/decide.h"
#include "speaker/announcer.h"
#include "speaker/membership.h"

/* What the node has said, copied into the arena. */
void reach_heard(struct decide_node *ret, const struct membership *m, const char *node,
                 struct arena *a);

/* After the links have changed, or the configuration, which names interfaces; NULL before the first
 * one. */
void reach_tell(struct membership *m, const struct announcer *a, const struct snapshot *cfg,
                bool links_changed);
