/* SPDX-License-Identifier: Apache-2.0 */
#include "standalone/folder.h"

#include "feed/manifest.h"

#include <stdlib.h>

struct folder_state *folder_state_free(struct folder_state *f)
{
    if (f == NULL)
        return NULL;
    evaluation_free(f->evaluation);
    store_free(f->store);
    free(f);
    return NULL;
}

int folder_read(struct folder_state **ret, const char *folder, const struct evaluation_options *how,
                struct err *err)
{
    CLEANUP(folder_state_freep) struct folder_state *f = xcalloc(1, sizeof(*f));
    CLEANUP(manifest_done) struct manifest m;
    int r;

    manifest_init(&m, how->namespace);
    r = manifest_load(&m, folder, err);
    if (r < 0)
        return r;
    manifest_finish(&m);
    f->store = TAKE(m.store);
    f->evaluation = evaluation_new(f->store, how, &m.faults, &m.warnings);
    *ret = TAKE(f);
    return 0;
}
