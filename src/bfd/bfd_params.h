/* SPDX-License-Identifier: Apache-2.0 */
/* What the pure files and the engine of this room share with its users. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum bfd_state { BFD_ADMIN_DOWN, BFD_DOWN, BFD_INIT, BFD_UP };

const char *bfd_state_name(enum bfd_state s); /* "up" */

struct bfd_params {
    uint32_t receive_us, transmit_us, echo_us;
    uint8_t multiplier;
    uint8_t min_ttl; /* multihop */
    bool echo, passive;
};

/* MetalLB's defaults: 300 ms, 300 ms, 50 ms, 3, 254. */
struct bfd_params bfd_params_default(void);
