/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From MetalLB's objects to sessions and routes of the node "pandora", with a real configuration, a
 * real decision and a real router; the engines are fakes.
 */
#pragma once

#include "../config/world.h"
#include "../decide/fixture.h"
#include "fake_engines.h"

#define STAGE_NODE "pandora"
enum { STAGE_SERVICES = 2 };

/* No type: the Service does not exist. No IP: it has no address. */
struct stage_service {
    const char *type, *policy, *ip;
    const char *endpoints; /* as of struct service_spec */
    const char *labels;    /* as of fixture_labels; NULL: none */
};

struct stage {
    struct event_base *base;
    struct router *router;
    struct fixture f; /* of the Services */
    struct snapshot *cfg;
    struct decide_node *nodes;
    char holders[STAGE_SERVICES];
    bool changed[STAGE_SERVICES]; /* the router said so; to be cleared by the test */
};

int stage_set_up(void **state);
int stage_tear_down(void **state);

/* Lines as of struct world, in the order that the seed gives; 0: as written. A fault fails the test
 * under this name. */
void stage_configure(struct stage *s, const char *name, const char *lines, unsigned seed);
void stage_evaluate(struct stage *s, size_t at, const struct stage_service *row);

void stage_expect(const char *step, const char *what, const char *got, const char *want);
