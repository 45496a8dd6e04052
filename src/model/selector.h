/* SPDX-License-Identifier: Apache-2.0 */
/* Label selectors with Kubernetes semantics (spec api-and-config 1.1, 2.9). */
#pragma once

#include "base/err.h"
#include "base/text.h"
#include "model/object.h"

/* Operators, keys and value lists as Kubernetes checks them; the error text is Kubernetes' own. */
NODISCARD int selector_check(const struct selector *s, struct err *err);

/* All parts must hold; {} matches everything. The selector must have passed selector_check. */
bool selector_matches(const struct selector *s, const struct label_set *labels);

/* A list is an OR; an empty list matches nothing here: whether it means "all" is the caller's rule.
 */
bool selector_list_matches(const struct selector_list *list, const struct label_set *labels);

/* {map["k":"v"] [{"key" "op" ["v" …]}]}: how MetalLB prints one; value lists are printed sorted. */
void selector_print(struct text *t, const struct selector *s);
void selector_expr_print(struct text *t, const struct selector_expr *e);

/* "k=v,key in (a,b)": how kubectl prints one, for people and for a stable order. */
void selector_print_short(struct text *t, const struct selector *s);
