/* SPDX-License-Identifier: Apache-2.0 */
#include "standalone/status_bgp.h"

#include "base/duration.h"
#include "base/mono.h"
#include "standalone/status_value.h"

static struct duration_text seconds(const json_t *object, const char *key)
{
    return duration_format(value_number(object, key) * NS_PER_SEC);
}

/* --- peers --- */

static void add_place(struct text *out, const json_t *p)
{
    text_printf(out, "%s: ", value_text(p, "name"));
    text_add(out,
             json_object_get(p, "address") != NULL ? value_text(p, "address") : "no address yet");
    if (value_number(p, "port") != 179)
        text_printf(out, " port %lld", value_number(p, "port"));
    if (json_object_get(p, "interface") != NULL)
        text_printf(out, " on %s", value_text(p, "interface"));
    if (json_object_get(p, "vrf") != NULL)
        text_printf(out, " in VRF %s", value_text(p, "vrf"));
    if (json_object_get(p, "peerASN") != NULL)
        text_printf(out, ", AS %lld", value_number(p, "peerASN"));
    text_printf(out, ", %s for %s", value_text(p, "state"), seconds(p, "sinceSeconds").s);
    if (json_object_get(p, "nextDialSeconds") != NULL)
        text_printf(out, ", next attempt in %s", seconds(p, "nextDialSeconds").s);
    text_add(out, "\n");
}

static void add_session(struct text *out, const json_t *p)
{
    if (json_object_get(p, "families") == NULL)
        return;
    text_printf(out, "    %s from %s, families ", value_text(p, "class"),
                value_text(p, "localAddress"));
    value_add_names(out, json_object_get(p, "families"), "none");
    if (value_number(p, "holdSeconds") > 0)
        text_printf(out, ", hold time %s, keepalive %s", seconds(p, "holdSeconds").s,
                    seconds(p, "keepaliveSeconds").s);
    else
        text_add(out, ", no hold time");
    text_printf(out, "\n    %lld of %lld prefixes sent, %lld received\n",
                value_number(p, "prefixesSent"), value_number(p, "prefixesWanted"),
                value_number(p, "prefixesReceived"));
}

static void add_bfd(struct text *out, const json_t *bfd)
{
    if (bfd == NULL)
        return;
    text_printf(out, "    BFD %s for %s", value_text(bfd, "state"), seconds(bfd, "sinceSeconds").s);
    if (value_number(bfd, "detectMicroseconds") > 0)
        text_printf(out, ", detects in %s",
                    duration_format(value_number(bfd, "detectMicroseconds") * NS_PER_US).s);
    if (json_object_get(bfd, "diagnostic") != NULL)
        text_printf(out, ", last went down: %s", value_text(bfd, "diagnostic"));
    text_add(out, "\n");
}

static void add_obstacles(struct text *out, const json_t *p)
{
    json_t *no_next_hop = json_object_get(p, "noNextHop"), *why;
    long long too_long = value_number(p, "prefixesTooLong");
    const char *family;

    json_object_foreach(no_next_hop, family, why)
        text_printf(out, "    no %s routes: %s\n", family, json_string_value(why));
    if (too_long > 0)
        text_printf(out, "    %lld route%s not fit into a message\n", too_long,
                    too_long == 1 ? " does" : "s do");
    if (json_object_get(p, "lastError") != NULL)
        text_printf(out, "    last error: %s\n", value_text(p, "lastError"));
    if (json_object_get(p, "hint") != NULL)
        text_printf(out, "    hint: %s\n", value_text(p, "hint"));
}

void status_bgp_peers(struct text *out, const json_t *bgp)
{
    const json_t *p;
    size_t i;

    json_array_foreach(json_object_get(bgp, "peers"), i, p)
    {
        text_add(out, "  ");
        add_place(out, p);
        add_session(out, p);
        add_bfd(out, json_object_get(p, "bfd"));
        add_obstacles(out, p);
    }
}

/* --- routes --- */

static const struct {
    const char *word, *text;
} states[] = {
    {"sent", "sent"},
    {"pending", "about to be sent"},
    {"no-session", "not sent: the session is not up"},
    {"no-family", "not sent: the session does not carry the family"},
    {"no-next-hop", "not sent: there is no next hop"},
    {"too-long", "not sent: it does not fit into a message"},
    {"absent", "not for this peer"},
};

static const char *state_text(const char *word)
{
    for (size_t i = 0; i < ARRAY_SIZE(states); i++) {
        if (str_eq(states[i].word, word))
            return states[i].text;
    }
    return word;
}

void status_bgp_route(struct text *out, const json_t *r)
{
    const json_t *communities = json_object_get(r, "communities");

    text_printf(out, "%s to %s: %s", value_text(r, "prefix"), value_text(r, "peer"),
                state_text(value_text(r, "state")));
    if (json_object_get(r, "localPref") != NULL)
        text_printf(out, ", localPref %lld", value_number(r, "localPref"));
    if (value_number(r, "med") > 0)
        text_printf(out, ", MED %lld", value_number(r, "med"));
    if (value_number(r, "asPathPrepend") > 0)
        text_printf(out, ", asPathPrepend %lld", value_number(r, "asPathPrepend"));
    if (json_array_size(communities) > 0) {
        text_add(out, ", communities ");
        value_add_names(out, communities, "");
    }
}
