/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/kube_exec_info.h"

#include "base/duration.h"
#include "base/mem.h"
#include "base/text.h"
#include "kube/kube_base64.h"
#include "kube/kube_url.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static json_t *cluster_info(const struct kube_config *c, const char *ca)
{
    CLEANUP(xfreep) char *host_port = kube_host_port(c->host, c->port);
    CLEANUP(xfreep)
    char *server = xasprintf("%s://%s%s", c->tls ? "https" : "http", host_port, c->base_path);
    CLEANUP(xfreep) char *ca_data = ca != NULL ? kube_base64(ca, strlen(ca)) : NULL;
    json_t *cluster = json_pack("{s:s}", "server", server);

    if (!str_eq(c->server_name, c->host))
        json_object_set_new(cluster, "tls-server-name", json_string(c->server_name));
    if (c->insecure_skip_tls_verify)
        json_object_set_new(cluster, "insecure-skip-tls-verify", json_true());
    if (ca_data != NULL)
        json_object_set_new(cluster, "certificate-authority-data", json_string(ca_data));
    if (*c->proxy_url != '\0')
        json_object_set_new(cluster, "proxy-url", json_string(c->proxy_url));
    return cluster;
}

char *kube_exec_info(const struct kube_config *config, const char *ca)
{
    const struct kube_exec *exec = config->exec;
    json_t *info = json_pack("{s:s, s:s, s:{s:b}}", "apiVersion", exec->api_version, "kind",
                             "ExecCredential", "spec", "interactive", 0);
    char *text;

    if (exec->provide_cluster_info)
        json_object_set_new(json_object_get(info, "spec"), "cluster", cluster_info(config, ca));
    text = json_dumps(info, JSON_COMPACT);
    json_decref(info);
    if (text == NULL)
        abort(); /* only without memory */
    return text;
}

void kube_exec_credentials_done(struct kube_exec_credentials *c)
{
    free(c->token);
    free(c->cert);
    free(c->key);
    *c = (struct kube_exec_credentials){0};
}

static char *string_of(const json_t *status, const char *key)
{
    const json_t *v = json_object_get(status, key);

    return json_string_length(v) > 0 && strlen(json_string_value(v)) == json_string_length(v)
               ? xstrdup(json_string_value(v))
               : NULL;
}

static int read_status(struct kube_exec_credentials *c, const json_t *status, struct err *err)
{
    const char *expires = json_string_value(json_object_get(status, "expirationTimestamp"));

    c->token = string_of(status, "token");
    c->cert = string_of(status, "clientCertificateData");
    c->key = string_of(status, "clientKeyData");
    if ((c->cert == NULL) != (c->key == NULL))
        return err_set(err, -EBADMSG, "a certificate and a key need each other");
    if (c->token == NULL && c->cert == NULL)
        return err_set(err, -EBADMSG, "neither a token nor a certificate");
    if (c->token != NULL && strpbrk(c->token, "\r\n") != NULL)
        return err_set(err, -EBADMSG, "the token is not a single line");
    if (expires != NULL && !timestamp_parse(&c->expires_ns, expires))
        return err_set(err, -EBADMSG, "bad expirationTimestamp");
    return 0;
}

static int read_object(struct kube_exec_credentials *c, const json_t *json, const char *api_version,
                       struct err *err)
{
    const char *kind = json_string_value(json_object_get(json, "kind"));
    const char *version = json_string_value(json_object_get(json, "apiVersion"));

    if (!str_eq(kind, "ExecCredential"))
        return err_set(err, -EBADMSG, "not an ExecCredential");
    if (!str_eq(version, api_version))
        return err_set(err, -EBADMSG, "not of apiVersion %s", api_version);
    return read_status(c, json_object_get(json, "status"), err);
}

int kube_exec_parse(struct kube_exec_credentials *ret, const char *api_version, const char *bytes,
                    size_t len, struct err *err)
{
    CLEANUP(kube_exec_credentials_done) struct kube_exec_credentials c = {0};
    json_t *json = json_loadb(bytes, len, JSON_REJECT_DUPLICATES, NULL);
    int r;

    if (json == NULL)
        return err_set(err, -EBADMSG, "not JSON");
    r = read_object(&c, json, api_version, err);
    json_decref(json);
    if (r < 0)
        return r;
    *ret = c;
    c = (struct kube_exec_credentials){0};
    return 0;
}
