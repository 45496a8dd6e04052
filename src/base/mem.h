/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory. Allocation never returns NULL: the process aborts when memory is exhausted. That is
 * acceptable only because every size that comes from outside is capped before it reaches these
 * functions.
 *
 * An arena groups the memory of one life span (a configuration snapshot, a decoded object, one
 * plan). Nothing inside it is freed alone.
 */
#pragma once

#include <stdarg.h>
#include <stddef.h>

#include "base/macro.h"

void *xmalloc(size_t size);
void *xcalloc(size_t count, size_t size);
void *xreallocarray(void *items, size_t count, size_t size);
char *xstrdup(const char *text);
char *xstrndup(const char *text, size_t len);
PRINTF_LIKE(1, 2) char *xasprintf(const char *fmt, ...);
PRINTF_LIKE(1, 0) char *xvasprintf(const char *fmt, va_list ap);

/* free() for CLEANUP on any pointer variable. */
void xfreep(void *ptr_to_pointer);

/*
 * Makes room for `need` items of `size` bytes. Doubles *cap as needed and returns the array, which
 * may have moved; the new room is not initialised.
 */
void *array_grow(void *items, size_t *cap, size_t need, size_t size);

struct arena;

struct arena *arena_new(void);
struct arena *arena_free(struct arena *a); /* accepts NULL, returns NULL */
DEFINE_CLEANUP(struct arena, arena_free);

/* Zeroed, aligned for any type, alive until arena_free. */
void *arena_alloc(struct arena *a, size_t size);
void *arena_calloc(struct arena *a, size_t count, size_t size);
void *arena_memdup(struct arena *a, const void *bytes, size_t len);
char *arena_strdup(struct arena *a, const char *text);
char *arena_strndup(struct arena *a, const char *text, size_t len);
PRINTF_LIKE(2, 3) char *arena_printf(struct arena *a, const char *fmt, ...);
