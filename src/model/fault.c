/* SPDX-License-Identifier: Apache-2.0 */
#include "model/fault.h"

#include "base/mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void fault_list_done(struct fault_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        free(list->items[i].kind);
        free(list->items[i].namespace);
        free(list->items[i].name);
        free(list->items[i].message);
    }
    free(list->items);
    *list = (struct fault_list){0};
}

static void append(struct fault_list *list, struct fault f)
{
    list->items = array_grow(list->items, &list->cap, list->count + 1, sizeof(*list->items));
    list->items[list->count++] = f;
}

PRINTF_LIKE(5, 0)
static void add_formatted(struct fault_list *list, const char *kind, const char *namespace,
                          const char *name, const char *fmt, va_list ap)
{
    append(list, (struct fault){.kind = xstrdup(kind),
                                .namespace = xstrdup(namespace),
                                .name = xstrdup(name),
                                .message = xvasprintf(fmt, ap)});
}

void fault_add(struct fault_list *list, const struct object *o, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    add_formatted(list, o != NULL ? object_kind_name(o->kind) : "",
                  o != NULL ? o->meta.namespace : "", o != NULL ? o->meta.name : "", fmt, ap);
    va_end(ap);
}

void fault_add_named(struct fault_list *list, const char *kind, const char *namespace,
                     const char *name, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    add_formatted(list, kind, namespace, name, fmt, ap);
    va_end(ap);
}

void fault_move_all(struct fault_list *to, struct fault_list *from)
{
    for (size_t i = 0; i < from->count; i++)
        append(to, from->items[i]);
    from->count = 0;
    fault_list_done(from);
}
