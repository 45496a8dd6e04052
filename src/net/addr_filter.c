/* SPDX-License-Identifier: Apache-2.0 */
#include "net/addr_filter.h"

#include "base/log.h"
#include "base/mem.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define ADDR_FILTER_MAP_MAX 65536u /* addresses; the memory is taken as they come */

struct addr_filter {
    enum filter_kind kind;
    enum addr_filter_mode mode;
    struct ip *ips; /* sorted, each once */
    size_t count, cap;
    int *fds;
    size_t fd_count, fd_cap;
    int map_fd, prog_fd; /* -1 where bpf(2) is not to be had */
    bool fell_back;      /* and it was said */
};

/* --- bpf(2) --- */

static int bpf_call(int command, union bpf_attr *attr)
{
    long r = syscall(SYS_bpf, command, attr, sizeof(*attr));

    return r < 0 ? -errno : (int)r;
}

static int bpf_map_new(uint32_t key_size)
{
    union bpf_attr attr;

    memset(&attr, 0, sizeof(attr));
    attr.map_type = BPF_MAP_TYPE_HASH;
    attr.key_size = key_size;
    attr.value_size = 1;
    attr.max_entries = ADDR_FILTER_MAP_MAX;
    attr.map_flags = BPF_F_NO_PREALLOC;
    return bpf_call(BPF_MAP_CREATE, &attr);
}

static int bpf_prog_new(enum filter_kind kind, int map_fd)
{
    struct bpf_insn insns[FILTER_EBPF_MAX];
    size_t count = filter_ebpf(insns, kind, map_fd);
    union bpf_attr attr;

    memset(&attr, 0, sizeof(attr));
    attr.prog_type = BPF_PROG_TYPE_SOCKET_FILTER;
    attr.insns = (uintptr_t)insns;
    attr.insn_cnt = (uint32_t)count;
    attr.license = (uintptr_t) "Apache-2.0";
    return bpf_call(BPF_PROG_LOAD, &attr);
}

static int bpf_map_change(int map_fd, int command, struct ip ip)
{
    uint32_t key[FILTER_KEY_WORDS];
    uint8_t value = 1;
    union bpf_attr attr;

    filter_key(key, ip);
    memset(&attr, 0, sizeof(attr));
    attr.map_fd = (uint32_t)map_fd;
    attr.key = (uintptr_t)key;
    if (command == BPF_MAP_UPDATE_ELEM)
        attr.value = (uintptr_t)&value;
    return bpf_call(command, &attr);
}

/* --- the object --- */

static enum ip_family family_of(enum filter_kind kind)
{
    return kind == FILTER_ARP ? IP_V4 : IP_V6;
}

static void addr_filter_close_map(struct addr_filter *f)
{
    if (f->prog_fd >= 0)
        close(f->prog_fd);
    if (f->map_fd >= 0)
        close(f->map_fd);
    f->prog_fd = f->map_fd = -1;
}

struct addr_filter *addr_filter_new(enum filter_kind kind)
{
    struct addr_filter *f = xcalloc(1, sizeof(*f));

    f->kind = kind;
    f->mode = ADDR_FILTER_CLASSIC;
    f->prog_fd = -1;
    f->map_fd = bpf_map_new(kind == FILTER_ARP ? 4 : 16);
    if (f->map_fd >= 0)
        f->prog_fd = bpf_prog_new(kind, f->map_fd);
    if (f->prog_fd < 0)
        addr_filter_close_map(f);
    return f;
}

struct addr_filter *addr_filter_free(struct addr_filter *f)
{
    if (f == NULL)
        return NULL;
    addr_filter_close_map(f);
    free(f->ips);
    free(f->fds);
    free(f);
    return NULL;
}

enum addr_filter_mode addr_filter_mode(const struct addr_filter *f)
{
    return f->mode;
}

/* --- attaching --- */

static int attach_classic(int fd, enum filter_kind kind, const struct prefix *p, size_t count)
{
    struct sock_filter insns[FILTER_CLASSIC_MAX];
    size_t len = filter_classic(insns, kind, p, count);
    const struct sock_fprog prog = {.len = (unsigned short)len, .filter = insns};

    return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &prog, sizeof(prog)) < 0 ? -errno : 0;
}

static int addr_filter_apply(const struct addr_filter *f, int fd)
{
    struct prefix p[FILTER_PREFIXES];
    size_t n = 0;

    switch (f->mode) {
    case ADDR_FILTER_MAP:
        return setsockopt(fd, SOL_SOCKET, SO_ATTACH_BPF, &f->prog_fd, sizeof(f->prog_fd)) < 0
                   ? -errno
                   : 0;
    case ADDR_FILTER_CLASSIC:
        for (; n < f->count; n++)
            p[n] = prefix_of(f->ips[n], ip_bits(f->ips[n].family));
        break;
    case ADDR_FILTER_COVER:
        n = filter_cover(p, f->ips, f->count);
        break;
    }
    return attach_classic(fd, f->kind, p, n);
}

int addr_filter_attach(struct addr_filter *f, int fd)
{
    int r = addr_filter_apply(f, fd);

    if (r < 0)
        return r;
    f->fds = array_grow(f->fds, &f->fd_cap, f->fd_count + 1, sizeof(*f->fds));
    f->fds[f->fd_count++] = fd;
    return 0;
}

void addr_filter_detach(struct addr_filter *f, int fd)
{
    for (size_t i = 0; i < f->fd_count; i++) {
        if (f->fds[i] != fd)
            continue;
        f->fds[i] = f->fds[--f->fd_count];
        return;
    }
}

static void addr_filter_apply_all(struct addr_filter *f)
{
    const int unused = 0;

    for (size_t i = 0; i < f->fd_count; i++) {
        int r = addr_filter_apply(f, f->fds[i]);

        if (r >= 0)
            continue;
        log_warn("cannot set a packet filter, working without", F_S("cause", strerror(-r)));
        (void)setsockopt(f->fds[i], SOL_SOCKET, SO_DETACH_FILTER, &unused, sizeof(unused));
    }
}

/* --- changing the set --- */

static int ip_cmp_qsort(const void *a, const void *b)
{
    return ip_cmp(*(const struct ip *)a, *(const struct ip *)b);
}

/* The addresses of the filter's family, sorted, each once. */
static struct ip *ips_prepare(enum ip_family family, const struct ip *ips, size_t count,
                              size_t *ret_count)
{
    struct ip *out = xcalloc(count + 1, sizeof(*out));
    size_t n = 0, unique = 0;

    for (size_t i = 0; i < count; i++) {
        if (ips[i].family == family)
            out[n++] = ips[i];
    }
    qsort(out, n, sizeof(*out), ip_cmp_qsort);
    for (size_t i = 0; i < n; i++) {
        if (i == 0 || !ip_eq(out[i], out[unique - 1]))
            out[unique++] = out[i];
    }
    *ret_count = unique;
    return out;
}

/* Walks both sorted sets and writes the differences into the map. */
static int map_sync(const struct addr_filter *f, const struct ip *next, size_t count)
{
    size_t i = 0, k = 0;

    while (i < f->count || k < count) {
        int order = i == f->count ? 1 : k == count ? -1 : ip_cmp(f->ips[i], next[k]);
        int r = 0;

        if (order < 0)
            r = bpf_map_change(f->map_fd, BPF_MAP_DELETE_ELEM, f->ips[i]);
        else if (order > 0)
            r = bpf_map_change(f->map_fd, BPF_MAP_UPDATE_ELEM, next[k]);
        if (r < 0)
            return r;
        i += order <= 0;
        k += order >= 0;
    }
    return 0;
}

static enum addr_filter_mode choose_mode(struct addr_filter *f, size_t count)
{
    if (count <= FILTER_PREFIXES)
        return ADDR_FILTER_CLASSIC;
    if (f->map_fd >= 0)
        return ADDR_FILTER_MAP;
    if (!f->fell_back)
        log_info("no BPF maps here, the packet filter is inexact",
                 F_S("protocol", f->kind == FILTER_ARP ? "arp" : "ndp"), F_U("addresses", count));
    f->fell_back = true;
    return ADDR_FILTER_COVER;
}

static bool ips_eq(const struct addr_filter *f, const struct ip *next, size_t count)
{
    bool eq = f->count == count;

    for (size_t i = 0; eq && i < count; i++)
        eq = ip_eq(f->ips[i], next[i]);
    return eq;
}

/* What follows a change of the set: another mode, or another program of the same. */
static void addr_filter_renew(struct addr_filter *f, bool lost_map)
{
    enum addr_filter_mode before = f->mode;

    f->mode = choose_mode(f, f->count);
    if (before != ADDR_FILTER_MAP || f->mode != ADDR_FILTER_MAP || lost_map)
        addr_filter_apply_all(f);
}

void addr_filter_set(struct addr_filter *f, const struct ip *ips, size_t count)
{
    size_t n;
    struct ip *next = ips_prepare(family_of(f->kind), ips, count, &n);
    bool lost_map = false;

    if (ips_eq(f, next, n)) {
        free(next);
        return;
    }
    /* The map is kept in step while a classic program is in use, so that a change of mode needs no
     * privilege and never shows half a set. */
    if (f->map_fd >= 0 && map_sync(f, next, n) < 0) {
        lost_map = true;
        addr_filter_close_map(f);
    }
    free(f->ips);
    f->ips = next;
    f->count = n;
    f->cap = count + 1;
    addr_filter_renew(f, lost_map);
}

/* Where the address is, or would be. */
static size_t ips_lower_bound(const struct addr_filter *f, struct ip ip)
{
    size_t low = 0, high = f->count;

    while (low < high) {
        size_t mid = low + (high - low) / 2;

        if (ip_cmp(f->ips[mid], ip) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

/* Returns whether the map was lost. */
static bool map_change_one(struct addr_filter *f, int command, struct ip ip)
{
    if (f->map_fd < 0 || bpf_map_change(f->map_fd, command, ip) >= 0)
        return false;
    addr_filter_close_map(f);
    return true;
}

void addr_filter_add(struct addr_filter *f, struct ip ip)
{
    size_t at = ips_lower_bound(f, ip);

    if (ip.family != family_of(f->kind) || (at < f->count && ip_eq(f->ips[at], ip)))
        return;
    f->ips = array_grow(f->ips, &f->cap, f->count + 1, sizeof(*f->ips));
    memmove(&f->ips[at + 1], &f->ips[at], (f->count - at) * sizeof(*f->ips));
    f->ips[at] = ip;
    f->count++;
    addr_filter_renew(f, map_change_one(f, BPF_MAP_UPDATE_ELEM, ip));
}

void addr_filter_del(struct addr_filter *f, struct ip ip)
{
    size_t at = ips_lower_bound(f, ip);

    if (ip.family != family_of(f->kind) || at == f->count || !ip_eq(f->ips[at], ip))
        return;
    f->count--;
    memmove(&f->ips[at], &f->ips[at + 1], (f->count - at) * sizeof(*f->ips));
    addr_filter_renew(f, map_change_one(f, BPF_MAP_DELETE_ELEM, ip));
}
