/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What of a Node matters (spec speaker-l2 2.7, 8.3): its labels decide about advertisements, the
 * exclude label and the condition NetworkUnavailable about candidates, an annotation about
 * draining. Heartbeats, taints, Ready and schedulability do not.
 */
#include "base/text.h"
#include "speaker/speaker_int.h"

/* Next hops may be taken from them. */
static bool same_addresses(const struct node *a, const struct node *b)
{
    return ip_eq(a->internal_v4, b->internal_v4) && ip_eq(a->internal_v6, b->internal_v6);
}

void nodes_on_change(struct speaker *sp, const struct kube_change *c)
{
    /* One that was deleted and made again may leave the same configuration, and yet be another. */
    bool is_other = c->old == NULL || c->new == NULL;
    bool relabelled = is_other || !label_set_eq(&c->old->meta.labels, &c->new->meta.labels);
    bool other_availability =
        is_other || c->old->node.network_unavailable != c->new->node.network_unavailable ||
        c->old->node.exclude_from_lb != c->new->node.exclude_from_lb ||
        c->old->node.drain != c->new->node.drain || !same_addresses(&c->old->node, &c->new->node);
    unsigned todo = (relabelled ? TODO_CONFIG : 0u) | (other_availability ? TODO_NODES : 0u);

    if (todo == 0)
        return;
    speaker_schedule(sp, todo);
    if (c->new != NULL && sp->membership != NULL &&str_eq(c->new->meta.name, sp->options->node))
        membership_rejoin(sp->membership);
}
