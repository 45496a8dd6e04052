/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a JSON document to a typed object. Fields are read by tables of rows; unknown fields are
 * ignored, missing ones take the default of the schema.
 *
 * No API server has checked a file, so the decoder checks what the CRD schemas and the core API
 * would have: types, enums, ranges, patterns, CEL rules (spec api-and-config 1). What the
 * configuration checks with a text of its own (spec 2) is left to it, so that each mistake is
 * reported once.
 *
 * Namespaces: "" for Node and Namespace, whatever the document says. Where a document has none, a
 * metallb.io object that people write gets "" too, for which the caller puts the MetalLB namespace;
 * the others are in "default". A v1beta1 BGPPeer comes out as the API server would convert it to
 * v1beta2 (spec 1.5): absent timers are an explicit 0 s, an absent or zero port is 179.
 *
 * Integers of a document are whole JSON integers; a number with a fraction or an exponent (80.0) is
 * of the wrong type. A value out of its range is kept as written if the struct can hold it, else as
 * the nearest that it can. A duration, time or base64 text that cannot be read stays absent.
 */
#pragma once

#include <jansson.h>

#include "base/err.h"
#include "model/fault.h"
#include "model/object.h"

enum decode_result {
    DECODE_OK, /* *ret is set; faults may have been added all the same (a value out of the schema's
                  range) */
    DECODE_IGNORED, /* a Kubernetes object of a kind we do not read */
    DECODE_INVALID, /* a field of the wrong type, or a missing name: faults say which; *ret is not
                       set */
    DECODE_NOT_OBJECT, /* no mapping, or without apiVersion and kind: err says what is missing */
};

/* Faults name the object and the field: `spec.peerPort: 70000 is above 16384`. `origin.file` is
 * copied. */
enum decode_result object_decode(struct object **ret, const json_t *doc, struct origin origin,
                                 struct fault_list *faults, struct err *err);

/* As object_decode, but the object and all that it points to are one allocation of no more than
 * they need: for the many that a watch keeps. Its `arena` is NULL, so nothing can be added. */
enum decode_result object_decode_packed(struct object **ret, const json_t *doc,
                                        struct fault_list *faults, struct err *err);
