/* SPDX-License-Identifier: Apache-2.0 */
/* Lines on stdin, for the programs that tests drive. */
#pragma once

#include "role/loop.h"

struct tool_input;

/* Calls for each line, which may be cut in place, once nothing else is due. NULL: what comes is not
 * looked at. The loop, of loop_new(), breaks at the end of stdin. */
struct tool_input *tool_input_new(struct event_base *base, void (*on_line)(void *arg, char *line),
                                  void *arg);
void tool_input_free(struct tool_input *t);
