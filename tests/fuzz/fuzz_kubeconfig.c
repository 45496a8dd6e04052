/* SPDX-License-Identifier: Apache-2.0 */
/* Any text is a kubeconfig or an error; what is read is fit to be sent. The part behind a NUL is
 * NO_PROXY. */
#include "fuzz.h"

#include "base/mem.h"
#include "base/text.h"
#include "kube/kube_proxy.h"
#include "kube/kubeconfig.h"

#include <assert.h>
#include <string.h>

static void check_line(const char *text)
{
    assert(text != NULL && strpbrk(text, "\r\n") == NULL);
}

static void check(const struct kube_config *c)
{
    assert(!str_empty(c->host) && !str_empty(c->server_name) && c->port != 0);
    check_line(c->host);
    check_line(c->base_path);
    check_line(c->namespace);
    check_line(c->proxy_url);
    check_line(c->username);
    check_line(c->as);
    check_line(c->as_uid);
    for (size_t i = 0; i < c->as_groups.count; i++)
        check_line(c->as_groups.items[i]);
    if (c->token.data != NULL)
        check_line(c->token.data);
    if (c->exec != NULL)
        assert(!str_empty(c->exec->command));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    CLEANUP(xfreep) char *text = xstrndup((const char *)bytes, len);
    size_t text_len = strlen(text);
    CLEANUP(xfreep)
    char *no_proxy = text_len < len
                         ? xstrndup((const char *)bytes + text_len + 1, len - text_len - 1)
                         : xstrdup("");
    CLEANUP(kube_config_freep) struct kube_config *c = xcalloc(1, sizeof(*c));
    CLEANUP(err_done) struct err err = {0};
    struct kubeconfig_text file = {"/k/config", text};

    c->arena = arena_new();
    if (kubeconfig_read(c, &file, 1, &err) < 0) {
        assert(err.code < 0 && err.text != NULL);
        return 0;
    }
    check(c);
    (void)kube_no_proxy(no_proxy, c->host, c->port);
    return 0;
}
