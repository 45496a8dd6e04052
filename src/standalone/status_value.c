/* SPDX-License-Identifier: Apache-2.0 */
#include "standalone/status_value.h"

const char *value_text(const json_t *object, const char *key)
{
    const char *s = json_string_value(json_object_get(object, key));

    return s != NULL ? s : "";
}

long long value_number(const json_t *object, const char *key)
{
    return json_integer_value(json_object_get(object, key));
}

void value_add_names(struct text *out, const json_t *array, const char *when_empty)
{
    const json_t *name;
    size_t i;

    if (json_array_size(array) == 0)
        text_add(out, when_empty);
    json_array_foreach(array, i, name)
        text_printf(out, "%s%s", i > 0 ? "," : "", json_string_value(name));
}
