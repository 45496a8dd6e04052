/* SPDX-License-Identifier: Apache-2.0 */
#include "standalone/pins.h"

#include "base/fd.h"
#include "base/text.h"
#include "feed/manifest.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char head[] =
    "# Addresses that steellb has given to Services. Written by `steellb pin` and `steellb run --pin`.\n"
    "# An address listed here stays with its Service, whatever is edited elsewhere.\n"
    "# Remove an entry to let its address go.\n";

static void add_service(struct text *t, const struct ipam_service *s)
{
    const struct meta *m = &s->service->meta;

    text_printf(t,
                "---\n"
                "apiVersion: v1\n"
                "kind: Service\n"
                "metadata:\n"
                "  name: \"%s\"\n"
                "  namespace: \"%s\"\n"
                "  annotations:\n"
                "    " MANIFEST_PINNED_ANNOTATION ": \"true\"\n"
                "status:\n"
                "  loadBalancer:\n"
                "    ingress:\n",
                m->name, m->namespace);
    for (size_t i = 0; i < s->verdict.addr_count; i++)
        text_printf(t, "    - ip: \"%s\"\n", ip_format(s->verdict.addrs[i]).s);
}

static int build(struct text *t, const struct evaluation *e)
{
    int count = 0;

    text_add(t, head);
    for (size_t i = 0; i < e->count; i++) {
        if (e->allocations[i].verdict.state != IPAM_ASSIGNED)
            continue;
        add_service(t, &e->allocations[i]);
        count++;
    }
    return count;
}

static bool file_says(int folder, const char *name, const struct text *wanted)
{
    CLEANUP(fd_closep) int fd = openat(folder, name, O_RDONLY | O_CLOEXEC);
    CLEANUP(xfreep) char *have = NULL;
    struct stat st;

    if (fd < 0 || fstat(fd, &st) < 0 || (size_t)st.st_size != wanted->len)
        return false;
    have = xmalloc(wanted->len);
    return read(fd, have, wanted->len) == (ssize_t)wanted->len &&
           memcmp(have, wanted->chars, wanted->len) == 0;
}

/* The leading dot keeps the unfinished file out of every reader's sight. */
#define SCRATCH_NAME ".pins.yaml.new"

static int replace(int folder, const struct text *t)
{
    CLEANUP(fd_closep)
    int fd = openat(folder, SCRATCH_NAME, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    int r;

    if (fd < 0)
        return -errno;
    r = fd_write_all(fd, t->chars, t->len);
    if (r == 0 && fsync(fd) < 0)
        r = -errno;
    if (r == 0 && renameat(folder, SCRATCH_NAME, folder, MANIFEST_PINS_FILE) < 0)
        r = -errno;
    if (r < 0) {
        (void)unlinkat(folder, SCRATCH_NAME, 0); /* best effort: the error that matters is told */
        return r;
    }
    /* Not every file system can sync a folder; a crash may then bring the old file back. */
    (void)fsync(folder);
    return 0;
}

int pins_write(const char *folder, const struct evaluation *e, struct err *err)
{
    CLEANUP(fd_closep) int dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    CLEANUP(text_done) struct text t = {0};
    int count, r;

    if (dir < 0)
        return err_set(err, -errno, "%s: %s", folder, strerror(errno));
    count = build(&t, e);
    if (count == 0 && faccessat(dir, MANIFEST_PINS_FILE, F_OK, 0) < 0)
        return 0;
    if (file_says(dir, MANIFEST_PINS_FILE, &t))
        return count;
    r = replace(dir, &t);
    if (r < 0)
        return err_set(err, r, "%s/%s: %s; the old file is unchanged", folder, MANIFEST_PINS_FILE,
                       strerror(-r));
    return count;
}

bool pins_hold(const struct ipam_service *s)
{
    const struct service *service = &s->service->service;
    size_t held = 0;

    for (size_t i = 0; i < service->ingress_count; i++) {
        struct ip a;

        if (str_empty(service->ingress[i].ip))
            continue;
        if (!ip_parse(&a, service->ingress[i].ip) || held >= s->verdict.addr_count ||
            !ip_eq(a, s->verdict.addrs[held]))
            return false;
        held++;
    }
    return held == s->verdict.addr_count;
}
