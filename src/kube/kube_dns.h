/* SPDX-License-Identifier: Apache-2.0 */
/* Names to addresses, by libevent's resolver: /etc/hosts, then the servers of /etc/resolv.conf. */
#pragma once

#include <event2/event.h>
#include <event2/util.h>

#include "base/macro.h"

struct kube_dns;

struct kube_dns *
kube_dns_new(struct event_base *base);              /* nothing is read before the first lookup */
struct kube_dns *kube_dns_free(struct kube_dns *d); /* no callback any more */
DEFINE_CLEANUP(struct kube_dns, kube_dns_free);

/* `addresses` is the receiver's, for evutil_freeaddrinfo; NULL with a text for people. It may be
 * called before kube_dns_lookup returns, which is NULL then. */
typedef void (*kube_dns_fn)(void *arg, struct evutil_addrinfo *addresses, const char *text);

struct kube_lookup;
struct kube_lookup *kube_dns_lookup(struct kube_dns *d, const char *name, const char *port,
                                    kube_dns_fn done, void *arg);
void kube_lookup_cancel(struct kube_lookup *l); /* not after `done` */
