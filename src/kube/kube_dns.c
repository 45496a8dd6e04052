/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/kube_dns.h"

#include "base/log.h"
#include "base/mem.h"

#include <event2/dns.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/queue.h>

struct kube_dns {
    struct event_base *base;
    struct evdns_base *resolver; /* NULL before the first lookup */
    bool stale;                  /* a lookup came to nothing: resolv.conf may have changed */
    LIST_HEAD(, kube_lookup) lookups;
};

/* Lives until libevent has called back, also when nobody waits any more. */
struct kube_lookup {
    LIST_ENTRY(kube_lookup) link;
    struct kube_dns *dns; /* NULL: it has gone */
    struct evdns_getaddrinfo_request *request;
    kube_dns_fn done; /* NULL: cancelled */
    void *arg;
};

/* Of nameservers that fail and come back. libevent would write to stderr. */
static void on_log(int is_warning, const char *text)
{
    (void)is_warning;
    log_debug("resolver", F_S("text", text));
}

struct kube_dns *kube_dns_new(struct event_base *base)
{
    struct kube_dns *d = xcalloc(1, sizeof(*d));

    d->base = base;
    LIST_INIT(&d->lookups);
    evdns_set_log_fn(on_log);
    return d;
}

struct kube_dns *kube_dns_free(struct kube_dns *d)
{
    struct kube_lookup *l;

    if (d == NULL)
        return NULL;
    LIST_FOREACH(l, &d->lookups, link)
    l->dns = NULL;
    if (d->resolver != NULL)
        evdns_base_free(d->resolver, 1);
    free(d);
    return NULL;
}

static void on_addresses(int error, struct evutil_addrinfo *addresses, void *arg)
{
    struct kube_lookup *l = arg;
    struct kube_lookup was = *l;

    if (was.dns != NULL) {
        LIST_REMOVE(l, link);
        was.dns->stale = was.dns->stale || error != 0;
    }
    free(l);
    if (was.dns != NULL && was.done != NULL)
        was.done(was.arg, error == 0 ? addresses : NULL, evutil_gai_strerror(error));
    else if (addresses != NULL)
        evutil_freeaddrinfo(addresses);
}

/* Not while libevent still has something to call back. */
static bool resolver_ready(struct kube_dns *d)
{
    if (d->stale && LIST_EMPTY(&d->lookups) && d->resolver != NULL) {
        evdns_base_free(d->resolver, 0);
        d->resolver = NULL;
    }
    if (d->resolver == NULL) {
        d->resolver = evdns_base_new(d->base, EVDNS_BASE_INITIALIZE_NAMESERVERS |
                                                  EVDNS_BASE_DISABLE_WHEN_INACTIVE);
        d->stale = false;
    }
    return d->resolver != NULL;
}

/* An address needs no resolver, and no memory for one. */
static bool numeric(const char *name, const char *port, const struct evutil_addrinfo *hints,
                    kube_dns_fn done, void *arg)
{
    struct evutil_addrinfo with_flag = *hints;
    struct evutil_addrinfo *addresses = NULL;

    with_flag.ai_flags |= EVUTIL_AI_NUMERICHOST | EVUTIL_AI_NUMERICSERV;
    if (evutil_getaddrinfo(name, port, &with_flag, &addresses) != 0)
        return false;
    done(arg, addresses, "");
    return true;
}

struct kube_lookup *kube_dns_lookup(struct kube_dns *d, const char *name, const char *port,
                                    kube_dns_fn done, void *arg)
{
    struct evutil_addrinfo hints = {
        .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_protocol = IPPROTO_TCP};
    struct evdns_getaddrinfo_request *request;
    struct kube_lookup *l;

    if (numeric(name, port, &hints, done, arg))
        return NULL;

    if (!resolver_ready(d)) {
        done(arg, NULL, "/etc/resolv.conf cannot be used");
        return NULL;
    }
    l = xcalloc(1, sizeof(*l));
    *l = (struct kube_lookup){.dns = d, .done = done, .arg = arg};
    LIST_INSERT_HEAD(&d->lookups, l, link);
    request = evdns_getaddrinfo(d->resolver, name, port, &hints, on_addresses, l);
    if (request == NULL)
        return NULL; /* `l` is gone */
    l->request = request;
    return l;
}

void kube_lookup_cancel(struct kube_lookup *l)
{
    l->done = NULL;
    evdns_getaddrinfo_cancel(l->request);
}
