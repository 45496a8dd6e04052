/* SPDX-License-Identifier: Apache-2.0 */
/* NO_PROXY as Go's net/http reads it. Pure. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/*
 * Whether a proxy of the environment is to be left out. `no_proxy` is a list with commas: "*",
 * addresses, prefixes, "name" (it and all below), ".name" and "*.name" (all below), each but a
 * prefix with ":port" at will. localhost and loopback addresses never go through a proxy.
 */
bool kube_no_proxy(const char *no_proxy, const char *host, uint16_t port);
