/* SPDX-License-Identifier: Apache-2.0 */
#include "ra/ra_wire.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { INPUT_MAX = 64 };

static const struct {
    const char *name;
    size_t len;
    uint8_t bytes[INPUT_MAX];
    int want;
    struct ra_message message;
} inputs[] = {
    {"advertisement", 16, {134, 0, 0, 0, 64, 0, 0, 30}, 0, {RA_ADVERTISEMENT, 30, false}},
    {"lifetime 0", 16, {134, 0, 9, 9, 64, 0xff}, 0, {RA_ADVERTISEMENT, 0, false}},
    {"long lifetime", 16, {[0] = 134, [6] = 0xff, 0xff}, 0, {RA_ADVERTISEMENT, 65535, false}},
    {"MAC", 24, {[0] = 134, [16] = 1, 1, 2, 0, 0, 0, 0, 9}, 0, {RA_ADVERTISEMENT, 0, true}},
    {"MTU, then MAC", 32, {[0] = 134, [16] = 5, 1, [24] = 1, 1}, 0, {RA_ADVERTISEMENT, 0, true}},
    {"prefix, unknown option",
     56,
     {[0] = 134, [16] = 3, 4, [48] = 253, 1},
     0,
     {RA_ADVERTISEMENT, 0, false}},
    {"solicitation", 8, {133}, 0, {RA_SOLICITATION, 0, false}},
    {"solicitation, reserved is ignored",
     8,
     {133, 0, 0, 0, 1, 2, 3, 4},
     0,
     {RA_SOLICITATION, 0, false}},
    {"solicitation with MAC", 16, {[0] = 133, [8] = 1, 1}, 0, {RA_SOLICITATION, 0, true}},

    {"nothing", 0, {0}, -EBADMSG, {0}},
    {"neighbour solicitation", 24, {135}, -ENOMSG, {0}},
    {"code", 16, {134, 1}, -EBADMSG, {0}},
    {"solicitation with code", 8, {133, 1}, -EBADMSG, {0}},
    {"too short", 15, {134}, -EBADMSG, {0}},
    {"solicitation too short", 7, {133}, -EBADMSG, {0}},
    {"option of length 0", 24, {[0] = 134, [16] = 1, 0}, -EBADMSG, {0}},
    {"option beyond the end", 24, {[0] = 134, [16] = 1, 2}, -EBADMSG, {0}},
    {"option without length", 17, {[0] = 134, [16] = 1}, -EBADMSG, {0}},
    {"solicitation, option of length 0", 16, {[0] = 133, [8] = 1, 0}, -EBADMSG, {0}},
};

static void reads(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(inputs); i++) {
        struct ra_message m = {.lifetime_s = 4711};

        if (ra_read(&m, inputs[i].bytes, inputs[i].len) != inputs[i].want)
            fail_msg("%s: another result", inputs[i].name);
        if (inputs[i].want < 0 && m.lifetime_s != 4711)
            fail_msg("%s: written on failure", inputs[i].name);
        if (inputs[i].want == 0 &&
            (m.kind != inputs[i].message.kind || m.lifetime_s != inputs[i].message.lifetime_s ||
             m.has_source_mac != inputs[i].message.has_source_mac))
            fail_msg("%s: another message", inputs[i].name);
    }
}

static const uint8_t mac[RA_MAC_LEN] = {2, 0, 0, 0, 0, 0x17};

static const struct {
    const char *name;
    enum ra_kind kind;
    const uint8_t *mac;
    size_t len;
    uint8_t bytes[RA_WRITE_MAX];
} outputs[] = {
    {"advertisement", RA_ADVERTISEMENT, mac, 24, {134, 0, 0, 0, 64, 0, 0, 0, 0, 0, 0, 0,
                                                  0,   0, 0, 0, 1,  1, 2, 0, 0, 0, 0, 0x17}},
    {"advertisement without MAC", RA_ADVERTISEMENT, NULL, 16, {134, 0, 0, 0, 64}},
    {"solicitation", RA_SOLICITATION, mac, 16, {133, [8] = 1, 1, 2, 0, 0, 0, 0, 0x17}},
    {"solicitation without MAC", RA_SOLICITATION, NULL, 8, {133}},
};

static void writes_what_can_be_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(outputs); i++) {
        uint8_t bytes[RA_WRITE_MAX];
        size_t len = ra_write(bytes, outputs[i].kind, outputs[i].mac);
        struct ra_message m;

        if (len != outputs[i].len || memcmp(bytes, outputs[i].bytes, len) != 0)
            fail_msg("%s: other bytes", outputs[i].name);
        if (ra_read(&m, bytes, len) != 0 || m.kind != outputs[i].kind || m.lifetime_s != 0 ||
            m.has_source_mac != (outputs[i].mac != NULL))
            fail_msg("%s: is read as another", outputs[i].name);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads),
        cmocka_unit_test(writes_what_can_be_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
