/* SPDX-License-Identifier: Apache-2.0 */
/* The kinds that the decoder knows, and how each is read. */
#pragma once

#include "model/decode_table.h"

/* What no table can say: values derived from others, rules over several fields. Called for invalid
 * documents too, so that their other mistakes are found: strings in items of lists may then be
 * NULL. */
typedef void decode_finish_fn(struct reader *r, const json_t *doc, struct object *o);

struct schema {
    struct table table; /* of the whole document; the metadata is read before, for all kinds */
    decode_finish_fn *finish; /* or NULL */
    unsigned version;         /* of the API, for reader.version */
};

/* decode_metallb.c */
extern const struct schema schema_ip_address_pool, schema_l2_advertisement,
    schema_bgp_advertisement, schema_bgp_peer_v1beta1, schema_bgp_peer_v1beta2, schema_bfd_profile,
    schema_community;

/* decode_status.c */
extern const struct schema schema_service_l2_status, schema_service_bgp_status,
    schema_configuration_state;

/* decode_core.c */
extern const struct schema schema_service, schema_endpoint_slice, schema_node, schema_namespace,
    schema_pod, schema_secret, schema_config_map;
