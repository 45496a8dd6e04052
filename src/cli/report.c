/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/report.h"

#include "speaker/json_text.h"

#include <string.h>

enum { NAMES_SHOWN = 5 };

void report_one_line(struct text *t, const char *s)
{
    for (; *s != '\0'; s++) {
        if (*s == '\n')
            text_add(t, "; ");
        else
            text_add_n(t, s, 1);
    }
}

void report_fault(struct text *t, const struct fault *f)
{
    if (!str_empty(f->kind)) {
        text_printf(t, "%s ", f->kind);
        if (!str_empty(f->namespace))
            text_printf(t, "%s/", f->namespace);
        text_printf(t, "%s: ", f->name);
    }
    report_one_line(t, f->message);
}

static void report_list(const struct term *t, const struct fault_list *list, enum term_style style,
                        const char *word)
{
    for (size_t i = 0; i < list->count; i++) {
        CLEANUP(text_done) struct text line = {0};

        report_fault(&line, &list->items[i]);
        term_print(t, style, "%s:", word);
        term_print(t, TERM_PLAIN, " %s\n", text_str(&line));
    }
}

void report_faults(const struct term *t, const struct fault_list *faults)
{
    report_list(t, faults, TERM_BAD, "error");
}

void report_warnings(const struct term *t, const struct fault_list *warnings)
{
    report_list(t, warnings, TERM_NOTICE, "warning");
}

void report_count(struct text *t, size_t n, const char *one, const char *many)
{
    text_printf(t, "%zu %s", n, n == 1 ? one : many);
}

void report_names(struct text *t, const char *const *names, size_t count)
{
    size_t shown = count > NAMES_SHOWN + 1 ? NAMES_SHOWN : count;

    for (size_t i = 0; i < shown; i++)
        text_printf(t, "%s%s", i > 0 ? ", " : "", names[i]);
    if (shown < count)
        text_printf(t, " and %zu more", count - shown);
}

void report_ips(struct text *t, const struct ip *ips, size_t count)
{
    for (size_t i = 0; i < count; i++)
        text_printf(t, "%s%s", i > 0 ? ", " : "", ip_format(ips[i]).s);
}

void report_json_put(json_t *object, const char *key, const char *s)
{
    json_object_set_new_nocheck(object, key, json_text(s));
}

json_t *report_json_faults(const struct fault_list *list)
{
    json_t *array = json_array();

    for (size_t i = 0; i < list->count; i++) {
        const struct fault *f = &list->items[i];
        json_t *o = json_object();

        report_json_put(o, "kind", f->kind);
        report_json_put(o, "namespace", f->namespace);
        report_json_put(o, "name", f->name);
        report_json_put(o, "message", f->message);
        json_array_append_new(array, o);
    }
    return array;
}

json_t *report_json_ips(const struct ip *ips, size_t count)
{
    json_t *array = json_array();

    for (size_t i = 0; i < count; i++)
        json_array_append_new(array, json_string(ip_format(ips[i]).s));
    return array;
}

static int add_piece(const char *piece, size_t len, void *arg)
{
    text_add_n(arg, piece, len);
    return 0;
}

/* jansson writes a few bytes at a time: one write for the whole value takes a tenth off a large
 * plan. */
void report_json_dump_take(FILE *out, json_t *value)
{
    CLEANUP(text_done) struct text whole = {0};

    (void)json_dump_callback(value, add_piece, &whole, JSON_ENCODE_ANY); /* add_piece cannot fail */
    fputs(text_str(&whole), out); /* a failed write is found by term_finish */
    json_decref(value);
}
