/* SPDX-License-Identifier: Apache-2.0 */
/* A tunnel through an HTTP proxy (RFC 9110 section 9.3.6). */
#pragma once

#include <event2/event.h>
#include <stdint.h>

struct kube_connect_target {
    const char *host; /* without brackets */
    uint16_t port;
    const char *userinfo; /* "user:password" for the proxy; "" without */
};

struct kube_connect;

/* Once, and not from within kube_connect_new: the socket, which is the receiver's again, or -1 with
 * a text for people. The object is gone then. */
typedef void (*kube_connect_fn)(void *arg, int fd, const char *text);

/* Takes the socket. All strings are copied. There is no time limit. */
struct kube_connect *kube_connect_new(struct event_base *base, int fd_take,
                                      const struct kube_connect_target *target,
                                      kube_connect_fn done, void *arg);
struct kube_connect *kube_connect_free(struct kube_connect *c); /* closes; no callback any more */
