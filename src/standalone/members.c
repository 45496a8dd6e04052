/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `steellb run --peers`: who is alive, and which links are cut, decides together with the folder.
 *
 * A farewell is no gap: we go on answering for an address until its next owner announces it, or
 * until it had time enough to.
 */
#include "base/log.h"
#include "base/mem.h"
#include "speaker/membership_options.h"
#include "standalone/run_int.h"

#include <stdlib.h>

/* After the farewell is out. The next owner needs milliseconds. */
static const struct timeval handover_bound = {.tv_usec = 200000};

void members_node_known(void *arg, const char *name, struct decide_node *node)
{
    const struct run *run = arg;

    node->liveness = NODE_ALIVE;
    node->liveness_detail = NULL;
    if (!membership_is_alive(run->members, name)) {
        node->liveness = NODE_NO_SPEAKER;
        node->liveness_detail = "it is not a live member of the gossip";
    }
    node->cut_off = membership_cut_off(run->members, name, &node->cut_off_count);
}

static void on_members(void *arg)
{
    struct run *run = arg;

    if (!run->leaving)
        run_decide_again(run);
}

static void on_returned(void *arg)
{
    const struct run *run = arg;

    if (!run->leaving)
        announcer_again(run->announcer);
}

void members_on_links(void *arg)
{
    struct run *run = arg;
    struct prefix cut_off[MEMBER_CUT_OFF_MAX];

    if (run->members == NULL || run->leaving)
        return;
    membership_set_cut_off(run->members, cut_off,
                           announcer_cut_off(run->announcer, cut_off, ARRAY_SIZE(cut_off)));
}

static int join_peers(struct run *run, struct err *err)
{
    CLEANUP(xfreep) struct gossip_addr *peers = NULL;
    size_t count;
    int r = membership_addrs_parse(&peers, &count, run->options->peers, MEMBERSHIP_PORT, err);

    if (r < 0)
        return err_wrap(err, "--peers");
    membership_admit(run->members);
    membership_set_peers(run->members, peers, count);
    return 0;
}

int members_open(struct run *run, struct err *err)
{
    CLEANUP(membership_secret_done) struct membership_secret secret = {0};
    const struct run_options *o = run->options;
    struct membership_options options = {
        .base = run->base,
        .node = o->node_name,
        .bind = o->bind,
        .profile = gossip_profile_lan(),
        .fast = o->fast,
        .changed = on_members,
        .returned = on_returned,
        .arg = run,
    };
    int r = 0;

    if (o->memberlist_config != NULL)
        r = membership_profile_read(&options.profile, o->memberlist_config, false, err);
    if (r == 0 && o->secret_file != NULL)
        r = membership_secret_read(&secret, o->secret_file, err);
    if (r < 0)
        return r;
    options.secret = secret.bytes;
    options.secret_len = secret.len;
    r = membership_new(&run->members, &options, err);
    if (r < 0)
        return r;
    members_on_links(run);
    return join_peers(run, err);
}

static void end(struct run *run)
{
    event_base_loopbreak(run->base);
}

static void on_handover(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    end(arg);
}

static void on_left(void *arg)
{
    struct run *run = arg;

    if (announcer_count(run->announcer) == 0)
        end(run);
    else
        (void)evtimer_add(&run->handover, &handover_bound); /* fails only without memory */
}

void members_on_rival(void *arg, struct ip ip)
{
    struct run *run = arg;

    if (!run->leaving)
        return;
    log_info("another node has taken over", F_S("ip", ip_format(ip).s));
    announcer_withdraw(run->announcer, ip);
    if (announcer_count(run->announcer) == 0 && evtimer_pending(&run->handover, NULL))
        end(run);
}

void members_leave(struct run *run)
{
    run->leaving = true;
    evtimer_assign(&run->handover, run->base, on_handover, run);
    membership_leave(run->members, on_left, run);
}
