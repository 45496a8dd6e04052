/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of the speaker share.
 *
 * Objects come from the feed; each file takes note of what concerns it and sets what is to be done.
 * All of that is done by one event of the lowest priority (speaker.c), in this order: the
 * configuration, the nodes, the Services, their statuses.
 */
#pragma once

#include <event2/event_struct.h>

#include "base/map.h"
#include "base/mono.h"
#include "decide/decide.h"
#include "role/cluster.h"
#include "role/config_state.h"
#include "role/health.h"
#include "serve/config_metrics.h"
#include "serve/metrics_server.h"
#include "speaker/announce_decide.h"
#include "speaker/announced_metrics.h"
#include "speaker/announcer.h"
#include "speaker/control.h"
#include "speaker/drain_clock.h"
#include "speaker/handover.h"
#include "speaker/membership.h"
#include "speaker/router.h"
#include "speaker/rule.h"
#include "speaker/service_record.h"
#include "speaker/speaker_options.h"

/* --- Services: service_table.c --- */

/* The status objects of one kind: status_writer.c. */
struct status_task {
    struct record_link *objects;  /* as the feed has them: first members of struct status_record, of
                                     any node; owned */
    struct speaker_service *next; /* in the list of those to reconcile */
    uint64_t written;             /* hash of what was written and not seen yet; 0: nothing */
    uint64_t version;             /* the object's, since then */
    uint32_t busy;                /* requests under way */
    bool is_queued;
    bool again;      /* changed while requests were under way */
    bool has_failed; /* in the list of those to try again later */
    uint8_t failures;
};

/* Everything that concerns one Service name, whether the Service exists or not. */
struct speaker_service {
    /* as the feed has it; owned */
    struct service_record *record; /* NULL: it does not exist */
    struct record_link *slices;    /* first members of struct slice_record */

    /* service_announce.c */
    struct speaker_service *next_dirty;
    union {
        struct ip one;
        struct ip *many; /* when ip_count > 1; owned */
    } ips;               /* what is announced */
    struct rule *rule;   /* where by Layer 2; NULL while it is not */
    uint32_t ip_count;
    bool is_dirty;        /* in the list of those to evaluate */
    uint8_t announced;    /* from here: a bit for each enum announce_protocol */
    bool conflict_logged; /* of its BGPAdvertisements, as long as it lasts */

    /* service_events.c */
    bool is_unreported;    /* in the list of those whose missing link will be told */
    uint64_t missing_hash; /* of the text that was told last, or will be; 0: none is missing */

    struct status_task status[ANNOUNCE_PROTOCOLS];

    char key[]; /* "namespace/name" */
};

struct service_list {
    struct speaker_service *head, **tail;
};

struct service_table {
    struct map by_key; /* key -> struct speaker_service */
    struct map slices; /* "namespace\0name" -> struct slice_record, of the Services */
    struct map statuses[ANNOUNCE_PROTOCOLS]; /* the same of struct status_record */
    struct map rules;                        /* of the Services: rule.h */
};

void service_table_done(struct service_table *t);
struct speaker_service *service_table_get(struct service_table *t, const char *namespace,
                                          const char *name); /* makes it */
/* Frees the entry if nothing is left that concerns it. */
void service_table_release(struct service_table *t, struct speaker_service *s);

/*
 * The slice or status of that name becomes `new_take`, of the Service `s`; both NULL: there is none
 * any more. Returns the Service that had the old one, or NULL.
 */
struct speaker_service *service_table_put_slice(struct service_table *t, const struct meta *of,
                                                struct slice_record *new_take,
                                                struct speaker_service *s);
struct speaker_service *service_table_put_status(struct service_table *t,
                                                 enum announce_protocol protocol,
                                                 const struct meta *of,
                                                 struct status_record *new_take,
                                                 struct speaker_service *s);

/* The names of which the table has something, for the feed. */
void service_table_each_kept(const struct service_table *t, enum object_kind kind, kube_name_fn fn,
                             void *fn_arg);

/* The Service as an object, in the arena; NULL when it does not exist. */
const struct object *service_object(const struct speaker_service *s, struct arena *a);
const struct ip *service_ips(const struct speaker_service *s); /* ip_count of them */
bool service_is_announced(const struct speaker_service *s, enum announce_protocol protocol);
const char *service_name(const struct speaker_service *s);
size_t service_namespace_len(const struct speaker_service *s);

/* --- the configuration: speaker_config.c --- */

struct speaker_config {
    struct snapshot *cfg; /* in force; NULL until one was accepted */
    uint64_t hash;        /* of what it says */
    bool is_partial;      /* without the BGP objects of other nodes, since they have faults */
    bool is_stale;        /* the newest set is not in force */
    uint64_t refusals;    /* how often `is_refused` became true */
    bool is_refused;      /* the newest set would leave an announced Service without a pool */

    struct decide_node *nodes; /* of cfg->nodes, as they are now */
    struct arena *heard;       /* what they point to */
    struct decide_world world;
};

struct speaker;

void speaker_config_done(struct speaker_config *c);
/* Builds the set that the store has now. Returns whether another configuration is in force. */
bool speaker_config_rebuild(struct speaker *sp);
/* ConfigMap bgpextras: configuration for FRR, of which there is none. */
void config_map_on_change(const struct kube_change *c);
/* The nodes as the store and the membership have them now. */
void speaker_config_refresh_nodes(struct speaker *sp);

/* --- the role --- */

enum speaker_todo {
    TODO_CONFIG = 1 << 0,   /* build the configuration */
    TODO_NODES = 1 << 1,    /* look at the nodes anew, and evaluate all */
    TODO_EVALUATE = 1 << 2, /* evaluate all Services */
};

struct discovery;

struct speaker {
    const struct speaker_options *options;
    struct event_base *base;
    struct cluster cluster;
    bool cluster_open;
    struct announcer *announcer;
    struct router *router;
    struct control *control; /* NULL: off */
    struct mono started;
    struct membership *membership; /* NULL: off */
    struct discovery *discovery;   /* NULL: off, or not yet */
    struct health *health;
    struct metrics_server *metrics; /* NULL: off */
    struct config_metrics config_metrics;
    struct announced_metrics announced_metrics;
    struct config_state *config_state;

    unsigned todo; /* enum speaker_todo */
    struct event work;
    struct handover handover;
    bool synced;  /* the feed has everything */
    bool settled; /* the membership had its chance to find the others */
    bool passed;  /* all Services were evaluated once */

    struct speaker_config config;
    struct service_table services;
    struct service_list dirty;

    struct drain_clock drain;

    struct report *unreported, **unreported_tail;
    struct event report_timer;

    struct status_writer *statuses[ANNOUNCE_PROTOCOLS];
};

/* Has the work done before the loop sleeps. */
void speaker_schedule(struct speaker *sp, unsigned todo);

/* --- Services: service_announce.c --- */

void services_init(struct speaker *sp);
void services_on_service(struct speaker *sp, const struct kube_change *c);
void services_on_slice(struct speaker *sp, const struct kube_change *c);
void services_mark(struct speaker *sp, struct speaker_service *s);
void services_mark_all(struct speaker *sp);
/* Evaluates a bounded number; true when some are left. */
bool services_work(struct speaker *sp);
/* Why nobody announces the Service, if it is ours to tell; NULL otherwise. The caller frees it. */
char *service_missing_link(const struct speaker *sp, const struct speaker_service *s);
/* An announced Service whose addresses are in no pool of that configuration, or NULL. */
const struct speaker_service *services_without_pool(const struct speaker *sp,
                                                    const struct snapshot *cfg);

/* --- what the users of a Service are told: service_events.c --- */

void service_events_init(struct speaker *sp);
void service_events_done(struct speaker *sp);
void service_event_assigned(struct speaker *sp, const struct speaker_service *s,
                            enum announce_protocol protocol);
void service_event_no_interface(struct speaker *sp, const struct speaker_service *s, struct ip ip);
/* `missing` NULL, or not ours to tell: nothing. */
void service_note_missing(struct speaker *sp, struct speaker_service *s, const char *missing);

/* --- ServiceL2Status, ServiceBGPStatus: status_writer.c --- */

void statuses_init(struct speaker *sp);
void statuses_done(struct speaker *sp);
void status_on_change(struct speaker *sp, enum announce_protocol protocol,
                      const struct kube_change *c);
/* What this node announces of the Service by that protocol has changed. */
void status_touch(struct speaker *sp, enum announce_protocol protocol, struct speaker_service *s);
void statuses_work(struct speaker *sp); /* nothing before all Services were evaluated once */

/* --- BGP: speaker_bgp.c --- */

NODISCARD int bgp_open(struct speaker *sp, struct err *err);
/* The configuration, or the addresses of our node, are others. */
void bgp_refresh(struct speaker *sp);

/* --- `steellb status`: speaker_status.c --- */

NODISCARD int speaker_control_open(struct speaker *sp, struct err *err);

/* --- metrics: speaker_metrics.c --- */

NODISCARD int speaker_metrics_open(struct speaker *sp, struct err *err);

/* --- nodes and peers --- */

void nodes_on_change(struct speaker *sp, const struct kube_change *c); /* speaker_nodes.c */

/* discovery.c: finds the other speakers; `settled` comes once, when the first join had its time. */
struct discovery *discovery_new(struct speaker *sp, void (*settled)(struct speaker *sp));
struct discovery *discovery_free(struct discovery *d);
DEFINE_CLEANUP(struct discovery, discovery_free);
void discovery_on_members(struct discovery *d); /* somebody joined or left */
void discovery_on_synced(struct discovery *d);  /* everything was read: it may join */
