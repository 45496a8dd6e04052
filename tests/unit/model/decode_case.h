/* SPDX-License-Identifier: Apache-2.0 */
/* Documents for the decoder tests, and one row of a table: a document, the verdict, and every fault
 * that it gets. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "model/decode.h"

#define CASE_FAULTS_MAX 6

/* Documents are written with ' for ". */
#define DOC(api_version_, kind_, fields_)                                                          \
    "{'apiVersion': '" api_version_ "', 'kind': '" kind_ "', 'metadata': {'name': 'x'}, " fields_  \
    "}"
#define SPEC_DOC(api_version_, kind_, spec_) DOC(api_version_, kind_, "'spec': {" spec_ "}")
#define POOL(spec_) SPEC_DOC("metallb.io/v1beta1", "IPAddressPool", spec_)
#define L2ADV(spec_) SPEC_DOC("metallb.io/v1beta1", "L2Advertisement", spec_)
#define BGPADV(spec_) SPEC_DOC("metallb.io/v1beta1", "BGPAdvertisement", spec_)
#define PEER1(spec_) SPEC_DOC("metallb.io/v1beta1", "BGPPeer", spec_)
#define PEER2(spec_) SPEC_DOC("metallb.io/v1beta2", "BGPPeer", spec_)
#define SERVICE(spec_) SPEC_DOC("v1", "Service", spec_)

struct decode_case {
    const char *name, *doc;
    enum decode_result result;
    const char *faults[CASE_FAULTS_MAX]; /* exact texts, in order */
};

static inline json_t *doc_parse(const char *quasi_json)
{
    CLEANUP(xfreep) char *text = xstrdup(quasi_json);
    json_error_t error;
    json_t *doc;

    for (char *c = text; *c != '\0'; c++) {
        if (*c == '\'')
            *c = '"';
    }
    doc = json_loads(text, JSON_DECODE_ANY, &error);
    if (doc == NULL)
        fail_msg("%s in %s", error.text, text);
    return doc;
}

/* The object of a document without a fault; the caller frees it. */
static inline struct object *doc_decode(const char *quasi_json)
{
    json_t *doc = doc_parse(quasi_json);
    struct fault_list faults = {0};
    struct err err = {0};
    struct object *o = NULL;

    if (object_decode(&o, doc, (struct origin){.file = "", .line = 0}, &faults, &err) != DECODE_OK)
        fail_msg("not decoded: %s: %s", faults.count > 0 ? faults.items[0].message : err_text(&err),
                 quasi_json);
    if (faults.count != 0)
        fail_msg("fault: %s", faults.items[0].message);
    json_decref(doc);
    err_done(&err);
    return o;
}

static inline void decode_case_run(const struct decode_case *c)
{
    json_t *doc = doc_parse(c->doc);
    struct fault_list faults = {0};
    struct err err = {0};
    struct object *o = NULL;
    enum decode_result result =
        object_decode(&o, doc, (struct origin){.file = "f.yaml", .line = 7}, &faults, &err);
    size_t want = 0;

    while (want < CASE_FAULTS_MAX && c->faults[want] != NULL)
        want++;
    if (result != c->result)
        fail_msg("%s: result %d, want %d (%s)", c->name, result, c->result,
                 faults.count > 0 ? faults.items[0].message : err_text(&err));
    if ((o != NULL) != (result == DECODE_OK))
        fail_msg("%s: an object without DECODE_OK, or none with it", c->name);
    for (size_t i = 0; i < want && i < faults.count; i++) {
        if (strcmp(faults.items[i].message, c->faults[i]) != 0)
            fail_msg("%s: fault %s, want %s", c->name, faults.items[i].message, c->faults[i]);
    }
    if (faults.count != want)
        fail_msg("%s: %zu faults, want %zu; last: %s", c->name, faults.count, want,
                 faults.count > 0 ? faults.items[faults.count - 1].message : "none");
    object_free(o);
    fault_list_done(&faults);
    err_done(&err);
    json_decref(doc);
}
