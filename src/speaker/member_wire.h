/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a speaker of ours tells of itself as memberlist's metadata of its node; MetalLB's speakers
 * have none and look at nobody's.
 *
 *     "SLB1" | port of fast detection 2, 0: none | prefixes 1 | each: family 1 (4 or 6), length 1,
 *     address 4 or 16
 *
 * What follows is of a later version and ignored.
 */
#pragma once

#include "base/ip.h"
#include "base/macro.h"
#include "base/wire.h"

enum {
    MEMBER_CUT_OFF_MAX = 24, /* more do not fit */
    MEMBER_META_MAX = 7 + MEMBER_CUT_OFF_MAX * 18,
};

struct member_meta {
    uint16_t fast_port;
    size_t cut_off_count;
    struct prefix cut_off[MEMBER_CUT_OFF_MAX]; /* reached through links without carrier */
};

void member_meta_write(struct wr *w, const struct member_meta *m);

/* 0, or -EBADMSG for anything else than what a speaker of ours writes. */
NODISCARD int member_meta_read(struct member_meta *ret, struct rd *r);
