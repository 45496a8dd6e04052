/* SPDX-License-Identifier: Apache-2.0 */
/* Input: the moods of a server, two bytes each. The invariants stand in reflector_server.h. */
#include "../unit/kube/reflector_server.h"

#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct server s;

    if (len < 1)
        return 0;
    server_init(&s, bytes[0]);
    for (size_t i = 1; i + 1 < len; i += 2)
        server_step(&s, (uint64_t)(bytes[i] | bytes[i + 1] << 8));
    server_recover(&s);
    server_done(&s);
    return 0;
}
