/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/tls_identity.h"

#include "base/log.h"
#include "base/mem.h"
#include "base/mono.h"
#include "base/text.h"
#include "serve/self_signed.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define COMPLAINT_INTERVAL_NS (60 * NS_PER_SEC)

/* By which a file is known to be another one, or another version of it. */
struct file_mark {
    ino_t inode;
    off_t size;
    struct timespec changed;
};

struct tls_identity {
    struct tls_identity_options options;
    char *cert_path, *key_path; /* NULL without a folder */
    SSL_CTX *ctx;               /* NULL before the first connection */
    bool is_ours;               /* self-signed */
    struct file_mark cert, key; /* that `ctx` has, or that could not be used; zero: none */
    struct log_limit limit;
};

struct tls_identity *tls_identity_new(const struct tls_identity_options *options)
{
    struct tls_identity *t = xcalloc(1, sizeof(*t));

    t->options = *options;
    if (!str_empty(options->folder)) {
        t->cert_path = xasprintf("%s/tls.crt", options->folder);
        t->key_path = xasprintf("%s/tls.key", options->folder);
    }
    return t;
}

struct tls_identity *tls_identity_free(struct tls_identity *t)
{
    if (t == NULL)
        return NULL;
    SSL_CTX_free(t->ctx);
    free(t->cert_path);
    free(t->key_path);
    free(t);
    return NULL;
}

static int tls_error(struct err *err, const char *what)
{
    unsigned long code = ERR_peek_last_error();
    const char *reason = code != 0 ? ERR_reason_error_string(code) : NULL;
    int r = err_set(err, -EINVAL, "%s: %s", what, reason != NULL ? reason : "OpenSSL says no");

    ERR_clear_error();
    return r;
}

/* --- what TLS may be spoken --- */

static int oldest_version(const char *flag)
{
    static const struct {
        const char *name;
        int version;
    } versions[] = {
        {"VersionTLS10", TLS1_VERSION},
        {"VersionTLS11", TLS1_1_VERSION},
        {"VersionTLS12", TLS1_2_VERSION},
    };

    for (size_t i = 0; i < ARRAY_SIZE(versions); i++) {
        if (str_eq(versions[i].name, flag))
            return versions[i].version;
    }
    return TLS1_3_VERSION;
}

/* Two names that MetalLB takes lack the end of the standard's. */
static const char *cipher_named(const char *go_name)
{
    CLEANUP(xfreep) char *whole = xasprintf("%s_SHA256", go_name);
    const char *name = OPENSSL_cipher_name(go_name);

    if (!str_eq(name, "(NONE)"))
        return name;
    name = OPENSSL_cipher_name(whole);
    return str_eq(name, "(NONE)") ? NULL : name;
}

/* Of TLS 1.2 and older. What this OpenSSL does not have is left out, as long as any is left. */
static int set_ciphers(SSL_CTX *ctx, const char *flag, int oldest, struct err *err)
{
    CLEANUP(xfreep) char *copy = xstrdup(flag);
    CLEANUP(text_done) struct text list = {0};
    char *rest = str_empty(flag) ? NULL : copy;

    for (char *name; (name = tls_flags_next(&rest)) != NULL;) {
        const char *cipher = cipher_named(name);

        if (cipher != NULL)
            text_printf(&list, "%s%s", list.len > 0 ? ":" : "", cipher);
    }
    if (list.len == 0)
        text_add(&list, "DEFAULT");
    if (oldest < TLS1_2_VERSION) /* their handshakes sign with SHA-1 */
        text_add(&list, ":@SECLEVEL=0");
    return SSL_CTX_set_cipher_list(ctx, text_str(&list)) == 1 ? 0 : tls_error(err, "cipher suites");
}

static const char *group_named(const char *number)
{
    static const struct {
        const char *number, *name;
    } groups[] = {
        {"23", "P-256"},
        {"24", "P-384"},
        {"25", "P-521"},
        {"29", "X25519"},
        {"4587", "SecP256r1MLKEM768"},
        {"4588", "X25519MLKEM768"},
        {"4589", "SecP384r1MLKEM1024"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(groups); i++) {
        if (str_eq(groups[i].number, number))
            return groups[i].name;
    }
    return NULL;
}

/* OpenSSL's macro wants what it does not change to be changeable. */
static bool use_groups(SSL_CTX *ctx, const char *list)
{
    CLEANUP(xfreep) char *copy = xstrdup(list);

    return SSL_CTX_set1_groups_list(ctx, copy) == 1;
}

/* Those with ML-KEM came with OpenSSL 3.5: what this one lacks is left out, as long as any is left.
 */
static int set_groups(SSL_CTX *ctx, const char *flag, struct err *err)
{
    CLEANUP(xfreep) char *copy = xstrdup(flag);
    CLEANUP(text_done) struct text list = {0};
    char *rest = str_empty(flag) ? NULL : copy;

    for (char *number; (number = tls_flags_next(&rest)) != NULL;) {
        const char *name = group_named(number);

        if (name == NULL || !use_groups(ctx, name))
            continue;
        text_printf(&list, "%s%s", list.len > 0 ? ":" : "", name);
    }
    ERR_clear_error();
    if (list.len == 0)
        return str_empty(flag) ? 0 : err_set(err, -ENOTSUP, "curves: OpenSSL has none of %s", flag);
    return use_groups(ctx, text_str(&list)) ? 0 : tls_error(err, "curves");
}

/* --- certificates --- */

NODISCARD static int use_own(SSL_CTX *ctx, struct err *err)
{
    X509 *cert;
    EVP_PKEY *key;
    int r = self_signed_make(&cert, &key, err);

    if (r < 0)
        return r;
    if (SSL_CTX_use_certificate(ctx, cert) != 1 || SSL_CTX_use_PrivateKey(ctx, key) != 1)
        r = tls_error(err, "own certificate");
    X509_free(cert);
    EVP_PKEY_free(key);
    return r;
}

NODISCARD static int use_files(SSL_CTX *ctx, const struct tls_identity *t, struct err *err)
{
    if (SSL_CTX_use_certificate_chain_file(ctx, t->cert_path) != 1)
        return tls_error(err, t->cert_path);
    if (SSL_CTX_use_PrivateKey_file(ctx, t->key_path, SSL_FILETYPE_PEM) != 1 ||
        SSL_CTX_check_private_key(ctx) != 1)
        return tls_error(err, t->key_path);
    return 0;
}

/* No session is kept: those who ask every half a minute keep their connection. */
NODISCARD static int configure(SSL_CTX *ctx, const struct tls_identity *t, struct err *err)
{
    const struct tls_flags *f = &t->options.flags;
    int oldest = oldest_version(f->min_version);
    int r;

    if (SSL_CTX_set_min_proto_version(ctx, oldest) != 1)
        return tls_error(err, "TLS version");
    SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION |
                                 SSL_OP_CIPHER_SERVER_PREFERENCE);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    if (SSL_CTX_set_num_tickets(ctx, 0) != 1)
        return tls_error(err, "tickets");
    r = set_ciphers(ctx, f->cipher_suites, oldest, err);
    return r < 0 ? r : set_groups(ctx, f->curves, err);
}

NODISCARD static int load(SSL_CTX **ret, const struct tls_identity *t, bool own, struct err *err)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
    int r;

    if (ctx == NULL)
        return tls_error(err, "TLS");
    r = configure(ctx, t, err);
    if (r == 0)
        r = own ? use_own(ctx, err) : use_files(ctx, t, err);
    if (r < 0) {
        SSL_CTX_free(ctx);
        return r;
    }
    *ret = ctx;
    return 0;
}

/* --- changes --- */

static bool look(struct file_mark *ret, const char *path)
{
    struct stat st;

    if (path == NULL || stat(path, &st) < 0)
        return false;
    ret->inode = st.st_ino;
    ret->size = st.st_size;
    ret->changed = st.st_mtim;
    return true;
}

static bool is_same(const struct file_mark *a, const struct file_mark *b)
{
    return a->inode == b->inode && a->size == b->size && a->changed.tv_sec == b->changed.tv_sec &&
           a->changed.tv_nsec == b->changed.tv_nsec;
}

static void log_loaded(const struct tls_identity *t)
{
    if (t->is_ours)
        log_info("the metrics have a self-signed certificate", F_S("folder", t->options.folder));
    else
        log_info("certificate loaded", F_S("file", t->cert_path));
}

/* A file alone is half of a change: it counts with the other. */
NODISCARD static int refresh(struct tls_identity *t, struct err *err)
{
    struct file_mark cert = {0}, key = {0};
    bool own = !look(&cert, t->cert_path) || !look(&key, t->key_path);
    SSL_CTX *ctx;
    int r;

    if (t->ctx != NULL && (own || (is_same(&cert, &t->cert) && is_same(&key, &t->key))))
        return 0;
    r = load(&ctx, t, own, err);
    if (r == 0) {
        SSL_CTX_free(t->ctx);
        t->ctx = ctx;
        t->is_ours = own;
        log_loaded(t);
    }
    t->cert = cert;
    t->key = key;
    return r;
}

int tls_identity_accept(struct tls_identity *t, struct ssl_st **ret, struct err *err)
{
    CLEANUP(err_done) struct err why = {0};
    SSL *ssl;

    if (refresh(t, &why) < 0) {
        if (log_limit_pass(&t->limit, mono_now().ns, COMPLAINT_INTERVAL_NS))
            log_error("cannot use a certificate", F_S("error", err_text(&why)));
        if (t->ctx == NULL)
            return err_set(err, why.code, "%s", err_text(&why));
    }
    ssl = SSL_new(t->ctx);
    if (ssl == NULL)
        return tls_error(err, "TLS");
    *ret = ssl;
    return 0;
}
