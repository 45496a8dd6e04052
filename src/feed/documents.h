/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the bytes of one input to its Kubernetes documents: YAML or JSON, any number of them, `List`
 * kinds taken apart as kubectl does. The items of a JSON list are loaded one at a time.
 */
#pragma once

#include <jansson.h>

#include "base/err.h"
#include "feed/source.h"

enum { DOCUMENT_MAX = 16 << 20 }; /* bytes of one JSON object that is no list */

/*
 * Called for each document, empty ones excepted; `doc` is borrowed and must not be changed, `line`
 * is where it begins. A negative return ends the reading and becomes its result; -EBADMSG and
 * -ENOMSG are kept for the reader.
 */
typedef int (*document_fn)(void *arg, json_t *doc, unsigned line, struct err *err);

/*
 * JSON objects, one after another. -EBADMSG when a document is not JSON, -ENOMSG when something
 * else than an object stands between documents: in both cases the text may still be YAML. Releases
 * the bytes of `s` as it goes.
 */
NODISCARD int documents_read_json(struct source *s, document_fn fn, void *arg, struct err *err);

/* -EBADMSG when it is not YAML. */
NODISCARD int documents_read_yaml(struct source *s, document_fn fn, void *arg, struct err *err);
