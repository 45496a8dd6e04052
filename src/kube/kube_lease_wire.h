/* SPDX-License-Identifier: Apache-2.0 */
/* The coordination.k8s.io/v1 Lease as the API server sends and takes it. */
#pragma once

#include "base/err.h"
#include "kube/kube_lease_fsm.h"

/* -EBADMSG when it is no Lease or a field is of the wrong type; what is absent is "" or 0. */
NODISCARD int lease_read(struct lease_record *ret, const char *bytes, size_t len, struct err *err);

/* A whole new Lease; the caller frees it. */
char *lease_write_new(const char *namespace, const char *name, const struct lease_record *record,
                      size_t *ret_len);

/* The Lease `bytes` with the record put in: all else stays, its resource version too. */
NODISCARD int lease_write_changed(char **ret, size_t *ret_len, const char *bytes, size_t len,
                                  const struct lease_record *record, struct err *err);
