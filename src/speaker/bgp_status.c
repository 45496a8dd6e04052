/* SPDX-License-Identifier: Apache-2.0 */
/* ServiceBGPStatus: to which peers a node announces a Service, whether their sessions are up or not
 * (spec speaker-bgp 4.1). Without a peer there is no object. */
#include "speaker/status_kind.h"

static bool wish(const struct speaker *sp, const struct speaker_service *s, struct arena *a,
                 struct string_list *ret)
{
    if (!service_is_announced(s, ANNOUNCE_BGP))
        return false;
    *ret = router_holder_peers(sp->router, s, a);
    return ret->count > 0;
}

const struct status_kind bgp_status_kind = {
    .object = OBJ_SERVICE_BGP_STATUS,
    .controller = "BGPStatusReconciler",
    .prefix = "bgp-",
    .list = "peers",
    .item = json_string,
    .wish = wish,
};
