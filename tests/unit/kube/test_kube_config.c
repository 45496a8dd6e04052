/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "base/text.h"
#include "kube/kube_config.h"
#include "kube/kubeconfig.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define CLUSTER "clusters: [{name: c, cluster: {server: 'https://192.0.2.1:6443'}}]\n"
#define CONTEXT "contexts: [{name: x, context: {cluster: c, user: u}}]\ncurrent-context: x\n"
#define USER(fields) "users: [{name: u, user: {" fields "}}]\n"
#define SERVER(fields) "clusters: [{name: c, cluster: {" fields "}}]\n" CONTEXT USER("")

/* --- one kubeconfig --- */

/* Each row is a file /k/config; what is NULL is not compared. */
static const struct {
    const char *name, *text;
    const char *error; /* NULL: none */
    const char *host, *server_name, *base_path;
    unsigned port;
} servers[] = {
    {"a name and a port", SERVER("server: 'https://api.Example.com:6443'"), NULL, "api.example.com",
     "api.example.com", "", 6443},
    {"the port of https", SERVER("server: 'https://api.example.com'"), NULL, "api.example.com",
     NULL, "", 443},
    {"the port of http", SERVER("server: 'http://127.0.0.1'"), NULL, "127.0.0.1", NULL, "", 80},
    {"an IPv6 address", SERVER("server: 'https://[2001:db8::1]:6443'"), NULL, "2001:db8::1",
     "2001:db8::1", "", 6443},
    {"an IPv6 address without a port", SERVER("server: 'https://[2001:DB8::1]/'"), NULL,
     "2001:db8::1", NULL, "", 443},
    {"a path", SERVER("server: 'https://a.b/k8s/clusters/c-1/'"), NULL, "a.b", NULL,
     "/k8s/clusters/c-1", 443},
    {"a name to verify", SERVER("server: 'https://192.0.2.1', tls-server-name: kubernetes"), NULL,
     "192.0.2.1", "kubernetes", "", 443},
    {"a proxy", SERVER("server: 'https://a.b', proxy-url: 'http://p:3128'"), NULL, "a.b", NULL, "",
     443},
    {"no server", SERVER("server: ''"), "/k/config: cluster \"c\": server is missing", NULL, NULL,
     NULL, 0},
    {"no scheme", SERVER("server: 'a.b:6443'"),
     "/k/config: cluster \"c\": server \"a.b:6443\": no scheme", NULL, NULL, NULL, 0},
    {"another scheme", SERVER("server: 'ftp://a.b'"),
     "/k/config: cluster \"c\": server \"ftp://a.b\": neither http nor https", NULL, NULL, NULL, 0},
    {"a bad port", SERVER("server: 'https://a.b:70000'"),
     "/k/config: cluster \"c\": server \"https://a.b:70000\": bad host or port", NULL, NULL, NULL,
     0},
    {"port 0", SERVER("server: 'https://a.b:0'"),
     "/k/config: cluster \"c\": server \"https://a.b:0\": bad host or port", NULL, NULL, NULL, 0},
    {"no port behind the colon", SERVER("server: 'https://a.b:'"),
     "/k/config: cluster \"c\": server \"https://a.b:\": bad host or port", NULL, NULL, NULL, 0},
    {"IPv6 without brackets", SERVER("server: 'https://2001:db8::1:6443'"),
     "/k/config: cluster \"c\": server \"https://2001:db8::1:6443\": bad host or port", NULL, NULL,
     NULL, 0},
    {"an open bracket", SERVER("server: 'https://[2001:db8::1'"),
     "/k/config: cluster \"c\": server \"https://[2001:db8::1\": bad host or port", NULL, NULL,
     NULL, 0},
    {"no host", SERVER("server: 'https://:6443'"),
     "/k/config: cluster \"c\": server \"https://:6443\": bad host or port", NULL, NULL, NULL, 0},
    {"a blank in the URL", SERVER("server: 'https://a b'"),
     "/k/config: cluster \"c\": server \"https://a b\": blanks or characters outside ASCII", NULL,
     NULL, NULL, 0},
    {"a query", SERVER("server: 'https://a.b/?x=1'"),
     "/k/config: cluster \"c\": server \"https://a.b/?x=1\": a query or a fragment", NULL, NULL,
     NULL, 0},
    {"credentials in the URL", SERVER("server: 'https://u:p@a.b'"),
     "/k/config: cluster \"c\": server: credentials in the URL", NULL, NULL, NULL, 0},
    {"credentials and a bad port", SERVER("server: 'https://u:p@a.b:0'"),
     "/k/config: cluster \"c\": server \"https://...@a.b:0\": bad host or port", NULL, NULL, NULL,
     0},
    {"credentials for a SOCKS proxy",
     SERVER("server: 'https://a.b', proxy-url: 'socks5://u:p@p:1080'"),
     "/k/config: cluster \"c\": proxy-url \"socks5://...@p:1080\": only proxies of http:// are "
     "supported",
     NULL, NULL, NULL, 0},
    {"credentials for a proxy at a bad port",
     SERVER("server: 'https://a.b', proxy-url: 'http://u:p@/@p:0'"),
     "/k/config: cluster \"c\": proxy-url \"http://...@p:0\": bad host or port", NULL, NULL, NULL,
     0},
    {"a SOCKS proxy", SERVER("server: 'https://a.b', proxy-url: 'socks5://p:1080'"),
     "/k/config: cluster \"c\": proxy-url \"socks5://p:1080\": only proxies of http:// are "
     "supported",
     NULL, NULL, NULL, 0},
    {"CA and no verification",
     SERVER("server: 'https://a.b', certificate-authority: ca, insecure-skip-tls-verify: true"),
     "/k/config: cluster \"c\": certificate-authority with insecure-skip-tls-verify", NULL, NULL,
     NULL, 0},
    {"bad base64", SERVER("server: 'https://a.b', certificate-authority-data: '%%%'"),
     "/k/config: cluster \"c\": certificate-authority-data is not base64", NULL, NULL, NULL, 0},
    {"base64 of a NUL", SERVER("server: 'https://a.b', certificate-authority-data: QQBB"),
     "/k/config: cluster \"c\": certificate-authority-data is not a text", NULL, NULL, NULL, 0},
    {"a server that is a number", SERVER("server: 1"),
     "/k/config: cluster \"c\": server is not a string", NULL, NULL, NULL, 0},
    {"a flag that is a string", SERVER("server: 'https://a.b', disable-compression: 'yes'"),
     "/k/config: cluster \"c\": disable-compression is not a boolean", NULL, NULL, NULL, 0},
    {"no current context", CLUSTER, "/k/config: no current-context", NULL, NULL, NULL, 0},
    {"a context that is not there", CLUSTER "current-context: z\n", "/k/config: no context \"z\"",
     NULL, NULL, NULL, 0},
    {"a context that is a truth", CLUSTER "current-context: y\n",
     "/k/config: current-context is not a string", NULL, NULL, NULL, 0},
    {"a cluster that is not there", CONTEXT USER(""), "/k/config: no cluster \"c\"", NULL, NULL,
     NULL, 0},
    {"a user that is not there", CLUSTER CONTEXT, "/k/config: no user \"u\"", NULL, NULL, NULL, 0},
    {"a context without a user",
     CLUSTER "contexts: [{name: x, context: {cluster: c}}]\ncurrent-context: x\n", NULL,
     "192.0.2.1", NULL, "", 6443},
    {"lists that are mappings", "clusters: {}\n" CONTEXT, "/k/config: clusters is not a list", NULL,
     NULL, NULL, 0},
    {"a list", "- a\n", "/k/config: not a kubeconfig", NULL, NULL, NULL, 0},
    {"an empty file", "", "/k/config: no current-context", NULL, NULL, NULL, 0},
    {"JSON",
     "{\"clusters\":[{\"name\":\"c\",\"cluster\":{\"server\":\"https://a.b\"}}],"
     "\"contexts\":[{\"name\":\"x\",\"context\":{\"cluster\":\"c\"}}],\"current-context\":\"x\"}",
     NULL, "a.b", NULL, "", 443},
};

/* The configuration of one text, or NULL with `err`. */
static struct kube_config *read_text(const char *text, struct err *err)
{
    struct kubeconfig_text file = {"/k/config", text};
    struct kube_config *c = xcalloc(1, sizeof(*c));

    c->arena = arena_new();
    return kubeconfig_read(c, &file, 1, err) < 0 ? kube_config_free(c) : c;
}

static void expect_text(const char *row, const char *what, const char *got, const char *want)
{
    if (want == NULL || str_eq(got, want))
        return;
    print_error("%s: %s is \"%s\", not \"%s\"\n", row, what, got != NULL ? got : "(null)", want);
    fail();
}

static void test_servers(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(servers); i++) {
        CLEANUP(err_done) struct err err = {0};
        CLEANUP(kube_config_freep) struct kube_config *c = read_text(servers[i].text, &err);

        expect_text(servers[i].name, "error", err.text != NULL ? err.text : "",
                    servers[i].error != NULL ? servers[i].error : "");
        if (c == NULL) {
            assert_int_equal(err.code, -EINVAL);
            continue;
        }
        expect_text(servers[i].name, "host", c->host, servers[i].host);
        expect_text(servers[i].name, "server name", c->server_name, servers[i].server_name);
        expect_text(servers[i].name, "path", c->base_path, servers[i].base_path);
        if (c->port != servers[i].port)
            fail_msg("%s: port %u", servers[i].name, c->port);
    }
}

static const struct {
    const char *name, *user;
    const char *error;
    const char *token, *token_file, *cert_data, *cert_file, *command;
} users[] = {
    {"a token", "token: abc", NULL, "abc", NULL, NULL, NULL, NULL},
    {"a token file, relative", "tokenFile: t/token", NULL, NULL, "/k/t/token", NULL, NULL, NULL},
    {"a token and a file", "token: abc, tokenFile: /t", NULL, "abc", "/t", NULL, NULL, NULL},
    {"data of a certificate", "client-certificate-data: QUI=, client-key-data: QUI=", NULL, NULL,
     NULL, "AB", NULL, NULL},
    {"a certificate in a file", "client-certificate: c.pem, client-key: k.pem", NULL, NULL, NULL,
     NULL, "/k/c.pem", NULL},
    {"data before a file",
     "client-certificate: c.pem, client-certificate-data: QUI=, client-key: /k", NULL, NULL, NULL,
     "AB", NULL, NULL},
    {"a certificate without its key", "client-certificate: c.pem",
     "/k/config: user \"u\": client-certificate and client-key need each other", NULL, NULL, NULL,
     NULL, NULL},
    {"a token of two lines", "token: \"a\\nb\"",
     "/k/config: user \"u\": token is not a single line", NULL, NULL, NULL, NULL, NULL},
    {"groups without a user", "as-groups: [a]",
     "/k/config: user \"u\": as-uid or as-groups without as", NULL, NULL, NULL, NULL, NULL},
    {"more of a user", "as: a, as-user-extra: {scopes: [b]}",
     "/k/config: user \"u\": as-user-extra is not supported", NULL, NULL, NULL, NULL, NULL},
    {"33 groups",
     "as: a, as-groups: [a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a]",
     "/k/config: user \"u\": as-groups: more than 32", NULL, NULL, NULL, NULL, NULL},
    {"a group of two lines", "as: a, as-groups: [\"a\\nb\"]",
     "/k/config: user \"u\": as-groups: an item is not a single line", NULL, NULL, NULL, NULL,
     NULL},
    {"a plugin by name",
     "exec: {command: aws, apiVersion: client.authentication.k8s.io/v1, args: [a, b]}", NULL, NULL,
     NULL, NULL, NULL, "aws"},
    {"a plugin by a relative path",
     "exec: {command: ./bin/p, apiVersion: client.authentication.k8s.io/v1beta1}", NULL, NULL, NULL,
     NULL, NULL, "/k/./bin/p"},
    {"a plugin of another version", "exec: {command: p, apiVersion: v2}",
     "/k/config: user \"u\": exec: apiVersion \"v2\" is not supported", NULL, NULL, NULL, NULL,
     NULL},
    {"a plugin without a command", "exec: {apiVersion: client.authentication.k8s.io/v1}",
     "/k/config: user \"u\": exec: command is missing", NULL, NULL, NULL, NULL, NULL},
    {"a plugin that wants to ask",
     "exec: {command: p, apiVersion: client.authentication.k8s.io/v1, interactiveMode: Always}",
     "/k/config: user \"u\": exec: interactiveMode is Always, but there is nobody to ask", NULL,
     NULL, NULL, NULL, NULL},
    {"variables of a plugin without a name",
     "exec: {command: p, apiVersion: client.authentication.k8s.io/v1, env: [{value: a}]}",
     "/k/config: user \"u\": exec: env without a name or a value", NULL, NULL, NULL, NULL, NULL},
    {"an old auth-provider", "auth-provider: {name: gcp}",
     "/k/config: user \"u\": auth-provider is not supported, use exec", NULL, NULL, NULL, NULL,
     NULL},
};

static void test_users(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(users); i++) {
        CLEANUP(err_done) struct err err = {0};
        CLEANUP(xfreep)
        char *text = xasprintf(CLUSTER CONTEXT "users: [{name: u, user: {%s}}]\n", users[i].user);
        CLEANUP(kube_config_freep) struct kube_config *c = read_text(text, &err);
        const char *name = users[i].name;

        expect_text(name, "error", err.text != NULL ? err.text : "",
                    users[i].error != NULL ? users[i].error : "");
        if (c == NULL)
            continue;
        expect_text(name, "token", c->token.data, users[i].token);
        expect_text(name, "token file", c->token.file, users[i].token_file);
        expect_text(name, "certificate", c->client_cert.data, users[i].cert_data);
        expect_text(name, "certificate file", c->client_cert.file, users[i].cert_file);
        expect_text(name, "command", c->exec != NULL ? c->exec->command : NULL, users[i].command);
        if (users[i].cert_data != NULL)
            assert_null(c->client_cert.file);
    }
}

/* --- several files, the environment --- */

enum { PATH_LEN = 256 };

static char folder[] = "/tmp/test_kube_config.XXXXXX";

static const char *in_folder(char *ret, const char *name)
{
    (void)snprintf(ret, PATH_LEN, "%s/%s", folder, name);
    return ret;
}

static void write_file(const char *name, const char *text)
{
    char path[PATH_LEN];
    FILE *f = fopen(in_folder(path, name), "we");

    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st;
    (void)type;
    (void)at;
    return remove(path);
}

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) == NULL ? -1 : 0;
}

static int remove_folder(void **state)
{
    (void)state;
    return nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static struct kube_config *load(const struct kube_environment *env)
{
    CLEANUP(err_done) struct err err = {0};
    struct kube_config *c = NULL;

    if (kube_config_load(&c, env, &err) < 0)
        fail_msg("%s", err_text(&err));
    return c;
}

static void test_merge(void **state)
{
    CLEANUP(kube_config_freep) struct kube_config *c = NULL;
    CLEANUP(xfreep) char *list = NULL, *token = NULL;

    (void)state;
    write_file("a", "contexts: [{name: x, context: {cluster: c, user: u, namespace: ns}}]\n"
                    "users: [{name: u, user: {tokenFile: token}}]\n");
    write_file("b", "current-context: x\nusers: [{name: u, user: {token: second}}]\n" CLUSTER);
    write_file("c", "current-context: y\n"
                    "clusters: [{name: c, cluster: {server: 'https://third'}}]\n");
    list = xasprintf("%s/missing::%s/a:%s/b:%s/c", folder, folder, folder, folder);
    c = load(&(struct kube_environment){.kubeconfig = list});
    assert_string_equal(c->host, "192.0.2.1"); /* of b, before c */
    assert_string_equal(c->namespace, "ns");
    token = xasprintf("%s/token", folder);
    assert_string_equal(c->token.file, token); /* beside the file that says so */
    assert_null(c->token.data);
}

static void test_order(void **state)
{
    char flag[PATH_LEN], list[PATH_LEN];
    CLEANUP(kube_config_freep) struct kube_config *c = NULL;
    struct kube_environment env = {.kubeconfig_flag = in_folder(flag, "flag"),
                                   .kubeconfig = in_folder(list, "list"),
                                   .service_host = "192.0.2.9",
                                   .service_port = "443",
                                   .service_account_dir = folder,
                                   .home = folder};

    (void)state;
    write_file("flag", SERVER("server: 'https://flag'"));
    write_file("list", SERVER("server: 'https://list'"));
    write_file("token", "t\n");
    write_file("namespace", "metallb-system\n");
    mkdir(in_folder((char[PATH_LEN]){0}, ".kube"), 0700);
    write_file(".kube/config", SERVER("server: 'https://home'"));

    c = load(&env);
    assert_string_equal(c->host, "flag");
    env.kubeconfig_flag = "";
    kube_config_free(c);
    c = load(&env);
    assert_string_equal(c->host, "list");
    env.kubeconfig = NULL;
    kube_config_free(c);
    c = load(&env);
    assert_string_equal(c->source, "in-cluster");
    assert_string_equal(c->host, "192.0.2.9");
    assert_string_equal(c->namespace, "metallb-system");
    assert_non_null(strstr(c->ca.file, "/ca.crt"));
    assert_non_null(strstr(c->token.file, "/token"));
    env.service_host = "";
    kube_config_free(c);
    c = load(&env);
    assert_string_equal(c->host, "home");
}

static void test_in_cluster_hosts(void **state)
{
    struct kube_environment env = {
        .service_host = "2001:db8::1", .service_port = "6443", .service_account_dir = folder};
    CLEANUP(kube_config_freep) struct kube_config *c = NULL;

    (void)state;
    write_file("token", "t");
    c = load(&env);
    assert_string_equal(c->host, "2001:db8::1");
    assert_string_equal(c->server_name, "2001:db8::1");
    assert_int_equal(c->port, 6443);
    env.service_host = "kubernetes.example.com"; /* some providers give a name */
    kube_config_free(c);
    c = load(&env);
    assert_string_equal(c->host, "kubernetes.example.com");
}

static const struct {
    const char *name;
    struct kube_environment env;
    int code;
    const char *text; /* a part of it */
} failures[] = {
    {"nothing", {.home = "/nowhere"}, -ENOENT, "no --kubeconfig, no KUBECONFIG, not in a cluster"},
    {"no such file", {.kubeconfig_flag = "/nowhere/k"}, -ENOENT, "/nowhere/k: No such file"},
    {"no file of the list", {.kubeconfig = "/nowhere/a:/nowhere/b"}, -ENOENT, "none of the files"},
    {"no token in the Pod",
     {.service_host = "192.0.2.1", .service_port = "443", .service_account_dir = "/nowhere"},
     -ENOENT,
     "in-cluster: /nowhere/token"},
    {"a bad port of the service",
     {.service_host = "192.0.2.1", .service_port = "x", .service_account_dir = "/nowhere"},
     -EINVAL,
     "KUBERNETES_SERVICE_HOST"},
};

static void test_failures(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(failures); i++) {
        CLEANUP(err_done) struct err err = {0};
        struct kube_config *c = NULL;
        int r = kube_config_load(&c, &failures[i].env, &err);

        if (r != failures[i].code || strstr(err_text(&err), failures[i].text) == NULL)
            fail_msg("%s: %d, %s", failures[i].name, r, err_text(&err));
    }
}

static const struct {
    const char *name, *server, *https_proxy, *no_proxy, *proxy_url;
} proxies[] = {
    {"none", "https://a.b", NULL, NULL, ""},
    {"of the environment", "https://a.b", "http://p:3128", NULL, "http://p:3128"},
    {"without a scheme", "https://a.b", "p:3128", NULL, "http://p:3128"},
    {"not for plain HTTP", "http://a.b", "http://p:3128", NULL, ""},
    {"left out", "https://a.b", "http://p:3128", "x, .b", ""},
    {"not left out", "https://a.b", "http://p:3128", "c", "http://p:3128"},
    {"loopback", "https://127.0.0.1", "http://p:3128", NULL, ""},
};

static void test_proxy_of_environment(void **state)
{
    char path[PATH_LEN];

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(proxies); i++) {
        CLEANUP(xfreep)
        char *text = xasprintf("clusters: [{name: c, cluster: {server: '%s'}}]\n" CONTEXT USER(""),
                               proxies[i].server);
        CLEANUP(kube_config_freep) struct kube_config *c = NULL;

        write_file("p", text);
        c = load(&(struct kube_environment){.kubeconfig_flag = in_folder(path, "p"),
                                            .https_proxy = proxies[i].https_proxy,
                                            .no_proxy = proxies[i].no_proxy});
        expect_text(proxies[i].name, "proxy", c->proxy_url, proxies[i].proxy_url);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_servers),
        cmocka_unit_test(test_users),
        cmocka_unit_test(test_merge),
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_in_cluster_hosts),
        cmocka_unit_test(test_failures),
        cmocka_unit_test(test_proxy_of_environment),
    };

    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
