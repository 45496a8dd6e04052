/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A received UPDATE is checked by RFC 7606, counted and forgotten (spec speaker-bgp 5.7). Peers may
 * send us a full table, or our own routes back, so this is one walk over the bytes.
 */
#include "bgp/bgp_wire.h"

#include "base/macro.h"
#include "bgp/bgp_attr.h"

enum {
    UPDATE_MALFORMED_LIST = 1,
    UPDATE_UNKNOWN_WELL_KNOWN = 2,
    UPDATE_MISSING = 3,
    UPDATE_BAD_FLAGS = 4,
    UPDATE_BAD_LENGTH = 5,
    UPDATE_BAD_ORIGIN = 6,
    UPDATE_BAD_OPTIONAL = 9,
    UPDATE_BAD_NETWORK = 10,
    UPDATE_BAD_AS_PATH = 11,
};

enum { ORIGIN_INCOMPLETE = 2 }; /* the last of three */

/* --- what the specifications say of each attribute --- */

enum {
    WELL_KNOWN = BGP_ATTR_TRANSITIVE,
    NON_TRANSITIVE = BGP_ATTR_OPTIONAL,
    TRANSITIVE = BGP_ATTR_OPTIONAL | BGP_ATTR_TRANSITIVE,
};

enum length_rule {
    LENGTH_ANY,  /* or not only a matter of the attribute: see check_value */
    LENGTH_IS,   /* `len` */
    LENGTH_LIST, /* one or more elements of `len` bytes */
};

struct rule {
    const char *problem; /* NULL: an attribute that we do not know */
    uint8_t flags;
    enum length_rule length;
    uint8_t len;
    bool internal_only; /* discarded when an external peer sends it */
    enum bgp_update_verdict verdict;
};

/* RFC 7606 3 and 7; AS4: RFC 6793 6; large communities: RFC 8092 6; OTC: RFC 9234 5. */
static const struct rule rules[] = {
    [BGP_ATTR_ORIGIN] = {"bad ORIGIN", WELL_KNOWN, LENGTH_IS, 1, false, BGP_UPDATE_AS_WITHDRAW},
    [BGP_ATTR_AS_PATH] = {"bad AS_PATH", WELL_KNOWN, LENGTH_ANY, 0, false, BGP_UPDATE_AS_WITHDRAW},
    [BGP_ATTR_NEXT_HOP] = {"bad NEXT_HOP", WELL_KNOWN, LENGTH_IS, 4, false, BGP_UPDATE_AS_WITHDRAW},
    [BGP_ATTR_MED] = {"bad MULTI_EXIT_DISC", NON_TRANSITIVE, LENGTH_IS, 4, false,
                      BGP_UPDATE_AS_WITHDRAW},
    [BGP_ATTR_LOCAL_PREF] = {"bad LOCAL_PREF", WELL_KNOWN, LENGTH_IS, 4, true,
                             BGP_UPDATE_AS_WITHDRAW},
    [BGP_ATTR_ATOMIC_AGGREGATE] = {"bad ATOMIC_AGGREGATE", WELL_KNOWN, LENGTH_IS, 0, false,
                                   BGP_UPDATE_DISCARD},
    [BGP_ATTR_AGGREGATOR] = {"bad AGGREGATOR", TRANSITIVE, LENGTH_ANY, 0, false,
                             BGP_UPDATE_DISCARD},
    [BGP_ATTR_COMMUNITIES] = {"bad COMMUNITIES", TRANSITIVE, LENGTH_LIST, 4, false,
                              BGP_UPDATE_AS_WITHDRAW},
    [BGP_ATTR_ORIGINATOR_ID] = {"bad ORIGINATOR_ID", NON_TRANSITIVE, LENGTH_IS, 4, true,
                                BGP_UPDATE_AS_WITHDRAW},
    [BGP_ATTR_CLUSTER_LIST] = {"bad CLUSTER_LIST", NON_TRANSITIVE, LENGTH_LIST, 4, true,
                               BGP_UPDATE_AS_WITHDRAW},
    [BGP_ATTR_MP_REACH] = {"bad MP_REACH_NLRI", NON_TRANSITIVE, LENGTH_ANY, 0, false,
                           BGP_UPDATE_RESET},
    [BGP_ATTR_MP_UNREACH] = {"bad MP_UNREACH_NLRI", NON_TRANSITIVE, LENGTH_ANY, 0, false,
                             BGP_UPDATE_RESET},
    [BGP_ATTR_EXTENDED_COMMUNITIES] = {"bad EXTENDED COMMUNITIES", TRANSITIVE, LENGTH_LIST, 8,
                                       false, BGP_UPDATE_AS_WITHDRAW},
    [BGP_ATTR_AS4_PATH] = {"bad AS4_PATH", TRANSITIVE, LENGTH_ANY, 0, false, BGP_UPDATE_DISCARD},
    [BGP_ATTR_AS4_AGGREGATOR] = {"bad AS4_AGGREGATOR", TRANSITIVE, LENGTH_IS, 8, false,
                                 BGP_UPDATE_DISCARD},
    [BGP_ATTR_IPV6_COMMUNITIES] = {"bad IPv6 EXTENDED COMMUNITIES", TRANSITIVE, LENGTH_LIST, 20,
                                   false, BGP_UPDATE_AS_WITHDRAW},
    [BGP_ATTR_LARGE_COMMUNITIES] = {"bad LARGE_COMMUNITY", TRANSITIVE, LENGTH_LIST, 12, false,
                                    BGP_UPDATE_AS_WITHDRAW},
    [BGP_ATTR_ONLY_TO_CUSTOMER] = {"bad ONLY_TO_CUSTOMER", TRANSITIVE, LENGTH_IS, 4, false,
                                   BGP_UPDATE_AS_WITHDRAW},
};

static const struct rule unknown_rule = {.problem = NULL};

static const struct rule *rule_of(uint8_t type)
{
    return type < ARRAY_SIZE(rules) ? &rules[type] : &unknown_rule;
}

/* --- the state of one check --- */

struct check {
    bool as4, ibgp;
    struct bgp_update_sum sum;
    uint64_t seen[256 / 64]; /* a bit a type of attribute */
    bool unreach_known, unreach_empty;
    enum bgp_family unreach_family;

    enum bgp_update_verdict verdict; /* the strongest, and what it is for: */
    uint8_t subcode;
    struct rd quote; /* that of the message which a NOTIFICATION shows */
};

struct attr {
    uint8_t flags, type;
    struct rd value;
    struct rd whole; /* with its header */
};

static const struct rd no_quote = {.bad = true};

/* RFC 7606 3 h: of several errors the strongest decides. */
static void judge(struct check *c, enum bgp_update_verdict verdict, uint8_t subcode,
                  const char *problem, struct rd quote)
{
    if (verdict <= c->verdict)
        return;
    c->verdict = verdict;
    c->subcode = subcode;
    c->quote = quote;
    c->sum.problem = problem;
}

static bool has(const struct check *c, uint8_t type)
{
    return (c->seen[type / 64] >> (type % 64) & 1) != 0;
}

static bool is_mp(uint8_t type)
{
    return type == BGP_ATTR_MP_REACH || type == BGP_ATTR_MP_UNREACH;
}

/* --- values --- */

/* RFC 7606 5.3 */
static bool count_prefixes(struct rd r, enum bgp_family f, uint32_t *count)
{
    uint8_t bits_max = f == BGP_IPV6 ? 128 : 32;
    uint32_t n = 0;

    while (r.left > 0) {
        uint8_t bits = rd_u8(&r);

        if (bits > bits_max)
            return false;
        rd_skip(&r, (bits + 7U) / 8);
        n++;
    }
    *count += n;
    return !r.bad;
}

/* RFC 7606 7.2; `width` of an AS number */
static bool is_path(struct rd r, size_t width)
{
    while (r.left > 0) {
        uint8_t type = rd_u8(&r), count = rd_u8(&r);

        if (type < BGP_AS_SET || type > BGP_AS_CONFED_SET || count == 0)
            return false;
        rd_skip(&r, count * width);
    }
    return !r.bad;
}

static bool hop_len_fits(enum bgp_family f, uint8_t len)
{
    return len == 16 || len == 32 || (len == 4 && f == BGP_IPV4);
}

/* What belongs to a family that we do not speak cannot be read, and need not (spec 5.7 W4). */
static bool check_reach(struct check *c, struct rd r)
{
    uint16_t afi = rd_u16(&r);
    uint8_t safi = rd_u8(&r), hop_len = rd_u8(&r);
    enum bgp_family f;

    rd_skip(&r, hop_len);
    rd_skip(&r, 1); /* reserved */
    if (r.bad)
        return false;
    if (!bgp_family_find(&f, afi, safi))
        return true;
    return hop_len_fits(f, hop_len) && count_prefixes(r, f, &c->sum.announced[f]);
}

static bool check_unreach(struct check *c, struct rd r)
{
    uint16_t afi = rd_u16(&r);
    uint8_t safi = rd_u8(&r);

    if (r.bad)
        return false;
    c->unreach_known = bgp_family_find(&c->unreach_family, afi, safi);
    c->unreach_empty = r.left == 0;
    return !c->unreach_known ||
           count_prefixes(r, c->unreach_family, &c->sum.withdrawn[c->unreach_family]);
}

static bool length_fits(const struct rule *rule, size_t len)
{
    switch (rule->length) {
    case LENGTH_ANY:
        return true;
    case LENGTH_IS:
        return len == rule->len;
    case LENGTH_LIST:
        return len > 0 && len % rule->len == 0;
    }
    return false;
}

/* The subcode of what is wrong; 0: nothing is. */
static uint8_t value_fault(struct check *c, const struct attr *a)
{
    struct rd r = a->value;

    switch (a->type) {
    case BGP_ATTR_ORIGIN:
        return rd_u8(&r) > ORIGIN_INCOMPLETE ? UPDATE_BAD_ORIGIN : 0;
    case BGP_ATTR_AS_PATH:
        return is_path(r, c->as4 ? 4 : 2) ? 0 : UPDATE_BAD_AS_PATH;
    case BGP_ATTR_AS4_PATH:
        return r.left > 0 && is_path(r, 4) ? 0 : UPDATE_BAD_OPTIONAL;
    case BGP_ATTR_AGGREGATOR:
        return r.left == (c->as4 ? 8 : 6) ? 0 : UPDATE_BAD_LENGTH;
    case BGP_ATTR_MP_REACH:
        return check_reach(c, r) ? 0 : UPDATE_BAD_OPTIONAL;
    case BGP_ATTR_MP_UNREACH:
        return check_unreach(c, r) ? 0 : UPDATE_BAD_OPTIONAL;
    default:
        return 0;
    }
}

/* --- attributes --- */

static uint8_t attr_fault(struct check *c, const struct attr *a, const struct rule *rule)
{
    if ((a->flags & TRANSITIVE) != rule->flags)
        return UPDATE_BAD_FLAGS;
    if (!length_fits(rule, a->value.left))
        return UPDATE_BAD_LENGTH;
    return value_fault(c, a);
}

/* RFC 7606 3 g */
static void check_repeated(struct check *c, const struct attr *a)
{
    if (is_mp(a->type))
        judge(c, BGP_UPDATE_RESET, UPDATE_MALFORMED_LIST, "MP attribute twice", no_quote);
    else
        judge(c, BGP_UPDATE_DISCARD, UPDATE_MALFORMED_LIST, "attribute twice", no_quote);
}

static void check_unknown(struct check *c, const struct attr *a)
{
    if ((a->flags & BGP_ATTR_OPTIONAL) == 0)
        judge(c, BGP_UPDATE_RESET, UPDATE_UNKNOWN_WELL_KNOWN, "unknown well-known attribute",
              a->whole);
}

static void check_attr(struct check *c, const struct attr *a)
{
    const struct rule *rule = rule_of(a->type);
    uint8_t subcode;

    if (has(c, a->type)) {
        check_repeated(c, a);
        return;
    }
    c->seen[a->type / 64] |= 1ULL << (a->type % 64);
    if (rule->problem == NULL) {
        check_unknown(c, a);
        return;
    }
    if (rule->internal_only && !c->ibgp) {
        judge(c, BGP_UPDATE_DISCARD, 0, "attribute of internal peers from an external one",
              no_quote);
        return;
    }
    if (c->as4 && (a->type == BGP_ATTR_AS4_PATH || a->type == BGP_ATTR_AS4_AGGREGATOR)) {
        judge(c, BGP_UPDATE_DISCARD, 0, "AS4 attribute from a peer with 4-byte AS numbers",
              no_quote); /* RFC 6793 4.1 */
        return;
    }
    subcode = attr_fault(c, a, rule);
    if (subcode != 0)
        judge(c, rule->verdict, subcode, rule->problem, a->whole);
}

/* False at the end, and where the attributes do not fit into their field. */
static bool next_attr(struct attr *ret, struct rd *r)
{
    struct rd start = *r;

    ret->flags = rd_u8(r);
    ret->type = rd_u8(r);
    ret->value = rd_sub(r, (ret->flags & BGP_ATTR_EXTENDED) != 0 ? rd_u16(r) : rd_u8(r));
    if (r->bad)
        return false;
    ret->whole = rd_sub(&start, start.left - r->left);
    return true;
}

static void check_attrs(struct check *c, struct rd r)
{
    while (r.left > 0) {
        struct attr a;

        if (next_attr(&a, &r)) {
            check_attr(c, &a);
            continue;
        }
        /* RFC 7606 4; what MP attributes name is lost then (3 j) */
        judge(c, is_mp(a.type) ? BGP_UPDATE_RESET : BGP_UPDATE_AS_WITHDRAW, UPDATE_MALFORMED_LIST,
              "attributes longer than their field", no_quote);
    }
}

/* --- the message --- */

static bool lacks_mandatory(const struct check *c, bool nlri)
{
    return !has(c, BGP_ATTR_ORIGIN) || !has(c, BGP_ATTR_AS_PATH) ||
           (nlri && !has(c, BGP_ATTR_NEXT_HOP)) || (c->ibgp && !has(c, BGP_ATTR_LOCAL_PREF));
}

/* What concerns the attributes as a whole. */
static void check_together(struct check *c, bool nlri)
{
    if (nlri || has(c, BGP_ATTR_MP_REACH)) {
        if (lacks_mandatory(c, nlri)) /* RFC 7606 3 d */
            judge(c, BGP_UPDATE_AS_WITHDRAW, UPDATE_MISSING, "mandatory attribute is missing",
                  no_quote);
    } else if (c->verdict == BGP_UPDATE_AS_WITHDRAW) {
        c->verdict = BGP_UPDATE_RESET; /* RFC 7606 5.2: who knows what was to be announced */
    }
}

/* RFC 4724 2. The form with MP_UNREACH_NLRI is taken for IPv4, too. */
static void find_end_of_rib(struct check *c, bool attrs)
{
    if (!attrs)
        c->sum.end_of_rib[BGP_IPV4] = true;
    else if (c->unreach_known && c->unreach_empty && c->seen[0] == 1ULL << BGP_ATTR_MP_UNREACH &&
             (c->seen[1] | c->seen[2] | c->seen[3]) == 0)
        c->sum.end_of_rib[c->unreach_family] = true;
}

static void check_message(struct check *c, struct rd r)
{
    struct rd withdrawn = rd_sub(&r, rd_u16(&r));
    struct rd attrs = rd_sub(&r, rd_u16(&r)), nlri = r;

    if (r.bad) {
        judge(c, BGP_UPDATE_RESET, UPDATE_MALFORMED_LIST, "lengths beyond the message", no_quote);
        return;
    }
    if (!count_prefixes(withdrawn, BGP_IPV4, &c->sum.withdrawn[BGP_IPV4]) ||
        !count_prefixes(nlri, BGP_IPV4, &c->sum.announced[BGP_IPV4])) {
        judge(c, BGP_UPDATE_RESET, UPDATE_BAD_NETWORK, "bad prefix", no_quote);
        return;
    }
    check_attrs(c, attrs);
    check_together(c, nlri.left > 0);
    if (withdrawn.left == 0 && nlri.left == 0)
        find_end_of_rib(c, attrs.left > 0);
}

static struct bgp_error error_of(const struct check *c)
{
    struct bgp_error e = bgp_error_of(BGP_ERR_UPDATE, c->subcode);
    struct rd quote = c->quote;

    e.data_len = (uint16_t)(quote.left < sizeof(e.data) ? quote.left : sizeof(e.data));
    rd_copy(&quote, e.data, e.data_len);
    return e;
}

static void withdraw_all(struct bgp_update_sum *s)
{
    for (size_t i = 0; i < BGP_FAMILIES; i++) {
        s->withdrawn[i] += s->announced[i];
        s->announced[i] = 0;
    }
}

enum bgp_update_verdict bgp_update_check(struct bgp_update_sum *ret, const uint8_t *body,
                                         size_t len, bool as4, bool ibgp, struct bgp_error *ret_err)
{
    struct check c = {.as4 = as4, .ibgp = ibgp};

    check_message(&c, rd_from(body, len));
    if (c.verdict == BGP_UPDATE_RESET) {
        c.sum = (struct bgp_update_sum){.problem = c.sum.problem};
        *ret_err = error_of(&c);
    } else if (c.verdict == BGP_UPDATE_AS_WITHDRAW) {
        withdraw_all(&c.sum);
    }
    *ret = c.sum;
    return c.verdict;
}
