/* SPDX-License-Identifier: Apache-2.0 */
#include "net/tcp.h"

#include "base/fd.h"

#include <errno.h>
#include <linux/in.h>
#include <linux/in6.h>
#include <linux/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    BACKLOG = 128,
    DSCP_CS6 = 0xc0, /* network control (RFC 4594); as the whole TOS byte */
    TTL_MAX = 255,
    /* What has not left yet stays with the owner, so that urgent messages find a short queue. */
    NOT_SENT_MAX = 128 * 1024,
};

static int set_option(int fd, int level, int name, int value)
{
    return setsockopt(fd, level, name, &value, sizeof(value)) < 0 ? -errno : 0;
}

static int family_of(int fd)
{
    int domain = AF_UNSPEC;
    socklen_t len = sizeof(domain);

    (void)getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len); /* AF_UNSPEC then */
    return domain;
}

/* What every connection gets. */
static int set_common(int fd, int family)
{
    int r = set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);

    if (r >= 0)
        r = set_option(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, NOT_SENT_MAX);
    if (r < 0)
        return r;
    if (family == AF_INET)
        return set_option(fd, IPPROTO_IP, IP_TOS, DSCP_CS6);
    return set_option(fd, IPPROTO_IPV6, IPV6_TCLASS, DSCP_CS6);
}

static int bind_device(int fd, const char *device)
{
    if (device == NULL || device[0] == '\0')
        return 0;
    return setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, device, (socklen_t)strlen(device)) < 0
               ? -errno
               : 0;
}

static struct sockaddr_storage to_sockaddr(struct endpoint e, uint32_t scope, socklen_t *ret_len)
{
    struct sockaddr_storage storage = endpoint_to_sockaddr(e, ret_len);

    if (e.ip.family == IP_V6 && ip_is_link_local(e.ip))
        ((struct sockaddr_in6 *)(void *)&storage)->sin6_scope_id = scope;
    return storage;
}

static int set_md5(int fd, struct ip peer, uint32_t scope, const char *key)
{
    struct tcp_md5sig sig = {0};
    size_t key_len = key != NULL ? strlen(key) : 0;
    struct sockaddr_storage addr;
    socklen_t len;

    if (key_len > TCP_MD5_KEY_MAX)
        return -EINVAL;
    addr = to_sockaddr((struct endpoint){peer, 0}, scope, &len);
    memcpy(&sig.tcpm_addr, &addr, len);
    sig.tcpm_keylen = (uint16_t)key_len;
    if (key_len > 0)
        memcpy(sig.tcpm_key, key, key_len);
    return setsockopt(fd, IPPROTO_TCP, TCP_MD5SIG, &sig, sizeof(sig)) < 0 ? -errno : 0;
}

int tcp_set_ttl(int fd, uint8_t ttl, uint8_t min_ttl)
{
    bool v4 = family_of(fd) == AF_INET;
    int level = v4 ? IPPROTO_IP : IPPROTO_IPV6;
    int r = set_option(fd, level, v4 ? IP_TTL : IPV6_UNICAST_HOPS, ttl);

    if (r < 0)
        return r;
    return set_option(fd, level, v4 ? IP_MINTTL : IPV6_MINHOPCOUNT, min_ttl);
}

int tcp_set_timeout(int fd, uint32_t timeout_ms)
{
    return setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout_ms, sizeof(timeout_ms)) < 0
               ? -errno
               : 0;
}

static int bind_source(int fd, const struct tcp_how *how, struct err *err)
{
    socklen_t len;
    struct sockaddr_storage from;

    if (how->source.family == IP_NONE)
        return 0;
    from = to_sockaddr((struct endpoint){how->source, 0}, how->scope, &len);
    if (bind(fd, (struct sockaddr *)&from, len) >= 0)
        return 0;
    if (errno == EADDRNOTAVAIL)
        return err_set(err, -errno, "source address %s: no interface has it",
                       ip_format(how->source).s);
    return err_set(err, -errno, "source address %s: %s", ip_format(how->source).s, strerror(errno));
}

/* Everything that must stand before the first SYN. */
static int prepare(int fd, struct endpoint to, const struct tcp_how *how, struct err *err)
{
    int r = set_common(fd, family_of(fd));

    if (r >= 0 && how->timeout_ms > 0)
        r = tcp_set_timeout(fd, how->timeout_ms);
    if (r < 0)
        return err_set(err, r, "socket options: %s", strerror(-r));
    r = tcp_set_ttl(fd, how->ttl, how->min_ttl);
    if (r < 0)
        return err_set(err, r, "TTL: %s", strerror(-r));
    r = bind_device(fd, how->device);
    if (r < 0)
        return err_set(err, r, "device %s: %s", how->device, strerror(-r));
    if (how->md5 != NULL && how->md5[0] != '\0') {
        r = set_md5(fd, to.ip, how->scope, how->md5);
        if (r < 0)
            return err_set(err, r, "TCP MD5 signature: %s", strerror(-r));
    }
    return bind_source(fd, how, err);
}

int tcp_dial(struct endpoint to, const struct tcp_how *how, struct err *err)
{
    socklen_t len;
    struct sockaddr_storage at = to_sockaddr(to, how->scope, &len);
    CLEANUP(fd_closep)
    int fd = socket(at.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int dialled, r;

    if (fd < 0)
        return err_set(err, -errno, "socket: %s", strerror(errno));
    if (how->source.family != IP_NONE && how->source.family != to.ip.family)
        return err_set(err, -EAFNOSUPPORT, "source address %s: not of the peer's family",
                       ip_format(how->source).s);
    r = prepare(fd, to, how, err);
    if (r < 0)
        return r;
    if (connect(fd, (struct sockaddr *)&at, len) < 0 && errno != EINPROGRESS)
        return err_set(err, -errno, "connect: %s", strerror(errno));
    dialled = fd;
    fd = -1;
    return dialled;
}

int tcp_dialled(int fd)
{
    int error = 0;
    socklen_t len = sizeof(error);

    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0)
        return -errno;
    return -error;
}

/* TTL 255, so that the SYN-ACK reaches a peer that demands it (RFC 5082). */
static int prepare_listener(int fd, struct endpoint at, const char *device)
{
    int r = set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);

    if (r >= 0 && at.ip.family == IP_V6)
        r = set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
    if (r >= 0)
        r = tcp_set_ttl(fd, TTL_MAX, 0);
    if (r >= 0)
        r = set_common(fd, family_of(fd));
    if (r >= 0)
        r = bind_device(fd, device);
    return r;
}

int tcp_listen(struct endpoint at, const char *device, struct err *err)
{
    socklen_t len;
    struct sockaddr_storage address = endpoint_to_sockaddr(at, &len);
    CLEANUP(fd_closep)
    int fd = socket(address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int listener, r;

    if (fd < 0)
        return err_set(err, -errno, "socket: %s", strerror(errno));
    r = prepare_listener(fd, at, device);
    if (r < 0)
        return err_set(err, r, "socket options: %s", strerror(-r));
    if (bind(fd, (struct sockaddr *)&address, len) < 0 || listen(fd, BACKLOG) < 0)
        return err_set(err, -errno, "listen on %s: %s", endpoint_format(at).s, strerror(errno));
    listener = fd;
    fd = -1;
    return listener;
}

int tcp_listen_md5(int fd, struct ip peer, uint32_t scope, const char *md5)
{
    int r = set_md5(fd, peer, scope, md5);

    return r == -ENOENT ? 0 : r; /* there was none to take away */
}

/* What only this connection suffers from. */
static bool is_lost_connection(int error)
{
    switch (error) {
    case EINTR:
    case ECONNABORTED:
    case EPROTO:
    case ENETDOWN:
    case ENETUNREACH:
    case EHOSTDOWN:
    case EHOSTUNREACH:
    case ENONET:
        return true;
    default:
        return false;
    }
}

int tcp_accept(int fd, struct endpoint *ret_from, uint32_t *ret_scope)
{
    for (;;) {
        struct sockaddr_storage from = {0};
        socklen_t len = sizeof(from);
        int conn = accept4(fd, (struct sockaddr *)&from, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);

        if (conn < 0 && is_lost_connection(errno))
            continue;
        if (conn < 0)
            return -errno;
        if (set_common(conn, from.ss_family) < 0) {
            close(conn);
            continue;
        }
        *ret_from = endpoint_from_sockaddr(&from);
        *ret_scope = 0;
        if (from.ss_family == AF_INET6)
            *ret_scope = ((const struct sockaddr_in6 *)(const void *)&from)->sin6_scope_id;
        return conn;
    }
}

struct endpoint tcp_local(int fd)
{
    struct sockaddr_storage at = {0};
    socklen_t len = sizeof(at);

    if (getsockname(fd, (struct sockaddr *)&at, &len) < 0)
        return (struct endpoint){0};
    if (at.ss_family != AF_INET && at.ss_family != AF_INET6)
        return (struct endpoint){0};
    return endpoint_from_sockaddr(&at);
}

bool tcp_has_md5(void)
{
    CLEANUP(fd_closep) int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    return fd >= 0 && set_md5(fd, ip_v4(0x7f000001), 0, "probe") == 0;
}
