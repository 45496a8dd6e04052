/* SPDX-License-Identifier: Apache-2.0 */
/* Wall-clock time as objects of Kubernetes carry it. Nothing is decided by it. */
#pragma once

#include <stdint.h>

struct kube_time_text {
    char s[40];
};

int64_t kube_time_now(void); /* nanoseconds since 1970 UTC */

struct kube_time_text kube_time_format(int64_t ns);       /* Time: "2026-11-25T14:03:07Z" */
struct kube_time_text kube_time_format_micro(int64_t ns); /* MicroTime: six digits of fraction */
