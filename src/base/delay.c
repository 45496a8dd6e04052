/* SPDX-License-Identifier: Apache-2.0 */
#include "base/delay.h"

#include "base/mono.h"

struct timeval delay_from_ns(int64_t ns)
{
    struct timeval tv = {0};

    if (ns <= 0)
        return tv;
    tv.tv_sec = ns / NS_PER_SEC;
    tv.tv_usec = (ns % NS_PER_SEC + NS_PER_US - 1) / NS_PER_US;
    if (tv.tv_usec == NS_PER_SEC / NS_PER_US) {
        tv.tv_sec++;
        tv.tv_usec = 0;
    }
    return tv;
}
