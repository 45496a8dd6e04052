/* SPDX-License-Identifier: Apache-2.0 */
/* `steellb pin`: evaluate a folder once and write the addresses back into it. */
#include "base/text.h"
#include "standalone/folder.h"
#include "standalone/options.h"
#include "standalone/pins.h"
#include "standalone/standalone.h"

#include <stdio.h>

static void print_faults(const struct fault_list *faults)
{
    for (size_t i = 0; i < faults->count; i++) {
        const struct fault *f = &faults->items[i];

        fprintf(stderr, "error: %s %s%s%s: %s\n", f->kind, f->namespace,
                str_empty(f->namespace) ? "" : "/", f->name, f->message);
    }
}

int standalone_pin(int argc, char **argv)
{
    CLEANUP(folder_state_freep) struct folder_state *state = NULL;
    CLEANUP(err_done) struct err err = {0};
    struct run_options options;
    struct evaluation_options how;
    int exit_status = 0, count;

    if (pin_options_parse(&options, argc, argv, &exit_status) < 0)
        return exit_status;
    how = run_evaluation_options(&options);
    if (folder_read(&state, options.folder, &how, &err) < 0) {
        fprintf(stderr, "steellb pin: %s\n", err_text(&err));
        return 2;
    }
    if (state->evaluation->cfg == NULL) {
        print_faults(&state->evaluation->faults);
        fprintf(stderr, "steellb pin: the folder has faults, nothing was pinned\n");
        return 1;
    }
    count = pins_write(options.folder, state->evaluation, &err);
    if (count < 0) {
        fprintf(stderr, "steellb pin: %s\n", err_text(&err));
        return 1;
    }
    printf("%d Service%s pinned\n", count, count == 1 ? "" : "s");
    return 0;
}
