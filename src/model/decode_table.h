/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The machinery of the decoders: a table of rows says which JSON field goes to which member of a
 * struct, and what the schema allows there. One small reader walks the tables.
 *
 * Rules for every row: null is absent, names are case-sensitive, fields without a row are ignored,
 * every mistake of a document is reported with its full path. A wrong type makes the document
 * invalid; a value that the schema refuses is a fault only, and is kept as written if the member
 * can hold it (else the nearest value that it can hold).
 */
#pragma once

#include <jansson.h>

#include "base/macro.h"
#include "base/mem.h"
#include "model/fault.h"
#include "model/object.h"

/* One step of a path such as metadata.labels["app"] or spec.addresses[0]; lives on the stack. */
struct path {
    const struct path *up; /* NULL at the top */
    const char *name;      /* NULL for an item of a list */
    size_t index;
    bool is_key; /* the name was chosen by the user: printed in brackets and quotes */
};

struct pack;

struct reader {
    struct arena *arena;         /* where what is read goes, unless a pack is filled */
    struct pack *pack;           /* NULL: the object lives in the arena */
    const struct object *object; /* named in faults; its meta strings are never NULL */
    struct fault_list *faults;
    unsigned version; /* of the document's API, for fields that only some versions have */
    bool invalid;     /* a field had the wrong type */
    char *room;       /* rest of a chunk of the arena, for short strings */
    size_t room_left;
};

enum field_kind {
    FIELD_STRING,         /* const char *; absent: `initial`, or "" */
    FIELD_STRING_OR_NULL, /* const char *; absent: NULL */
    FIELD_STRINGS,        /* struct string_list */
    FIELD_LABELS,         /* struct label_set */
    FIELD_BOOL,           /* bool */
    FIELD_TRI,            /* enum tri */
    FIELD_INT,            /* int64_t */
    FIELD_OPT_INT,        /* struct opt_int */
    FIELD_U8,             /* uint8_t */
    FIELD_U16,            /* uint16_t */
    FIELD_U32,            /* uint32_t */
    FIELD_ASN,      /* uint32_t; a value out of its range never becomes 0, which is "absent" */
    FIELD_DURATION, /* struct opt_duration, from Go's text form */
    FIELD_TIME,     /* int64_t ns since 1970, from RFC 3339 */
    FIELD_PRESENT,  /* bool: is the field there, whatever it holds */
    FIELD_MAPPING,  /* a mapping; its rows count from `offset`: 0 fills the same struct */
    FIELD_LIST, /* a list of mappings, one struct each: pointer at `offset`, count at `count_offset`
                 */
};

/* Called with the member after it was read, for rules of one field that a range cannot say. */
typedef void field_check_fn(struct reader *r, const struct path *at, const void *member);

struct field {
    const char *name;
    enum field_kind kind;
    size_t offset, count_offset;
    const struct table *table;  /* FIELD_MAPPING, FIELD_LIST */
    int64_t min, max;           /* of integers; both 0: no limits */
    const char *const *allowed; /* of strings: NULL-terminated; "" then counts as absent */
    const char *initial;        /* default of the schema */
    bool required;
    bool null_is_empty;    /* FIELD_LABELS: a key without a value has "", as in Go's decoder */
    unsigned since, until; /* first and last API version that has the field; 0: no limit */
    field_check_fn *check; /* FIELD_DURATION */
};

struct table {
    const struct field *fields;
    size_t count;
    size_t item_size; /* of the struct, for FIELD_LIST */
};

#define AT(type_, member_) .offset = offsetof(struct type_, member_)
#define LIST_AT(type_, items_, count_)                                                             \
    .offset = offsetof(struct type_, items_), .count_offset = offsetof(struct type_, count_)
#define TABLE(fields_)                                                                             \
    {                                                                                              \
        .fields = (fields_), .count = ARRAY_SIZE(fields_)                                          \
    }
#define ITEM_TABLE(fields_, type_)                                                                 \
    {                                                                                              \
        .fields = (fields_), .count = ARRAY_SIZE(fields_), .item_size = sizeof(struct type_)       \
    }

/* Fills the struct at `base`, which is zeroed. `mapping` is NULL for an absent one: all fields take
 * their defaults. */
void table_read(struct reader *r, const struct path *up, const json_t *mapping,
                const struct table *table, void *base);

/* True when `v` is a mapping; else a fault at the path, and the document is invalid. */
bool reader_expect_mapping(struct reader *r, const struct path *at, const json_t *v);

/* Zeroed memory that lives as long as the object. */
void *reader_alloc(struct reader *r, size_t count, size_t size);
/* A copy that lives as long as the object; "" and common strings are constants. */
const char *reader_keep(struct reader *r, const char *s);

/* A mistake of the schema: the document stays usable. */
PRINTF_LIKE(3, 4) void reader_fault(struct reader *r, const struct path *at, const char *fmt, ...);

/* The document can't be used. */
PRINTF_LIKE(3, 4) void reader_refuse(struct reader *r, const struct path *at, const char *fmt, ...);
