/* SPDX-License-Identifier: Apache-2.0 */
#include "gossip/gossip_crypt.h"

#include "base/wire.h"

#include <errno.h>
#include <limits.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <string.h>

enum { VERSION_PADDED = 0, VERSION_PLAIN = 1, BLOCK_LEN = 16, SHA256_LEN = 32 };

static int sha256(uint8_t ret[SHA256_LEN], const uint8_t *bytes, size_t len)
{
    size_t digest_len = SHA256_LEN;

    return EVP_Q_digest(NULL, "SHA256", NULL, bytes, len, ret, &digest_len) == 1 ? 0 : -EIO;
}

int gossip_keyring_from_secret(struct gossip_keyring *ret, const uint8_t *secret, size_t len)
{
    struct gossip_keyring ring = {.count = 2};
    struct gossip_key *now = &ring.keys[0], *before = &ring.keys[1];
    size_t kept = len < SHA256_LEN ? len : SHA256_LEN;
    uint8_t of_nothing[SHA256_LEN];

    if (len == 0) {
        *ret = (struct gossip_keyring){0};
        return 0;
    }
    now->len = before->len = SHA256_LEN;
    if (sha256(now->bytes, secret, len) < 0 || sha256(of_nothing, (const uint8_t *)"", 0) < 0)
        return -EIO;
    memcpy(before->bytes, secret, kept);
    memcpy(before->bytes + kept, of_nothing, SHA256_LEN - kept);
    *ret = ring;
    gossip_keyring_wipe(&ring);
    return 0;
}

void gossip_keyring_wipe(struct gossip_keyring *k)
{
    OPENSSL_cleanse(k, sizeof(*k));
}

static void cipher_freep(EVP_CIPHER_CTX **c)
{
    EVP_CIPHER_CTX_free(*c);
}

static const EVP_CIPHER *cipher_of(const struct gossip_key *key)
{
    switch (key->len) {
    case 16:
        return EVP_aes_128_gcm();
    case 24:
        return EVP_aes_192_gcm();
    default:
        return EVP_aes_256_gcm();
    }
}

int gossip_seal(uint8_t *ret, const struct gossip_key *key, const uint8_t nonce[GOSSIP_NONCE_LEN],
                struct gossip_part aad, struct gossip_part plain)
{
    CLEANUP(cipher_freep) EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
    uint8_t *out = ret + 1 + GOSSIP_NONCE_LEN;
    int n;

    if (c == NULL || plain.len > INT_MAX - GOSSIP_SEAL_OVERHEAD || aad.len > INT_MAX ||
        EVP_EncryptInit_ex(c, cipher_of(key), NULL, key->bytes, nonce) != 1 ||
        (aad.len > 0 && EVP_EncryptUpdate(c, NULL, &n, aad.bytes, (int)aad.len) != 1) ||
        EVP_EncryptUpdate(c, out, &n, plain.bytes, (int)plain.len) != 1 ||
        EVP_EncryptFinal_ex(c, out + plain.len, &n) != 1 ||
        EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_GET_TAG, GOSSIP_TAG_LEN, out + plain.len) != 1)
        return -EIO;
    ret[0] = VERSION_PLAIN;
    memcpy(ret + 1, nonce, GOSSIP_NONCE_LEN);
    return 0;
}

struct sealed {
    uint8_t nonce[GOSSIP_NONCE_LEN], tag[GOSSIP_TAG_LEN];
    struct rd text;
};

static bool open_with(uint8_t *ret, const struct gossip_key *key, struct gossip_part aad,
                      const struct sealed *s)
{
    CLEANUP(cipher_freep) EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
    uint8_t tag[GOSSIP_TAG_LEN]; /* the library wants it writable */
    int n;

    memcpy(tag, s->tag, sizeof(tag));
    return c != NULL && EVP_DecryptInit_ex(c, cipher_of(key), NULL, key->bytes, s->nonce) == 1 &&
           (aad.len == 0 || EVP_DecryptUpdate(c, NULL, &n, aad.bytes, (int)aad.len) == 1) &&
           EVP_DecryptUpdate(c, ret, &n, s->text.pos, (int)s->text.left) == 1 &&
           EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_TAG, GOSSIP_TAG_LEN, tag) == 1 &&
           EVP_DecryptFinal_ex(c, ret + s->text.left, &n) == 1;
}

/* PKCS#7, which memberlist does not check either: the message was authenticated. */
static bool unpad(const uint8_t *plain, size_t *len)
{
    uint8_t padding = *len > 0 ? plain[*len - 1] : 0;

    if (padding == 0 || padding > BLOCK_LEN || padding > *len)
        return false;
    *len -= padding;
    return true;
}

int gossip_open(uint8_t *ret, size_t *ret_len, const struct gossip_keyring *ring,
                struct gossip_part aad, struct gossip_part sealed)
{
    struct rd r = rd_from(sealed.bytes, sealed.len);
    uint8_t version = rd_u8(&r);
    struct sealed s;
    size_t len;

    if (r.bad || version > VERSION_PLAIN || sealed.len > INT_MAX || aad.len > INT_MAX)
        return -EBADMSG;
    rd_copy(&r, s.nonce, sizeof(s.nonce));
    s.text = rd_sub(&r, r.left > GOSSIP_TAG_LEN ? r.left - GOSSIP_TAG_LEN : 0);
    rd_copy(&r, s.tag, sizeof(s.tag));
    if (r.bad)
        return -EBADMSG;
    for (size_t i = 0; i < ring->count; i++) {
        if (!open_with(ret, &ring->keys[i], aad, &s))
            continue;
        len = s.text.left;
        if (version == VERSION_PADDED && !unpad(ret, &len))
            return -EBADMSG;
        *ret_len = len;
        return (int)i;
    }
    return -EBADMSG;
}
