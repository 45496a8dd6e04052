/* SPDX-License-Identifier: Apache-2.0 */
#include "speaker/handover.h"

#include "base/log.h"

/* After the farewell is out. The next owner needs milliseconds, unless its machine is busy. */
static const struct timeval longest = {.tv_sec = 1};

static void end(struct handover *h)
{
    event_base_loopbreak(h->base);
}

static void on_bound(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    end(arg);
}

static void on_left(void *arg)
{
    struct handover *h = arg;

    if (announcer_count(h->announcer) == 0)
        end(h);
    else
        (void)event_add(&h->bound, &longest); /* fails only without memory */
}

void handover_on_rival(struct handover *h, struct ip ip)
{
    if (!h->is_leaving)
        return;
    log_info("another node has taken over", F_S("op", "shutdown"), F_S("ip", ip_format(ip).s));
    announcer_withdraw(h->announcer, ip);
    if (announcer_count(h->announcer) == 0 && event_pending(&h->bound, EV_TIMEOUT, NULL))
        end(h);
}

void handover_begin(struct handover *h, struct event_base *base, struct announcer *announcer,
                    struct membership *membership)
{
    bool again = h->is_leaving;

    h->is_leaving = true;
    h->base = base;
    h->announcer = announcer;
    if (membership == NULL || again) {
        end(h);
        return;
    }
    (void)evtimer_assign(&h->bound, base, on_bound, h); /* cannot fail */
    membership_leave(membership, on_left, h);
}

void handover_done(struct handover *h)
{
    if (event_initialized(&h->bound))
        event_del(&h->bound);
}
