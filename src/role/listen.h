/* SPDX-License-Identifier: Apache-2.0 */
/* A listening TCP socket for servers of the host. */
#pragma once

#include <stdint.h>

#include "base/macro.h"

/* It neither blocks nor is inherited; or -errno. `address` "" is all addresses of both families. */
NODISCARD int listen_open(const char *address, uint16_t port);
