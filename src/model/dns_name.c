/* SPDX-License-Identifier: Apache-2.0 */
#include "model/dns_name.h"

#include <string.h>

static bool is_alnum(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

bool dns_is_subdomain(const char *s, size_t len)
{
    bool at_start = true;

    if (len == 0 || len > DNS_SUBDOMAIN_MAX)
        return false;
    for (size_t i = 0; i < len; i++) {
        bool at_end = i == len - 1 || s[i + 1] == '.';

        if (s[i] == '.' ? at_start : !(is_alnum(s[i]) || (s[i] == '-' && !at_start && !at_end)))
            return false;
        at_start = s[i] == '.';
    }
    return !at_start;
}

bool dns_is_label(const char *s)
{
    size_t len = strlen(s);

    return len <= DNS_LABEL_MAX && strchr(s, '.') == NULL && dns_is_subdomain(s, len);
}
