/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memberships belong to sockets, and net.core.optmem_max limits how many one socket has. Further
 * sockets are opened as they fill up. None is ever bound, so none receives anything.
 */
#include "ndp/ndp_groups.h"

#include "base/map.h"
#include "base/mem.h"
#include "ndp/ndp_responder.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* The kernel searches a socket's memberships one by one, so more sockets make joining faster. */
#define NDP_SOCKET_GROUPS 256u

struct group {
    uint32_t low; /* the last 24 bits */
    unsigned refs;
    int fd; /* of the socket that joined; -1: it could not be joined */
};

struct group_socket {
    int fd;
    unsigned joined;
    bool full;
};

struct ndp_groups {
    uint32_t ifindex;
    struct map by_low;            /* uint32_t -> struct group */
    struct group_socket *sockets; /* the last one is the likeliest to have room */
    size_t count, cap;
};

struct ndp_groups *ndp_groups_new(uint32_t ifindex)
{
    struct ndp_groups *g = xcalloc(1, sizeof(*g));

    g->ifindex = ifindex;
    return g;
}

struct ndp_groups *ndp_groups_free(struct ndp_groups *g)
{
    if (g == NULL)
        return NULL;
    for (size_t i = 0; i < g->count; i++)
        close(g->sockets[i].fd);
    free(g->sockets);
    MAP_EACH (&g->by_low, e)
        free(e->value);
    map_done(&g->by_low);
    free(g);
    return NULL;
}

static int membership(const struct ndp_groups *g, int fd, uint32_t low, int option)
{
    struct ipv6_mreq request = {.ipv6mr_interface = g->ifindex};

    ip_to_v6(ndp_group((struct ip){.lo = low, .family = IP_V6}), request.ipv6mr_multiaddr.s6_addr);
    return setsockopt(fd, IPPROTO_IPV6, option, &request, sizeof(request)) < 0 ? -errno : 0;
}

static struct group_socket *socket_with_room(struct ndp_groups *g)
{
    int fd;

    for (size_t i = g->count; i-- > 0;) {
        if (!g->sockets[i].full)
            return &g->sockets[i];
    }
    fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return NULL;
    g->sockets = array_grow(g->sockets, &g->cap, g->count + 1, sizeof(*g->sockets));
    g->sockets[g->count] = (struct group_socket){.fd = fd};
    return &g->sockets[g->count++];
}

static int group_join(struct ndp_groups *g, struct group *group)
{
    for (;;) {
        struct group_socket *s = socket_with_room(g);
        int r;

        if (s == NULL)
            return -errno;
        r = membership(g, s->fd, group->low, IPV6_JOIN_GROUP);
        if ((r == -ENOBUFS || r == -ENOMEM) && s->joined > 0) {
            s->full = true;
            continue;
        }
        if (r < 0)
            return r;
        group->fd = s->fd;
        s->joined++;
        s->full = s->joined >= NDP_SOCKET_GROUPS;
        return 0;
    }
}

int ndp_groups_join(struct ndp_groups *g, struct ip ip)
{
    uint32_t low = (uint32_t)(ip.lo & 0xffffff);
    struct group *group = map_find(&g->by_low, &low, sizeof(low));

    if (group == NULL) {
        group = xcalloc(1, sizeof(*group));
        group->low = low;
        group->fd = -1;
        map_put(&g->by_low, &group->low, sizeof(group->low), group);
    }
    group->refs++;
    return group->fd >= 0 ? 0 : group_join(g, group);
}

static void group_leave(struct ndp_groups *g, const struct group *group)
{
    for (size_t i = 0; i < g->count; i++) {
        struct group_socket *s = &g->sockets[i];

        if (s->fd != group->fd)
            continue;
        (void)membership(g, s->fd, group->low, IPV6_LEAVE_GROUP); /* gone with its interface */
        s->joined--;
        s->full = false;
    }
}

void ndp_groups_leave(struct ndp_groups *g, struct ip ip)
{
    uint32_t low = (uint32_t)(ip.lo & 0xffffff);
    struct group *group = map_find(&g->by_low, &low, sizeof(low));

    if (group == NULL || --group->refs > 0)
        return;
    if (group->fd >= 0)
        group_leave(g, group);
    map_del(&g->by_low, &low, sizeof(low));
    free(group);
}
