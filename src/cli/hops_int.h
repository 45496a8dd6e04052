/* SPDX-License-Identifier: Apache-2.0 */
/* What the files that explain share. */
#pragma once

#include "cli/hops.h"
#include "cli/view.h"

PRINTF_LIKE(4, 5)
void hop_add(struct hop_list *h, const char *link, enum hop_mark mark, const char *fmt, ...);

/* hops_bgp.c: the nodes that announce by BGP, and what each of their peers is sent, or why not. */
void hops_explain_bgp(struct hop_list *h, const struct view *v);
