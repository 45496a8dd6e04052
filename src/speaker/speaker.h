/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The speaker of a node in a cluster: it announces the addresses that the election gives to this
 * node, and says so in statuses and Events (spec speaker-l2).
 */
#pragma once

/* argv[0] is the name of the program or of the sub-command. Returns the exit status: 0 after a
 * signal, 1 when it cannot start, 2 for a bad command line. */
int speaker_main(int argc, char **argv);
