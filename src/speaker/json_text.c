/* SPDX-License-Identifier: Apache-2.0 */
#include "speaker/json_text.h"

#include "base/mem.h"

json_t *json_text(const char *s)
{
    json_t *v = json_string(s);
    CLEANUP(xfreep) char *plain = NULL;

    if (v != NULL)
        return v;
    plain = xstrdup(s);
    for (char *p = plain; *p != '\0'; p++) {
        if ((unsigned char)*p >= 0x80)
            *p = '?';
    }
    return json_string(plain);
}
