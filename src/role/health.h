/* SPDX-License-Identifier: Apache-2.0 */
/* The probes of the kubelet: plain HTTP, /healthz and /readyz, "ok" (spec api-and-config 6.5). */
#pragma once

#include <event2/event.h>

#include "base/err.h"
#include "base/macro.h"

struct health;

/* `address` "" binds all addresses. Port 0: no server, *ret is NULL. */
NODISCARD int health_new(struct health **ret, struct event_base *base, const char *address,
                         uint16_t port, struct err *err);
struct health *health_free(struct health *h);
DEFINE_CLEANUP(struct health, health_free);
