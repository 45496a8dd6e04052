/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/exposition.h"

#include "base/mono.h"

#include <inttypes.h>
#include <string.h>

enum { DIGITS_MAX = 20 };

struct exposition {
    struct text *out;
    const struct metric_family *family;
    bool has_head;
};

/* --- texts: a backslash before what would end them --- */

static void add_escaped(struct text *out, const char *s, const char *special)
{
    for (size_t plain; *s != '\0'; s += plain + 1) {
        plain = strcspn(s, special);
        text_add_n(out, s, plain);
        if (s[plain] == '\0')
            return;
        text_add(out, "\\");
        text_add_n(out, s[plain] == '\n' ? "n" : s + plain, 1);
    }
}

static void add_labels(struct text *out, const struct metric_label *labels)
{
    if (labels->name == NULL)
        return;
    text_add(out, "{");
    for (const struct metric_label *l = labels; l->name != NULL; l++) {
        if (l != labels)
            text_add(out, ",");
        text_add(out, l->name);
        text_add(out, "=\"");
        add_escaped(out, l->value, "\\\"\n");
        text_add(out, "\"");
    }
    text_add(out, "}");
}

/* --- samples --- */

static const char *type_name(enum metric_type type)
{
    switch (type) {
    case METRIC_COUNTER:
        return "counter";
    case METRIC_GAUGE:
        return "gauge";
    }
    return "untyped";
}

static void begin_sample(struct exposition *x, const struct metric_label *labels)
{
    const struct metric_family *f = x->family;

    if (!x->has_head) {
        text_printf(x->out, "# HELP %s ", f->name);
        add_escaped(x->out, f->help, "\\\n");
        text_printf(x->out, "\n# TYPE %s %s\n", f->name, type_name(f->type));
    }
    x->has_head = true;
    text_add(x->out, f->name);
    add_labels(x->out, labels);
}

/* Not printf: there can be tens of thousands of samples in one turn of the loop. */
void exposition_uint_of(struct exposition *x, uint64_t value, const struct metric_label *labels)
{
    char line[DIGITS_MAX + 2], *at = line + sizeof(line);

    begin_sample(x, labels);
    *--at = '\n';
    do
        *--at = (char)('0' + value % 10);
    while ((value /= 10) > 0);
    *--at = ' ';
    text_add_n(x->out, at, (size_t)(line + sizeof(line) - at));
}

void exposition_int_of(struct exposition *x, int64_t value, const struct metric_label *labels)
{
    begin_sample(x, labels);
    text_printf(x->out, " %" PRId64 "\n", value);
}

void exposition_seconds_of(struct exposition *x, int64_t ns, const struct metric_label *labels)
{
    begin_sample(x, labels);
    text_printf(x->out, " %" PRId64 ".%09" PRId64 "\n", ns / NS_PER_SEC, ns % NS_PER_SEC);
}

void exposition_family(struct text *out, const struct metric_family *family, const void *owner)
{
    struct exposition x = {.out = out, .family = family};

    family->emit(&x, family->which, owner);
}
