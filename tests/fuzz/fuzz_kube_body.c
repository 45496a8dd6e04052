/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An object of the API server: what can be read is written and read again as the same; its numbers
 * come out as they went in. Then the same bytes as a Lease, which must say what was put in.
 */
#include "kube/kube_body.h"
#include "kube/kube_lease_wire.h"

#include "base/mem.h"
#include "base/text.h"
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

static void require(bool holds)
{
    if (!holds)
        abort();
}

static void body(const char *bytes, size_t len)
{
    CLEANUP(err_done) struct err err = {0};
    CLEANUP(kube_body_done) struct kube_body first = {0};
    CLEANUP(kube_body_done) struct kube_body second = {0};
    CLEANUP(xfreep) char *once = NULL;
    CLEANUP(xfreep) char *twice = NULL;
    size_t once_len, twice_len;

    if (kube_body_read(&first, bytes, len, &err) < 0)
        return;
    once = kube_body_write(&first, &once_len);
    require(once_len == strlen(once));
    require(kube_body_read(&second, once, once_len, &err) == 0);
    twice = kube_body_write(&second, &twice_len);
    require(str_eq(once, twice));
}

static void lease(const char *bytes, size_t len)
{
    CLEANUP(err_done) struct err err = {0};
    CLEANUP(xfreep) char *changed = NULL;
    struct lease_record r, again;
    const struct lease_record ours = {
        .holder = "a", .duration_s = 15, .transitions = 7, .acquired = "t1", .renewed = "t2"};
    size_t changed_len;

    if (lease_read(&r, bytes, len, &err) < 0)
        return;
    require(lease_write_changed(&changed, &changed_len, bytes, len, &ours, &err) == 0);
    require(lease_read(&again, changed, changed_len, &err) == 0);
    require(memcmp(&ours, &again, sizeof(ours)) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    body((const char *)bytes, len);
    lease((const char *)bytes, len);
    return 0;
}
