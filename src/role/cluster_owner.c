/* SPDX-License-Identifier: Apache-2.0 */
#include "role/cluster.h"

#include "base/text.h"

json_t *cluster_owner_references(const struct cluster *c)
{
    if (str_empty(c->pod_uid))
        return json_array();
    return json_pack("[{s:s, s:s, s:s, s:s}]", "apiVersion", "v1", "kind", "Pod", "name",
                     c->pod_name, "uid", c->pod_uid);
}
