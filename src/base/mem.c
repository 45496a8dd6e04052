/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * Most arenas hold one object of 500 to 2,000 bytes, and there may be many thousands of them; so
 * blocks grow by half of what the arena has, which bounds the unused part.
 */
#define ARENA_FIRST_BLOCK ((size_t)512)
#define ARENA_LAST_BLOCK ((size_t)65536)

struct arena_block {
    struct arena_block *next;
    size_t used, size;
    alignas(max_align_t) unsigned char bytes[];
};

struct arena {
    struct arena_block *head; /* the block that still has room; older ones follow */
    size_t total;             /* bytes in all blocks */
};

static void *checked(void *p)
{
    if (p == NULL) {
        fputs("steellb: out of memory\n", stderr);
        abort();
    }
    return p;
}

void *xmalloc(size_t size)
{
    return checked(malloc(size > 0 ? size : 1));
}

void *xcalloc(size_t count, size_t size)
{
    return checked(calloc(count > 0 ? count : 1, size > 0 ? size : 1));
}

void *xreallocarray(void *items, size_t count, size_t size)
{
    return checked(reallocarray(items, count > 0 ? count : 1, size > 0 ? size : 1));
}

char *xstrdup(const char *text)
{
    return checked(strdup(text));
}

char *xstrndup(const char *text, size_t len)
{
    return checked(strndup(text, len));
}

char *xvasprintf(const char *fmt, va_list ap)
{
    char *text = NULL;

    if (vasprintf(&text, fmt, ap) < 0)
        text = NULL; /* its value is undefined after a failure */
    return checked(text);
}

char *xasprintf(const char *fmt, ...)
{
    va_list ap;
    char *text;

    va_start(ap, fmt);
    text = xvasprintf(fmt, ap);
    va_end(ap);
    return text;
}

void xfreep(void *ptr_to_pointer)
{
    void *p;

    memcpy(&p, ptr_to_pointer, sizeof(p)); /* a void ** would alias the variable's own type */
    free(p);
}

void *array_grow(void *items, size_t *cap, size_t need, size_t size)
{
    size_t next = *cap > 0 ? *cap : 4;

    if (need <= *cap)
        return items;
    while (next < need)
        next *= 2;
    items = xreallocarray(items, next, size);
    *cap = next;
    return items;
}

struct arena *arena_new(void)
{
    return xcalloc(1, sizeof(struct arena));
}

struct arena *arena_free(struct arena *a)
{
    if (a == NULL)
        return NULL;
    while (a->head != NULL) {
        struct arena_block *b = a->head;

        a->head = b->next;
        free(b);
    }
    free(a);
    return NULL;
}

static struct arena_block *arena_add_block(struct arena *a, size_t need)
{
    size_t size = a->total / 2, whole;
    struct arena_block *b;

    if (size < ARENA_FIRST_BLOCK)
        size = ARENA_FIRST_BLOCK;
    if (size > ARENA_LAST_BLOCK)
        size = ARENA_LAST_BLOCK;
    if (size < need)
        size = need;
    if (__builtin_add_overflow(size, sizeof(*b), &whole))
        checked(NULL); /* nothing can be that large */
    b = xcalloc(1, whole);
    b->size = size;
    b->next = a->head;
    a->head = b;
    a->total += size;
    return b;
}

void *arena_alloc(struct arena *a, size_t size)
{
    const size_t align = alignof(max_align_t);
    struct arena_block *b = a->head;
    size_t need = (size + align - 1) / align * align;
    void *p;

    if (need < size)
        checked(NULL); /* wrapped around: nothing can be that large */
    if (b == NULL || need > b->size - b->used)
        b = arena_add_block(a, need);
    p = b->bytes + b->used;
    b->used += need;
    return p;
}

void *arena_calloc(struct arena *a, size_t count, size_t size)
{
    size_t bytes;

    if (__builtin_mul_overflow(count, size, &bytes))
        checked(NULL);
    return arena_alloc(a, bytes);
}

void *arena_memdup(struct arena *a, const void *bytes, size_t len)
{
    void *p = arena_alloc(a, len);

    if (len > 0)
        memcpy(p, bytes, len);
    return p;
}

char *arena_strndup(struct arena *a, const char *text, size_t len)
{
    char *p = arena_alloc(a, len + 1);

    memcpy(p, text, len);
    return p;
}

char *arena_strdup(struct arena *a, const char *text)
{
    return arena_strndup(a, text, strlen(text));
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
    CLEANUP(xfreep) char *text = NULL;
    va_list ap;

    va_start(ap, fmt);
    text = xvasprintf(fmt, ap);
    va_end(ap);
    return arena_strdup(a, text);
}
