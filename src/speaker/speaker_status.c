/* SPDX-License-Identifier: Apache-2.0 */
/* The answer to `steellb status` about a speaker of a cluster, and the socket that gives it. */
#include "base/log.h"
#include "base/text.h"
#include "speaker/bgp_answer.h"
#include "speaker/bgp_report.h"
#include "speaker/json_text.h"
#include "speaker/l2_report.h"
#include "speaker/speaker_int.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

static json_t *address_array(const struct speaker *sp)
{
    struct address_report report;

    address_report_init(&report, sp->announcer);
    MAP_EACH (&sp->services.by_key, e) {
        const struct speaker_service *s = e->value;

        for (size_t i = 0; service_is_announced(s, ANNOUNCE_LAYER2) && i < s->ip_count; i++)
            address_report_add(&report, service_ips(s)[i], s->key);
    }
    return address_report_done(&report);
}

static json_t *on_question(void *arg)
{
    const struct speaker *sp = arg;
    json_t *bgp = bgp_report(sp->router);
    json_t *root =
        json_pack("{s:s, s:i, s:s, s:o, s:I, s:o, s:o, s:o}", "kind", "Status", "version", 1,
                  "steellb", STEELLB_VERSION, "node", json_text(sp->options->node), "upSeconds",
                  (json_int_t)(mono_sub(mono_now(), sp->started) / NS_PER_SEC), "announcing",
                  address_array(sp), "interfaces", link_report(sp->announcer), "bgp", bgp);

    json_object_set_new(bgp, "routes", bgp_report_routes(sp->router));
    if (sp->drain.is_draining)
        json_object_set_new(root, "draining", json_true());
    if (sp->membership != NULL)
        member_report(root, sp->membership);
    return root;
}

static struct control_answer *on_request(void *arg, const char *request)
{
    const struct speaker *sp = arg;

    return bgp_answer(sp->router, request);
}

/* The folder of the default path is ours to make. */
static bool make_folder(void)
{
    CLEANUP(xfreep) char *folder = xstrdup(SPEAKER_CONTROL_SOCKET);

    *strrchr(folder, '/') = '\0';
    return mkdir(folder, 0755) == 0 || errno == EEXIST;
}

int speaker_control_open(struct speaker *sp, struct err *err)
{
    CLEANUP(err_done) struct err why = {0};
    struct control_options how = {
        .base = sp->base,
        .path = sp->options->control_socket,
        .ask = on_request,
        .answer = on_question,
        .arg = sp,
    };

    if (how.path != NULL)
        return str_empty(how.path) ? 0 : control_open(&sp->control, &how, err);
    how.path = SPEAKER_CONTROL_SOCKET; /* nobody asked for it: where it cannot be, it is not */
    if (make_folder() && control_open(&sp->control, &how, &why) < 0)
        log_debug("no control socket", F_S("op", "startup"), F_S("error", err_text(&why)));
    return 0;
}
