/* SPDX-License-Identifier: Apache-2.0 */
/* TokenReview and SubjectAccessReview: whose token is it, and may that user read the path? */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "base/err.h"
#include "base/macro.h"

/* JSON in one line; the caller frees it. */
char *review_of_token(const char *token); /* of ASCII */
/* `user`: what review_read_token gave. The group of all who have proved who they are is added. */
char *review_of_access(json_t *user, const char *verb, const char *path);

/* *ret_user: a new reference to status.user, or NULL: the token is nobody's. */
NODISCARD int review_read_token(json_t **ret_user, const char *bytes, size_t len, struct err *err);
NODISCARD int review_read_access(bool *ret_allowed, const char *bytes, size_t len, struct err *err);

const char *review_user_name(const json_t *user); /* borrowed; "" when it has none */
