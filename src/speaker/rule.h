/* SPDX-License-Identifier: Apache-2.0 */
/*
 * On which interfaces something is announced. Thousands of Services have the same few rules, so
 * equal ones are one object, and are equal when their pointers are.
 */
#pragma once

#include "base/map.h"
#include "model/object.h"

struct rule {
    bool all_interfaces;
    struct string_list interfaces; /* names, when not all; owned */
    size_t refs;
    struct map *set; /* of rules, in which it is */
    size_t key_len;
    char key[];
};

/* `set` is the caller's, and outlives its rules. The rule is the caller's until rule_unref. */
struct rule *rule_ref(struct map *set, bool all_interfaces, const struct string_list *interfaces);
struct rule *rule_unref(struct rule *r); /* accepts NULL, returns NULL */
