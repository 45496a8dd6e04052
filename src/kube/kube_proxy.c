/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/kube_proxy.h"

#include "base/ip.h"
#include "base/mem.h"
#include "base/text.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

struct target {
    const char *host;
    char port[8];
    bool is_ip;
    struct ip ip;
};

static bool is_loopback(const struct target *t)
{
    struct ip v6_loopback;

    if (!t->is_ip)
        return strcasecmp(t->host, "localhost") == 0;
    if (t->ip.family == IP_V4)
        return ip_to_v4(t->ip) >> 24 == 127;
    return ip_parse(&v6_loopback, "::1") && ip_eq(t->ip, v6_loopback);
}

/* `name` with a dot in front: all below; without: it too. */
static bool domain_matches(const char *name, const char *host)
{
    size_t name_len, host_len = strlen(host);
    bool itself;

    if (name[0] == '*' && name[1] == '.')
        name++;
    itself = *name != '.';
    name_len = strlen(name);
    if (itself && strcasecmp(name, host) == 0)
        return true;
    if (host_len <= name_len || strcasecmp(host + host_len - name_len, name) != 0)
        return false;
    return !itself || host[host_len - name_len - 1] == '.';
}

/* Cuts ":port" off and returns the port, or NULL without; takes brackets away. */
static const char *split_port(char **entry)
{
    char *text = *entry, *colon = strrchr(text, ':');

    if (*text == '[') {
        char *end = strchr(text, ']');

        if (end == NULL)
            return NULL;
        *entry = text + 1;
        *end = '\0';
        return end[1] == ':' ? end + 2 : NULL;
    }
    if (colon == NULL || strchr(text, ':') != colon)
        return NULL; /* several: an IPv6 address */
    *colon = '\0';
    return colon + 1;
}

static bool entry_matches(char *entry, const struct target *t)
{
    struct prefix prefix;
    const char *port;
    struct ip ip;

    if (str_eq(entry, "*"))
        return true;
    if (prefix_parse(&prefix, entry))
        return t->is_ip && prefix_contains(prefix, t->ip);
    port = split_port(&entry);
    if (*entry == '\0' || (port != NULL && *port != '\0' && !str_eq(port, t->port)))
        return false;
    if (ip_parse(&ip, entry))
        return t->is_ip && ip_eq(ip, t->ip);
    return domain_matches(entry, t->host);
}

static char *trim(char *text)
{
    size_t len;

    while (isspace((unsigned char)*text))
        text++;
    for (len = strlen(text); len > 0 && isspace((unsigned char)text[len - 1]); len--)
        text[len - 1] = '\0';
    return text;
}

bool kube_no_proxy(const char *no_proxy, const char *host, uint16_t port)
{
    CLEANUP(xfreep) char *list = xstrdup(no_proxy);
    struct target t = {.host = host};
    char *rest = list, *entry;

    (void)snprintf(t.port, sizeof(t.port), "%u", port); /* it fits */
    t.is_ip = ip_parse(&t.ip, host);
    if (is_loopback(&t))
        return true;
    while ((entry = strsep(&rest, ",")) != NULL) {
        entry = trim(entry);
        if (*entry != '\0' && entry_matches(entry, &t))
            return true;
    }
    return false;
}
