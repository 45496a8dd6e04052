/* SPDX-License-Identifier: Apache-2.0 */
#include "speaker/handover.h"

#include "base/log.h"

/* After the farewell is out. The next owner needs milliseconds, unless its machine is busy. */
static const struct timeval longest = {.tv_sec = 1};

static void end_when_given(const struct handover *h)
{
    if (h->addresses_given && h->routes_given)
        event_base_loopbreak(h->base);
}

static void end_addresses(struct handover *h)
{
    h->addresses_given = true;
    end_when_given(h);
}

static void on_bound(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    end_addresses(arg);
}

static void on_left(void *arg)
{
    struct handover *h = arg;

    if (announcer_count(h->announcer) == 0)
        end_addresses(h);
    else
        (void)event_add(&h->bound, &longest); /* fails only without memory */
}

static void on_routes_given(void *arg)
{
    struct handover *h = arg;

    h->routes_given = true;
    end_when_given(h);
}

void handover_on_rival(struct handover *h, struct ip ip)
{
    if (!h->is_leaving)
        return;
    log_info("another node has taken over", F_S("op", "shutdown"), F_S("ip", ip_format(ip).s));
    announcer_withdraw(h->announcer, ip);
    if (announcer_count(h->announcer) == 0 && event_pending(&h->bound, EV_TIMEOUT, NULL))
        end_addresses(h);
}

void handover_begin(struct handover *h, struct event_base *base, const struct handover_parts *parts)
{
    if (h->is_leaving || parts->router == NULL) { /* without a router it has not even started */
        event_base_loopbreak(base);
        h->is_leaving = true;
        return;
    }
    h->is_leaving = true;
    h->base = base;
    h->announcer = parts->announcer;
    (void)evtimer_assign(&h->bound, base, on_bound, h); /* cannot fail */
    router_shutdown(parts->router, parts->routes, "the speaker ends", on_routes_given, h);
    if (parts->membership != NULL)
        membership_leave(parts->membership, on_left, h);
    else
        end_addresses(h);
}

void handover_done(struct handover *h)
{
    if (event_initialized(&h->bound))
        event_del(&h->bound);
}
