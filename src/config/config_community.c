/* SPDX-License-Identifier: Apache-2.0 */
/* Communities and their aliases (spec 2.8); MetalLB has no extended ones. */
#include "config/config_int.h"

#include <stdlib.h>
#include <string.h>

enum { COMMUNITY_PARTS_MAX = 4 };

/* An alias whose value is broken stays known, so that its users are not told again. */
struct alias {
    const char *name;
    bool is_whole;
    struct bgp_community value;
};

enum number_result { NUMBER_OK, NUMBER_SYNTAX, NUMBER_RANGE };

/* Go's strconv.ParseUint in base 10: what comes first decides, a bad character or the overflow. */
static enum number_result parse_number(uint32_t *ret, const char *s, uint32_t max)
{
    uint64_t n = 0;

    if (*s == '\0')
        return NUMBER_SYNTAX;
    for (; *s != '\0'; s++) {
        if (*s < '0' || *s > '9')
            return NUMBER_SYNTAX;
        n = n * 10 + (uint64_t)(*s - '0');
        if (n > max)
            return NUMBER_RANGE;
    }
    *ret = (uint32_t)n;
    return NUMBER_OK;
}

/* A community as it is parsed: its text, and what is wrong with it. */
struct parse {
    struct builder *b;
    const char *text;
    const char *error; /* MetalLB's, in the scratch arena */
};

/* Up to COMMUNITY_PARTS_MAX parts are stored; the number of all is returned. */
static size_t split(const struct parse *p, const char *parts[COMMUNITY_PARTS_MAX])
{
    const char *from = p->text;

    for (size_t n = 0;; n++) {
        size_t len = strcspn(from, ":");

        if (n < COMMUNITY_PARTS_MAX)
            parts[n] = arena_strndup(p->b->scratch, from, len);
        if (from[len] == '\0')
            return n + 1;
        from += len + 1;
    }
}

static bool parse_section(struct parse *p, uint32_t *ret, const char *part, uint32_t max)
{
    struct arena *a = p->b->scratch;
    enum number_result r = parse_number(ret, part, max);
    const char *quoted = config_quote(p->b, part), *inner;

    if (r == NUMBER_OK)
        return true;
    inner = arena_printf(a, "strconv.ParseUint: parsing %s: %s", quoted,
                         r == NUMBER_RANGE ? "value out of range" : "invalid syntax");
    p->error =
        arena_printf(a, "invalid community value: invalid section %s of community %s, err: %s",
                     quoted, config_quote(p->b, p->text), config_quote(p->b, inner));
    return false;
}

static bool parse_standard(struct parse *p, struct bgp_community *ret, const char *const parts[2])
{
    uint32_t high, low;

    if (!parse_section(p, &high, parts[0], UINT16_MAX) ||
        !parse_section(p, &low, parts[1], UINT16_MAX))
        return false;
    *ret = (struct bgp_community){.a = high << 16 | low};
    return true;
}

static bool parse_large(struct parse *p, struct bgp_community *ret, const char *const parts[4])
{
    struct bgp_community c = {.kind = BGP_COMMUNITY_LARGE};

    if (!str_eq(parts[0], "large")) {
        p->error = arena_printf(
            p->b->scratch,
            "invalid community value: invalid marker for large community, expected community to "
            "be of format large:<uint32>:<uint32>:<uint32> but got %s instead",
            config_quote(p->b, p->text));
        return false;
    }
    if (!parse_section(p, &c.a, parts[1], UINT32_MAX) ||
        !parse_section(p, &c.b, parts[2], UINT32_MAX) ||
        !parse_section(p, &c.c, parts[3], UINT32_MAX))
        return false;
    *ret = c;
    return true;
}

static bool refuse_extended(struct parse *p, const char *why)
{
    p->error = arena_printf(p->b->scratch, "invalid extended community %s: %s",
                            config_quote(p->b, p->text), why);
    return false;
}

/* "ext:0x" and the 8 bytes in hexadecimal. */
static bool parse_raw(struct parse *p, struct bgp_community *ret, const char *digits)
{
    uint64_t value;

    if (strncmp(digits, "0x", 2) != 0 || strlen(digits) != 2 + 16 ||
        strspn(digits + 2, "0123456789abcdefABCDEF") != 16)
        return refuse_extended(p, "ext: wants 0x and 16 hexadecimal digits");
    value = strtoull(digits, NULL, 16);
    *ret = (struct bgp_community){
        .kind = BGP_COMMUNITY_EXTENDED, .a = (uint32_t)(value >> 32), .b = (uint32_t)value};
    return true;
}

/* "rt:" or "soo:", an AS number or an IPv4 address, and a number. */
static bool parse_of_administrator(struct parse *p, struct bgp_community *ret,
                                   enum bgp_extended_subtype subtype, const char *const parts[3])
{
    uint32_t asn, number;
    struct ip ip;

    if (parse_number(&number, parts[2], UINT32_MAX) != NUMBER_OK)
        return refuse_extended(p, "the last part must be a number");
    if (strchr(parts[1], '.') != NULL) {
        if (!ip_parse(&ip, parts[1]) || ip.family != IP_V4)
            return refuse_extended(p, "the second part must be an AS number or an IPv4 address");
        return bgp_community_of_v4(ret, subtype, ip_to_v4(ip), number) ||
               refuse_extended(p, "the number behind an IPv4 address must be below 65536");
    }
    if (parse_number(&asn, parts[1], UINT32_MAX) != NUMBER_OK)
        return refuse_extended(p, "the second part must be an AS number or an IPv4 address");
    return bgp_community_of_as(ret, subtype, asn, number) ||
           refuse_extended(p, "the number behind an AS above 65535 must be below 65536");
}

static bool parse_community(struct parse *p, struct bgp_community *ret)
{
    const char *parts[COMMUNITY_PARTS_MAX];
    size_t count = split(p, parts);

    if (count == 2 && str_eq(parts[0], "ext"))
        return parse_raw(p, ret, parts[1]);
    if (count == 3 && str_eq(parts[0], "rt"))
        return parse_of_administrator(p, ret, BGP_ROUTE_TARGET, parts);
    if (count == 3 && str_eq(parts[0], "soo"))
        return parse_of_administrator(p, ret, BGP_ROUTE_ORIGIN, parts);
    if (count == 2)
        return parse_standard(p, ret, parts);
    if (count == 4)
        return parse_large(p, ret, parts);
    p->error = arena_printf(p->b->scratch, "invalid community format: %s", p->text);
    return false;
}

static void add_alias(struct subject *s, const struct community_alias *from)
{
    struct builder *b = s->b;
    struct parse p = {.b = b, .text = from->value};
    struct bgp_community value = {0};
    bool is_whole = parse_community(&p, &value);
    struct alias *alias;

    if (!is_whole)
        subject_fault(s, "parsing community %s: %s", config_quote(b, from->name), p.error);
    if (map_find_str(&b->aliases, from->name) != NULL) {
        subject_fault(s, "duplicate definition of community %s", config_quote(b, from->name));
        return;
    }
    alias = arena_alloc(b->scratch, sizeof(*alias));
    *alias = (struct alias){
        .name = arena_strdup(b->scratch, from->name),
        .value = value,
        .is_whole = is_whole,
    };
    map_put_str(&b->aliases, alias->name, alias);
}

void config_add_aliases(struct builder *b)
{
    struct object_list sorted = config_sorted(b, b->in->communities);

    for (size_t i = 0; i < sorted.count; i++) {
        const struct community *c = &sorted.items[i]->community;
        struct subject s = {.b = b, .o = sorted.items[i], .wrapper = ""};

        for (size_t k = 0; k < c->alias_count; k++)
            add_alias(&s, &c->aliases[k]);
    }
}

/* An alias first, then a literal. */
static bool resolve(struct subject *s, struct bgp_community *ret, const char *name)
{
    const struct alias *alias = map_find_str(&s->b->aliases, name);
    struct parse p = {.b = s->b, .text = name};

    if (alias != NULL) {
        *ret = alias->value;
        return alias->is_whole;
    }
    if (parse_community(&p, ret))
        return true;
    subject_fault(s, "%s\ninvalid community %s in BGP advertisement", p.error,
                  config_quote(s->b, name));
    return false;
}

static int by_value(const void *a, const void *b)
{
    const struct bgp_community *x = a, *y = b;

    return bgp_community_cmp(*x, *y);
}

const struct bgp_community *config_communities(struct subject *s, const struct string_list *names,
                                               size_t *ret_count)
{
    struct bgp_community *list = arena_calloc(s->b->arena, names->count, sizeof(*list));
    size_t found = 0, unique = 0;

    for (size_t i = 0; i < names->count; i++)
        found += resolve(s, &list[found], names->items[i]);
    qsort(list, found, sizeof(*list), by_value);
    for (size_t i = 0; i < found; i++) {
        if (unique == 0 || bgp_community_cmp(list[i], list[unique - 1]) != 0)
            list[unique++] = list[i];
    }
    *ret_count = unique;
    return list;
}
