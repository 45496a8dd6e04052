/* SPDX-License-Identifier: Apache-2.0 */
/* metallb_speaker_announced: a series for every address of every Service that this node announces,
 * and each protocol (spec speaker-l2 4.9). */
#pragma once

#include "base/ip.h"
#include "serve/exposition.h"
#include "speaker/announce_decide.h"

/* `service` is "namespace/name". */
typedef void (*announced_fn)(void *arg, const char *service, enum announce_protocol protocol,
                             struct ip ip);

struct announced_metrics {
    const char *node;
    void (*each)(const void *arg, announced_fn fn, void *fn_arg);
    const void *arg;
};

struct metric_source announced_metrics_source(const struct announced_metrics *owner);
