/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/term.h"

#include "base/mem.h"
#include "base/text.h"
#include "cli/cli.h"

#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const style_codes[] = {
    [TERM_PLAIN] = "",        [TERM_BOLD] = "\033[1m",    [TERM_DIM] = "\033[2m",
    [TERM_GOOD] = "\033[32m", [TERM_NOTICE] = "\033[33m", [TERM_BAD] = "\033[31m",
};

struct term term_for(FILE *out)
{
    struct term t = {.out = out};
    const char *kind = getenv("TERM");

    if (!isatty(fileno(out)) || str_empty(kind) || str_eq(kind, "dumb"))
        return t;
    t.colour = str_empty(getenv("NO_COLOR"));
    setlocale(LC_CTYPE, "");
    t.unicode = str_eq(nl_langinfo(CODESET), "UTF-8");
    return t;
}

void term_print(const struct term *t, enum term_style style, const char *fmt, ...)
{
    CLEANUP(xfreep) char *s = NULL;
    va_list ap;

    va_start(ap, fmt);
    s = xvasprintf(fmt, ap);
    va_end(ap);
    str_replace_controls(s);
    if (t->colour && style != TERM_PLAIN)
        fprintf(t->out, "%s%s\033[0m", style_codes[style], s);
    else
        fputs(s, t->out);
}

int term_finish(FILE *out)
{
    if (fflush(out) == 0 && !ferror(out))
        return 0;
    fprintf(stderr, "steellb: cannot write the output: %s\n", strerror(errno));
    return CLI_UNREADABLE;
}
