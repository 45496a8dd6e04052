/* SPDX-License-Identifier: Apache-2.0 */
/* What NOTIFICATIONs say: their names, and texts for people (RFC 9003, RFC 8538). */
#include "bgp/bgp_wire.h"

#include "base/macro.h"

#include <string.h>

/* Of data that is no text, a log shows so many bytes. */
enum { DATA_SHOWN = 32 };

struct bgp_error bgp_error_of(uint8_t code, uint8_t subcode)
{
    return (struct bgp_error){.code = code, .subcode = subcode};
}

/* --- texts --- */

/* The first character that needs a UTF-8 form of so many bytes. */
static const uint32_t first_of_len[] = {0, 0, 0x80, 0x800, 0x10000};

/* What the first byte of a character says of its length; 0: none can begin so. */
static size_t utf8_len_said(uint8_t first)
{
    if (first < 0x80)
        return 1;
    if (first >> 5 == 6)
        return 2;
    if (first >> 4 == 14)
        return 3;
    return first >> 3 == 30 ? 4 : 0;
}

/* Of the valid character at `s`: shortest form, no surrogate; 0 when there is none. */
static size_t utf8_len(const uint8_t *s, size_t left)
{
    size_t n = utf8_len_said(s[0]);
    uint32_t v = s[0] & 0x7fU >> n;

    if (n < 2)
        return n;
    if (n > left)
        return 0;
    for (size_t i = 1; i < n; i++) {
        if (s[i] >> 6 != 2)
            return 0;
        v = v << 6 | (s[i] & 0x3f);
    }
    return v < first_of_len[n] || v > 0x10ffff || (v >= 0xd800 && v <= 0xdfff) ? 0 : n;
}

static bool is_control(const uint8_t *s, size_t len)
{
    return (len == 1 && (s[0] < 0x20 || s[0] == 0x7f)) ||
           (len == 2 && s[0] == 0xc2 && s[1] < 0xa0); /* U+0080 to U+009F */
}

/*
 * Copies whole characters while they fit; '?' stands for each control character and each byte that
 * is not UTF-8. Returns the length.
 */
static size_t copy_text(uint8_t *to, size_t room, const uint8_t *from, size_t len)
{
    size_t at = 0, used = 0;

    while (at < len) {
        size_t n = utf8_len(from + at, len - at);
        bool good = n > 0 && !is_control(from + at, n);
        size_t n_out = good ? n : 1;

        if (used + n_out > room)
            break;
        if (good)
            memcpy(to + used, from + at, n);
        else
            to[used] = '?';
        used += n_out;
        at += n > 0 ? n : 1;
    }
    return used;
}

/* RFC 9003 2: no other NOTIFICATION carries one. */
static bool carries_text(uint8_t code, uint8_t subcode)
{
    return code == BGP_ERR_CEASE && (subcode == BGP_CEASE_SHUTDOWN || subcode == BGP_CEASE_RESET);
}

struct bgp_error bgp_error_cease(uint8_t subcode, const char *text, bool hard)
{
    struct bgp_error e = bgp_error_of(BGP_ERR_CEASE, hard ? BGP_CEASE_HARD_RESET : subcode);
    struct wr w = wr_to(e.data, sizeof(e.data));
    uint8_t clean[BGP_TEXT_MAX];

    if (hard) {
        wr_u8(&w, BGP_ERR_CEASE);
        wr_u8(&w, subcode);
    }
    if (carries_text(BGP_ERR_CEASE, subcode) && !str_empty(text)) {
        size_t len = copy_text(clean, sizeof(clean), (const uint8_t *)text, strlen(text));

        wr_u8(&w, (uint8_t)len);
        wr_bytes(&w, clean, len);
    }
    e.data_len = (uint16_t)w.len;
    return e;
}

/* --- names --- */

struct name {
    uint8_t code, subcode; /* subcode 0: also that of a subcode without a name */
    const char *name;
};

/* RFC 4271 4.5, 6608, 4486, 5492, 7313, 8538, 9234, 9384, 9687 */
static const struct name names[] = {
    {BGP_ERR_HEADER, 0, "message header error"},
    {BGP_ERR_HEADER, 1, "connection not synchronised"},
    {BGP_ERR_HEADER, 2, "bad message length"},
    {BGP_ERR_HEADER, 3, "bad message type"},
    {BGP_ERR_OPEN, 0, "OPEN message error"},
    {BGP_ERR_OPEN, 1, "unsupported version number"},
    {BGP_ERR_OPEN, 2, "bad peer AS"},
    {BGP_ERR_OPEN, 3, "bad BGP identifier"},
    {BGP_ERR_OPEN, 4, "unsupported optional parameter"},
    {BGP_ERR_OPEN, 5, "authentication failure"},
    {BGP_ERR_OPEN, 6, "unacceptable hold time"},
    {BGP_ERR_OPEN, 7, "unsupported capability"},
    {BGP_ERR_OPEN, 11, "role mismatch"},
    {BGP_ERR_UPDATE, 0, "UPDATE message error"},
    {BGP_ERR_UPDATE, 1, "malformed attribute list"},
    {BGP_ERR_UPDATE, 2, "unrecognised well-known attribute"},
    {BGP_ERR_UPDATE, 3, "missing well-known attribute"},
    {BGP_ERR_UPDATE, 4, "attribute flags error"},
    {BGP_ERR_UPDATE, 5, "attribute length error"},
    {BGP_ERR_UPDATE, 6, "invalid ORIGIN attribute"},
    {BGP_ERR_UPDATE, 7, "AS routing loop"},
    {BGP_ERR_UPDATE, 8, "invalid NEXT_HOP attribute"},
    {BGP_ERR_UPDATE, 9, "optional attribute error"},
    {BGP_ERR_UPDATE, 10, "invalid network field"},
    {BGP_ERR_UPDATE, 11, "malformed AS_PATH"},
    {BGP_ERR_HOLD, 0, "hold timer expired"},
    {BGP_ERR_FSM, 0, "finite state machine error"},
    {BGP_ERR_FSM, 1, "unexpected message in OpenSent"},
    {BGP_ERR_FSM, 2, "unexpected message in OpenConfirm"},
    {BGP_ERR_FSM, 3, "unexpected message in Established"},
    {BGP_ERR_CEASE, 0, "cease"},
    {BGP_ERR_CEASE, BGP_CEASE_PREFIXES, "maximum number of prefixes reached"},
    {BGP_ERR_CEASE, BGP_CEASE_SHUTDOWN, "administrative shutdown"},
    {BGP_ERR_CEASE, BGP_CEASE_DECONFIGURED, "peer deconfigured"},
    {BGP_ERR_CEASE, BGP_CEASE_RESET, "administrative reset"},
    {BGP_ERR_CEASE, BGP_CEASE_REJECTED, "connection rejected"},
    {BGP_ERR_CEASE, BGP_CEASE_CHANGED, "other configuration change"},
    {BGP_ERR_CEASE, BGP_CEASE_COLLISION, "connection collision resolution"},
    {BGP_ERR_CEASE, BGP_CEASE_RESOURCES, "out of resources"},
    {BGP_ERR_CEASE, BGP_CEASE_HARD_RESET, "hard reset"},
    {BGP_ERR_CEASE, BGP_CEASE_BFD_DOWN, "BFD down"},
    {BGP_ERR_REFRESH, 0, "ROUTE-REFRESH message error"},
    {BGP_ERR_REFRESH, 1, "invalid message length"},
    {BGP_ERR_SEND_HOLD, 0, "send hold timer expired"},
};

static const char *name_of(uint8_t code, uint8_t subcode)
{
    const char *found = "unknown";

    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        if (names[i].code != code)
            continue;
        if (names[i].subcode == subcode)
            return names[i].name;
        if (names[i].subcode == 0)
            found = names[i].name;
    }
    return found;
}

/* --- printing --- */

static void print_number(struct text *t, uint8_t code, uint8_t subcode)
{
    text_printf(t, "0x%02x%02x (%s)", code, subcode, name_of(code, subcode));
}

static void print_data(struct text *t, struct rd data)
{
    if (data.left == 0)
        return;
    text_add(t, ": data ");
    for (size_t i = 0; i < DATA_SHOWN && data.left > 0; i++)
        text_printf(t, "%02x", rd_u8(&data));
    if (data.left > 0)
        text_add(t, "...");
}

static void print_text(struct text *t, struct rd data)
{
    struct rd r = data;
    size_t len = rd_u8(&r);
    uint8_t chars[BGP_TEXT_MAX], clean[BGP_TEXT_MAX];

    rd_copy(&r, chars, len);
    if (r.bad) { /* RFC 9003 2: what claims to be longer than it is, is no text */
        print_data(t, data);
        return;
    }
    if (len == 0)
        return;
    text_add(t, ": ");
    text_add_n(t, (const char *)clean, copy_text(clean, sizeof(clean), chars, len));
}

void bgp_error_print(struct text *t, const struct bgp_error *e)
{
    struct rd data = rd_from(e->data, e->data_len);
    uint8_t code = e->code, subcode = e->subcode;

    print_number(t, code, subcode);
    if (code == BGP_ERR_CEASE && subcode == BGP_CEASE_HARD_RESET && data.left >= 2) {
        code = rd_u8(&data);
        subcode = rd_u8(&data);
        text_add(t, ": ");
        print_number(t, code, subcode);
    }
    if (carries_text(code, subcode))
        print_text(t, data);
    else
        print_data(t, data);
}
