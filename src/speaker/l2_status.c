/* SPDX-License-Identifier: Apache-2.0 */
/* ServiceL2Status: which node announces a Service by Layer 2, and on which interfaces (spec
 * speaker-l2 8.1). */
#include "speaker/status_kind.h"

static bool wish(const struct speaker *sp, const struct speaker_service *s, struct arena *a,
                 struct string_list *ret)
{
    (void)sp;
    (void)a;
    *ret = s->rule != NULL ? s->rule->interfaces : (struct string_list){0}; /* none: everywhere */
    return service_is_announced(s, ANNOUNCE_LAYER2);
}

static json_t *item(const char *name)
{
    return json_pack("{s:s}", "name", name);
}

const struct status_kind l2_status_kind = {
    .object = OBJ_SERVICE_L2_STATUS,
    .controller = "Layer2StatusReconciler",
    .prefix = "l2-",
    .list = "interfaces",
    .item = item,
    .is_exclusive = true,
    .wish = wish,
};
