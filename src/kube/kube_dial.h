/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Makes one connection to the API server: name, TCP, proxy, TLS, all within one time limit. The
 * addresses of a name are tried in the order of the resolver, each for its part of the time.
 */
#pragma once

#include <event2/bufferevent.h>
#include <event2/event.h>
#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdint.h>

#include "kube/kube_config.h"
#include "kube/kube_dns.h"

struct kube_dial;

struct kube_dial_result {
    int code;                   /* 0, or negative errno with `text` */
    const char *text;           /* for people */
    const char *address;        /* "[2001:db8::1]:6443": whom it is about; "" before one is known */
    struct bufferevent *stream; /* the receiver owns it; disabled and without callbacks */
    bool h2;
};

struct kube_dial_options {
    struct event_base *base;
    struct kube_dns *dns;             /* borrowed */
    const struct kube_config *config; /* borrowed */
    SSL_CTX *tls;                     /* NULL for plain HTTP; a reference is taken */
    int64_t timeout_ns;
    /* Once, from the loop; the dial may be freed in it. */
    void (*done)(void *arg, struct kube_dial *d, const struct kube_dial_result *result);
    void *arg;
};

struct kube_dial *kube_dial_new(const struct kube_dial_options *options);
struct kube_dial *kube_dial_free(struct kube_dial *d); /* no callback any more */
