/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Configuration: all MetalLB objects together become one immutable snapshot, or a list of every
 * fault (spec api-and-config 2, changes-0.16.2 1.3, 6, 10). A bad set never replaces a good one:
 * the caller keeps the snapshot it has.
 */
#pragma once

#include "base/text.h"
#include "model/fault.h"
#include "model/object.h"
#include "model/snapshot.h"
#include "model/store.h"

struct config_input {
    const char *namespace; /* of MetalLB: where Secrets are looked up */
    struct object_list pools, l2_advs, bgp_advs, peers, bfd_profiles, communities;
    struct object_list secrets, namespaces, nodes;
};

/* Everything of the store that concerns the configuration; lists are borrowed from the store. */
struct config_input config_input_from(struct store *s, const char *namespace);

/*
 * 0, and a snapshot with one reference; or -EINVAL and at least one fault. Warnings are added in
 * both cases: references to pools and peers that do not exist, selectors that match nothing,
 * settings without effect.
 */
NODISCARD int config_build(struct snapshot **ret, const struct config_input *in,
                           struct fault_list *faults, struct fault_list *warnings);

/*
 * The snapshot as Kubernetes objects again, in YAML: what is left of aliases, selectors and Secrets
 * after they are resolved. Nodes are selected by kubernetes.io/hostname, which must be their name
 * for the text to mean the same; passwords are printed as "<redacted>". Advertisements that reach
 * no pool are not in a snapshot.
 */
void config_print(struct text *t, const struct snapshot *c);
