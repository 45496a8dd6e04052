/* SPDX-License-Identifier: Apache-2.0 */
#include "net/caps.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Only those that the product ever keeps have a name in messages. */
static const char *cap_name(unsigned cap)
{
    switch (cap) {
    case CAP_NET_RAW:
        return "NET_RAW";
    case CAP_NET_ADMIN:
        return "NET_ADMIN";
    case CAP_NET_BIND_SERVICE:
        return "NET_BIND_SERVICE";
    default: /* capabilities are plain numbers */
        return "a needed one";
    }
}

static int caps_get(struct __user_cap_data_struct ret[_LINUX_CAPABILITY_U32S_3])
{
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};

    return syscall(SYS_capget, &head, ret) < 0 ? -errno : 0;
}

static int caps_set(uint64_t keep)
{
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {0};

    for (unsigned i = 0; i < _LINUX_CAPABILITY_U32S_3; i++)
        data[i].permitted = data[i].effective = (uint32_t)(keep >> (32 * i));
    return syscall(SYS_capset, &head, data) < 0 ? -errno : 0;
}

static int caps_check(uint64_t keep, struct err *err)
{
    struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {0};
    int r = caps_get(data);

    if (r < 0)
        return err_set(err, r, "capget: %s", strerror(-r));
    for (unsigned cap = 0; cap < 64; cap++) {
        if ((keep & CAPS_BIT(cap)) != 0 && (data[cap / 32].permitted & 1u << cap % 32) == 0)
            return err_set(err, -EPERM, "capability %s is missing", cap_name(cap));
    }
    return 0;
}

/* The bounding set ends at the first number that the kernel does not know. Without SETPCAP it stays
 * as it is, which no_new_privs makes harmless. */
static void caps_bound(uint64_t keep)
{
    for (unsigned cap = 0; cap < 64 && prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; cap++) {
        if ((keep & CAPS_BIT(cap)) == 0)
            (void)prctl(PR_CAPBSET_DROP, cap, 0, 0, 0);
    }
}

static int caps_become(const struct caps_user *user, struct err *err)
{
    if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0)
        return err_set(err, -errno, "keeping capabilities: %s", strerror(errno));
    if (setgroups(0, NULL) < 0)
        return err_set(err, -errno, "setgroups: %s", strerror(errno));
    if (setgid(user->gid) < 0)
        return err_set(err, -errno, "setgid %u: %s", (unsigned)user->gid, strerror(errno));
    if (setuid(user->uid) < 0)
        return err_set(err, -errno, "setuid %u: %s", (unsigned)user->uid, strerror(errno));
    return 0;
}

int caps_drop(uint64_t keep, const struct caps_user *user, struct err *err)
{
    int r = caps_check(keep, err);

    if (r < 0)
        return r;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return err_set(err, -errno, "no_new_privs: %s", strerror(errno));
    caps_bound(keep);
    (void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0,
                0); /* kernels before 4.3 have none */
    if (user != NULL) {
        r = caps_become(user, err);
        if (r < 0)
            return r;
    }
    r = caps_set(keep);
    if (r < 0)
        return err_set(err, r, "capset: %s", strerror(-r));
    return 0;
}
