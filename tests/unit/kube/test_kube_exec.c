/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "kube/kube_exec.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define V1 "client.authentication.k8s.io/v1"
#define CREDENTIAL(status)                                                                         \
    "{\"apiVersion\":\"" V1 "\",\"kind\":\"ExecCredential\",\"status\":" status "}"

static const struct {
    const char *name, *bytes;
    const char *error; /* NULL: none */
    const char *token, *cert, *key;
    int64_t expires_ns;
} outputs[] = {
    {"a token", CREDENTIAL("{\"token\":\"t\"}"), NULL, "t", NULL, NULL, 0},
    {"with its end",
     CREDENTIAL("{\"token\":\"t\",\"expirationTimestamp\":\"1970-01-01T00:00:02Z\"}"), NULL, "t",
     NULL, NULL, 2 * NS_PER_SEC},
    {"a certificate", CREDENTIAL("{\"clientCertificateData\":\"c\",\"clientKeyData\":\"k\"}"), NULL,
     NULL, "c", "k", 0},
    {"a certificate alone", CREDENTIAL("{\"clientCertificateData\":\"c\",\"token\":\"t\"}"),
     "a certificate and a key need each other", NULL, NULL, NULL, 0},
    {"nothing", CREDENTIAL("{}"), "neither a token nor a certificate", NULL, NULL, NULL, 0},
    {"an empty token", CREDENTIAL("{\"token\":\"\"}"), "neither a token nor a certificate", NULL,
     NULL, NULL, 0},
    {"a token of two lines", CREDENTIAL("{\"token\":\"a\\nb\"}"), "the token is not a single line",
     NULL, NULL, NULL, 0},
    {"a bad end", CREDENTIAL("{\"token\":\"t\",\"expirationTimestamp\":\"soon\"}"),
     "bad expirationTimestamp", NULL, NULL, NULL, 0},
    {"another kind", "{\"apiVersion\":\"" V1 "\",\"kind\":\"Pod\"}", "not an ExecCredential", NULL,
     NULL, NULL, 0},
    {"another version", "{\"apiVersion\":\"" V1 "beta1\",\"kind\":\"ExecCredential\"}",
     "not of apiVersion " V1, NULL, NULL, NULL, 0},
    {"no JSON", "error: not logged in", "not JSON", NULL, NULL, NULL, 0},
    {"no output", "", "not JSON", NULL, NULL, NULL, 0},
};

static void test_parse(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(outputs); i++) {
        CLEANUP(kube_exec_credentials_done) struct kube_exec_credentials c = {0};
        CLEANUP(err_done) struct err err = {0};
        const char *bytes = outputs[i].bytes;
        int r = kube_exec_parse(&c, V1, bytes, strlen(bytes), &err);

        if (r != (outputs[i].error != NULL ? -EBADMSG : 0) || !str_eq(err.text, outputs[i].error))
            fail_msg("%s: %d, %s", outputs[i].name, r, err_text(&err));
        if (!str_eq(c.token, outputs[i].token) || !str_eq(c.cert, outputs[i].cert) ||
            !str_eq(c.key, outputs[i].key) || c.expires_ns != outputs[i].expires_ns)
            fail_msg("%s: other credentials", outputs[i].name);
    }
}

static void test_info(void **state)
{
    struct kube_exec exec = {.api_version = V1};
    struct kube_config config = {.host = "2001:db8::1",
                                 .port = 6443,
                                 .base_path = "/p",
                                 .tls = true,
                                 .server_name = "kubernetes",
                                 .proxy_url = "",
                                 .exec = &exec};
    CLEANUP(xfreep) char *brief = kube_exec_info(&config, "ca");
    CLEANUP(xfreep) char *whole = NULL;

    (void)state;
    assert_string_equal(brief, "{\"apiVersion\":\"" V1 "\",\"kind\":\"ExecCredential\","
                               "\"spec\":{\"interactive\":false}}");
    exec.provide_cluster_info = true;
    whole = kube_exec_info(&config, "ca");
    assert_string_equal(whole, "{\"apiVersion\":\"" V1 "\",\"kind\":\"ExecCredential\","
                               "\"spec\":{\"interactive\":false,\"cluster\":{"
                               "\"server\":\"https://[2001:db8::1]:6443/p\","
                               "\"tls-server-name\":\"kubernetes\","
                               "\"certificate-authority-data\":\"Y2E=\"}}}");
}

/* --- programs that run --- */

struct world {
    struct event_base *base;
    struct arena *arena;
    struct kube_exec exec;
    struct kube_config config;
    struct kube_exec_plugin *plugin;
    bool has_other_cert;
};

static void on_changed(void *arg, bool has_other_cert)
{
    struct world *w = arg;

    w->has_other_cert = has_other_cert;
    event_base_loopbreak(w->base);
}

/* A plugin that is a line of shell. */
static void world_init(struct world *w, const char *script)
{
    static const struct kube_exec_env env[] = {{"GREETING", "hello"}, {"HOME", "/elsewhere"}};

    *w = (struct world){.base = event_base_new(), .arena = arena_new()};
    w->exec = (struct kube_exec){.command = "sh",
                                 .env = env,
                                 .env_count = ARRAY_SIZE(env),
                                 .api_version = V1,
                                 .install_hint = ""};
    w->exec.args.items = arena_calloc(w->arena, 2, sizeof(char *));
    w->exec.args.items[0] = "-c";
    w->exec.args.items[1] = script;
    w->exec.args.count = 2;
    w->config = (struct kube_config){.exec = &w->exec};
    w->plugin = kube_exec_plugin_new(&(struct kube_auth_options){
        .base = w->base, .config = &w->config, .changed = on_changed, .arg = w});
}

static void world_done(struct world *w)
{
    kube_exec_plugin_free(w->plugin);
    event_base_free(w->base);
    arena_free(w->arena);
}

static void run(struct world *w)
{
    assert_int_equal(kube_exec_plugin_prepare(w->plugin, mono_now()), KUBE_AUTH_BUSY);
    event_base_dispatch(w->base);
}

static void test_run(void **state)
{
    CLEANUP(world_done) struct world w;

    (void)state;
    world_init(&w, "case $KUBERNETES_EXEC_INFO in *'\"interactive\":false'*) ;; *) exit 9;; esac\n"
                   "printf '" CREDENTIAL("{\"token\":\"%s\"}") "' \"$GREETING$HOME\"");
    run(&w);
    assert_int_equal(kube_exec_plugin_prepare(w.plugin, mono_now()), KUBE_AUTH_READY);
    assert_string_equal(kube_exec_plugin_credentials(w.plugin)->token, "hello/elsewhere");
    assert_false(w.has_other_cert);

    /* Refused at once: another run would print the same. */
    assert_false(kube_exec_plugin_refresh(w.plugin, mono_now()));
    /* Refused later: another run. */
    assert_true(kube_exec_plugin_refresh(w.plugin, mono_add(mono_now(), 60 * NS_PER_SEC)));
    run(&w);
    assert_int_equal(kube_exec_plugin_prepare(w.plugin, mono_now()), KUBE_AUTH_READY);
}

static void test_certificate(void **state)
{
    CLEANUP(world_done) struct world w;

    (void)state;
    world_init(
        &w, "echo '" CREDENTIAL("{\"clientCertificateData\":\"c\",\"clientKeyData\":\"k\"}") "'");
    run(&w);
    assert_true(w.has_other_cert);
    assert_true(kube_exec_plugin_refresh(w.plugin, mono_add(mono_now(), 60 * NS_PER_SEC)));
    run(&w);
    assert_false(w.has_other_cert);
}

/* Credentials that expire are renewed while they are still good. */
static void test_expiry(void **state)
{
    CLEANUP(world_done) struct world w;

    (void)state;
    world_init(
        &w,
        "printf '" CREDENTIAL(
            "{\"token\":\"t\",\"expirationTimestamp\":\"%s\"}") "' "
                                                                "$(date -u -d '+1 hour' +%Y-%m-%dT%H:%M:%SZ)");
    run(&w);
    assert_int_equal(kube_exec_plugin_prepare(w.plugin, mono_now()), KUBE_AUTH_READY);
    assert_int_equal(kube_exec_plugin_prepare(w.plugin, mono_add(mono_now(), 3590 * NS_PER_SEC)),
                     KUBE_AUTH_READY);
    event_base_dispatch(w.base); /* ends only because a run has begun */
    assert_int_equal(kube_exec_plugin_prepare(w.plugin, mono_add(mono_now(), 7200 * NS_PER_SEC)),
                     KUBE_AUTH_BUSY);
}

/* What has just been printed is used, whatever its date: the server decides, and another run at
 * once would print the same. */
static void test_expired_at_once(void **state)
{
    CLEANUP(world_done) struct world w;

    (void)state;
    world_init(&w, "echo '" CREDENTIAL(
                       "{\"token\":\"t\",\"expirationTimestamp\":\"2001-01-01T00:00:00Z\"}") "'");
    run(&w);
    assert_int_equal(kube_exec_plugin_prepare(w.plugin, mono_now()), KUBE_AUTH_READY);
    assert_int_equal(kube_exec_plugin_prepare(w.plugin, mono_add(mono_now(), 60 * NS_PER_SEC)),
                     KUBE_AUTH_BUSY);
}

static const struct {
    const char *script, *text;
} failures[] = {
    {"exit 3", "exec plugin sh: exit status 3"},
    {"kill -9 $$", "exec plugin sh: ended by signal 9"},
    {"echo hello", "exec plugin sh: not JSON"},
    {"yes | head -c 3000000", "exec plugin sh: too long an output"},
};

static void test_failures(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(failures); i++) {
        CLEANUP(world_done) struct world w;

        world_init(&w, failures[i].script);
        run(&w);
        assert_int_equal(kube_exec_plugin_prepare(w.plugin, mono_now()), KUBE_AUTH_FAILED);
        assert_string_equal(kube_exec_plugin_text(w.plugin), failures[i].text);
        assert_int_equal(kube_exec_plugin_prepare(w.plugin, mono_add(mono_now(), 10 * NS_PER_SEC)),
                         KUBE_AUTH_BUSY);
    }
}

static void test_no_program(void **state)
{
    CLEANUP(world_done) struct world w;

    (void)state;
    world_init(&w, "");
    w.exec.command = "/nowhere/plugin";
    assert_int_equal(kube_exec_plugin_prepare(w.plugin, mono_now()), KUBE_AUTH_FAILED);
    assert_string_equal(kube_exec_plugin_text(w.plugin),
                        "exec plugin /nowhere/plugin: No such file or directory");
}

/* What is under way ends with us. */
static void test_free_while_it_runs(void **state)
{
    CLEANUP(world_done) struct world w;

    (void)state;
    world_init(&w, "exec sleep 1000");
    assert_int_equal(kube_exec_plugin_prepare(w.plugin, mono_now()), KUBE_AUTH_BUSY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse),
        cmocka_unit_test(test_info),
        cmocka_unit_test(test_run),
        cmocka_unit_test(test_certificate),
        cmocka_unit_test(test_expiry),
        cmocka_unit_test(test_expired_at_once),
        cmocka_unit_test(test_failures),
        cmocka_unit_test(test_no_program),
        cmocka_unit_test(test_free_while_it_runs),
    };

    log_set_silent();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
