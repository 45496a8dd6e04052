/* SPDX-License-Identifier: Apache-2.0 */
#include "model/object.h"

#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const kind_names[OBJECT_KINDS] = {
    [OBJ_IP_ADDRESS_POOL] = "IPAddressPool",
    [OBJ_L2_ADVERTISEMENT] = "L2Advertisement",
    [OBJ_BGP_ADVERTISEMENT] = "BGPAdvertisement",
    [OBJ_BGP_PEER] = "BGPPeer",
    [OBJ_BFD_PROFILE] = "BFDProfile",
    [OBJ_COMMUNITY] = "Community",
    [OBJ_SERVICE] = "Service",
    [OBJ_ENDPOINT_SLICE] = "EndpointSlice",
    [OBJ_NODE] = "Node",
    [OBJ_NAMESPACE] = "Namespace",
    [OBJ_POD] = "Pod",
    [OBJ_SECRET] = "Secret",
    [OBJ_CONFIG_MAP] = "ConfigMap",
    [OBJ_SERVICE_L2_STATUS] = "ServiceL2Status",
    [OBJ_SERVICE_BGP_STATUS] = "ServiceBGPStatus",
    [OBJ_CONFIGURATION_STATE] = "ConfigurationState",
};

const char *object_kind_name(enum object_kind kind)
{
    return kind_names[kind];
}

bool object_kind_is_config(enum object_kind kind)
{
    return kind <= OBJ_COMMUNITY;
}

struct object *object_free(struct object *o)
{
    if (o == NULL)
        return NULL;
    if (o->arena != NULL)
        arena_free(o->arena); /* o lives in there */
    else
        free(o); /* packed */
    return NULL;
}

const char *label_find(const struct label_set *set, const char *key)
{
    size_t low = 0, high = set->count;

    while (low < high) {
        size_t mid = low + (high - low) / 2;
        int c = strcmp(key, set->items[mid].key);

        if (c == 0)
            return set->items[mid].value;
        if (c < 0)
            high = mid;
        else
            low = mid + 1;
    }
    return NULL;
}

bool label_set_eq(const struct label_set *a, const struct label_set *b)
{
    if (a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i++) {
        if (!str_eq(a->items[i].key, b->items[i].key) ||
            !str_eq(a->items[i].value, b->items[i].value))
            return false;
    }
    return true;
}

const char *annotation_find(const struct meta *meta, const char *key)
{
    static const char *const prefixes[] = {"metallb.io", "metallb.universe.tf"};
    char full[128];

    for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++) {
        const char *value;

        snprintf(full, sizeof(full), "%s/%s", prefixes[i], key);
        value = label_find(&meta->annotations, full);
        if (value != NULL)
            return value;
    }
    return NULL;
}

bool string_list_has(const struct string_list *list, const char *s)
{
    for (size_t i = 0; i < list->count; i++) {
        if (str_eq(list->items[i], s))
            return true;
    }
    return false;
}
