/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/kube_base64.h"

#include "base/mem.h"

#include <openssl/evp.h>
#include <string.h>

char *kube_base64(const char *bytes, size_t len)
{
    char *encoded = xmalloc((len + 2) / 3 * 4 + 1);

    (void)EVP_EncodeBlock((unsigned char *)encoded, (const unsigned char *)bytes,
                          (int)len); /* cannot fail */
    return encoded;
}

char *kube_basic(const char *userinfo)
{
    CLEANUP(xfreep) char *encoded = kube_base64(userinfo, strlen(userinfo));

    return xasprintf("Basic %s", encoded);
}
