/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/self_signed.h"

#include <errno.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdbool.h>

/* Longer than any process lives; those who read the metrics check no name and no signer. */
enum { VALID_DAYS = 3650, SERIAL_BITS = 127 };

static bool add_extension(X509 *cert, int nid, const char *value)
{
    X509_EXTENSION *ext = X509V3_EXT_conf_nid(NULL, NULL, nid, value);
    bool ok = ext != NULL && X509_add_ext(cert, ext, -1) == 1;

    X509_EXTENSION_free(ext);
    return ok;
}

static bool set_serial(X509 *cert)
{
    BIGNUM *n = BN_new();
    bool ok = n != NULL && BN_rand(n, SERIAL_BITS, BN_RAND_TOP_ANY, BN_RAND_BOTTOM_ANY) == 1 &&
              BN_to_ASN1_INTEGER(n, X509_get_serialNumber(cert)) != NULL;

    BN_free(n);
    return ok;
}

static bool set_name(X509 *cert)
{
    static const unsigned char name[] = "localhost";
    X509_NAME *subject = X509_get_subject_name(cert);

    return X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, name, sizeof(name) - 1, -1, 0) ==
               1 &&
           X509_set_issuer_name(cert, subject) == 1;
}

static bool fill(X509 *cert, EVP_PKEY *key)
{
    return X509_set_version(cert, X509_VERSION_3) == 1 && set_serial(cert) && set_name(cert) &&
           X509_gmtime_adj(X509_getm_notBefore(cert), -3600) != NULL && /* clocks differ */
           X509_time_adj_ex(X509_getm_notAfter(cert), VALID_DAYS, 0, NULL) != NULL &&
           X509_set_pubkey(cert, key) == 1 &&
           add_extension(cert, NID_basic_constraints, "critical,CA:FALSE") &&
           add_extension(cert, NID_key_usage, "critical,digitalSignature") &&
           add_extension(cert, NID_ext_key_usage, "serverAuth") &&
           add_extension(cert, NID_subject_alt_name, "DNS:localhost,IP:127.0.0.1,IP:::1") &&
           X509_sign(cert, key, EVP_sha256()) > 0;
}

int self_signed_make(X509 **ret, EVP_PKEY **ret_key, struct err *err)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *cert = X509_new();

    if (key == NULL || cert == NULL || !fill(cert, key)) {
        X509_free(cert);
        EVP_PKEY_free(key);
        return err_set(err, -EIO, "cannot make a certificate");
    }
    *ret = cert;
    *ret_key = key;
    return 0;
}
