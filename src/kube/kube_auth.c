/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/kube_auth.h"

#include "base/log.h"
#include "base/text.h"
#include "kube/kube_base64.h"
#include "kube/kube_exec.h"
#include "kube/kube_file.h"

#include <stdlib.h>
#include <string.h>

#define TOKEN_AGE_NS (50 * NS_PER_SEC) /* client-go: a minute, less 10 s */
#define LOG_INTERVAL_NS (60 * NS_PER_SEC)

struct kube_auth {
    const struct kube_config *config;
    char *token; /* owned; of the file; NULL before it could be read */
    struct mono token_read;
    struct log_limit limit;
    struct kube_exec_plugin *plugin; /* NULL without */
};

struct kube_auth *kube_auth_new(const struct kube_auth_options *options)
{
    struct kube_auth *a = xcalloc(1, sizeof(*a));

    a->config = options->config;
    if (a->config->exec != NULL)
        a->plugin = kube_exec_plugin_new(options);
    return a;
}

struct kube_auth *kube_auth_free(struct kube_auth *a)
{
    if (a == NULL)
        return NULL;
    kube_exec_plugin_free(a->plugin);
    free(a->token);
    free(a);
    return NULL;
}

enum kube_auth_state kube_auth_prepare(struct kube_auth *a, struct mono now)
{
    return a->plugin == NULL ? KUBE_AUTH_READY : kube_exec_plugin_prepare(a->plugin, now);
}

const char *kube_auth_text(const struct kube_auth *a)
{
    return a->plugin == NULL ? "" : kube_exec_plugin_text(a->plugin);
}

const char *kube_auth_cert(const struct kube_auth *a)
{
    return a->plugin == NULL ? NULL : kube_exec_plugin_credentials(a->plugin)->cert;
}

const char *kube_auth_key(const struct kube_auth *a)
{
    return a->plugin == NULL ? NULL : kube_exec_plugin_credentials(a->plugin)->key;
}

/* A token that cannot be read leaves the one before: the API server decides how long it is good. */
static void token_read(struct kube_auth *a, struct mono now)
{
    CLEANUP(err_done) struct err err = {0};
    CLEANUP(xfreep) char *token = NULL;

    a->token_read = now;
    if (kube_file_read(&token, a->config->token.file, &err) == 0) {
        size_t len = strlen(token);

        while (len > 0 && strchr(" \t\r\n", token[len - 1]) != NULL)
            token[--len] = '\0';
        if (len > 0 && strpbrk(token, "\r\n") == NULL) {
            free(a->token);
            a->token = TAKE(token);
            return;
        }
        (void)err_set(&err, -1, "%s: no token in it", a->config->token.file);
    }
    if (log_limit_pass(&a->limit, now.ns, LOG_INTERVAL_NS))
        log_warn("token not read", F_S("cause", err_text(&err)));
}

static const char *token(struct kube_auth *a, struct mono now)
{
    if (a->plugin != NULL && kube_exec_plugin_credentials(a->plugin)->token != NULL)
        return kube_exec_plugin_credentials(a->plugin)->token;
    if (a->config->token.file != NULL &&
        (!mono_is_set(a->token_read) || mono_sub(now, a->token_read) >= TOKEN_AGE_NS))
        token_read(a, now);
    return a->token != NULL ? a->token : a->config->token.data;
}

static const char *authorization(struct kube_auth *a, struct mono now, struct arena *arena)
{
    const struct kube_config *config = a->config;
    const char *bearer = token(a, now);
    CLEANUP(xfreep) char *userinfo = NULL;
    CLEANUP(xfreep) char *basic = NULL;

    if (bearer != NULL)
        return arena_printf(arena, "Bearer %s", bearer);
    if (*config->username == '\0' && *config->password == '\0')
        return NULL;
    userinfo = xasprintf("%s:%s", config->username, config->password);
    basic = kube_basic(userinfo);
    return arena_strdup(arena, basic);
}

size_t kube_auth_headers(struct kube_auth *a, struct mono now, struct arena *arena,
                         struct kube_header *headers, size_t count)
{
    const struct kube_config *config = a->config;
    const char *value = authorization(a, now, arena);

    if (value != NULL)
        headers[count++] = (struct kube_header){"authorization", value};
    if (*config->as == '\0')
        return count;
    headers[count++] = (struct kube_header){"impersonate-user", config->as};
    if (*config->as_uid != '\0')
        headers[count++] = (struct kube_header){"impersonate-uid", config->as_uid};
    for (size_t i = 0; i < config->as_groups.count; i++)
        headers[count++] = (struct kube_header){"impersonate-group", config->as_groups.items[i]};
    return count;
}

bool kube_auth_refresh(struct kube_auth *a, struct mono now)
{
    if (a->plugin != NULL)
        return kube_exec_plugin_refresh(a->plugin, now);
    if (a->config->token.file == NULL)
        return false;
    token_read(a, now);
    return true;
}
