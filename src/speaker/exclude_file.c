/* SPDX-License-Identifier: Apache-2.0 */
/* The interfaces that are left alone (spec speaker-l2 4.3). */
#include "base/fd.h"
#include "base/log.h"
#include "base/text.h"
#include "model/yaml_json.h"
#include "speaker/exclude.h"
#include "speaker/speaker_options.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FILE_MAX = 1 << 20 }; /* a ConfigMap is no larger */

/* The bytes of a file, with a NUL behind them that is not counted. -ENOENT when there is none. */
static int read_file(char **ret, size_t *ret_len, const char *path, struct arena *a,
                     struct err *err)
{
    CLEANUP(fd_closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
    CLEANUP(xfreep) char *bytes = NULL;
    size_t len = 0;

    if (fd < 0)
        return err_set(err, -errno, "open %s: %s", path, strerror(errno));
    bytes = xmalloc(FILE_MAX);
    while (len < FILE_MAX) {
        ssize_t n = read(fd, bytes + len, FILE_MAX - len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_set(err, -errno, "read %s: %s", path, strerror(errno));
        if (n == 0)
            break;
        len += (size_t)n;
    }
    if (len == FILE_MAX)
        return err_set(err, -EFBIG, "%s is larger than 1 MiB", path);
    *ret = arena_strndup(a, bytes, len);
    *ret_len = len;
    return 0;
}

static int collect_expressions(struct string_list *ret, const json_t *list, struct arena *a,
                               struct err *err)
{
    struct string_list out = {0};
    size_t i;
    json_t *item;

    if (list == NULL || json_is_null(list))
        return 0;
    if (!json_is_array(list))
        return err_set(err, -EBADMSG, "announcedInterfacesToExclude is no list");
    out.items = arena_calloc(a, json_array_size(list), sizeof(*out.items));
    json_array_foreach(list, i, item)
    {
        if (!json_is_string(item))
            return err_set(err, -EBADMSG, "announcedInterfacesToExclude[%zu] is no string", i);
        out.items[out.count++] = arena_strdup(a, json_string_value(item));
    }
    *ret = out;
    return 0;
}

static int parse_exclude(struct string_list *ret, const char *path, const char *bytes, size_t len,
                         struct arena *a, struct err *err)
{
    CLEANUP(yaml_reader_freep) struct yaml_reader *reader = NULL;
    CLEANUP(yaml_doc_done) struct yaml_doc doc = {0};
    int r;

    reader = yaml_reader_new(path, bytes, len);
    r = yaml_reader_next(reader, &doc, err);
    if (r <= 0)
        return r;
    if (json_is_null(doc.value))
        return 0;
    if (!json_is_object(doc.value))
        return err_set(err, -EBADMSG, "%s: not a mapping", path);
    r = collect_expressions(ret, json_object_get(doc.value, "announcedInterfacesToExclude"), a,
                            err);
    return r < 0 ? err_wrap(err, "%s", path) : 0;
}

/* So that an expression at fault is reported together with its file. */
static int check_expressions(const struct string_list *expressions, const char *path,
                             struct err *err)
{
    CLEANUP(exclude_freep) struct exclude *x = NULL;

    return exclude_new(&x, expressions, err) < 0 ? err_wrap(err, "%s", path) : 0;
}

int speaker_read_exclude(struct string_list *ret, const struct speaker_options *o, struct arena *a,
                         struct err *err)
{
    CLEANUP(xfreep) char *path = xasprintf("%s/excludel2.yaml", o->config_dir);
    char *bytes;
    size_t len;
    int r = read_file(&bytes, &len, path, a, err);

    *ret = (struct string_list){0};
    if (r == -ENOENT) {
        err_done(err);
        return 0;
    }
    if (r == 0)
        r = parse_exclude(ret, path, bytes, len, a, err);
    return r < 0 ? r : check_expressions(ret, path, err);
}
