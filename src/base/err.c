/* SPDX-License-Identifier: Apache-2.0 */
#include "base/err.h"

#include "base/mem.h"

#include <stdarg.h>
#include <stdlib.h>

int err_set(struct err *err, int code, const char *fmt, ...)
{
    char *text;
    va_list ap;

    va_start(ap, fmt);
    text = xvasprintf(fmt, ap); /* first: the arguments may point into the old text */
    va_end(ap);
    err_done(err);
    err->text = text;
    err->code = code;
    return code;
}

int err_wrap(struct err *err, const char *fmt, ...)
{
    CLEANUP(xfreep) char *context = NULL;
    char *whole;
    va_list ap;

    va_start(ap, fmt);
    context = xvasprintf(fmt, ap);
    va_end(ap);
    whole = xasprintf("%s: %s", context, err_text(err));
    free(err->text);
    err->text = whole;
    return err->code;
}

const char *err_text(const struct err *err)
{
    return err->text != NULL ? err->text : "unknown error";
}

void err_done(struct err *err)
{
    free(err->text);
    *err = (struct err){0};
}
