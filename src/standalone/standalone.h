/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The role without a cluster: a folder of Kubernetes YAML is the only state (design 2, 5). `run`
 * announces what the folder says for one node, `pin` writes the allocated addresses into the
 * folder, `status` asks a running process.
 *
 * Each takes the arguments after the program's name, argv[0] being the sub-command, and returns the
 * exit status: 0; 1 when it failed or the folder has faults; 2 when the command line or the input
 * cannot be read.
 */
#pragma once

int standalone_run(int argc, char **argv);
int standalone_pin(int argc, char **argv);
int standalone_status(int argc, char **argv);
