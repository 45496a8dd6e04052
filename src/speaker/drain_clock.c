/* SPDX-License-Identifier: Apache-2.0 */
#include "speaker/drain_clock.h"

#include "base/delay.h"
#include "base/duration.h"
#include "base/log.h"

#include <event2/event.h>

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    struct drain_clock *c = arg;

    (void)fd;
    (void)what;
    c->has_yielded = true;
    log_info("this node is being drained: routes are withdrawn now", F_S("event", "drain"));
    c->yielded(c->arg);
}

void drain_clock_init(struct drain_clock *c, struct event_base *base, int64_t delay_ns,
                      void (*yielded)(void *arg), void *arg)
{
    c->delay_ns = delay_ns;
    c->yielded = yielded;
    c->arg = arg;
    (void)event_assign(&c->timer, base, -1, 0, on_timer, c);
}

void drain_clock_done(struct drain_clock *c)
{
    if (event_initialized(&c->timer))
        event_del(&c->timer);
}

static void begin(struct drain_clock *c)
{
    const struct timeval delay = delay_from_ns(c->delay_ns);

    log_info("this node is being drained: its routes yield to those of others",
             F_S("event", "drain"), F_S("withdrawnIn", duration_format(c->delay_ns).s));
    (void)event_add(&c->timer, &delay); /* fails only without memory */
}

void drain_clock_set(struct drain_clock *c, enum node_drain drain, bool is_start)
{
    bool draining = drain != NODE_DRAIN_NO;

    if (draining == c->is_draining)
        return;
    event_del(&c->timer);
    c->is_draining = draining;
    c->has_yielded = draining && is_start;
    if (draining && !is_start)
        begin(c);
    else
        log_info(draining ? "this node is drained" : "this node is drained no longer",
                 F_S("event", "drain"));
}
