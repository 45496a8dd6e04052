/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/kube_url.h"

#include "base/ip.h"
#include "base/text.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static char *lower(char *text)
{
    for (char *p = text; *p != '\0'; p++)
        *p = (char)tolower((unsigned char)*p);
    return text;
}

/* Nothing outside printable ASCII: such a text would end up in the head of a request. */
static bool is_plain(const char *text)
{
    for (const char *p = text; *p != '\0'; p++) {
        if (*p <= ' ' || *p >= 0x7f)
            return false;
    }
    return true;
}

/* In place. False for a '%' without two digits, and for control characters. */
static bool percent_decode(char *text)
{
    char *to = text;

    for (const char *p = text; *p != '\0'; p++) {
        int c = (unsigned char)*p;

        if (c == '%') {
            int high = hex_digit(p[1]);
            int low = high < 0 ? -1 : hex_digit(p[2]);

            if (low < 0)
                return false;
            c = high * 16 + low;
            p += 2;
        }
        if (c < ' ' || c == 0x7f)
            return false;
        *to++ = (char)c;
    }
    *to = '\0';
    return true;
}

static bool parse_port(uint16_t *ret, const char *text)
{
    unsigned long port = 0;

    if (*text == '\0' || strlen(text) > 5)
        return false;
    for (const char *p = text; *p != '\0'; p++) {
        if (!isdigit((unsigned char)*p))
            return false;
        port = port * 10 + (unsigned long)(*p - '0');
    }
    if (port == 0 || port > UINT16_MAX)
        return false;
    *ret = (uint16_t)port;
    return true;
}

static bool is_host_name(const char *text)
{
    if (*text == '\0')
        return false;
    for (const char *p = text; *p != '\0'; p++) {
        if (!isalnum((unsigned char)*p) && strchr("-._", *p) == NULL)
            return false;
    }
    return true;
}

/* "host", "host:port", "[v6]", "[v6]:port". */
static bool parse_host_port(struct kube_url *url, char *text)
{
    char *end = NULL;
    struct ip ip;

    if (*text == '[') {
        end = strchr(text, ']');
        if (end == NULL)
            return false;
        *end++ = '\0';
        url->host = lower(text + 1);
        if (strchr(url->host, ':') == NULL || !ip_parse(&ip, url->host))
            return false;
        return *end == '\0' || (*end == ':' && parse_port(&url->port, end + 1));
    }
    end = strchr(text, ':');
    if (end != NULL) {
        *end = '\0';
        if (!parse_port(&url->port, end + 1))
            return false;
    }
    url->host = lower(text);
    return is_host_name(url->host);
}

static bool parse_authority(struct kube_url *url, char *text)
{
    char *at = strrchr(text, '@');

    if (at != NULL) {
        *at = '\0';
        if (!percent_decode(text))
            return false;
        url->userinfo = text;
        text = at + 1;
    }
    return parse_host_port(url, text);
}

char *kube_host_port(const char *host, uint16_t port)
{
    return xasprintf(strchr(host, ':') != NULL ? "[%s]:%u" : "%s:%u", host, port);
}

const char *kube_url_shown(struct arena *a, const char *text)
{
    const char *at = strrchr(text, '@'), *authority = strstr(text, "://");
    size_t kept = authority != NULL && authority < at ? (size_t)(authority - text) + 3 : 0;

    return at == NULL ? text : arena_printf(a, "%.*s...%s", (int)kept, text, at);
}

int kube_url_parse(struct kube_url *ret, struct arena *a, const char *text, struct err *err)
{
    char *copy = arena_strdup(a, text);
    char *authority = strstr(copy, "://");
    struct kube_url url = {.userinfo = "", .path = ""};
    char *path;

    if (authority == NULL || authority == copy)
        return err_set(err, -EINVAL, "no scheme");
    if (!is_plain(copy))
        return err_set(err, -EINVAL, "blanks or characters outside ASCII");
    if (strpbrk(copy, "?#") != NULL)
        return err_set(err, -EINVAL, "a query or a fragment");
    *authority = '\0';
    authority += 3;
    url.scheme = lower(copy);
    path = strchr(authority, '/');
    if (path != NULL) {
        url.path = arena_strdup(a, path);
        *path = '\0';
        for (char *end = strrchr(url.path, '/'); end != NULL && end[1] == '\0';
             end = strrchr(url.path, '/'))
            *end = '\0';
    }
    if (!parse_authority(&url, authority))
        return err_set(err, -EINVAL, "bad host or port");
    *ret = url;
    return 0;
}
