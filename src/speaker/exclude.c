/* SPDX-License-Identifier: Apache-2.0 */
#include "speaker/exclude.h"

#include "base/mem.h"

#include <errno.h>
#include <regex.h>
#include <stdlib.h>

struct exclude {
    regex_t *items;
    size_t count; /* of those that are compiled */
};

int exclude_new(struct exclude **ret, const struct string_list *expressions, struct err *err)
{
    CLEANUP(exclude_freep) struct exclude *x = xcalloc(1, sizeof(*x));

    x->items = xcalloc(expressions->count + 1, sizeof(*x->items));
    for (size_t i = 0; i < expressions->count; i++) {
        const char *text = expressions->items[i];
        int e = regcomp(&x->items[i], text, REG_EXTENDED | REG_NOSUB);
        char why[128];

        if (e != 0) {
            regerror(e, &x->items[i], why, sizeof(why));
            return err_set(err, -EINVAL, "interface exclusion \"%s\": %s", text, why);
        }
        x->count++;
    }
    *ret = TAKE(x);
    return 0;
}

struct exclude *exclude_free(struct exclude *x)
{
    if (x == NULL)
        return NULL;
    for (size_t i = 0; i < x->count; i++)
        regfree(&x->items[i]);
    free(x->items);
    free(x);
    return NULL;
}

bool exclude_has(const struct exclude *x, const char *name)
{
    for (size_t i = 0; i < x->count; i++) {
        if (regexec(&x->items[i], name, 0, NULL, 0) == 0)
            return true;
    }
    return false;
}
