/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The end of a speaker among others. A farewell is no gap: it goes on answering for an address
 * until the next owner announces it, or had time enough to.
 */
#include "base/log.h"
#include "speaker/speaker_int.h"

/* After the farewell is out. The next owner needs milliseconds. */
static const struct timeval handover_bound = {.tv_usec = 200000};

static void end(struct speaker *sp)
{
    event_base_loopbreak(sp->base);
}

static void on_handover(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    end(arg);
}

static void on_left(void *arg)
{
    struct speaker *sp = arg;

    if (announcer_count(sp->announcer) == 0)
        end(sp);
    else
        (void)event_add(&sp->handover, &handover_bound); /* fails only without memory */
}

void speaker_on_rival(void *arg, struct ip ip)
{
    struct speaker *sp = arg;

    if (!sp->leaving)
        return;
    log_info("another node has taken over", F_S("op", "shutdown"), F_S("ip", ip_format(ip).s));
    announcer_withdraw(sp->announcer, ip);
    if (announcer_count(sp->announcer) == 0 && event_pending(&sp->handover, EV_TIMEOUT, NULL))
        end(sp);
}

void speaker_leave(struct speaker *sp)
{
    bool again = sp->leaving;

    sp->leaving = true;
    if (sp->membership == NULL || again) {
        end(sp);
        return;
    }
    (void)event_assign(&sp->handover, sp->base, -1, 0, on_handover, sp); /* cannot fail */
    membership_leave(sp->membership, on_left, sp);
}
