/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/memberlist_secret.h"

#include "base/text.h"
#include "kube/kube_path.h"

#include <errno.h>
#include <jansson.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

enum { KEY_LEN = 16, KEY_TEXT_LEN = 22 }; /* base64 without its padding */

/* One request, and the loop until its answer is here. */
struct ask {
    struct event_base *base;
    json_t *answer; /* NULL when it failed */
    unsigned status;
    struct err *err;
};

static void on_reply(void *arg, const struct kube_reply *reply)
{
    struct ask *ask = arg;

    ask->status = reply->status;
    if (reply->code == 0 && reply->status < 300)
        ask->answer = json_loadb(reply->bytes, reply->len, 0, NULL);
    else
        err_set(ask->err, reply->code != 0 ? reply->code : -EPROTO, "%s", reply->text);
    event_base_loopbreak(ask->base);
}

static void ask_for(struct ask *ask, const struct memberlist_secret_options *o,
                    const struct kube_request *request)
{
    ask->base = o->base;
    kube_fetch_start(o->client, request, on_reply, ask);
    event_base_dispatch(o->base);
}

static int exists(bool *ret, const struct memberlist_secret_options *o, struct err *err)
{
    CLEANUP(text_done) struct text path = {0};
    CLEANUP(xfreep) char *base = kube_path(OBJ_SECRET, o->namespace, NULL, NULL);
    CLEANUP(xfreep) char *selector = xasprintf("metadata.name=%s", o->name);
    struct ask ask = {.err = err};

    text_add(&path, base);
    kube_path_add(&path, "fieldSelector", selector);
    ask_for(&ask, o, &(struct kube_request){.method = "GET", .path = text_str(&path)});
    if (ask.answer == NULL)
        return err->code != 0 ? err->code : err_set(err, -EPROTO, "the answer is no JSON");
    *ret = json_array_size(json_object_get(ask.answer, "items")) > 0;
    json_decref(ask.answer);
    return 0;
}

static int find_owner(json_t **ret, const struct memberlist_secret_options *o, struct err *err)
{
    CLEANUP(xfreep)
    char *path =
        xasprintf("/apis/apps/v1/namespaces/%s/deployments/%s", o->namespace, o->deployment);
    struct ask ask = {.err = err};
    const char *uid;

    ask_for(&ask, o, &(struct kube_request){.method = "GET", .path = path});
    uid = json_string_value(json_object_get(json_object_get(ask.answer, "metadata"), "uid"));
    if (uid != NULL)
        *ret = json_pack("{s:s, s:s, s:s, s:s}", "apiVersion", "apps/v1", "kind", "Deployment",
                         "name", o->deployment, "uid", uid);
    json_decref(ask.answer);
    if (uid == NULL)
        return err->code != 0 ? err->code : err_set(err, -EPROTO, "the Deployment has no uid");
    return 0;
}

static int make_key(char ret[KEY_TEXT_LEN + 3], struct err *err)
{
    uint8_t bytes[KEY_LEN];

    if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
        return err_set(err, -EIO, "no random bytes");
    EVP_EncodeBlock((unsigned char *)ret, bytes, sizeof(bytes));
    ret[KEY_TEXT_LEN] = '\0';
    return 0;
}

/* Another controller may have been faster; in MetalLB that ends the process. */
static int create(const struct memberlist_secret_options *o, json_t *owner_take, struct err *err)
{
    CLEANUP(xfreep) char *path = kube_path(OBJ_SECRET, o->namespace, NULL, NULL);
    CLEANUP(xfreep) char *body = NULL;
    struct ask ask = {.err = err};
    char key[KEY_TEXT_LEN + 3];
    json_t *secret;

    if (make_key(key, err) < 0) {
        json_decref(owner_take);
        return err->code;
    }
    secret = json_pack("{s:s, s:s, s:{s:s, s:s, s:[o]}, s:{s:s}}", "apiVersion", "v1", "kind",
                       "Secret", "metadata", "name", o->name, "namespace", o->namespace,
                       "ownerReferences", owner_take, "stringData", "secretkey", key);
    body = json_dumps(secret, JSON_COMPACT);
    json_decref(secret);
    ask_for(&ask, o,
            &(struct kube_request){
                .method = "POST", .path = path, .body = body, .body_len = strlen(body)});
    json_decref(ask.answer);
    return ask.answer != NULL || ask.status == 409 ? 0 : err->code;
}

int memberlist_secret_ensure(const struct memberlist_secret_options *options, struct err *err)
{
    json_t *owner = NULL;
    bool is_there = false;
    int r = exists(&is_there, options, err);

    if (r < 0 || is_there)
        return r;
    r = find_owner(&owner, options, err);
    if (r < 0)
        return r;
    return create(options, owner, err);
}
