/* SPDX-License-Identifier: Apache-2.0 */
/* Which server is accepted: handshakes in memory, with certificates that are made here. */
#include "base/mem.h"
#include "base/text.h"
#include "kube/kube_tls.h"

#include <openssl/bio.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

enum { ONE_HOUR_S = 3600, ROUNDS_MAX = 20 };

static void add_names(X509 *cert, const char *names)
{
    X509V3_CTX ctx = {0};
    X509_EXTENSION *e;

    X509V3_set_ctx(&ctx, cert, cert, NULL, NULL, 0);
    e = X509V3_EXT_conf_nid(NULL, &ctx, NID_subject_alt_name, names);
    assert_non_null(e);
    X509_add_ext(cert, e, -1);
    X509_EXTENSION_free(e);
}

/* Signed by itself, of the common name "api.test". */
static X509 *make_cert(EVP_PKEY *key, const char *names)
{
    X509 *cert = X509_new();
    X509_NAME *subject = X509_get_subject_name(cert);

    X509_set_version(cert, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
    X509_gmtime_adj(X509_getm_notBefore(cert), -ONE_HOUR_S);
    X509_gmtime_adj(X509_getm_notAfter(cert), ONE_HOUR_S);
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)"api.test", -1,
                               -1, 0);
    X509_set_issuer_name(cert, subject);
    X509_set_pubkey(cert, key);
    if (names != NULL)
        add_names(cert, names);
    assert_true(X509_sign(cert, key, EVP_sha256()) > 0);
    return cert;
}

static char *pem_of(X509 *cert)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *bytes, *pem;
    long len;

    assert_int_equal(PEM_write_bio_X509(bio, cert), 1);
    len = BIO_get_mem_data(bio, &bytes);
    pem = xstrndup(bytes, (size_t)len);
    BIO_free(bio);
    return pem;
}

static SSL *make_server(X509 *cert, EVP_PKEY *key)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
    SSL *ssl;

    assert_int_equal(SSL_CTX_use_certificate(ctx, cert), 1);
    assert_int_equal(SSL_CTX_use_PrivateKey(ctx, key), 1);
    ssl = SSL_new(ctx);
    SSL_CTX_free(ctx);
    SSL_set_accept_state(ssl);
    return ssl;
}

/* Whether the client is content. */
static bool shake_hands(SSL *client, SSL *server)
{
    BIO *a, *b;
    bool is_done = false;

    assert_int_equal(BIO_new_bio_pair(&a, 0, &b, 0), 1);
    SSL_set_bio(client, a, a);
    SSL_set_bio(server, b, b);
    SSL_set_connect_state(client);
    for (int i = 0; i < ROUNDS_MAX && !is_done; i++) {
        is_done = SSL_do_handshake(client) == 1;
        (void)SSL_do_handshake(server); /* what it thinks does not matter */
    }
    return is_done;
}

static const struct {
    const char *name, *names; /* of the certificate; NULL: a common name alone */
    const char *server_name;
    bool insecure, other_ca;
    const char *refusal; /* NULL: accepted */
} servers[] = {
    {"the name", "DNS:api.test", "api.test", false, false, NULL},
    {"another name", "DNS:api.test", "other.test", false, false, "hostname mismatch"},
    {"a wildcard", "DNS:*.api.test", "a.api.test", false, false, NULL},
    {"a part of a label", "DNS:a*.api.test", "ab.api.test", false, false, "hostname mismatch"},
    {"a common name", NULL, "api.test", false, false, "hostname mismatch"},
    {"the address", "IP:192.0.2.1", "192.0.2.1", false, false, NULL},
    {"another address", "IP:192.0.2.1", "192.0.2.2", false, false, "IP address mismatch"},
    {"an address as a name", "DNS:192.0.2.1", "192.0.2.1", false, false, "IP address mismatch"},
    {"IPv6", "IP:2001:db8::1", "2001:db8::1", false, false, NULL},
    {"a mapped address, as Go", "IP:192.0.2.1", "::ffff:192.0.2.1", false, false, NULL},
    {"another CA", "DNS:api.test", "api.test", false, true, "self-signed certificate"},
    {"not looked at", "DNS:api.test", "other.test", true, false, NULL},
};

static void check_server(size_t i, EVP_PKEY *key, X509 *cert, const char *ca)
{
    const struct kube_config config = {.server_name = servers[i].server_name,
                                       .insecure_skip_tls_verify = servers[i].insecure};
    const struct kube_tls_pem pem = {.ca = servers[i].insecure ? NULL : ca};
    CLEANUP(err_done) struct err err = {0};
    struct kube_tls_refusal refusal = {0};
    SSL *client, *server = make_server(cert, key);
    SSL_CTX *ctx;

    assert_int_equal(kube_tls_new(&ctx, &config, &pem, &err), 0);
    client = kube_tls_connect(ctx, &config, &refusal);
    if (shake_hands(client, server) != (servers[i].refusal == NULL))
        fail_msg("%s: not so", servers[i].name);
    if ((refusal.text == NULL) != (servers[i].refusal == NULL) ||
        (refusal.text != NULL && strstr(refusal.text, servers[i].refusal) == NULL))
        fail_msg("%s: \"%s\"", servers[i].name, refusal.text);
    free(refusal.text);
    SSL_free(client);
    SSL_free(server);
    SSL_CTX_free(ctx);
}

static void test_servers(void **state)
{
    EVP_PKEY *key = EVP_EC_gen("P-256"), *other_key = EVP_EC_gen("P-256");

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(servers); i++) {
        X509 *cert = make_cert(key, servers[i].names);
        X509 *other = make_cert(other_key, servers[i].names);
        CLEANUP(xfreep) char *ca = pem_of(servers[i].other_ca ? other : cert);

        check_server(i, key, cert, ca);
        X509_free(cert);
        X509_free(other);
    }
    EVP_PKEY_free(key);
    EVP_PKEY_free(other_key);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_servers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
