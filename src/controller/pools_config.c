/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/pools_config.h"

#include "config/config.h"

#include <stdlib.h>

/* They become the message of a condition, which may have 32,768 bytes. */
enum { FAULTS_TOLD = 20 };

static void tell_faults(struct text *t, const struct fault_list *faults)
{
    for (size_t i = 0; i < faults->count && i < FAULTS_TOLD; i++)
        text_printf(t, "%s%s", i > 0 ? "\n" : "", faults->items[i].message);
    if (faults->count > FAULTS_TOLD)
        text_printf(t, "\nand %zu more", faults->count - FAULTS_TOLD);
}

/* What is printed of a configuration is all that it consists of. */
static bool is_same(const struct snapshot *a, const struct snapshot *b)
{
    CLEANUP(text_done) struct text x = {0}, y = {0};

    if (a == NULL)
        return false;
    config_print(&x, a);
    config_print(&y, b);
    return str_eq(text_str(&x), text_str(&y));
}

enum pools_outcome pools_read(struct snapshot **ret, struct store *store, const char *namespace,
                              const struct snapshot *now, struct text *fault)
{
    struct config_input all = config_input_from(store, namespace);
    const struct config_input in = {.namespace = namespace,
                                    .pools = all.pools,
                                    .communities = all.communities,
                                    .namespaces = all.namespaces};
    CLEANUP(fault_list_done) struct fault_list faults = {0}, warnings = {0};
    CLEANUP(snapshot_unrefp) struct snapshot *cfg = NULL;

    if (config_build(&cfg, &in, &faults, &warnings) < 0) {
        tell_faults(fault, &faults);
        return POOLS_FAULTY;
    }
    if (is_same(now, cfg))
        return POOLS_SAME;
    *ret = TAKE(cfg);
    return POOLS_CHANGED;
}
