/* SPDX-License-Identifier: Apache-2.0 */
/* steellb_members, and what the membership did not take. */
#pragma once

#include "serve/exposition.h"
#include "speaker/membership.h"

struct metric_source member_metrics_source(const struct membership *owner);
