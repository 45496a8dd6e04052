/* SPDX-License-Identifier: Apache-2.0 */
/* Named entries of kubeconfig files and their fields, with messages that say where. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/mem.h"
#include "kube/kubeconfig.h"
#include "model/yaml_json.h"

struct kubeconfig_docs {
    const struct kubeconfig_text *texts; /* borrowed */
    struct yaml_doc *docs;               /* owned; one a text, a mapping or null */
    size_t count;
};

NODISCARD int kubeconfig_docs_read(struct kubeconfig_docs *ret, const struct kubeconfig_text *texts,
                                   size_t count, struct err *err);
void kubeconfig_docs_done(struct kubeconfig_docs *d);

struct kubeconfig_entry {
    struct arena *arena; /* for what is read */
    const char *path;    /* of the file */
    const char *kind;    /* "cluster" */
    const char *name;    /* of the entry */
    const char *part;    /* "exec" inside of it, else "" */
    const json_t *value; /* borrowed from the documents */
};

/* The first entry of that name in "KINDs". -EINVAL when there is none. */
NODISCARD int kubeconfig_find(const struct kubeconfig_docs *d, struct arena *a, const char *kind,
                              const char *name, struct kubeconfig_entry *ret, struct err *err);

/* -EINVAL with 'FILE: KIND "NAME": ' in front. */
PRINTF_LIKE(3, 4)
int kubeconfig_fault(const struct kubeconfig_entry *e, struct err *err, const char *fmt, ...);
int kubeconfig_wrap(const struct kubeconfig_entry *e, struct err *err); /* of a text that is set */

/* Fields: absent and null ones are "", false, empty. */
NODISCARD int kubeconfig_string(const struct kubeconfig_entry *e, const char *key, const char **ret,
                                struct err *err);
NODISCARD int kubeconfig_bool(const struct kubeconfig_entry *e, const char *key, bool *ret,
                              struct err *err);
NODISCARD int kubeconfig_strings(const struct kubeconfig_entry *e, const char *key,
                                 struct string_list *ret, struct err *err);
/* KEY-data in base64, else KEY, a path. */
NODISCARD int kubeconfig_material(const struct kubeconfig_entry *e, const char *key,
                                  struct kube_material *ret, struct err *err);

/* A relative path begins in the folder of the file. */
const char *kubeconfig_path(const struct kubeconfig_entry *e, const char *path);
