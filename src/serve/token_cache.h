/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the API server said about tokens, for as long as MetalLB's metrics server believes it (spec
 * api-and-config 6.5): whose a token is, one minute; that its user may read, five minutes, or that
 * he may not, half a minute. Tokens are kept as digests. Bounded: made-up tokens push out each
 * other, and one that is good only when all are.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "base/macro.h"
#include "base/mono.h"

enum { TOKEN_DIGEST_LEN = 32, TOKEN_CACHE_MAX = 64 };

struct token_digest {
    uint8_t bytes[TOKEN_DIGEST_LEN];
};

enum token_access { TOKEN_ACCESS_UNKNOWN, TOKEN_ACCESS_ALLOWED, TOKEN_ACCESS_DENIED };

struct token_entry {
    struct token_digest digest;
    json_t *user;           /* owned; NULL: the token is nobody's */
    struct mono user_until; /* never: an empty entry */
    struct mono access_until;
    bool is_allowed; /* until then */
};

struct token_cache {
    struct token_entry entries[TOKEN_CACHE_MAX];
};

void token_cache_done(struct token_cache *c);

/* NULL when it is not known, or no longer. */
const struct token_entry *token_cache_find(const struct token_cache *c,
                                           const struct token_digest *digest, struct mono now);
enum token_access token_entry_access(const struct token_entry *e, struct mono now);

/* `user` NULL: nobody's. What was known of the access of the same user stays. */
void token_cache_put(struct token_cache *c, const struct token_digest *digest, json_t *user_take,
                     struct mono now);
/* Nothing happens when the token is not known. */
void token_cache_put_access(struct token_cache *c, const struct token_digest *digest, bool allowed,
                            struct mono now);
