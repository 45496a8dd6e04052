/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages of a peer, one behind the other. What an OPEN says must be the same once it is written
 * and read again; what an UPDATE counts must fit into it; every error must print.
 */
#include "fuzz.h"

#include "base/macro.h"
#include "bgp/bgp_wire.h"

#include <stdlib.h>
#include <string.h>

static void require(bool ok)
{
    if (!ok)
        abort();
}

static void check_error(const struct bgp_error *e)
{
    CLEANUP(text_done) struct text t = {0};
    uint8_t bytes[BGP_HEADER_LEN + 2 + BGP_ERROR_DATA_MAX];
    struct wr w = wr_to(bytes, sizeof(bytes));
    struct bgp_error again;
    struct bgp_header h;
    struct bgp_error bad;

    bgp_error_print(&t, e);
    for (size_t i = 0; i < t.len; i++)
        require((uint8_t)t.chars[i] >= ' ' && t.chars[i] != 0x7f);
    bgp_notification_write(&w, e);
    require(!w.bad && bgp_header_read(&h, bytes, false, &bad));
    require(h.type == BGP_NOTIFICATION && h.len == w.len);
    bgp_notification_read(&again, bytes + BGP_HEADER_LEN, w.len - BGP_HEADER_LEN);
    require(again.code == e->code && again.subcode == e->subcode);
    require(again.data_len == e->data_len && memcmp(again.data, e->data, e->data_len) == 0);
}

static bool same_graceful(const struct bgp_capabilities *a, const struct bgp_capabilities *b)
{
    for (int f = 0; f < BGP_FAMILIES; f++) {
        if (a->graceful_family[f] != b->graceful_family[f] || a->forwarding[f] != b->forwarding[f])
            return false;
    }
    return a->graceful == b->graceful && a->restarting == b->restarting &&
           a->with_notification == b->with_notification && a->restart_s == b->restart_s;
}

static bool same(const struct bgp_open *x, const struct bgp_open *y)
{
    const struct bgp_capabilities *a = &x->caps, *b = &y->caps;

    return x->asn == y->asn && x->hold_s == y->hold_s && x->id == y->id && a->as4 == b->as4 &&
           a->asn == b->asn && a->family[BGP_IPV4] == b->family[BGP_IPV4] &&
           a->family[BGP_IPV6] == b->family[BGP_IPV6] && a->refresh == b->refresh &&
           a->enhanced_refresh == b->enhanced_refresh && a->v4_over_v6 == b->v4_over_v6 &&
           a->extended_message == b->extended_message && same_graceful(a, b) &&
           strcmp(a->hostname, b->hostname) == 0;
}

static void check_open(const uint8_t *body, size_t len)
{
    uint8_t bytes[BGP_HEADER_LEN + 10 + 255];
    struct wr w = wr_to(bytes, sizeof(bytes));
    struct bgp_open o, again;
    struct bgp_error e;

    if (!bgp_open_read(&o, body, len, &e)) {
        require(e.code == BGP_ERR_OPEN);
        check_error(&e);
        return;
    }
    require(o.asn != 0 && o.id != 0 && o.hold_s != 1 && o.hold_s != 2);
    require(o.caps.as4 || o.asn <= UINT16_MAX);
    bgp_open_write(&w, &o);
    require(!w.bad);
    require(bgp_open_read(&again, bytes + BGP_HEADER_LEN, w.len - BGP_HEADER_LEN, &e));
    require(same(&o, &again));
}

static void check_update(const uint8_t *body, size_t len, bool as4, bool ibgp)
{
    struct bgp_update_sum sum;
    struct bgp_error e;
    enum bgp_update_verdict v = bgp_update_check(&sum, body, len, as4, ibgp, &e);
    size_t total = 0;

    require((sum.problem == NULL) == (v == BGP_UPDATE_GOOD));
    for (int f = 0; f < BGP_FAMILIES; f++) {
        total += sum.announced[f] + sum.withdrawn[f];
        require(!sum.end_of_rib[f] || v == BGP_UPDATE_GOOD);
        require(v < BGP_UPDATE_AS_WITHDRAW || sum.announced[f] == 0);
    }
    require(total <= len);
    if (v == BGP_UPDATE_RESET) {
        require(e.code == BGP_ERR_UPDATE && total == 0);
        check_error(&e);
    }
}

static void check_body(const struct bgp_header *h, const uint8_t *body, size_t len)
{
    struct bgp_error e;
    struct bgp_refresh refresh;

    switch (h->type) {
    case BGP_OPEN:
        check_open(body, len);
        return;
    case BGP_UPDATE:
        check_update(body, len, true, true);
        check_update(body, len, true, false);
        check_update(body, len, false, true);
        check_update(body, len, false, false);
        return;
    case BGP_NOTIFICATION:
        bgp_notification_read(&e, body, len);
        check_error(&e);
        return;
    case BGP_KEEPALIVE:
        require(len == 0);
        return;
    case BGP_ROUTE_REFRESH:
        if (bgp_refresh_read(&refresh, body, len, &e))
            require(!refresh.known || refresh.subtype <= BGP_REFRESH_END);
        else
            check_error(&e);
        return;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    while (len >= BGP_HEADER_LEN) {
        struct bgp_header h;
        struct bgp_error e;

        if (!bgp_header_read(&h, bytes, true, &e)) {
            require(e.code == BGP_ERR_HEADER);
            check_error(&e);
            return 0;
        }
        require(h.len >= BGP_HEADER_LEN);
        if (h.len > len)
            return 0;
        check_body(&h, bytes + BGP_HEADER_LEN, h.len - BGP_HEADER_LEN);
        bytes += h.len;
        len -= h.len;
    }
    return 0;
}
