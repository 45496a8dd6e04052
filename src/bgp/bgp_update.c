/* SPDX-License-Identifier: Apache-2.0 */
#include "bgp/bgp_update.h"
