/* SPDX-License-Identifier: Apache-2.0 */
#include "role/tls_flags.h"

#include "base/mem.h"
#include "base/text.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static const char *const versions[] = {"VersionTLS10", "VersionTLS11", "VersionTLS12",
                                       "VersionTLS13"};

/* What Go's crypto/tls knows, the insecure ones too, and two older names that MetalLB takes. */
static const char *const suites[] = {
    "TLS_AES_128_GCM_SHA256",
    "TLS_AES_256_GCM_SHA384",
    "TLS_CHACHA20_POLY1305_SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305",
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
    "TLS_ECDHE_ECDSA_WITH_RC4_128_SHA",
    "TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256",
    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305",
    "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
    "TLS_ECDHE_RSA_WITH_RC4_128_SHA",
    "TLS_RSA_WITH_3DES_EDE_CBC_SHA",
    "TLS_RSA_WITH_AES_128_CBC_SHA",
    "TLS_RSA_WITH_AES_128_CBC_SHA256",
    "TLS_RSA_WITH_AES_128_GCM_SHA256",
    "TLS_RSA_WITH_AES_256_CBC_SHA",
    "TLS_RSA_WITH_AES_256_GCM_SHA384",
    "TLS_RSA_WITH_RC4_128_SHA",
};

/* Of Go 1.26: P-256, P-384, P-521, X25519, and three with ML-KEM. */
static const long curves[] = {23, 24, 25, 29, 4587, 4588, 4589};

enum { CURVE_MAX = UINT16_MAX };

static bool has_name(const char *const *names, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(names[i], name) == 0)
            return true;
    }
    return false;
}

char *tls_flags_next(char **rest)
{
    char *part = *rest != NULL ? strsep(rest, ",") : NULL;
    size_t len;

    if (part == NULL)
        return NULL;
    while (isspace((unsigned char)*part))
        part++;
    len = strlen(part);
    while (len > 0 && isspace((unsigned char)part[len - 1]))
        part[--len] = '\0';
    return part;
}

static int check_version(const char *version, struct err *err)
{
    if (str_empty(version) || has_name(versions, ARRAY_SIZE(versions), version))
        return 0;
    return err_set(err, -EINVAL, "parsing tls-min-version: unknown tls version \"%s\"", version);
}

/* TLS 1.3 chooses its suites itself: with it the list is checked and has no effect. */
static int check_suites(const char *list, struct err *err)
{
    CLEANUP(xfreep) char *copy = xstrdup(list);
    char *rest = *list != '\0' ? copy : NULL;

    for (char *name; (name = tls_flags_next(&rest)) != NULL;) {
        if (!has_name(suites, ARRAY_SIZE(suites), name))
            return err_set(err, -EINVAL,
                           "parsing tls-cipher-suites: Cipher suite %s not supported or doesn't "
                           "exist",
                           name);
    }
    return 0;
}

/* Go's strconv.ParseUint(s, 10, 16): digits only. */
static bool parse_curve(long *ret, const char *text)
{
    char *end;
    long v;

    if (!isdigit((unsigned char)*text))
        return false;
    errno = 0;
    v = strtol(text, &end, 10);
    if (errno != 0 || *end != '\0' || v > CURVE_MAX)
        return false;
    *ret = v;
    return true;
}

/* -1 when no release that we match knows it. */
static int curve_index(long curve)
{
    for (size_t i = 0; i < ARRAY_SIZE(curves); i++) {
        if (curves[i] == curve)
            return (int)i;
    }
    return -1;
}

static int check_curve(const char *text, unsigned *seen, struct err *err)
{
    long curve;
    int index;

    if (!parse_curve(&curve, text))
        return err_set(err, -EINVAL,
                       "parsing tls-curve-preferences: invalid curve preference \"%s\": must be a "
                       "numeric CurveID (0-65535)",
                       text);
    if (curve == 0)
        return err_set(err, -EINVAL,
                       "parsing tls-curve-preferences: curve preference 0 is out of range (must be "
                       "1-65535)");
    index = curve_index(curve);
    if (index < 0)
        return err_set(err, -EINVAL,
                       "parsing tls-curve-preferences: curve preference %ld is not supported by "
                       "the current Go version",
                       curve);
    if ((*seen & 1u << index) != 0)
        return err_set(err, -EINVAL,
                       "parsing tls-curve-preferences: duplicate curve preference %ld", curve);
    *seen |= 1u << index;
    return 0;
}

static int check_curves(const char *list, struct err *err)
{
    CLEANUP(xfreep) char *copy = xstrdup(list);
    char *rest = *list != '\0' ? copy : NULL;
    unsigned seen = 0;

    for (char *text; (text = tls_flags_next(&rest)) != NULL;) {
        int r = check_curve(text, &seen, err);

        if (r < 0)
            return r;
    }
    return 0;
}

int tls_flags_check(const struct tls_flags *f, struct err *err)
{
    int r = check_version(f->min_version, err);

    if (r == 0)
        r = check_suites(f->cipher_suites, err);
    return r < 0 ? r : check_curves(f->curves, err);
}
