/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The client's whole-answer calls without a server: a test takes requests one by one and answers
 * them. It stands in for kube_fetch_start and kube_fetch_cancel at link time.
 */
#pragma once

#include "kube/kube_client.h"

struct kube_fetch {
    struct kube_fetch *next;
    char *method, *path, *content_type, *body;
    kube_reply_fn done;
    void *arg;
};

size_t fake_count(void); /* requests that wait for an answer */
size_t fake_most(void);  /* the most that ever waited, since fake_reset */
void fake_reset(void);   /* at the end of a test: nothing may wait any more */

/* The oldest request; NULL when there is none. It stays until it is answered or canceled. */
const struct kube_fetch *fake_first(void);
const struct kube_fetch *fake_find(const char *method, const char *path_part);

void fake_answer(const struct kube_fetch *f, unsigned status, const char *bytes);
void fake_break(const struct kube_fetch *f); /* no answer: -ECONNRESET */
