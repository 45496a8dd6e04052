/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/kube_time.h"

#include "base/mono.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

int64_t kube_time_now(void)
{
    struct timespec ts;

    (void)clock_gettime(CLOCK_REALTIME, &ts); /* cannot fail for this clock */
    return (int64_t)ts.tv_sec * NS_PER_SEC + ts.tv_nsec;
}

struct kube_time_text kube_time_format(int64_t ns)
{
    struct kube_time_text t = {""};
    time_t seconds = (time_t)(ns / NS_PER_SEC);
    struct tm tm = {0};

    (void)gmtime_r(&seconds, &tm); /* fails only for years that no clock shows */
    (void)strftime(t.s, sizeof(t.s), "%Y-%m-%dT%H:%M:%SZ", &tm);
    return t;
}

struct kube_time_text kube_time_format_micro(int64_t ns)
{
    struct kube_time_text t = kube_time_format(ns);
    size_t len = strlen(t.s);

    (void)snprintf(t.s + len - 1, sizeof(t.s) - len + 1, ".%06dZ",
                   (int)(ns % NS_PER_SEC / NS_PER_US)); /* it fits */
    return t;
}
