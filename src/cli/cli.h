/* SPDX-License-Identifier: Apache-2.0 */
/* The sub-commands that answer questions; all but one change nothing. Each takes the arguments
 * after the program's name, argv[0] being the sub-command, and returns the exit status. */
#pragma once

/* Exit statuses (plan-json). A bad command line and unreadable input are the same to a script: no
 * answer was given. */
enum {
    CLI_OK = 0,
    CLI_FAULTS = 1,     /* the configuration has faults; explain: the Service is not announced */
    CLI_UNREADABLE = 2, /* bad usage, unreadable input, unknown Service, unwritable output */
    CLI_DISTURBS = 3,   /* plan --against: an address that is in use would move or vanish */
};

int cli_plan(int argc, char **argv);
int cli_check(int argc, char **argv);
int cli_explain(int argc, char **argv);
int cli_drain(int argc, char **argv); /* it writes to the cluster */
int cli_version(int argc, char **argv);
