/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a speaker of ours tells of itself as memberlist's metadata of its node; MetalLB's speakers
 * have none and look at nobody's.
 *
 *     "SLB1" | port of fast detection 2, 0: none | prefixes 1 | each: family 1 (4 or 6), length 1,
 *     address 4 or 16
 *
 * then, from a speaker that knows of interfaces, two lists, of those without carrier and of those
 * that it lacks:
 *
 *     names 1 | each: length 1, name 1 to 15
 *
 * What follows is of a later version and ignored, and so are lists that are broken.
 */
#pragma once

#include "base/ip.h"
#include "base/macro.h"
#include "base/wire.h"

enum {
    MEMBER_META_MAX = 512, /* of memberlist */
    MEMBER_CUT_OFF_MAX = 24,
    MEMBER_NAMES_MAX = 32,
    MEMBER_NAME_SIZE = 16, /* IFNAMSIZ, with the final NUL */
};

struct member_names {
    size_t count;
    char names[MEMBER_NAMES_MAX][MEMBER_NAME_SIZE];
};

/* What a node has said of its links; zeroed: all is well. */
struct member_links {
    size_t cut_off_count;
    struct prefix cut_off[MEMBER_CUT_OFF_MAX]; /* reached through links without carrier */
    /* Of the interfaces that L2Advertisements name: those without carrier; and those that the node
     * has not or does not use, which are told only where there are some of the former. */
    struct member_names dark, absent;
};

struct member_meta {
    uint16_t fast_port;
    struct member_links links;
};

/* False when there is no room for it, or it can be no interface's name. */
bool member_names_add(struct member_names *n, const char *name);
bool member_names_has(const struct member_names *n, const char *name);

/* Names that do not fit into MEMBER_META_MAX bytes are left out. */
void member_meta_write(struct wr *w, const struct member_meta *m);

/* 0, or -EBADMSG for anything else than what a speaker of ours writes. */
NODISCARD int member_meta_read(struct member_meta *ret, struct rd *r);
