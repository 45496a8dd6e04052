/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libyaml's events become values without a tree of nodes in between. Each value travels with its
 * weight and height, aliases included: a few lines of nested aliases stand for billions of nodes
 * ("billion laughs") or for a tree too deep to walk, and sharing alone would only move that burden
 * to the readers of the result.
 */
#include "model/yaml_json.h"

#include "base/map.h"
#include "base/mem.h"
#include "base/text.h"
#include "model/yaml_scalar.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#define SCALAR_UNIT 64 /* bytes of a string that weigh as much as a node */

struct yaml_node {
    json_t *value;
    size_t weight;   /* of all nodes in it, itself included */
    unsigned height; /* 1 for a scalar */
};

struct anchor {
    char *name;
    struct yaml_node node; /* value is NULL while the anchored node is being read */
};

struct yaml_reader {
    yaml_parser_t parser;
    const char *name, *bytes;
    size_t len;
    struct map anchors; /* name → struct anchor, of the document being read */
    unsigned depth;
    size_t weight;        /* of the document so far */
    struct yaml_doc *doc; /* the document being read */
    bool is_items;        /* the next node is the value of the top-level key "items" */
};

void yaml_doc_done(struct yaml_doc *d)
{
    json_decref(d->value);
    free(d->item_lines);
    *d = (struct yaml_doc){0};
}

struct yaml_reader *yaml_reader_new(const char *name, const char *bytes, size_t len)
{
    struct yaml_reader *r = xcalloc(1, sizeof(*r));

    if (yaml_parser_initialize(&r->parser) == 0) {
        free(r);
        abort(); /* out of memory, as in base/mem */
    }
    /* Said outright, or libyaml would take UTF-16 as well. */
    yaml_parser_set_encoding(&r->parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&r->parser, (const unsigned char *)bytes, len);
    r->name = name;
    r->bytes = bytes;
    r->len = len;
    return r;
}

static void anchors_forget(struct yaml_reader *r)
{
    MAP_EACH (&r->anchors, e) {
        struct anchor *a = e->value;

        json_decref(a->node.value);
        free(a->name);
        free(a);
    }
    map_done(&r->anchors);
}

struct yaml_reader *yaml_reader_free(struct yaml_reader *r)
{
    if (r == NULL)
        return NULL;
    anchors_forget(r);
    yaml_parser_delete(&r->parser);
    free(r);
    return NULL;
}

static unsigned line_of(yaml_mark_t mark)
{
    return (unsigned)mark.line + 1;
}

static unsigned line_at(const struct yaml_reader *r, size_t offset)
{
    unsigned line = 1;

    for (size_t i = 0; i < offset && i < r->len; i++)
        line += r->bytes[i] == '\n';
    return line;
}

static int parser_error(const struct yaml_reader *r, struct err *err)
{
    const yaml_parser_t *p = &r->parser;

    if (p->error == YAML_MEMORY_ERROR)
        return err_set(err, -ENOMEM, "%s: out of memory", r->name);
    if (p->error == YAML_READER_ERROR) /* it leaves no mark */
        return err_set(err, -EBADMSG, "%s:%u: %s", r->name, line_at(r, p->problem_offset),
                       p->problem);
    if (p->context == NULL)
        return err_set(err, -EBADMSG, "%s:%u: %s", r->name, line_of(p->problem_mark), p->problem);
    return err_set(err, -EBADMSG, "%s:%u: %s (%s that begins in line %u)", r->name,
                   line_of(p->problem_mark), p->problem, p->context, line_of(p->context_mark));
}

static int next_event(struct yaml_reader *r, yaml_event_t *event, struct err *err)
{
    if (yaml_parser_parse(&r->parser, event) == 0)
        return parser_error(r, err);
    return 0;
}

/* Holds a node against the limits before it is built. */
static int admit(struct yaml_reader *r, unsigned line, const struct yaml_node *node,
                 struct err *err)
{
    if (r->depth + node->height > YAML_DEPTH_MAX)
        return err_set(err, -EBADMSG, "%s:%u: nested more than %d deep", r->name, line,
                       YAML_DEPTH_MAX);
    if (node->weight > YAML_WEIGHT_MAX - r->weight)
        return err_set(err, -EBADMSG,
                       "%s:%u: the document is too large, counting what aliases stand for", r->name,
                       line);
    r->weight += node->weight;
    return 0;
}

static int read_scalar(struct yaml_reader *r, const yaml_event_t *event, json_t **ret,
                       struct err *err)
{
    struct yaml_scalar s = {
        .text = (const char *)event->data.scalar.value,
        .tag = (const char *)event->data.scalar.tag,
        .is_plain = event->data.scalar.plain_implicit != 0,
    };
    int rc;

    if (strlen(s.text) != event->data.scalar.length)
        return err_set(err, -EBADMSG, "%s:%u: a string holds a NUL character", r->name,
                       line_of(event->start_mark));
    rc = yaml_scalar_read(ret, &s, err);
    return rc < 0 ? err_wrap(err, "%s:%u", r->name, line_of(event->start_mark)) : 0;
}

static int read_alias(struct yaml_reader *r, const yaml_event_t *event, struct yaml_node *ret,
                      struct err *err)
{
    const char *name = (const char *)event->data.alias.anchor;
    unsigned line = line_of(event->start_mark);
    struct anchor *a = map_find_str(&r->anchors, name);
    int rc;

    if (a == NULL)
        return err_set(err, -EBADMSG, "%s:%u: alias \"%s\" has no anchor", r->name, line, name);
    if (a->node.value == NULL)
        return err_set(err, -EBADMSG, "%s:%u: anchor \"%s\" contains itself", r->name, line, name);
    rc = admit(r, line, &a->node, err);
    if (rc < 0)
        return rc;
    *ret = a->node;
    json_incref(ret->value);
    return 0;
}

/* A later anchor of the same name takes the place of the earlier one. */
static struct anchor *anchor_open(struct yaml_reader *r, const yaml_char_t *name)
{
    struct anchor *a;

    if (name == NULL)
        return NULL;
    a = map_find_str(&r->anchors, (const char *)name);
    if (a == NULL) {
        a = xcalloc(1, sizeof(*a));
        a->name = xstrdup((const char *)name);
        map_put_str(&r->anchors, a->name, a);
    }
    json_decref(a->node.value);
    a->node = (struct yaml_node){0};
    return a;
}

static void anchor_close(struct anchor *a, const struct yaml_node *node)
{
    json_decref(a->node.value); /* an anchor of the same name inside the node */
    a->node = *node;
    json_incref(a->node.value);
}

static int read_node(struct yaml_reader *r, const yaml_event_t *event, struct yaml_node *ret,
                     struct err *err);

static void node_add(struct yaml_node *parent, const struct yaml_node *child)
{
    parent->weight += child->weight;
    if (parent->height <= child->height)
        parent->height = child->height + 1;
}

static void note_item(struct yaml_doc *d, unsigned line)
{
    d->item_lines =
        array_grow(d->item_lines, &d->item_cap, d->item_count + 1, sizeof(*d->item_lines));
    d->item_lines[d->item_count++] = line;
}

static int read_sequence(struct yaml_reader *r, bool is_items, struct yaml_node *sequence,
                         struct err *err)
{
    for (;;) {
        CLEANUP(yaml_event_delete) yaml_event_t event = {0};
        struct yaml_node item = {0};
        int rc = next_event(r, &event, err);

        if (rc < 0 || event.type == YAML_SEQUENCE_END_EVENT)
            return rc;
        rc = read_node(r, &event, &item, err);
        if (rc < 0)
            return rc;
        if (is_items)
            note_item(r->doc, line_of(event.start_mark));
        node_add(sequence, &item);
        if (json_array_append_new(sequence->value, item.value) < 0)
            return err_set(err, -ENOMEM, "%s: out of memory", r->name);
    }
}

/* A mapping while it is read. */
struct mapping {
    struct yaml_node *node;
    json_t *merged; /* keys that only a merge has set; NULL without a merge */
};

static void mapping_done(struct mapping *m)
{
    json_decref(m->merged);
}

static int merge_one(struct mapping *m, json_t *from)
{
    const char *key;
    json_t *value;

    if (m->merged == NULL)
        m->merged = json_object();
    json_object_foreach(from, key, value)
    {
        if (json_object_set(m->node->value, key, value) < 0 ||
            json_object_set_new(m->merged, key, json_true()) < 0)
            return -ENOMEM;
    }
    return 0;
}

/*
 * As go-yaml: of several mappings the first has precedence, and all of them over keys that stand
 * before the merge; keys after it win.
 */
static int merge(struct yaml_reader *r, struct mapping *m, json_t *from, unsigned line,
                 struct err *err)
{
    size_t count = json_is_array(from) ? json_array_size(from) : 1;

    for (size_t i = count; i > 0; i--) {
        json_t *one = json_is_array(from) ? json_array_get(from, i - 1) : from;

        if (!json_is_object(one))
            return err_set(err, -EBADMSG, "%s:%u: << needs a mapping or a sequence of mappings",
                           r->name, line);
        if (merge_one(m, one) < 0)
            return err_set(err, -ENOMEM, "%s: out of memory", r->name);
    }
    return 0;
}

/* Is this a key that only a merge has set so far? Then the mapping's own key replaces it. */
static bool forget_merged(struct mapping *m, const char *key)
{
    return m->merged != NULL && json_object_del(m->merged, key) == 0;
}

static bool is_merge_key(const yaml_event_t *event)
{
    struct yaml_scalar s;

    if (event->type != YAML_SCALAR_EVENT)
        return false;
    s = (struct yaml_scalar){
        .text = (const char *)event->data.scalar.value,
        .tag = (const char *)event->data.scalar.tag,
        .is_plain = event->data.scalar.plain_implicit != 0,
    };
    return yaml_scalar_is_merge(&s);
}

/* The value that follows a key; it counts for the mapping at once. The caller owns *ret. */
static int read_value(struct yaml_reader *r, struct mapping *m, json_t **ret, struct err *err)
{
    CLEANUP(yaml_event_delete) yaml_event_t event = {0};
    struct yaml_node value = {0};
    int rc = next_event(r, &event, err);

    if (rc < 0)
        return rc;
    rc = read_node(r, &event, &value, err);
    if (rc < 0)
        return rc;
    node_add(m->node, &value);
    *ret = value.value;
    return 0;
}

static int read_merge(struct yaml_reader *r, struct mapping *m, unsigned line, struct err *err)
{
    CLEANUP(json_decrefp) json_t *from = NULL;
    int rc = read_value(r, m, &from, err);

    return rc < 0 ? rc : merge(r, m, from, line, err);
}

static int read_key(struct yaml_reader *r, const yaml_event_t *event, struct mapping *m, char **ret,
                    struct err *err)
{
    struct yaml_node key = {0};
    char *text;
    int rc = read_node(r, event, &key, err);

    if (rc < 0)
        return rc;
    node_add(m->node, &key);
    text = yaml_key_text(key.value);
    json_decref(key.value);
    if (text == NULL)
        return err_set(err, -EBADMSG, "%s:%u: a mapping key must be a string, number or boolean",
                       r->name, line_of(event->start_mark));
    *ret = text;
    return 0;
}

static int given_twice(const struct yaml_reader *r, const char *key, unsigned line, struct err *err)
{
    CLEANUP(text_done) struct text quoted = {0};

    text_quote(&quoted, key);
    return err_set(err, -EBADMSG, "%s:%u: key %s is given twice in this mapping", r->name, line,
                   text_str(&quoted));
}

static int read_pair(struct yaml_reader *r, const yaml_event_t *event, struct mapping *m,
                     struct err *err)
{
    CLEANUP(xfreep) char *key = NULL;
    unsigned line = line_of(event->start_mark);
    json_t *value = NULL;
    int rc;

    if (is_merge_key(event))
        return read_merge(r, m, line, err);
    rc = read_key(r, event, m, &key, err);
    if (rc < 0)
        return rc;
    if (!forget_merged(m, key) && json_object_get(m->node->value, key) != NULL)
        return given_twice(r, key, line, err);
    r->is_items = r->depth == 1 && str_eq(key, "items");
    rc = read_value(r, m, &value, err);
    r->is_items = false;
    if (rc < 0)
        return rc;
    if (json_object_set_new(m->node->value, key, value) < 0)
        return err_set(err, -ENOMEM, "%s: out of memory", r->name);
    return 0;
}

static int read_mapping(struct yaml_reader *r, struct yaml_node *node, struct err *err)
{
    CLEANUP(mapping_done) struct mapping m = {.node = node};

    for (;;) {
        CLEANUP(yaml_event_delete) yaml_event_t event = {0};
        int rc = next_event(r, &event, err);

        if (rc < 0 || event.type == YAML_MAPPING_END_EVENT)
            return rc;
        rc = read_pair(r, &event, &m, err);
        if (rc < 0)
            return rc;
    }
}

static const yaml_char_t *anchor_of(const yaml_event_t *event)
{
    if (event->type == YAML_SCALAR_EVENT)
        return event->data.scalar.anchor;
    if (event->type == YAML_SEQUENCE_START_EVENT)
        return event->data.sequence_start.anchor;
    return event->data.mapping_start.anchor;
}

static int read_collection(struct yaml_reader *r, const yaml_event_t *event, struct yaml_node *node,
                           struct err *err)
{
    bool is_sequence = event->type == YAML_SEQUENCE_START_EVENT;
    bool is_items = r->is_items;
    int rc;

    r->is_items = false;
    node->value = is_sequence ? json_array() : json_object();
    if (node->value == NULL)
        return err_set(err, -ENOMEM, "%s: out of memory", r->name);
    r->depth++;
    rc = is_sequence ? read_sequence(r, is_items, node, err) : read_mapping(r, node, err);
    r->depth--;
    return rc;
}

/* The node that `event` begins. The caller owns ret->value. */
static int read_node(struct yaml_reader *r, const yaml_event_t *event, struct yaml_node *ret,
                     struct err *err)
{
    struct yaml_node node = {.weight = 1, .height = 1};
    struct anchor *anchor;
    int rc;

    if (event->type == YAML_ALIAS_EVENT)
        return read_alias(r, event, ret, err);
    if (event->type == YAML_SCALAR_EVENT)
        node.weight += event->data.scalar.length / SCALAR_UNIT;
    rc = admit(r, line_of(event->start_mark), &node, err);
    if (rc < 0)
        return rc;
    anchor = anchor_open(r, anchor_of(event));
    if (event->type == YAML_SCALAR_EVENT)
        rc = read_scalar(r, event, &node.value, err);
    else
        rc = read_collection(r, event, &node, err);
    if (rc < 0) {
        json_decref(node.value);
        return rc;
    }
    if (anchor != NULL)
        anchor_close(anchor, &node);
    *ret = node;
    return 0;
}

/* Past a document's start: its content and its end. */
static int read_document(struct yaml_reader *r, struct yaml_doc *d, struct err *err)
{
    CLEANUP(yaml_event_delete) yaml_event_t event = {0}, end = {0};
    struct yaml_node root = {0};
    int rc;

    anchors_forget(r);
    r->depth = 0;
    r->weight = 0;
    r->is_items = false;
    r->doc = d;
    rc = next_event(r, &event, err);
    if (rc < 0)
        return rc;
    d->line = line_of(event.start_mark);
    rc = read_node(r, &event, &root, err);
    if (rc < 0)
        return rc;
    d->value = root.value;
    return next_event(r, &end, err);
}

int yaml_reader_next(struct yaml_reader *r, struct yaml_doc *ret, struct err *err)
{
    CLEANUP(yaml_doc_done) struct yaml_doc d = {0};

    for (;;) {
        CLEANUP(yaml_event_delete) yaml_event_t event = {0};
        int rc = next_event(r, &event, err);

        if (rc < 0)
            return rc;
        /* libyaml returns empty events past the end of the stream. */
        if (event.type == YAML_STREAM_END_EVENT || event.type == YAML_NO_EVENT)
            return 0;
        if (event.type != YAML_DOCUMENT_START_EVENT)
            continue;
        rc = read_document(r, &d, err);
        if (rc < 0)
            return rc;
        *ret = d;
        d = (struct yaml_doc){0};
        return 1;
    }
}
