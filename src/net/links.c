/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One netlink socket carries both the dumps and the events, so that everything arrives in the order
 * in which the kernel produced it: an event queued before a dump is older than the dump, one queued
 * behind it is newer, and the same code applies both.
 *
 * A dump is answered inside our own recvmsg, so waiting for its end never waits for anybody else.
 */
#include "net/links.h"

#include "base/log.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/wire.h"

#include <errno.h>
#include <event2/event_struct.h>
#include <libmnl/libmnl.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if_arp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define LINKS_BATCH 25               /* datagrams in one callback */
#define LINKS_BUFFER 32768           /* the kernel fills at most this much into one dump datagram */
#define LINKS_RECEIVE_ROOM (4 << 20) /* bytes queued before events are lost */
#define LINKS_DUMP_TRIES 5           /* a dump is void when the table changed under it */
#define LINKS_RETRY_S 1

struct link_address {
    struct ip ip, peer; /* peer: the other end of a point-to-point link */
    struct prefix network;
    bool usable, deprecated, seen;
    bool gone; /* while there was no carrier */
};

struct link_entry {
    struct link link;
    struct link_address *addresses; /* in the kernel's order */
    size_t address_count, address_cap;
    bool seen; /* by the dump that is running */
};

struct links {
    struct mnl_socket *nl;
    struct event event, retry;
    bool events_ready;
    struct map by_index; /* uint32_t -> struct link_entry */
    uint64_t generations;
    uint32_t sequence; /* of the last dump */
    bool dump_void;    /* it does not show one moment */
    bool changed;
    links_fn fn;
    void *arg;
    uint8_t buffer[LINKS_BUFFER];
};

static struct link_entry *entry_free(struct link_entry *e)
{
    free(e->addresses);
    free(e);
    return NULL;
}

static struct link_entry *entry_find(const struct links *l, uint32_t ifindex)
{
    return map_find(&l->by_index, &ifindex, sizeof(ifindex));
}

static void entry_del(struct links *l, struct link_entry *e)
{
    map_del(&l->by_index, &e->link.ifindex, sizeof(e->link.ifindex));
    entry_free(e);
    l->changed = true;
}

static struct link_entry *entry_add(struct links *l, uint32_t ifindex)
{
    struct link_entry *e = xcalloc(1, sizeof(*e));

    e->link.ifindex = ifindex;
    e->link.generation = ++l->generations;
    map_put(&l->by_index, &e->link.ifindex, sizeof(e->link.ifindex), e);
    l->changed = true;
    return e;
}

/* --- addresses of an interface --- */

static void entry_choose_address(struct links *l, struct link_entry *e)
{
    struct ip chosen = {0};

    for (size_t i = 0; i < e->address_count && chosen.family == IP_NONE; i++) {
        if (e->addresses[i].usable && ip_is_link_local(e->addresses[i].ip))
            chosen = e->addresses[i].ip;
    }
    if (ip_eq(chosen, e->link.link_local))
        return;
    e->link.link_local = chosen;
    l->changed = true;
}

/* IPv4 knows an address several times, with different networks or other ends; IPv6 only once, and
 * may give it another end. */
static bool address_is(const struct link_address *a, const struct link_address *b)
{
    return ip_eq(a->ip, b->ip) && (a->ip.family == IP_V6 ||
                                   (prefix_eq(a->network, b->network) && ip_eq(a->peer, b->peer)));
}

static bool address_eq(const struct link_address *a, const struct link_address *b)
{
    return ip_eq(a->ip, b->ip) && ip_eq(a->peer, b->peer) && prefix_eq(a->network, b->network) &&
           a->usable == b->usable && a->deprecated == b->deprecated && a->gone == b->gone;
}

static size_t entry_find_address(const struct link_entry *e, const struct link_address *address)
{
    size_t i = 0;

    while (i < e->address_count && !address_is(&e->addresses[i], address))
        i++;
    return i;
}

static void entry_set_address(struct links *l, struct link_entry *e,
                              const struct link_address *address)
{
    size_t i = entry_find_address(e, address);

    if (i == e->address_count) {
        e->addresses = array_grow(e->addresses, &e->address_cap, i + 1, sizeof(*e->addresses));
        e->address_count++;
        l->changed = true;
    } else if (!address_eq(&e->addresses[i], address)) {
        l->changed = true;
    }
    e->addresses[i] = *address;
}

static void entry_remove_address(struct link_entry *e, size_t i)
{
    e->address_count--;
    memmove(&e->addresses[i], &e->addresses[i + 1], (e->address_count - i) * sizeof(*e->addresses));
}

/* Without carrier its network is remembered: it is what can no longer be reached. */
static void entry_del_address(struct links *l, struct link_entry *e,
                              const struct link_address *address)
{
    size_t i = entry_find_address(e, address);

    if (i == e->address_count)
        return;
    l->changed = true;
    e->addresses[i].usable = false;
    e->addresses[i].gone = true;
    if (e->link.carrier)
        entry_remove_address(e, i);
}

static void entry_forget_gone(struct link_entry *e)
{
    for (size_t i = e->address_count; i-- > 0;) {
        if (e->addresses[i].gone)
            entry_remove_address(e, i);
    }
}

/* --- interfaces --- */

static int link_read_attr(const struct nlattr *attr, void *arg)
{
    struct link *link = arg;
    const char *name;

    switch (mnl_attr_get_type(attr)) {
    case IFLA_IFNAME:
        name = mnl_attr_get_str(attr);
        if (mnl_attr_validate(attr, MNL_TYPE_NUL_STRING) >= 0 && strlen(name) < sizeof(link->name))
            memcpy(link->name, name, strlen(name) + 1);
        break;
    case IFLA_ADDRESS:
        if (link->ethernet && mnl_attr_get_payload_len(attr) == ETH_ALEN)
            memcpy(link->mac, mnl_attr_get_payload(attr), ETH_ALEN);
        else
            link->ethernet = false;
        break;
    case IFLA_MASTER:
        if (mnl_attr_validate(attr, MNL_TYPE_U32) >= 0)
            link->master = mnl_attr_get_u32(attr);
        break;
    case IFLA_CARRIER_UP_COUNT:
        if (mnl_attr_validate(attr, MNL_TYPE_U32) >= 0)
            link->carrier_ups = mnl_attr_get_u32(attr);
        break;
    default: /* attributes are an open set */
        break;
    }
    return MNL_CB_OK;
}

static bool link_eq(const struct link *a, const struct link *b)
{
    return a->master == b->master && strcmp(a->name, b->name) == 0 &&
           memcmp(a->mac, b->mac, ETH_ALEN) == 0 && a->ethernet == b->ethernet && a->up == b->up &&
           a->carrier == b->carrier && a->carrier_ups == b->carrier_ups &&
           a->broadcast == b->broadcast && a->noarp == b->noarp;
}

static void links_on_link(struct links *l, const struct nlmsghdr *nlh)
{
    const struct ifinfomsg *info = mnl_nlmsg_get_payload(nlh);
    struct link_entry *e;
    struct link next = {0};

    if (mnl_nlmsg_get_payload_len(nlh) < sizeof(*info))
        return;
    /* A bridge announces its ports in family AF_BRIDGE; there DELLINK means "left the bridge". */
    if (info->ifi_family != AF_UNSPEC)
        return;
    e = entry_find(l, (uint32_t)info->ifi_index);
    if (nlh->nlmsg_type == RTM_DELLINK) {
        if (e != NULL)
            entry_del(l, e);
        return;
    }
    if (e == NULL)
        e = entry_add(l, (uint32_t)info->ifi_index);
    e->seen = true;

    next.ifindex = e->link.ifindex;
    next.generation = e->link.generation;
    next.link_local = e->link.link_local;
    next.ethernet = info->ifi_type == ARPHRD_ETHER;
    next.up = (info->ifi_flags & IFF_UP) != 0;
    next.carrier = (info->ifi_flags & (1u << 16)) != 0; /* IFF_LOWER_UP, hidden by <net/if.h> */
    next.broadcast = (info->ifi_flags & IFF_BROADCAST) != 0;
    next.noarp = (info->ifi_flags & IFF_NOARP) != 0;
    (void)mnl_attr_parse(nlh, sizeof(*info), link_read_attr, &next); /* always goes to the end */
    if (link_eq(&e->link, &next))
        return;
    e->link = next;
    l->changed = true;
    if (next.carrier)
        entry_forget_gone(e);
}

/* --- addresses as the kernel tells them --- */

struct address_attrs {
    struct ip local, address;
    uint32_t flags;
};

static struct ip attr_ip(const struct nlattr *attr)
{
    const uint8_t *bytes = mnl_attr_get_payload(attr);
    struct rd r = rd_from(bytes, mnl_attr_get_payload_len(attr));

    if (r.left == 4)
        return ip_v4(rd_u32(&r));
    return r.left == 16 ? ip_v6(bytes) : (struct ip){0};
}

static int address_read_attr(const struct nlattr *attr, void *arg)
{
    struct address_attrs *a = arg;
    uint16_t type = mnl_attr_get_type(attr);

    /* With a peer, IFA_LOCAL is ours and IFA_ADDRESS the other end, which the prefix belongs to. */
    if (type == IFA_LOCAL)
        a->local = attr_ip(attr);
    if (type == IFA_ADDRESS)
        a->address = attr_ip(attr);
    if (type == IFA_FLAGS && mnl_attr_validate(attr, MNL_TYPE_U32) >= 0)
        a->flags = mnl_attr_get_u32(attr);
    return MNL_CB_OK;
}

static void links_on_address(struct links *l, const struct nlmsghdr *nlh)
{
    const struct ifaddrmsg *info = mnl_nlmsg_get_payload(nlh);
    struct address_attrs a = {0};
    struct link_address address = {.seen = true};
    struct link_entry *e;

    if (mnl_nlmsg_get_payload_len(nlh) < sizeof(*info))
        return;
    e = entry_find(l, info->ifa_index);
    if (e == NULL)
        return;
    a.flags = info->ifa_flags;
    (void)mnl_attr_parse(nlh, sizeof(*info), address_read_attr, &a); /* always goes to the end */
    address.ip = a.local.family != IP_NONE ? a.local : a.address;
    if (a.address.family == IP_NONE || info->ifa_prefixlen > ip_bits(a.address.family))
        return;
    address.network = prefix_of(a.address, info->ifa_prefixlen);
    if (!ip_eq(a.address, address.ip))
        address.peer = a.address;
    address.usable = (a.flags & (IFA_F_TENTATIVE | IFA_F_DADFAILED)) == 0;
    address.deprecated = (a.flags & IFA_F_DEPRECATED) != 0;
    if (nlh->nlmsg_type == RTM_NEWADDR)
        entry_set_address(l, e, &address);
    else
        entry_del_address(l, e, &address);
    entry_choose_address(l, e);
}

/* --- messages --- */

/* The end of a dump carries 0, or what made it end early. */
static int dump_result(const struct nlmsghdr *nlh)
{
    int code = -EBADMSG;

    if (mnl_nlmsg_get_payload_len(nlh) >= sizeof(code))
        memcpy(&code, mnl_nlmsg_get_payload(nlh), sizeof(code));
    return code;
}

/* True when the message ends the dump that is running. */
static bool links_on_message(struct links *l, const struct nlmsghdr *nlh)
{
    bool of_dump = nlh->nlmsg_seq == l->sequence;

    if (of_dump && (nlh->nlmsg_flags & NLM_F_DUMP_INTR) != 0)
        l->dump_void = true;
    switch (nlh->nlmsg_type) {
    case RTM_NEWLINK:
    case RTM_DELLINK:
        links_on_link(l, nlh);
        return false;
    case RTM_NEWADDR:
    case RTM_DELADDR:
        links_on_address(l, nlh);
        return false;
    case NLMSG_DONE:
        if (of_dump && dump_result(nlh) < 0)
            l->dump_void = true;
        return of_dump;
    case NLMSG_ERROR:
        l->dump_void = true;
        return of_dump;
    default: /* message types are an open set */
        return false;
    }
}

/* One datagram. Returns 1 when it ended the dump, else 0 or -errno; -ENOBUFS: events were lost. */
static int links_receive(struct links *l)
{
    struct sockaddr_nl from = {0};
    socklen_t from_len = sizeof(from);
    const struct nlmsghdr *nlh = (const struct nlmsghdr *)(const void *)l->buffer;
    ssize_t n = recvfrom(mnl_socket_get_fd(l->nl), l->buffer, sizeof(l->buffer), MSG_TRUNC,
                         (struct sockaddr *)&from, &from_len);
    bool ended = false;

    if (n < 0)
        return -errno;
    if ((size_t)n > sizeof(l->buffer))
        return -ENOBUFS; /* cut short is as good as lost */
    if (from.nl_pid != 0)
        return 0; /* not from the kernel */
    for (int left = (int)n; mnl_nlmsg_ok(nlh, left); nlh = mnl_nlmsg_next(nlh, &left))
        ended = links_on_message(l, nlh) || ended;
    return ended ? 1 : 0;
}

static int links_dump(struct links *l, uint16_t type)
{
    _Alignas(struct nlmsghdr) uint8_t request[MNL_NLMSG_HDRLEN + sizeof(struct ifinfomsg)] = {0};
    struct nlmsghdr *nlh = mnl_nlmsg_put_header(request);
    int r = 0;

    nlh->nlmsg_type = type;
    nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
    nlh->nlmsg_seq = ++l->sequence;
    if (type == RTM_GETLINK) {
        (void)mnl_nlmsg_put_extra_header(nlh, sizeof(struct ifinfomsg)); /* zeros: all of them */
    } else {
        (void)mnl_nlmsg_put_extra_header(nlh, sizeof(struct ifaddrmsg)); /* of all families */
    }
    l->dump_void = false;
    if (mnl_socket_sendto(l->nl, nlh, nlh->nlmsg_len) < 0)
        return -errno;

    while (r != 1) { /* to its end even when it is void: the kernel refuses a second one before */
        r = links_receive(l);
        if (r == -ENOBUFS)
            l->dump_void = true;
        else if (r < 0)
            return r;
    }
    return l->dump_void ? -EINTR : 0;
}

static void links_mark(struct links *l)
{
    MAP_EACH (&l->by_index, m) {
        struct link_entry *e = m->value;

        e->seen = false;
        for (size_t i = 0; i < e->address_count; i++)
            e->addresses[i].seen = false;
    }
}

static void links_sweep(struct links *l)
{
    MAP_EACH (&l->by_index, m) {
        struct link_entry *e = m->value;

        if (!e->seen) {
            entry_del(l, e);
            continue;
        }
        for (size_t i = e->address_count; i-- > 0;) {
            if (!e->addresses[i].seen && !e->addresses[i].gone)
                entry_del_address(l, e, &e->addresses[i]);
        }
        entry_choose_address(l, e);
    }
}

static int links_resync(struct links *l)
{
    int r = -EINTR;

    for (int i = 0; i < LINKS_DUMP_TRIES && r == -EINTR; i++) {
        links_mark(l);
        r = links_dump(l, RTM_GETLINK);
        if (r == 0)
            r = links_dump(l, RTM_GETADDR);
    }
    if (r == 0)
        links_sweep(l);
    return r;
}

/* --- the loop --- */

static void links_report(struct links *l)
{
    if (!l->changed)
        return;
    l->changed = false;
    l->fn(l->arg);
}

static void links_recover(struct links *l)
{
    const struct timeval retry = {.tv_sec = LINKS_RETRY_S};
    int r = links_resync(l);

    if (r < 0) {
        log_warn("cannot list interfaces, trying again", F_S("cause", strerror(-r)));
        (void)event_add(&l->retry, &retry); /* fails only without memory */
    }
}

static void links_on_readable(evutil_socket_t fd, short what, void *arg)
{
    struct links *l = arg;

    (void)fd;
    (void)what;
    for (int i = 0; i < LINKS_BATCH; i++) {
        int r = links_receive(l);

        if (r == -EAGAIN)
            break;
        if (r < 0) { /* a lost event, or a socket error that is cleared by having been read */
            log_debug("interface events lost, listing again", F_S("cause", strerror(-r)));
            links_recover(l);
            break;
        }
    }
    links_report(l);
}

static void links_on_retry(evutil_socket_t fd, short what, void *arg)
{
    struct links *l = arg;

    (void)fd;
    (void)what;
    links_recover(l);
    links_report(l);
}

/* A burst of events must fit; forcing the size past the system's limit needs NET_ADMIN. */
static void links_set_room(int fd)
{
    const int room = LINKS_RECEIVE_ROOM;

    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room)) < 0)
        (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room)); /* capped, good enough */
}

static int links_open(struct links *l, struct event_base *base)
{
    l->nl = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (l->nl == NULL)
        return -errno;
    links_set_room(mnl_socket_get_fd(l->nl));
    if (mnl_socket_bind(l->nl, RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR,
                        MNL_SOCKET_AUTOPID) < 0)
        return -errno;
    if (event_assign(&l->retry, base, -1, 0, links_on_retry, l) < 0)
        return -EINVAL;
    if (event_assign(&l->event, base, mnl_socket_get_fd(l->nl), EV_READ | EV_PERSIST,
                     links_on_readable, l) < 0)
        return -EINVAL;
    l->events_ready = true;
    return event_add(&l->event, NULL) < 0 ? -ENOMEM : 0;
}

int links_new(struct links **ret, struct event_base *base, links_fn fn, void *arg, struct err *err)
{
    CLEANUP(links_freep) struct links *l = xcalloc(1, sizeof(*l));
    int r;

    l->fn = fn;
    l->arg = arg;
    r = links_open(l, base);
    if (r < 0)
        return err_set(err, r, "netlink socket: %s", strerror(-r));
    r = links_resync(l);
    if (r < 0)
        return err_set(err, r, "listing interfaces: %s", strerror(-r));
    l->changed = false;
    *ret = TAKE(l);
    return 0;
}

struct links *links_free(struct links *l)
{
    if (l == NULL)
        return NULL;
    if (l->events_ready) {
        event_del(&l->event);
        event_del(&l->retry);
    }
    if (l->nl != NULL)
        mnl_socket_close(l->nl);
    MAP_EACH (&l->by_index, m)
        entry_free(m->value);
    map_done(&l->by_index);
    free(l);
    return NULL;
}

void links_each(const struct links *l, link_fn fn, void *arg)
{
    MAP_EACH (&l->by_index, m) {
        const struct link_entry *e = m->value;

        fn(&e->link, arg);
    }
}

void links_each_network(const struct links *l, uint32_t ifindex, link_network_fn fn, void *arg)
{
    const struct link_entry *e = entry_find(l, ifindex);

    for (size_t i = 0; e != NULL && i < e->address_count; i++) {
        struct prefix n = e->addresses[i].network;

        if (n.len < ip_bits(n.addr.family) && !ip_is_link_local(n.addr))
            fn(n, arg);
    }
}

void links_each_host_address(const struct links *l, host_address_fn fn, void *arg)
{
    MAP_EACH (&l->by_index, m) {
        const struct link_entry *e = m->value;

        for (size_t i = 0; i < e->address_count; i++) {
            const struct link_address *a = &e->addresses[i];
            const struct host_address address = {
                .ip = a->ip,
                .prefix_len = a->network.len,
                .ifindex = e->link.ifindex,
                .usable = a->usable && !a->deprecated && e->link.up,
                .peer = a->peer,
            };

            if (!a->gone)
                fn(&address, arg);
        }
    }
}
