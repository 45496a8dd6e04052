/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a YAML scalar means to Kubernetes: the rules of YAML 1.1 as go-yaml v2 applies them, and its
 * values as encoding/json prints them afterwards (8.0 becomes 8). Pure.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/macro.h"

struct yaml_scalar {
    const char *text; /* NUL-terminated, without a NUL inside */
    const char *tag;  /* "tag:yaml.org,2002:int"; NULL without one */
    bool is_plain;    /* neither quoted nor a block; libyaml's plain_implicit */
};

/*
 * null, boolean, integer, real or string; a new reference in *ret. -EBADMSG when the text does not
 * fit the tag or JSON has no such value (.inf, .nan). Timestamps stay strings, and so do numbers
 * that no double can hold.
 */
NODISCARD int yaml_scalar_read(json_t **ret, const struct yaml_scalar *s, struct err *err);

/* `<<` as a mapping key, unquoted or tagged !!merge. */
bool yaml_scalar_is_merge(const struct yaml_scalar *s);

/*
 * A scalar as a JSON key: true becomes "true", 1 "1", 1.50 "1.5". The caller frees it. NULL for
 * null, arrays and objects, which Kubernetes refuses as keys.
 */
char *yaml_key_text(const json_t *key);
