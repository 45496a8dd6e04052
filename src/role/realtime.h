/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What waits for its turn on a busy machine looks like a dead node (heartbeats) or a dead path
 * (BFD): the lowest real-time priority, else a better nice value. What may not be done is logged.
 * Before privileges are dropped, and so before any configuration is known.
 */
void realtime_begin(void);
