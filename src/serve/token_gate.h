/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who may read the metrics: the API server is asked whose the token is (TokenReview), and whether
 * that user may (SubjectAccessReview); spec api-and-config 6.5.
 */
#pragma once

#include <event2/event.h>

#include "base/macro.h"
#include "kube/kube_client.h"

enum token_verdict {
    TOKEN_MAY,
    TOKEN_NOBODY,        /* no user has that token */
    TOKEN_MAY_NOT,       /* its user has no right */
    TOKEN_USER_NOT_TOLD, /* the API server did not say whose it is, or too much is asked at once */
    TOKEN_RIGHT_NOT_TOLD
};

struct token_gate;
struct token_question;

/* What is asked is the right to GET `path`. All is borrowed. */
struct token_gate *token_gate_new(struct event_base *base, struct kube_client *client,
                                  const char *path);
/* After all questions have ended or were cancelled. */
struct token_gate *token_gate_free(struct token_gate *g);
DEFINE_CLEANUP(struct token_gate, token_gate_free);

/* `user` is a name, "" when it is not known; valid for the time of the call. */
typedef void (*token_fn)(void *arg, enum token_verdict verdict, const char *user);

/* `fn` comes once: from within this call, which then returns NULL, when the answer is known, else
 * later. */
struct token_question *token_gate_ask(struct token_gate *g, const char *token, token_fn fn,
                                      void *arg);
void token_question_cancel(struct token_question *q); /* `fn` does not come any more */
