/* SPDX-License-Identifier: Apache-2.0 */
/* BFD profiles (spec 2.7). */
#include "config/config_int.h"

#include <inttypes.h>

static void check_range(struct subject *s, const struct opt_int *v, const char *what, int64_t min,
                        int64_t max)
{
    if (v->set && (v->v < min || v->v > max))
        subject_fault(s,
                      "invalid value %" PRId64 ", must be in %" PRId64 "-%" PRId64
                      " range\ninvalid %s value",
                      v->v, min, max, what);
}

static void check_profile(struct subject *s)
{
    const struct bfd_profile *p = &s->o->bfd;

    if (str_empty(s->o->meta.name))
        subject_fault(s, "missing bfd profile name");
    check_range(s, &p->detect_multiplier, "detect multiplier", 2, 255);
    check_range(s, &p->receive_interval, "receive interval", 10, 60000);
    check_range(s, &p->transmit_interval, "transmit interval", 10, 60000);
    check_range(s, &p->minimum_ttl, "minimum ttl", 1, 254);
    check_range(s, &p->echo_interval, "echo interval", 10, 60000);
}

void config_add_bfd_profiles(struct builder *b)
{
    struct object_list sorted = config_sorted(b, b->in->bfd_profiles);
    struct bfd *profiles = arena_calloc(b->arena, sorted.count, sizeof(*profiles));

    for (size_t i = 0; i < sorted.count; i++) {
        struct subject s = {
            .b = b,
            .o = sorted.items[i],
            .wrapper = arena_printf(b->scratch, "parsing bfd profile #%zu: ", i + 1),
        };

        profiles[i].name = arena_strdup(b->arena, s.o->meta.name);
        profiles[i].values = s.o->bfd;
        check_profile(&s);
        if (i > 0 && str_eq(profiles[i].name, profiles[i - 1].name) && !str_empty(profiles[i].name))
            subject_fault_bare(&s, "found duplicate bfd profile name %s", profiles[i].name);
    }
    b->snap->bfd_profiles = profiles;
    b->snap->bfd_profile_count = sorted.count;
}
