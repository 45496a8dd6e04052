/* SPDX-License-Identifier: Apache-2.0 */
#include "role/log_flags.h"

#include "base/log.h"
#include "base/text.h"

#include <stdio.h>

int log_flags_apply(const char *level, const char *format)
{
    enum log_level parsed = LOG_DEBUG; /* "all" */
    bool silent = str_eq(level, "none");

    if (!silent && !str_eq(level, "all") && !log_parse_level(&parsed, level)) {
        printf("failed to initialize logging: failed to parse log level: %s\n", level);
        return -1;
    }
    if (!str_eq(format, "json") && !str_eq(format, "text")) {
        printf("failed to initialize logging: --log-format is json or text, not \"%s\"\n", format);
        return -1;
    }
    log_set_format(str_eq(format, "json") ? LOG_FORMAT_JSON : LOG_FORMAT_TEXT);
    log_set_level(parsed);
    if (silent)
        log_set_silent();
    return 0;
}
