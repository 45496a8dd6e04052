/* SPDX-License-Identifier: Apache-2.0 */
/* The command line that plan, check and explain share. */
#pragma once

#include "base/macro.h"
#include "standalone/evaluate.h"

/* Borrows the strings of argv; the array is owned. */
struct path_list {
    const char **items;
    size_t count, cap;
};

struct cli_options {
    struct path_list files, against;
    const char *service; /* explain: as it was typed */
    struct evaluation_options evaluation;
    const char *control_socket; /* explain: NULL when not given */
    bool json;
};

/* What tells the commands apart. */
struct command {
    const char *name;
    const char *help; /* what --help prints */
    int (*run)(const struct cli_options *o);
    bool takes_against, takes_service;
};

/* Parses and runs. Returns the exit status. */
int cli_command_run(const struct command *c, int argc, char **argv);

/* One line on stderr, and where to read on. Returns the exit status for bad usage. */
PRINTF_LIKE(2, 3) int cli_usage_error(const char *command, const char *fmt, ...);
