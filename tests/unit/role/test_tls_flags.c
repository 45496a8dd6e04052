/* SPDX-License-Identifier: Apache-2.0 */
/* The table of spec api-and-config 6.5 with the corrections of changes-0.16.2 9. */
#include "role/tls_flags.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define SUITE "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"
#define CURVE "parsing tls-curve-preferences: "

static const struct {
    const char *name, *version, *suites, *curves;
    const char *want; /* NULL: accepted */
} rows[] = {
    {"nothing", "", "", "", NULL},
    {"oldest", "VersionTLS10", "", "", NULL},
    {"newest", "VersionTLS13", "", "", NULL},
    {"no name", "1.3", "", "", "parsing tls-min-version: unknown tls version \"1.3\""},
    {"case", "versiontls12", "", "",
     "parsing tls-min-version: unknown tls version \"versiontls12\""},
    {"suite", "VersionTLS12", SUITE, "", NULL},
    {"suite with 1.3", "VersionTLS13", SUITE, "", NULL},
    {"suite with the default", "", SUITE, "", NULL},
    {"blanks", "", " " SUITE " , TLS_AES_128_GCM_SHA256", "", NULL},
    {"insecure", "VersionTLS12", "TLS_RSA_WITH_RC4_128_SHA", "", NULL},
    {"old name", "VersionTLS12", "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305", "", NULL},
    {"unknown suite", "", SUITE ",FOO", "",
     "parsing tls-cipher-suites: Cipher suite FOO not supported or doesn't exist"},
    {"empty part", "", SUITE ",", "",
     "parsing tls-cipher-suites: Cipher suite  not supported or doesn't exist"},
    {"curves", "", "", "29, 23,24,25", NULL},
    {"hybrids", "", "", "4588,4587,4589", NULL},
    {"no number", "", "", "X25519",
     CURVE "invalid curve preference \"X25519\": must be a numeric CurveID (0-65535)"},
    {"sign", "", "", "-1",
     CURVE "invalid curve preference \"-1\": must be a numeric CurveID (0-65535)"},
    {"too large", "", "", "65536",
     CURVE "invalid curve preference \"65536\": must be a numeric CurveID (0-65535)"},
    {"zero", "", "", "0", CURVE "curve preference 0 is out of range (must be 1-65535)"},
    {"twice", "", "", "29,29", CURVE "duplicate curve preference 29"},
    {"unknown curve", "", "", "1",
     CURVE "curve preference 1 is not supported by the current Go version"},
};

static void checks_as_metallb(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        CLEANUP(err_done) struct err err = {0};
        const struct tls_flags flags = {rows[i].version, rows[i].suites, rows[i].curves};
        int r = tls_flags_check(&flags, &err);

        if ((r < 0) != (rows[i].want != NULL))
            fail_msg("%s: %d %s", rows[i].name, r, err_text(&err));
        if (r < 0 && strcmp(err_text(&err), rows[i].want) != 0)
            fail_msg("%s: %s", rows[i].name, err_text(&err));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(checks_as_metallb)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
