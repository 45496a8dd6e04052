/* SPDX-License-Identifier: Apache-2.0 */
/* `steellb run --peers`: who is alive, and which links are cut, decides together with the folder.
 */
#include "base/log.h"
#include "base/mem.h"
#include "speaker/membership_options.h"
#include "speaker/reach.h"
#include "standalone/run_int.h"

#include <stdlib.h>

void members_node_known(void *arg, const char *name, struct decide_node *node, struct arena *a)
{
    const struct run *run = arg;

    node->liveness = NODE_ALIVE;
    node->liveness_detail = NULL;
    if (!membership_is_alive(run->members, name)) {
        node->liveness = NODE_NO_SPEAKER;
        node->liveness_detail = "it is not a live member of the gossip";
    }
    reach_heard(node, run->members, name, a);
}

static void on_members(void *arg)
{
    struct run *run = arg;

    if (!run->handover.is_leaving)
        run_decide_again(run);
}

static void on_returned(void *arg)
{
    const struct run *run = arg;

    if (!run->handover.is_leaving)
        announcer_again(run->announcer);
}

void members_tell(struct run *run, bool links_changed)
{
    if (run->members != NULL && !run->handover.is_leaving)
        reach_tell(run->members, run->announcer,
                   run->state != NULL ? run->state->evaluation->cfg : NULL, links_changed);
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
    members_tell(run, true);
    return join_peers(run, err);
}

void members_on_rival(void *arg, struct ip ip)
{
    struct run *run = arg;

    handover_on_rival(&run->handover, ip);
}
