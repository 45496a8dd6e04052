/* SPDX-License-Identifier: Apache-2.0 */
/* What is wrong, or worth a warning, with one object. Reports are lists of these; nothing stops at
 * the first. */
#pragma once

#include "base/macro.h"
#include "model/object.h"

struct fault {
    char *kind, *namespace, *name; /* owned; which object */
    char *message;                 /* owned; names the field and what to do */
};

struct fault_list {
    struct fault *items;
    size_t count, cap;
};

void fault_list_done(struct fault_list *list);

/* `o` may be NULL for what belongs to no object. */
PRINTF_LIKE(3, 4)
void fault_add(struct fault_list *list, const struct object *o, const char *fmt, ...);
PRINTF_LIKE(5, 6)
void fault_add_named(struct fault_list *list, const char *kind, const char *namespace,
                     const char *name, const char *fmt, ...);
void fault_move_all(struct fault_list *to, struct fault_list *from); /* empties `from` */
