/* SPDX-License-Identifier: Apache-2.0 */
/* Allocated addresses, written back into the folder as Services with a status and nothing else
 * (design 5). */
#pragma once

#include "base/err.h"
#include "standalone/evaluate.h"

/*
 * Replaces FOLDER/pins.yaml by what the evaluation allocated: written beside it, fsynced, renamed
 * over it. On failure the old file is untouched. Returns the number of pinned Services, or -errno.
 * A file that says the same already is not written again, so that watchers of the folder stay
 * asleep.
 */
NODISCARD int pins_write(const char *folder, const struct evaluation *e, struct err *err);

/* Does the folder (a status of its own, or the pins) hold exactly the addresses that the Service
 * was given? */
bool pins_hold(const struct ipam_service *s);
