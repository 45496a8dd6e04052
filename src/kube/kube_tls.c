/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/kube_tls.h"

#include "base/ip.h"
#include "base/mem.h"
#include "base/text.h"

#include <errno.h>
#include <event2/bufferevent_ssl.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

enum { NAME_MAX_LEN = 256 };

static const unsigned char alpn[] = "\x02h2\x08http/1.1";

static void bio_freep(BIO **bio)
{
    BIO_free(*bio);
}

static void ctx_freep(SSL_CTX **ctx)
{
    SSL_CTX_free(*ctx);
}

/* Instead of OpenSSL's own, which asks on the terminal. */
static int no_password(char *buf, int size, int for_writing, void *arg)
{
    (void)buf;
    (void)size;
    (void)for_writing;
    (void)arg;
    return -1;
}

static BIO *pem_open(const char *text)
{
    BIO *bio = BIO_new_mem_buf(text, -1);

    if (bio == NULL)
        abort(); /* only without memory */
    return bio;
}

static int add_ca(SSL_CTX *ctx, const char *pem, struct err *err)
{
    X509_STORE *store = SSL_CTX_get_cert_store(ctx);
    CLEANUP(bio_freep) BIO *bio = pem_open(pem);
    int count = 0;

    for (;;) {
        X509 *cert = PEM_read_bio_X509(bio, NULL, no_password, NULL);

        if (cert == NULL)
            break;
        if (X509_STORE_add_cert(store, cert) == 1)
            count++;
        X509_free(cert);
    }
    ERR_clear_error(); /* the end of the text is one */
    return count > 0 ? 0 : err_set(err, -EINVAL, "certificate authority: no certificate in it");
}

static int add_chain(SSL_CTX *ctx, const char *pem, struct err *err)
{
    CLEANUP(bio_freep) BIO *bio = pem_open(pem);
    X509 *cert = PEM_read_bio_X509(bio, NULL, no_password, NULL);
    int ok = cert != NULL && SSL_CTX_use_certificate(ctx, cert) == 1;

    X509_free(cert);
    if (!ok) {
        ERR_clear_error();
        return err_set(err, -EINVAL, "client certificate: cannot be read");
    }
    while ((cert = PEM_read_bio_X509(bio, NULL, no_password, NULL)) != NULL) {
        if (SSL_CTX_add0_chain_cert(ctx, cert) != 1)
            X509_free(cert);
    }
    ERR_clear_error();
    return 0;
}

static int add_key(SSL_CTX *ctx, const char *pem, struct err *err)
{
    CLEANUP(bio_freep) BIO *bio = pem_open(pem);
    EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, no_password, NULL);
    int r = 0;

    if (key == NULL)
        r = err_set(err, -EINVAL, "client key: cannot be read");
    else if (SSL_CTX_use_PrivateKey(ctx, key) != 1)
        r = err_set(err, -EINVAL, "client key: does not belong to the client certificate");
    EVP_PKEY_free(key);
    ERR_clear_error();
    return r;
}

/* Remembers whose certificate it was: OpenSSL drops it when the handshake fails. */
static int on_verify(int ok, X509_STORE_CTX *store)
{
    const SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
    struct kube_tls_refusal *refusal = SSL_get_app_data(ssl);
    X509 *cert = X509_STORE_CTX_get_current_cert(store);
    int error = X509_STORE_CTX_get_error(store);
    char subject[NAME_MAX_LEN] = "", issuer[NAME_MAX_LEN] = "";

    if (ok || refusal == NULL || refusal->text != NULL)
        return ok;
    if (cert != NULL) {
        X509_NAME_oneline(X509_get_subject_name(cert), subject, sizeof(subject));
        X509_NAME_oneline(X509_get_issuer_name(cert), issuer, sizeof(issuer));
    }
    refusal->text = xasprintf("certificate of \"%s\", issued by \"%s\": %s", subject, issuer,
                              X509_verify_cert_error_string(error));
    str_replace_controls(refusal->text);
    return ok;
}

static void set_options(SSL_CTX *ctx, bool verify)
{
    X509_VERIFY_PARAM *param = SSL_CTX_get0_param(ctx);

    SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
    SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                              SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    SSL_CTX_set_verify(ctx, verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, verify ? on_verify : NULL);
    X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_PARTIAL_CHAIN);
    X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT |
                                               X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    SSL_CTX_set_alpn_protos(ctx, alpn, sizeof(alpn) - 1);
}

static int add_material(SSL_CTX *ctx, const struct kube_config *config,
                        const struct kube_tls_pem *pem, struct err *err)
{
    int r = 0;

    if (pem->ca != NULL)
        r = add_ca(ctx, pem->ca, err);
    else if (!config->insecure_skip_tls_verify)
        SSL_CTX_set_default_verify_paths(ctx); /* without them every server is refused */
    if (r >= 0 && pem->cert != NULL)
        r = add_chain(ctx, pem->cert, err);
    if (r >= 0 && pem->key != NULL)
        r = add_key(ctx, pem->key, err);
    return r;
}

int kube_tls_new(SSL_CTX **ret, const struct kube_config *config, const struct kube_tls_pem *pem,
                 struct err *err)
{
    CLEANUP(ctx_freep) SSL_CTX *ctx = NULL;
    int r;

    /* Whoever comes first in a process decides. openssl.cnf would load providers and engines that
     * nobody here uses; the texts of all errors take 70 KiB. */
    OPENSSL_init_ssl(OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_NO_LOAD_SSL_STRINGS |
                         OPENSSL_INIT_NO_LOAD_CRYPTO_STRINGS,
                     NULL);
    ctx = SSL_CTX_new(TLS_client_method());
    if (ctx == NULL)
        abort(); /* only without memory */
    set_options(ctx, !config->insecure_skip_tls_verify);
    r = add_material(ctx, config, pem, err);
    if (r < 0)
        return r;
    *ret = TAKE(ctx);
    return 0;
}

SSL *kube_tls_connect(SSL_CTX *ctx, const struct kube_config *config,
                      struct kube_tls_refusal *refusal)
{
    CLEANUP(xfreep) char *name = xstrdup(config->server_name); /* OpenSSL's macro wants no const */
    SSL *ssl = SSL_new(ctx);
    bool is_named;
    struct ip ip;

    if (ssl == NULL)
        abort(); /* only without memory */
    SSL_set_app_data(ssl, refusal);
    is_named = ip_parse(&ip, name)
                   ? X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), ip_format(ip).s) == 1
                   : SSL_set1_host(ssl, name) == 1 && SSL_set_tlsext_host_name(ssl, name) == 1;
    if (!is_named)
        abort(); /* only without memory; any certificate would do */
    return ssl;
}

bool kube_tls_chose_h2(const SSL *ssl)
{
    const unsigned char *name = NULL;
    unsigned len = 0;

    SSL_get0_alpn_selected(ssl, &name, &len);
    return len == 2 && memcmp(name, "h2", 2) == 0;
}

/* Reasons above this are alerts that the server sent (RFC 8446 section 6). */
static int alert_of(unsigned long code)
{
    int reason = ERR_GET_REASON(code);

    return ERR_GET_LIB(code) == ERR_LIB_SSL && reason >= SSL_AD_REASON_OFFSET
               ? reason - SSL_AD_REASON_OFFSET
               : -1;
}

/* For a person. */
static char *reason_text(unsigned long code)
{
    int alert = alert_of(code);

    if (alert >= 0)
        return xasprintf("the server says: %s", SSL_alert_desc_string_long(alert));
    if (ERR_GET_LIB(code) == ERR_LIB_SSL) {
        switch (ERR_GET_REASON(code)) {
        case SSL_R_WRONG_VERSION_NUMBER:
        case SSL_R_HTTP_REQUEST:
        case SSL_R_PACKET_LENGTH_TOO_LONG:
            return xstrdup("the server does not speak TLS");
        case SSL_R_UNSUPPORTED_PROTOCOL:
            return xstrdup("the server speaks no TLS 1.2 or later");
        case SSL_R_CERTIFICATE_VERIFY_FAILED:
            return xstrdup("the server's certificate is not accepted");
        case SSL_R_UNEXPECTED_EOF_WHILE_READING:
            return xstrdup("connection closed by the server");
        }
    }
    return xasprintf("OpenSSL error %08lX", code);
}

/* Whether one side does not accept who the other is. */
static bool is_refusal(unsigned long code)
{
    switch (alert_of(code)) {
    case SSL_AD_BAD_CERTIFICATE:
    case SSL_AD_UNSUPPORTED_CERTIFICATE:
    case SSL_AD_CERTIFICATE_REVOKED:
    case SSL_AD_CERTIFICATE_EXPIRED:
    case SSL_AD_CERTIFICATE_UNKNOWN:
    case SSL_AD_UNKNOWN_CA:
    case SSL_AD_ACCESS_DENIED:
    case TLS13_AD_CERTIFICATE_REQUIRED:
        return true;
    }
    return ERR_GET_LIB(code) == ERR_LIB_SSL &&
           ERR_GET_REASON(code) == SSL_R_CERTIFICATE_VERIFY_FAILED;
}

int kube_tls_fault(struct bufferevent *stream, short what, const char *if_closed, char **ret_text)
{
    int socket_error = EVUTIL_SOCKET_ERROR();
    unsigned long code = bufferevent_get_openssl_error(stream);

    if ((what & BEV_EVENT_ERROR) != 0 && code != 0)
        *ret_text = reason_text(code);
    else if ((what & BEV_EVENT_ERROR) != 0 && socket_error != 0)
        *ret_text = xstrdup(strerror(socket_error));
    else
        *ret_text = xstrdup(if_closed);
    return is_refusal(code) ? -EACCES : -ECONNRESET;
}
