/* SPDX-License-Identifier: Apache-2.0 */
#include "role/loop.h"

struct event_base *loop_new(void)
{
    struct event_config *cfg = event_config_new();
    struct event_base *base;

    event_config_set_flag(cfg, EVENT_BASE_FLAG_PRECISE_TIMER);
    base = event_base_new_with_config(cfg);
    event_config_free(cfg);
    if (base != NULL)
        event_base_priority_init(base, LOOP_PRIORITIES);
    return base;
}
