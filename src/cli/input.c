/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/input.h"

int input_read(struct input *ret, const struct path_list *paths,
               const struct evaluation_options *options, struct err *err)
{
    struct input in = {0};

    manifest_init(&in.manifest, options->namespace);
    for (size_t i = 0; i < paths->count; i++) {
        int r = manifest_load(&in.manifest, paths->items[i], err);

        if (r < 0) {
            manifest_done(&in.manifest);
            return r;
        }
    }
    manifest_finish(&in.manifest);
    in.evaluation =
        evaluation_new(in.manifest.store, options, &in.manifest.faults, &in.manifest.warnings);
    *ret = in;
    return 0;
}

void input_done(struct input *in)
{
    if (in->evaluation == NULL)
        return;
    evaluation_free(in->evaluation);
    manifest_done(&in->manifest);
    *in = (struct input){0};
}
