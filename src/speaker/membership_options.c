/* SPDX-License-Identifier: Apache-2.0 */
#include "speaker/membership_options.h"

#include "base/fd.h"
#include "base/mem.h"
#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FILE_MAX = 1024 * 1024 };

void membership_secret_done(struct membership_secret *s)
{
    if (s->bytes != NULL)
        OPENSSL_cleanse(s->bytes, s->len);
    free(s->bytes);
    *s = (struct membership_secret){0};
}

/* The whole of a small file. *ret has room for FILE_MAX bytes. */
static int read_whole(uint8_t *ret, size_t *ret_len, const char *file)
{
    CLEANUP(fd_closep) int fd = open(file, O_RDONLY | O_CLOEXEC);
    size_t len = 0;

    if (fd < 0)
        return -errno;
    while (len < FILE_MAX) {
        ssize_t n = read(fd, ret + len, FILE_MAX - len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        if (n == 0) {
            *ret_len = len;
            return 0;
        }
        len += (size_t)n;
    }
    return -EFBIG;
}

int membership_secret_read(struct membership_secret *ret, const char *file, struct err *err)
{
    uint8_t *bytes = xmalloc(FILE_MAX);
    size_t len = 0;
    int r = read_whole(bytes, &len, file);

    if (r == 0) {
        ret->bytes = xmalloc(len + 1);
        memcpy(ret->bytes, bytes, len);
        ret->len = len;
    }
    OPENSSL_cleanse(bytes, r == 0 ? len : FILE_MAX); /* after an error it is not known how much */
    free(bytes);
    return r < 0 ? err_set(err, r, "memberlist secret %s: %s", file, strerror(-r)) : 0;
}

int membership_secret_read_in(struct membership_secret *ret, const char *folder, struct err *err)
{
    CLEANUP(xfreep) char *file = xasprintf("%s/secretkey", folder);

    return membership_secret_read(ret, file, err);
}

int membership_profile_read(struct gossip_profile *ret, const char *file, bool wan, struct err *err)
{
    CLEANUP(xfreep) uint8_t *bytes = xmalloc(FILE_MAX);
    size_t len = 0;
    int r = read_whole(bytes, &len, file);

    if (r == -ENOENT || r == -ENOTDIR) {
        *ret = wan ? gossip_profile_wan() : gossip_profile_lan();
        return 0;
    }
    if (r < 0)
        return err_set(err, r, "memberlist config file %s: %s", file, strerror(-r));
    return gossip_profile_parse(ret, (const char *)bytes, len, err);
}

/* The port behind the last colon, if that colon is not part of an IPv6 address. */
static char *port_in(char *text)
{
    char *colon = strrchr(text, ':');

    if (colon == NULL || (text[0] != '[' && strchr(text, ':') != colon))
        return NULL;
    if (text[0] == '[' && (colon == text || colon[-1] != ']'))
        return NULL;
    return colon;
}

static bool port_parse(uint16_t *ret, const char *text)
{
    char *end;
    long v;

    errno = 0;
    v = strtol(text, &end, 10);
    if (errno != 0 || text[0] < '0' || text[0] > '9' || *end != '\0' || v < 1 || v > UINT16_MAX)
        return false;
    *ret = (uint16_t)v;
    return true;
}

int membership_addr_parse(struct gossip_addr *ret, const char *text, uint16_t default_port,
                          struct err *err)
{
    CLEANUP(xfreep) char *copy = xstrdup(text);
    struct gossip_addr a = {.port = default_port};
    char *host = copy, *port = port_in(copy);
    size_t len;

    if (port != NULL) {
        *port = '\0';
        if (!port_parse(&a.port, port + 1))
            return err_set(err, -EINVAL, "%s: the port must be from 1 to 65535", text);
    }
    len = strlen(host);
    if (host[0] == '[' && host[len - 1] == ']') {
        host[len - 1] = '\0';
        host++;
    }
    if (!ip_parse(&a.ip, host))
        return err_set(err, -EINVAL, "%s: not an IP address, or one with :PORT", text);
    *ret = a;
    return 0;
}

int membership_addrs_parse(struct gossip_addr **ret, size_t *ret_count, const char *text,
                           uint16_t default_port, struct err *err)
{
    CLEANUP(xfreep) char *copy = xstrdup(text);
    CLEANUP(xfreep) struct gossip_addr *addrs = NULL;
    size_t count = 0;
    char *rest = copy, *word;

    while ((word = strsep(&rest, ",")) != NULL) {
        int r;

        if (str_empty(word))
            continue;
        addrs = xreallocarray(addrs, count + 1, sizeof(*addrs));
        r = membership_addr_parse(&addrs[count], word, default_port, err);
        if (r < 0)
            return r;
        count++;
    }
    *ret = TAKE(addrs);
    *ret_count = count;
    return 0;
}
