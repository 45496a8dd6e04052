/* SPDX-License-Identifier: Apache-2.0 */
/* The machine event by event, as scripts (bgp_fsm_script.h). Two of them against each other are in
 * test_bgp_fsm_pair.c. */
#include "bgp_fsm_script.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define OPEN_SENT "start connected "
#define CONFIRM OPEN_SENT "out:open "
#define UP CONFIRM "out:keepalive "
#define LISTENING "start out:refused "
#define IN_CONFIRM LISTENING "accept in:open "
#define IN_UP IN_CONFIRM "in:keepalive "

struct row {
    const char *name, *before, *words, *trace, *error;
};

static void check_row(const struct row *r, const struct bgp_fsm_options *o,
                      const struct bgp_open *peer)
{
    struct script s;

    script_begin(&s, o, false);
    s.peer = *peer;
    script_run(&s, r->before);
    script_run(&s, r->words);
    if (strcmp(text_str(&s.trace), r->trace) != 0)
        fail_msg("%s: did \"%s\", want \"%s\"", r->name, text_str(&s.trace), r->trace);
    if (r->error != NULL && strcmp(bgp_fsm_last_error(s.fsm), r->error) != 0)
        fail_msg("%s: error \"%s\", want \"%s\"", r->name, bgp_fsm_last_error(s.fsm), r->error);
    script_end(&s);
}

static void check_rows(const struct row *rows, size_t count)
{
    struct bgp_fsm_options o = script_options();
    struct bgp_open peer = script_peer();

    for (size_t i = 0; i < count; i++)
        check_row(&rows[i], &o, &peer);
}

/* Spec speaker-bgp 5.4, row by row. */
static void test_table(void **state)
{
    static const struct row rows[] = {
        {"start", "", "start", "dial Connect", ""},
        {"start twice", "start", "start", "", ""},
        {"stop in Idle", "", "stop", "", NULL},
        {"stop in Connect", "start", "stop", "out:close Idle", NULL},
        {"stop in Active", "start out:refused", "stop", "Idle", NULL},
        {"stop in OpenSent", OPEN_SENT, "stop", "out:6/3 out:close Idle",
         "we said 0x0603 (peer deconfigured)"},
        {"stop in OpenConfirm", CONFIRM, "stop", "out:6/3 out:close Idle", NULL},
        {"stop in Established", UP, "stop", "out:down out:6/3 out:close Idle", NULL},
        {"stopped for good", UP "stop", "wait=1000", "", NULL},
        {"silent stop", UP, "silence", "out:down out:close Idle", "stopped"},
        {"ConnectRetry in Connect", "start", "wait=5", "out:close dial", "no answer to our dial"},
        {"ConnectRetry in Active", "start out:refused", "wait=1", "dial Connect", NULL},
        {"connected", "start", "connected", "out:open OpenSent", ""},
        {"accepted in Active", "start out:refused", "accept", "in:open OpenSent", NULL},
        {"accepted in Idle", "", "accept", "refused-6/5", NULL},
        {"dial fails", "start", "out:refused", "Active", "connection refused"},
        {"lost in OpenSent", OPEN_SENT, "out:eof", "Active", "the peer closed the connection"},
        {"lost in OpenConfirm", CONFIRM, "out:reset-by-peer", "Idle", "connection reset by peer"},
        {"lost in Established", UP, "out:eof", "out:down Idle", NULL},
        {"... and again", UP "out:eof", "wait=1", "dial Connect", NULL},
        {"open", OPEN_SENT, "out:open", "out:keepalive OpenConfirm", ""},
        {"open in OpenConfirm", CONFIRM, "out:open", "out:5/2 out:close Idle", NULL},
        {"open in Established", UP, "out:open", "out:down out:5/3 out:close Idle",
         "we said 0x0503 (unexpected message in Established): data 01"},
        {"bad open", OPEN_SENT, "out:bad-open", "out:2/1 out:close Idle", NULL},
        {"bad header in OpenSent", OPEN_SENT, "out:bad-header", "out:1/1 out:close Idle", NULL},
        {"bad header in Established", UP, "out:bad-header", "out:down out:1/1 out:close Idle",
         NULL},
        {"keepalive in OpenSent", OPEN_SENT, "out:keepalive", "out:5/1 out:close Idle", NULL},
        {"keepalive in OpenConfirm", CONFIRM, "out:keepalive", "out:up Established", NULL},
        {"keepalive in Established", UP, "out:keepalive", "", NULL},
        {"update in OpenSent", OPEN_SENT, "out:update", "out:5/1 out:close Idle", NULL},
        {"update in OpenConfirm", CONFIRM, "out:update", "out:5/2 out:close Idle", NULL},
        {"update in Established", UP, "out:update", "", NULL},
        {"bad update", UP, "out:bad-update", "out:down out:3/1 out:close Idle", NULL},
        {"refresh in OpenSent", OPEN_SENT, "out:refresh", "out:5/1 out:close Idle", NULL},
        {"refresh in OpenConfirm", CONFIRM, "out:refresh", "out:5/2 out:close Idle", NULL},
        {"refresh", UP, "out:refresh", "refresh-ipv4", NULL},
        {"refresh of what was not agreed", UP, "out:other-refresh", "", NULL},
        {"notification in Connect", "start", "out:cease", "", ""},
        {"notification in OpenSent", OPEN_SENT, "out:cease", "out:close Idle",
         "peer said 0x0602 (administrative shutdown): maintenance"},
        {"notification in OpenConfirm", CONFIRM, "out:cease", "out:close Idle", NULL},
        {"notification in Established", UP, "out:cease", "out:down out:close Idle", NULL},
        {"hold in OpenSent", OPEN_SENT "wait=239", "wait=1", "out:4/0 out:close Idle",
         "no OPEN within 240 s"},
        {"hold in OpenConfirm", CONFIRM, "stall=90 tick", "out:4/0 out:close Idle",
         "no answer within the hold time of 90 s"},
        {"hold in Established", UP, "stall=90 tick", "out:down out:4/0 out:close Idle", NULL},
        {"a stall is not the peer's fault", UP, "stall=900 out:keepalive tick", "out:keepalive",
         NULL},
        {"an UPDATE restarts the hold timer", UP, "stall=80 out:update stall=80 tick",
         "out:keepalive", NULL},
        {"a refresh, too", UP, "stall=80 out:other-refresh stall=80 tick", "out:keepalive", NULL},
        {"BFD down", UP, "bfd-down", "out:down out:6/10 out:close Idle",
         "BFD says that the peer is down"},
        {"BFD is not up yet", CONFIRM, "bfd-down", "", ""},
        {"BFD up ends the wait", "start out:refused", "bfd-up", "dial Connect", NULL},
        {"BFD up when there is a session", UP, "bfd-up", "", NULL},
        {"unreachable in Connect", "start", "unreachable", "out:close Idle",
         "interface eth1 is down"},
        {"unreachable in Established", UP, "unreachable", "out:down out:6/6 out:close Idle", NULL},
        {"unreachable: nothing happens", UP "unreachable", "wait=1000", "", NULL},
        {"reachable again", UP "unreachable", "reachable", "dial Connect", NULL},
        {"accepted while unreachable", "start unreachable", "accept", "refused-6/5", NULL},
        {"reset", UP, "reset", "out:down out:6/6 out:close dial Connect", NULL},
        {"reset in Idle", "", "reset", "", NULL},
    };

    (void)state;
    check_rows(rows, ARRAY_SIZE(rows));
}

/* Ours is the larger identifier: what we dialled wins. */
static void test_collision_larger(void **state)
{
    static const struct row rows[] = {
        {"both in OpenSent", OPEN_SENT "accept", "out:open",
         "in:6/7 in:close out:keepalive OpenConfirm", NULL},
        {"the loser's OPEN is not answered", OPEN_SENT "accept", "in:open", "OpenConfirm", NULL},
        {"... the winner's comes", OPEN_SENT "accept in:open", "out:open",
         "in:6/7 in:close out:keepalive", NULL},
        {"... the winner ends", OPEN_SENT "accept in:open", "out:collided",
         "out:close in:keepalive", NULL},
        {"... after the peer's KEEPALIVE", OPEN_SENT "accept in:open in:keepalive", "out:eof",
         "in:keepalive in:up Established", NULL},
        {"... the winner stays silent", OPEN_SENT "accept in:open in:keepalive", "wait=5",
         "out:6/7 out:close in:keepalive in:up Established", NULL},
        {"loser in OpenConfirm", CONFIRM "accept", "in:open", "in:6/7 in:close", NULL},
        {"dial during the peer's connection", IN_CONFIRM, "wait=60", "in:keepalive in:keepalive",
         NULL},
        {"the dial is given up", "start accept", "in:open", "out:close in:keepalive OpenConfirm",
         NULL},
        {"we go on dialling before the peer's OPEN", LISTENING "accept", "wait=1", "dial", NULL},
        {"our dial fails beside it", "start accept", "out:refused wait=1", "dial", NULL},
        {"the peer comes during the idle hold", UP "out:eof accept", "in:eof", "Active", NULL},
        {"beside a session", UP "accept", "in:open", "in:6/7 in:close", ""},
        {"a restarted peer", UP "wait=5 out:keepalive accept", "in:open",
         "out:down out:close in:keepalive OpenConfirm", "the peer has restarted"},
        {"a restarted peer that had dialled", IN_UP "wait=5 in:keepalive", "accept",
         "in:down in:close Idle in:open OpenSent", "the peer has restarted"},
        {"the peer dials twice at once", IN_UP, "accept", "refused-6/7", NULL},
        {"the peer dials anew", LISTENING "accept", "accept",
         "in:6/7 in:close Active in:open OpenSent", NULL},
    };

    (void)state;
    check_rows(rows, ARRAY_SIZE(rows));
}

static void test_collision_smaller(void **state)
{
    static const struct row rows[] = {
        {"both in OpenSent", OPEN_SENT "accept", "in:open",
         "out:6/7 out:close in:keepalive OpenConfirm", NULL},
        {"the loser's OPEN is not answered", OPEN_SENT "accept", "out:open", "OpenConfirm", NULL},
        {"... the winner ends", OPEN_SENT "accept out:open out:keepalive", "in:eof",
         "out:keepalive out:up Established", NULL},
        {"loser in OpenConfirm", CONFIRM "accept", "in:open", "out:6/7 out:close in:keepalive",
         NULL},
        {"loser is a session", UP "accept", "in:open", "in:6/7 in:close", NULL},
    };
    struct bgp_fsm_options o = script_options();
    struct bgp_open peer = script_peer();

    (void)state;
    o.id = peer.id - 1;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        check_row(&rows[i], &o, &peer);
}

/* RFC 6286 2.3: 65002 is the larger AS, so what the peer dialled wins. */
static void test_collision_same_id(void **state)
{
    static const struct row row = {"same id", OPEN_SENT "accept", "in:open",
                                   "out:6/7 out:close in:keepalive OpenConfirm", NULL};
    struct bgp_fsm_options o = script_options();
    struct bgp_open peer = script_peer();

    (void)state;
    o.id = peer.id;
    check_row(&row, &o, &peer);
}

static void test_peer_without_graceful_restart(void **state)
{
    static const struct row rows[] = {
        {"beside our session", UP "wait=10 accept", "in:open", "in:6/7 in:close", NULL},
        {"beside its own", IN_UP "wait=10", "accept", "refused-6/7", NULL},
    };
    struct bgp_fsm_options o = script_options();
    struct bgp_open peer = script_peer();

    (void)state;
    peer.caps.graceful = false;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        check_row(&rows[i], &o, &peer);
}

/* Zero: neither KEEPALIVEs nor an end. */
static void test_hold_zero(void **state)
{
    static const struct row rows[] = {
        {"Established", UP, "wait=100000", "", ""},
        {"OpenConfirm", CONFIRM, "wait=240", "out:4/0 out:close Idle", NULL},
    };
    struct bgp_fsm_options o = script_options();
    struct bgp_open peer = script_peer();

    (void)state;
    peer.hold_s = 0;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        check_row(&rows[i], &o, &peer);
}

static void test_listens_only(void **state)
{
    static const struct row rows[] = {
        {"start", "", "start", "Active", ""},
        {"it never dials", "start", "wait=1000 bfd-up", "", ""},
        {"a session", "start", "accept in:open in:keepalive",
         "in:open OpenSent in:keepalive OpenConfirm in:up Established", ""},
        {"the idle hold ends in Active", "start accept in:open in:keepalive in:eof", "wait=1",
         "Active", NULL},
    };
    struct bgp_fsm_options o = script_options();
    struct bgp_open peer = script_peer();

    (void)state;
    o.dials = false;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        check_row(&rows[i], &o, &peer);
}

static void test_enhanced_refresh(void **state)
{
    static const struct row row = {"enhanced", UP, "out:refresh", "refresh-ipv4+", NULL};
    struct bgp_fsm_options o = script_options();
    struct bgp_open peer = script_peer();

    (void)state;
    peer.caps.enhanced_refresh = true;
    check_row(&row, &o, &peer);
}

/* --- delays --- */

/* Until the next dial, in seconds before jitter: a power of two, or `unit` itself. */
static unsigned delay_s(const struct script *s)
{
    int64_t ns = mono_sub(bgp_fsm_next_dial(s->fsm), s->now);
    int64_t ms = (ns + NS_PER_MS - 1) / NS_PER_MS;
    static const unsigned steps[] = {1, 2, 4, 8, 10, 16, 32, 64, 120};

    for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
        if (ms >= steps[i] * 750 && ms <= steps[i] * 1000)
            return steps[i];
    }
    return 0;
}

static void fail_repeatedly(struct script *s, const char *words, const unsigned *want, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        script_run(s, words);
        if (delay_s(s) != want[i])
            fail_msg("\"%s\", %zu: %u s, want %u s", words, i, delay_s(s), want[i]);
        s->now = bgp_fsm_next_dial(s->fsm);
        script_run(s, "tick");
    }
}

static void test_dials_double(void **state)
{
    static const unsigned want[] = {1, 2, 4, 8, 16, 32, 64, 120, 120};
    struct bgp_fsm_options o = script_options();
    struct script s;

    (void)state;
    script_begin(&s, &o, false);
    script_run(&s, "start");
    fail_repeatedly(&s, "out:refused", want, ARRAY_SIZE(want));
    script_end(&s);
}

static void test_dials_constant(void **state)
{
    static const unsigned want[] = {10, 10, 10};
    struct bgp_fsm_options o = script_options();
    struct script s;

    (void)state;
    o.connect_s = 10;
    script_begin(&s, &o, false);
    script_run(&s, "start");
    fail_repeatedly(&s, "out:refused", want, ARRAY_SIZE(want));
    o.connect_s = 120;
    script_run(&s, "out:refused");
    bgp_fsm_change(s.fsm, s.now, &o);
    assert_int_equal(delay_s(&s), 120);
    script_end(&s);
}

/* Complaints: the idle hold doubles; a short session is no excuse, a long one is. */
static void test_damping(void **state)
{
    static const unsigned want[] = {1, 2, 4, 8}, again[] = {1};
    struct bgp_fsm_options o = script_options();
    struct script s;

    (void)state;
    script_begin(&s, &o, false);
    script_run(&s, "start");
    fail_repeatedly(&s, "connected out:open out:keepalive out:cease", want, 2);
    fail_repeatedly(&s, "connected out:open out:keepalive out:eof", want + 2, 2);
    fail_repeatedly(&s, "connected out:open out:keepalive wait=60 out:keepalive out:cease", again,
                    1);
    script_end(&s);
}

/* The one who configures it wants to be dialled so often, whatever has happened. */
static void test_connect_time_bounds_damping(void **state)
{
    static const unsigned want[] = {1, 2, 4, 4, 4};
    struct bgp_fsm_options o = script_options();
    struct script s;

    (void)state;
    o.connect_s = 4;
    script_begin(&s, &o, false);
    script_run(&s, "start");
    fail_repeatedly(&s, "connected out:open out:keepalive out:cease", want, ARRAY_SIZE(want));
    script_end(&s);
}

/* GoBGP after a loss: resets do not lengthen the delay, whatever TCP says. */
static void test_refused_after_loss(void **state)
{
    static const unsigned want[] = {1, 1, 1, 1, 1, 1};
    struct bgp_fsm_options o = script_options();
    struct script s;

    (void)state;
    script_begin(&s, &o, false);
    script_run(&s, "start out:refused wait=1 out:refused wait=2 out:refused wait=4");
    script_run(&s, "connected out:open out:keepalive wait=60 out:keepalive out:reset-by-peer");
    assert_int_equal(delay_s(&s), 1);
    script_run(&s, "wait=1");
    fail_repeatedly(&s, "connected out:reset-by-peer", want, 3);
    fail_repeatedly(&s, "out:refused", want, 3);
    script_end(&s);
}

/* The first complaint lets the peer come back at once, the second does not. */
static void test_peer_is_held_back(void **state)
{
    struct bgp_fsm_options o = script_options();
    struct script s;

    (void)state;
    script_begin(&s, &o, false);
    script_run(&s, UP "out:cease accept");
    assert_false(s.refused);
    script_run(&s, "in:open in:cease accept");
    assert_true(s.refused);
    assert_int_equal(s.refusal.subcode, BGP_CEASE_REJECTED);
    script_run(&s, "wait=2 connected out:eof accept");
    assert_false(s.refused);
    script_end(&s);
}

/* --- timers --- */

static void test_keepalives(void **state)
{
    struct bgp_fsm_options o = script_options();
    struct script s;

    (void)state;
    script_begin(&s, &o, false);
    script_run(&s, UP);
    for (int i = 0; i < 100; i++) {
        int64_t ns = mono_sub(bgp_fsm_deadline(s.fsm), s.now);

        assert_true(ns >= 22500 * NS_PER_MS && ns <= 30 * NS_PER_SEC);
        s.now = bgp_fsm_deadline(s.fsm);
        script_run(&s, "tick out:took-all out:keepalive");
        assert_string_equal(text_str(&s.trace), "out:keepalive");
    }
    script_end(&s);
}

/* What a message said stays the reason while TCP adds nothing to it. */
static void test_reason(void **state)
{
    static const char version[] = "we said 0x0201 (unsupported version number): data 0004";
    static const char cease[] = "peer said 0x0602 (administrative shutdown): maintenance";
    static const struct {
        const char *name, *words, *error;
    } rows[] = {
        {"refused", OPEN_SENT "out:bad-open wait=1 out:refused", version},
        {"reset", OPEN_SENT "out:bad-open wait=1 connected out:reset-by-peer", version},
        {"closed", OPEN_SENT "out:bad-open wait=1 connected out:eof", version},
        {"rejected", OPEN_SENT "out:bad-open wait=1 connected out:collided", version},
        {"many times", OPEN_SENT "out:bad-open wait=1 out:refused wait=2 out:refused", version},
        {"the peer connects", OPEN_SENT "out:bad-open wait=1 accept in:eof", version},
        {"what the peer said", UP "out:cease wait=1 out:refused", cease},
        {"another message", OPEN_SENT "out:bad-open wait=1 connected out:cease", cease},
        {"no answer", OPEN_SENT "out:bad-open wait=1 wait=5", "no answer to our dial"},
        {"a session", OPEN_SENT "out:bad-open wait=1 connected out:open out:keepalive out:eof",
         "the peer closed the connection"},
        {"another configuration", OPEN_SENT "out:bad-open reset out:refused", "connection refused"},
        {"silence is no message", UP "stall=90 tick wait=1 out:refused", "connection refused"},
        {"BFD, neither", UP "bfd-down wait=1 out:refused", "connection refused"},
        {"nor a rejection", OPEN_SENT "out:collided wait=1 out:refused", "connection refused"},
    };
    struct bgp_fsm_options o = script_options();

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct script s;

        script_begin(&s, &o, false);
        script_run(&s, rows[i].words);
        if (strcmp(bgp_fsm_last_error(s.fsm), rows[i].error) != 0)
            fail_msg("%s: \"%s\"", rows[i].name, bgp_fsm_last_error(s.fsm));
        script_end(&s);
    }
}

/* What the OPENs said counts for the session, whatever the options say since. */
static void test_keeps_routes(void **state)
{
    (void)state;
    for (int graceful = 0; graceful < 2; graceful++) {
        for (int knows = 0; knows < 2; knows++) {
            struct bgp_fsm_options o = script_options();
            struct script s;

            o.graceful = graceful;
            script_begin(&s, &o, false);
            s.peer.caps.graceful = knows;
            script_run(&s, OPEN_SENT);
            o.graceful = !graceful;
            bgp_fsm_change(s.fsm, s.now, &o);
            script_run(&s, "out:open out:keepalive");
            assert_int_equal(bgp_fsm_agreement(s.fsm)->keeps_routes, graceful && knows);
            bgp_fsm_change(s.fsm, s.now, &o);
            assert_int_equal(bgp_fsm_agreement(s.fsm)->keeps_routes, graceful && knows);
            script_end(&s);
        }
    }
}

/* RFC 9687: 480 s without a byte taken; what the peer says does not matter. */
static void test_send_hold(void **state)
{
    struct bgp_fsm_options o = script_options();
    struct script s;

    (void)state;
    script_begin(&s, &o, false);
    script_run(&s, UP "wait=60 out:keepalive out:took-some");
    for (int i = 0; i < 7; i++)
        script_run(&s, "wait=60 out:keepalive");
    assert_int_equal(bgp_fsm_state(s.fsm), BGP_STATE_ESTABLISHED);
    script_run(&s, "out:took-some");
    for (int i = 0; i < 7; i++)
        script_run(&s, "wait=60 out:keepalive");
    assert_int_equal(bgp_fsm_state(s.fsm), BGP_STATE_ESTABLISHED);
    script_run(&s, "stall=60 tick");
    assert_string_equal(text_str(&s.trace), "out:down out:8/0 out:close Idle");
    assert_string_equal(bgp_fsm_last_error(s.fsm), "the peer took nothing for 480 s");
    assert_int_equal(bgp_fsm_counts(s.fsm)->send_hold_expirations, 1);
    script_end(&s);
}

static void test_send_hold_ends(void **state)
{
    struct bgp_fsm_options o = script_options();
    struct script s;

    (void)state;
    script_begin(&s, &o, false);
    script_run(&s, UP);
    for (int i = 0; i < 100; i++)
        script_run(&s, "wait=29 out:took-all out:keepalive");
    assert_int_equal(bgp_fsm_state(s.fsm), BGP_STATE_ESTABLISHED);
    script_end(&s);
}

/* --- graceful restart: what the OPENs say --- */

static void check_bits(const struct script *s, bool restarting, bool forwarding)
{
    const struct bgp_capabilities *c = &s->sent_open.caps;

    assert_true(c->graceful && c->with_notification);
    assert_true(c->graceful_family[BGP_IPV4]);
    assert_int_equal(c->restarting, restarting);
    assert_int_equal(c->forwarding[BGP_IPV4], forwarding);
}

static void test_restart_bits(void **state)
{
    struct bgp_fsm_options o = script_options();
    struct script s;

    (void)state;
    o.graceful = true;
    script_begin(&s, &o, true);
    script_run(&s, "start connected");
    check_bits(&s, true, true);
    script_run(&s, "out:reset-by-peer wait=1 connected");
    check_bits(&s, true, true);
    script_run(&s, "out:open out:keepalive out:eof wait=1 connected");
    check_bits(&s, false, true);
    script_end(&s);

    script_begin(&s, &o, true);
    script_run(&s, "stall=121 start connected");
    check_bits(&s, false, true);
    script_end(&s);

    o.forwarding = false; /* the node has booted */
    script_begin(&s, &o, false);
    script_run(&s, "start connected");
    check_bits(&s, false, false);
    script_run(&s, "out:open out:keepalive out:eof wait=1 connected");
    check_bits(&s, false, true);
    script_end(&s);
}

/* --- counters --- */

static void test_counts(void **state)
{
    struct bgp_fsm_options o = script_options();
    const struct bgp_fsm_counts *c;
    struct script s;

    (void)state;
    script_begin(&s, &o, false);
    c = bgp_fsm_counts(s.fsm);
    script_run(&s, UP "out:update out:update out:keepalive out:refresh");
    assert_int_equal(c->opens_sent, 1);
    assert_int_equal(c->opens_received, 1);
    assert_int_equal(c->keepalives_sent, 1);
    assert_int_equal(c->keepalives_received, 2);
    assert_int_equal(c->updates_received, 2);
    assert_int_equal(c->prefixes_received, 2);
    assert_int_equal(c->refreshes_received, 1);
    assert_int_equal(c->established, 1);
    assert_int_equal(c->transitions, 4);
    script_run(&s, "out:cease");
    assert_int_equal(c->notifications_received, 1);
    assert_int_equal(c->prefixes_received, 0);
    script_run(&s, "wait=1 connected out:open out:keepalive");
    script_run(&s, "stall=90 tick");
    assert_int_equal(c->hold_expirations, 1);
    assert_int_equal(c->notifications_sent, 1);
    script_end(&s);
}

/* --- configuration (spec F28) --- */

static void test_needs_reset(void **state)
{
    struct bgp_fsm_options o = script_options(), n;
    struct script s;

    (void)state;
    script_begin(&s, &o, false);
    script_run(&s, UP);
    n = o;
    n.hold_s = 9;
    n.keepalive_s = 3;
    n.connect_s = 5;
    n.graceful = true;
    assert_false(bgp_fsm_needs_reset(s.fsm, &n));
    n.peer_as = BGP_AS_EXTERNAL; /* which 65002 is */
    assert_false(bgp_fsm_needs_reset(s.fsm, &n));
    n.peer_as = BGP_AS_INTERNAL;
    assert_true(bgp_fsm_needs_reset(s.fsm, &n));
    n = o;
    n.asn = 65003;
    assert_true(bgp_fsm_needs_reset(s.fsm, &n));
    n = o;
    n.id++;
    assert_true(bgp_fsm_needs_reset(s.fsm, &n));
    n = o;
    n.family[BGP_IPV6] = true;
    assert_true(bgp_fsm_needs_reset(s.fsm, &n));
    n = o;
    n.local_as = 65009;
    assert_true(bgp_fsm_needs_reset(s.fsm, &n));
    script_end(&s);
}

static void test_no_dial_beside_a_session(void **state)
{
    struct bgp_fsm_options o = script_options();
    struct script s;

    (void)state;
    script_begin(&s, &o, false);
    script_run(&s, LISTENING "accept");
    assert_true(mono_is_set(bgp_fsm_next_dial(s.fsm)));
    script_run(&s, "in:open");
    assert_false(mono_is_set(bgp_fsm_next_dial(s.fsm)));
    script_end(&s);
}

static void test_change_dials(void **state)
{
    struct bgp_fsm_options o = script_options();
    struct script s;

    (void)state;
    script_begin(&s, &o, false);
    script_run(&s, "start");
    o.dials = false;
    bgp_fsm_change(s.fsm, s.now, &o);
    script_run(&s, "");
    assert_int_equal(bgp_fsm_state(s.fsm), BGP_STATE_ACTIVE);
    script_run(&s, "wait=500");
    o.dials = true;
    bgp_fsm_change(s.fsm, s.now, &o);
    assert_int_equal(bgp_fsm_state(s.fsm), BGP_STATE_CONNECT);
    script_end(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_collision_larger),
        cmocka_unit_test(test_collision_smaller),
        cmocka_unit_test(test_collision_same_id),
        cmocka_unit_test(test_peer_without_graceful_restart),
        cmocka_unit_test(test_hold_zero),
        cmocka_unit_test(test_listens_only),
        cmocka_unit_test(test_enhanced_refresh),
        cmocka_unit_test(test_dials_double),
        cmocka_unit_test(test_dials_constant),
        cmocka_unit_test(test_damping),
        cmocka_unit_test(test_connect_time_bounds_damping),
        cmocka_unit_test(test_refused_after_loss),
        cmocka_unit_test(test_peer_is_held_back),
        cmocka_unit_test(test_keepalives),
        cmocka_unit_test(test_reason),
        cmocka_unit_test(test_keeps_routes),
        cmocka_unit_test(test_send_hold),
        cmocka_unit_test(test_send_hold_ends),
        cmocka_unit_test(test_restart_bits),
        cmocka_unit_test(test_counts),
        cmocka_unit_test(test_needs_reset),
        cmocka_unit_test(test_no_dial_beside_a_session),
        cmocka_unit_test(test_change_dials),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
