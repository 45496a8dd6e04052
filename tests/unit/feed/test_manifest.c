/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/macro.h"
#include "base/text.h"
#include "feed/manifest.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define NS "metallb-system"

/* Short forms for the tables. */
#define POOL(name)                                                                                 \
    "apiVersion: metallb.io/v1beta1\nkind: IPAddressPool\nmetadata: {name: " name "}\n"
#define SERVICE(name) "apiVersion: v1\nkind: Service\nmetadata: {name: " name "}\n"
#define PIN(name, ip)                                                                              \
    "apiVersion: v1\nkind: Service\nmetadata: {name: " name                                        \
    ", annotations: {steellb.io/pinned: \"true\"}}\n"                                              \
    "status: {loadBalancer: {ingress: [{ip: " ip "}]}}\n"
#define JSON_SERVICE(name)                                                                         \
    "{\"apiVersion\":\"v1\",\"kind\":\"Service\",\"metadata\":{\"name\":\"" name "\"}}"

static void add_faults(struct text *out, const char *mark, const struct fault_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        const struct fault *f = &list->items[i];

        text_printf(out, "%s %s/%s/%s %s\n", mark, f->kind, f->namespace, f->name, f->message);
    }
}

/* Everything a manifest holds: objects as "Kind namespace/name @file:line", then F and W lines. */
static void describe(struct text *out, struct manifest *m)
{
    for (size_t k = 0; k < OBJECT_KINDS; k++) {
        struct object_list list = store_list(m->store, (enum object_kind)k);

        for (size_t i = 0; i < list.count; i++) {
            const struct object *o = list.items[i];

            text_printf(out, "%s %s/%s @%s:%u", object_kind_name(o->kind), o->meta.namespace,
                        o->meta.name, o->origin.file, o->origin.line);
            if (o->kind == OBJ_SERVICE) {
                for (size_t j = 0; j < o->service.ingress_count; j++)
                    text_printf(out, " %s%s", o->service.ingress[j].ip,
                                o->service.ingress[j].hostname);
            }
            text_add(out, "\n");
        }
    }
    add_faults(out, "F", &m->faults);
    add_faults(out, "W", &m->warnings);
}

struct row {
    const char *name;
    const char *a, *b; /* contents of a.yaml and b.yaml; b may be NULL */
    const char *want;  /* as describe; or "!" and the error */
};

static char *load_row(const struct row *row)
{
    CLEANUP(manifest_done) struct manifest m;
    CLEANUP(err_done) struct err err = {0};
    struct text out = {0};
    int r;

    manifest_init(&m, NS);
    r = manifest_load_bytes(&m, "a", row->a, strlen(row->a), &err);
    if (r == 0 && row->b != NULL)
        r = manifest_load_bytes(&m, "b", row->b, strlen(row->b), &err);
    manifest_finish(&m);
    if (r < 0)
        text_printf(&out, "!%s\n", err_text(&err));
    describe(&out, &m);
    return text_take(&out);
}

static void check_rows(const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char *got = load_row(&rows[i]);

        if (!str_eq(got, rows[i].want))
            fail_msg("%s:\n--- got\n%s--- want\n%s", rows[i].name, got, rows[i].want);
        free(got);
    }
}

static const struct row document_rows[] = {
    {"nothing", "", NULL, ""},
    {"blanks and comments", " \n# x\n---\n", NULL, ""},
    {"a document", "---\n" POOL("p"), NULL, "IPAddressPool " NS "/p @a:2\n"},
    {"byte order mark", "\xef\xbb\xbf" JSON_SERVICE("s"), NULL, "Service default/s @a:1\n"},
    {"several, and empty ones", POOL("p") "---\n---\n# x\n---\n" POOL("q") "---\nnull\n", NULL,
     "IPAddressPool " NS "/p @a:1\nIPAddressPool " NS "/q @a:8\n"},
    {"two inputs", POOL("p"), SERVICE("s"),
     "IPAddressPool " NS "/p @a:1\nService default/s @b:1\n"},
    {"JSON one after another", JSON_SERVICE("s") "\n\n" JSON_SERVICE("t") JSON_SERVICE("u"), NULL,
     "Service default/s @a:1\nService default/t @a:3\nService default/u @a:3\n"},
    {"JSON between marks", JSON_SERVICE("s") "\n---\n" JSON_SERVICE("t") "\n", NULL,
     "Service default/s @a:1\nService default/t @a:3\n"},
    {"JSON, then YAML", JSON_SERVICE("s") "\n---\n" SERVICE("t"), NULL,
     "Service default/s @a:1\nService default/t @a:3\n"},
    {"YAML that begins with a brace",
     "{apiVersion: v1, kind: Service, # c\n metadata: {name: s}}\n", NULL,
     "Service default/s @a:1\n"},
    {"JSON with a comment is YAML",
     "{\"apiVersion\": \"v1\", # c\n \"kind\": \"Node\", "
     "\"metadata\": {\"name\": \"n\"}}",
     NULL, "Node /n @a:1\n"},
    {"numbers beyond 63 bits, in a field that is not read",
     "{\"apiVersion\":\"v1\",\"kind\":\"Node\",\"metadata\":{\"name\":\"n\"},"
     "\"x\":18446744073709551615}",
     NULL, "Node /n @a:1\n"},
};

static void test_documents(void **state)
{
    (void)state;
    check_rows(document_rows, ARRAY_SIZE(document_rows));
}

static const struct row list_rows[] = {
    {"YAML List",
     "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: Service\n  metadata: {name: "
     "s}\n- apiVersion: v1\n  kind: Node\n  metadata: {name: m}\n",
     NULL, "Service default/s @a:4\nNode /m @a:7\n"},
    {"items know the kind of their list",
     "apiVersion: v1\nkind: ServiceList\nitems:\n- metadata: {name: s}\n- metadata: {name: t}\n",
     NULL, "Service default/s @a:4\nService default/t @a:5\n"},
    {"List within a List",
     "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: ServiceList\n  items:\n  - "
     "metadata: {name: s}\n",
     NULL, "Service default/s @a:4\n"},
    {"empty lists",
     "apiVersion: v1\nkind: List\nitems: []\n---\napiVersion: v1\nkind: List\n---\napiVersion: "
     "v1\nkind: ServiceList\nitems: null\n",
     NULL, ""},
    {"an item by alias",
     "apiVersion: v1\nkind: ServiceList\nx: &x {name: s}\ny: &y {name: t}\nitems:\n- metadata: "
     "*x\n- metadata: *y\n",
     NULL, "Service default/s @a:6\nService default/t @a:7\n"},
    {"a kind of its own that ends in List",
     "apiVersion: example.com/v1\nkind: DenyList\nmetadata: {name: x}\n", NULL,
     "W // 1 document of another kind was ignored (DenyList)\n"},
    {"items that are no list", "apiVersion: v1\nkind: List\nitems: {a: b}\n", NULL,
     "!a:1: the items of a List must be a list\n"},
    {"item that is no object", "apiVersion: v1\nkind: List\nitems:\n- x\n", NULL,
     "!a:4: not a Kubernetes object: expected a mapping\n"},
    {"item without a kind", "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n", NULL,
     "!a:4: not a Kubernetes object: kind is missing\n"},

    {"JSON List, its kind behind the items",
     "{\"apiVersion\":\"v1\",\n\"items\":[\n" JSON_SERVICE("s") ",\n" JSON_SERVICE(
         "t") "\n],\n\"kind\":\"List\",\"metadata\":{}}\n",
     NULL, "Service default/s @a:3\nService default/t @a:4\n"},
    {"JSON ServiceList",
     "{\"kind\":\"ServiceList\",\"apiVersion\":\"v1\",\"items\":[{\"metadata\":{\"name\":\"s\"}}]}",
     NULL, "Service default/s @a:1\n"},
    {"JSON List within a List",
     "{\"apiVersion\":\"v1\",\"kind\":\"List\",\"items\":[{\"apiVersion\":\"v1\",\"kind\":\"List\","
     "\"items\":[" JSON_SERVICE("s") "]}]}",
     NULL, "Service default/s @a:1\n"},
    {"JSON empty List, and more behind it",
     "{\"apiVersion\":\"v1\",\"kind\":\"List\",\"items\":[]}" JSON_SERVICE("s"), NULL,
     "Service default/s @a:1\n"},
    {"items of what is no list",
     "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"c\"},\"items\":[1]}",
     NULL, "ConfigMap " NS "/c @a:1\n"},
    {"key items in another spelling",
     "{\"apiVersion\":\"v1\",\"kind\":\"List\",\"\\u0069tems\":[" JSON_SERVICE("s") "]}", NULL,
     "Service default/s @a:1\n"},
};

static void test_lists(void **state)
{
    (void)state;
    check_rows(list_rows, ARRAY_SIZE(list_rows));
}

static const struct row error_rows[] = {
    {"no object: a scalar", "x\n", NULL, "!a:1: not a Kubernetes object: expected a mapping\n"},
    {"no object: an array", "\n[1]", NULL, "!a:2: not a Kubernetes object: expected a mapping\n"},
    {"no apiVersion", POOL("p") "---\nkind: Service\n", NULL,
     "!a:5: not a Kubernetes object: apiVersion is missing\n"},
    {"JSON without a kind", "{}\n{\"apiVersion\":\"v1\"}", NULL,
     "!a:1: not a Kubernetes object: apiVersion is missing\n"},
    {"YAML syntax", "a: 1\nb: [\n", NULL,
     "!a:3: did not find expected node content (while parsing a flow node that begins in line "
     "3)\n"},
    {"nothing of a file with an error", SERVICE("s") "---\nx: 1\n", NULL,
     "!a:5: not a Kubernetes object: apiVersion is missing\n"},
    {"what came before it stays", SERVICE("s"), "x\n",
     "!b:1: not a Kubernetes object: expected a mapping\nService default/s @a:1\n"},

    {"JSON syntax", "{\"apiVersion\":\"v1\",\n\"kind\" \"Service\"}", NULL,
     "!a:2: \":\" expected\n"},
    {"JSON syntax inside a value", "{\"apiVersion\":\"v1\",\n\"kind\":[1,\n2,,3]}", NULL,
     "!a:3: unexpected token near ','\n"},
    {"JSON cut short", "{\"apiVersion\":\"v1\",\n\"kind\":", NULL,
     "!a:2: the text ends where a value is expected\n"},
    {"JSON key twice", "{\"apiVersion\":\"v1\",\n\"kind\":\"Node\",\"kind\":\"Node\"}", NULL,
     "!a:2: duplicate object key near '\"kind\"'\n"},
    {"JSON item", "{\"apiVersion\":\"v1\",\"kind\":\"List\",\"items\":[\n{},\n{\"a\":1\n1}]}", NULL,
     "!a:2: not a Kubernetes object: apiVersion is missing\n"},
    {"JSON syntax in an item",
     "{\"apiVersion\":\"v1\",\"kind\":\"List\",\"items\":[\n" JSON_SERVICE(
         "s") ",\n{\"a\":1\n[,]}]}",
     NULL, "!a:4: '}' expected near '['\n"},
    {"JSON no comma between items",
     "{\"apiVersion\":\"v1\",\"kind\":\"List\",\"items\":[" JSON_SERVICE("s") "\n{}]}", NULL,
     "!a:2: \",\" or \"]\" expected\n"},
    {"JSON syntax behind the items",
     "{\"apiVersion\":\"v1\",\"items\":[\n\n" JSON_SERVICE("s") "],\n\"kind\":\"\\q\"}", NULL,
     "!a:4: invalid escape near '\"\\q'\n"},
    {"JSON items twice", "{\"apiVersion\":\"v1\",\"kind\":\"List\",\"items\":[],\n\"items\":[]}",
     NULL, "!a:2: duplicate object key near '\"items\"'\n"},
    {"JSON, then broken YAML", JSON_SERVICE("s") "\n---\na: [\n", NULL,
     "!a:4: did not find expected node content (while parsing a flow node that begins in line "
     "4)\n"},
    {"a brace, but no JSON", "{a: [}\n", NULL,
     "!a:1: did not find expected node content (while parsing a flow node that begins in line "
     "1)\n"},
};

static void test_errors(void **state)
{
    (void)state;
    check_rows(error_rows, ARRAY_SIZE(error_rows));
}

static void test_nul_byte(void **state)
{
    static const char json[] = "{\"apiVersion\":\"v1\",\"kind\":\"Node\",\n"
                               "\"metadata\":{\"name\":\"m\"},\"x\":1\0}";
    CLEANUP(manifest_done) struct manifest m;
    CLEANUP(err_done) struct err err = {0};

    (void)state;
    manifest_init(&m, NS);
    assert_true(manifest_load_bytes(&m, "a", json, sizeof(json) - 1, &err) < 0);
    assert_string_equal(err_text(&err), "a:2: a NUL byte");
}

#define CONFIG(kind, namespace)                                                                    \
    "apiVersion: metallb.io/v1beta1\nkind: " kind                                                  \
    "\nmetadata: {name: x, namespace: " namespace "}\n"
#define CORE(kind, namespace)                                                                      \
    "apiVersion: v1\nkind: " kind "\nmetadata: {name: x, namespace: " namespace "}\n"
#define ELSEWHERE "ignored: MetalLB objects are read from namespace \"" NS "\" only\n"

static const struct row namespace_rows[] = {
    {"MetalLB objects: ours", CONFIG("L2Advertisement", NS), NULL,
     "L2Advertisement " NS "/x @a:1\n"},
    {"MetalLB objects: none given", CONFIG("L2Advertisement", "''") "---\n" POOL("p"),
     CONFIG("BFDProfile", ""),
     "IPAddressPool " NS "/p @a:5\nL2Advertisement " NS "/x @a:1\nBFDProfile " NS "/x @b:1\n"},
    {"MetalLB objects: elsewhere", CONFIG("L2Advertisement", "default"), NULL,
     "W L2Advertisement/default/x " ELSEWHERE},
    {"no faults of what is elsewhere", CONFIG("BGPPeer", "other") "spec: {peerASN: [x]}\n", NULL,
     "W BGPPeer/other/x " ELSEWHERE},
    {"Secrets and ConfigMaps: ours", CORE("Secret", NS) "---\n" CORE("ConfigMap", NS), NULL,
     "Secret " NS "/x @a:1\nConfigMap " NS "/x @a:5\n"},
    {"Secrets and ConfigMaps: none given", CORE("Secret", ""), NULL, "Secret " NS "/x @a:1\n"},
    {"Secrets and ConfigMaps: elsewhere",
     CORE("Secret", "default") "---\n" CORE("ConfigMap", "default"), NULL, ""},
    {"a Service is where it says", CORE("Service", "web"), SERVICE("z"),
     "Service default/z @b:1\nService web/x @a:1\n"},
    {"metadata shared by an alias",
     "apiVersion: v1\nkind: List\nm: &m {name: x}\nitems:\n- {apiVersion: v1, kind: Secret, "
     "metadata: *m}\n- {apiVersion: v1, kind: Service, metadata: *m}\n",
     NULL, "Service default/x @a:6\nSecret " NS "/x @a:5\n"},
};

static void test_namespaces(void **state)
{
    (void)state;
    check_rows(namespace_rows, ARRAY_SIZE(namespace_rows));
}

static const struct row duplicate_rows[] = {
    {"pool", POOL("p") "---\n" POOL("p"), NULL,
     "IPAddressPool " NS "/p @a:1\n"
     "F IPAddressPool/" NS "/p duplicate definition of pool \"p\": a:1 and a:5\n"},
    {"across files", SERVICE("s"), "\n" SERVICE("s"),
     "Service default/s @a:1\n"
     "F Service/default/s duplicate definition of Service \"default/s\": a:1 and b:2\n"},
    {"of no namespace", CORE("Node", "a"), CORE("Node", "b"),
     "Node /x @a:1\nF Node//x duplicate definition of Node \"x\": a:1 and b:1\n"},
    {"three times", POOL("p"), POOL("p") "---\n" POOL("p"),
     "IPAddressPool " NS "/p @a:1\n"
     "F IPAddressPool/" NS "/p duplicate definition of pool \"p\": a:1 and b:1\n"
     "F IPAddressPool/" NS "/p duplicate definition of pool \"p\": a:1 and b:5\n"},
    {"other namespace, other kind", CORE("Service", "a") "---\n" CORE("Pod", "a"),
     CORE("Service", "b"), "Service a/x @a:1\nService b/x @b:1\nPod a/x @a:5\n"},
};

static void test_duplicates(void **state)
{
    (void)state;
    check_rows(duplicate_rows, ARRAY_SIZE(duplicate_rows));
}

#define STATUS(ip) "status: {loadBalancer: {ingress: [{ip: " ip "}]}}\n"

static const struct row pin_rows[] = {
    {"laid over", SERVICE("s"), PIN("s", "192.0.2.1"), "Service default/s @a:1 192.0.2.1\n"},
    {"the order does not matter", PIN("s", "192.0.2.1"), SERVICE("s"),
     "Service default/s @b:1 192.0.2.1\n"},
    {"pins win", SERVICE("s") STATUS("192.0.2.9"), PIN("s", "192.0.2.1"),
     "Service default/s @a:1 192.0.2.1\n"},
    {"an empty pin changes nothing", SERVICE("s") STATUS("192.0.2.9"),
     "apiVersion: v1\nkind: Service\nmetadata: {name: s, annotations: {steellb.io/pinned: "
     "\"true\"}}\n",
     "Service default/s @a:1 192.0.2.9\n"},
    {"no such Service", SERVICE("s"), PIN("t", "192.0.2.1"),
     "Service default/s @a:1\nW Service/default/t pinned, but there is no such Service\n"},
    {"pinned twice", SERVICE("s"), PIN("s", "192.0.2.1") "---\n" PIN("s", "192.0.2.2"),
     "Service default/s @a:1 192.0.2.1\n"
     "F Service/default/s duplicate definition of pinned Service \"default/s\": b:1 and b:6\n"},
    {"pinned: false",
     "apiVersion: v1\nkind: Service\nmetadata: {name: s, annotations: {steellb.io/pinned: "
     "\"false\"}}\n" STATUS("192.0.2.9"),
     NULL, "Service default/s @a:1 192.0.2.9\n"},
};

static void test_pins(void **state)
{
    (void)state;
    check_rows(pin_rows, ARRAY_SIZE(pin_rows));
}

#define OTHER(kind) "apiVersion: apps/v1\nkind: " kind "\nmetadata: {name: x}\n---\n"

static const struct row ignored_rows[] = {
    {"one", OTHER("Deployment"), NULL,
     "W // 1 document of another kind was ignored (Deployment)\n"},
    {"five kinds", OTHER("A") OTHER("B") OTHER("A") OTHER("C"), OTHER("D") OTHER("E"),
     "W // 6 documents of other kinds were ignored (A, B, C, D, E)\n"},
    {"six kinds", OTHER("A") OTHER("B") OTHER("C"), OTHER("D") OTHER("E") OTHER("F") OTHER("G"),
     "W // 7 documents of other kinds were ignored (A, B, C, D, E, …)\n"},
    {"none counted of a file with an error", OTHER("A"), OTHER("B") "x\n",
     "!b:5: not a Kubernetes object: expected a mapping\n"
     "W // 1 document of another kind was ignored (A)\n"},
    {"what JSON saw is not counted twice", "{\"apiVersion\":\"v1\",\"kind\":\"A\"}\n---\n", NULL,
     "W // 1 document of another kind was ignored (A)\n"},
};

static void test_ignored(void **state)
{
    (void)state;
    check_rows(ignored_rows, ARRAY_SIZE(ignored_rows));
}

/* Files and folders */

struct place {
    char dir[64], path[128];
};

static int place_make(void **state)
{
    struct place *p = calloc(1, sizeof(*p));

    *state = p;
    snprintf(p->dir, sizeof(p->dir), "/tmp/test-manifest-XXXXXX");
    return mkdtemp(p->dir) == NULL;
}

static int place_remove(void **state)
{
    struct place *p = *state;
    char command[128];

    snprintf(command, sizeof(command), "rm -rf %s", p->dir);
    free(p);
    return system(command);
}

static const char *path_of(struct place *p, const char *name)
{
    snprintf(p->path, sizeof(p->path), "%s/%s", p->dir, name);
    return p->path;
}

static void write_file(struct place *p, const char *name, const char *text)
{
    FILE *f = fopen(path_of(p, name), "w");

    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

/* Loads a path. In `want`, "DIR" stands for the temporary folder. */
static void check_path(const struct place *p, const char *path, const char *want)
{
    CLEANUP(manifest_done) struct manifest m;
    CLEANUP(err_done) struct err err = {0};
    CLEANUP(text_done) struct text all = {0}, got = {0};

    manifest_init(&m, NS);
    if (manifest_load(&m, path, &err) < 0)
        text_printf(&all, "!%s\n", err_text(&err));
    manifest_finish(&m);
    describe(&all, &m);
    for (const char *c = text_str(&all); *c != '\0';) {
        bool here = strncmp(c, p->dir, strlen(p->dir)) == 0;

        text_add_n(&got, here ? "DIR" : c, here ? 3 : 1);
        c += here ? strlen(p->dir) : 1;
    }
    assert_string_equal(text_str(&got), want);
}

static void test_folder(void **state)
{
    static const char all[] =
        "Service default/a @DIR/a.yaml:1\nService default/b @DIR/b.yml:1\n"
        "Service default/c @DIR/c.json:1\nService default/linked @DIR/link.yaml:1\n";
    struct place *p = *state;
    char slashes[128];

    check_path(p, p->dir, "W // DIR: no file named *.yaml, *.yml or *.json in this folder\n");

    write_file(p, "b.yml", SERVICE("b"));
    write_file(p, "a.yaml", SERVICE("a"));
    write_file(p, "c.json", JSON_SERVICE("c"));
    write_file(p, "a.yaml~", SERVICE("no1"));
    write_file(p, ".hidden.yaml", SERVICE("no2"));
    write_file(p, "a.txt", SERVICE("linked"));
    write_file(p, "yaml", SERVICE("no3"));
    write_file(p, ".yaml", SERVICE("no4"));
    assert_int_equal(mkdir(path_of(p, "sub.yaml"), 0700), 0);
    write_file(p, "sub.yaml/d.yaml", SERVICE("no5"));
    assert_int_equal(mkfifo(path_of(p, "pipe.yaml"), 0600), 0);
    assert_int_equal(symlink("a.txt", path_of(p, "link.yaml")), 0);
    check_path(p, p->dir, all);
    snprintf(slashes, sizeof(slashes), "%s//", p->dir);
    check_path(p, slashes, all);
    check_path(p, path_of(p, "a.txt"), "Service default/linked @DIR/a.txt:1\n");

    assert_int_equal(symlink("nowhere", path_of(p, "0.yaml")), 0);
    check_path(p, p->dir, "!DIR/0.yaml: No such file or directory\n");
}

static void test_missing_path(void **state)
{
    struct place *p = *state;

    check_path(p, path_of(p, "x.yaml"), "!DIR/x.yaml: No such file or directory\n");
}

static void test_pins_in_a_folder(void **state)
{
    struct place *p = *state;

    write_file(p, "web.yaml", SERVICE("s"));
    write_file(p, MANIFEST_PINS_FILE, PIN("s", "192.0.2.1"));
    check_path(p, p->dir, "Service default/s @DIR/web.yaml:1 192.0.2.1\n");
}

/* A pipe has no size of its own, and more in it than the first room that is made. */
static void test_standard_input(void **state)
{
    struct place *p = *state;
    int saved = dup(STDIN_FILENO), fds[2];
    pid_t writer;

    assert_true(saved >= 0);
    assert_int_equal(pipe(fds), 0);
    writer = fork();
    assert_true(writer >= 0);
    if (writer == 0) {
        FILE *f = fdopen(fds[1], "w");

        close(fds[0]);
        for (int i = 0; i < 20000; i++)
            fputs("# padding\n", f);
        fputs(SERVICE("s"), f);
        _exit(fclose(f) == 0 ? 0 : 1);
    }
    close(fds[1]);
    assert_int_equal(dup2(fds[0], STDIN_FILENO), STDIN_FILENO);
    close(fds[0]);
    check_path(p, "-", "Service default/s @stdin:20001\n");
    assert_int_equal(dup2(saved, STDIN_FILENO), STDIN_FILENO);
    close(saved);
    assert_int_equal(waitpid(writer, NULL, 0), writer);
}

/* A list as `kubectl get -o json` prints it, of `count` Services and as many slices. */
static void write_list(struct place *p, const char *name, unsigned count, const char *tail)
{
    FILE *f = fopen(path_of(p, name), "w");

    assert_non_null(f);
    fputs("{\n\"apiVersion\": \"v1\",\n\"items\": [\n", f);
    for (unsigned i = 0; i < count; i++) {
        fprintf(f,
                "{\"apiVersion\": \"v1\", \"kind\": \"Service\", \"metadata\": {\"name\": \"s%u\"},"
                " \"spec\": {\"type\": \"LoadBalancer\", \"ports\": [{\"port\": 80}]}},\n",
                i);
        fprintf(f,
                "{\"apiVersion\": \"discovery.k8s.io/v1\", \"kind\": \"EndpointSlice\",\n"
                "\"metadata\": {\"name\": \"s%u-x\", \"labels\": {\"kubernetes.io/service-name\": "
                "\"s%u\"}}, \"addressType\": \"IPv4\",\n\"endpoints\": [",
                i, i);
        for (unsigned j = 0; j < 10; j++)
            fprintf(
                f, "%s\n    {\"addresses\": [\"198.18.%u.%u\"], \"conditions\": {\"ready\": true}}",
                j > 0 ? "," : "", i % 256, j);
        fprintf(f, "]}%s\n", i + 1 < count ? "," : "");
    }
    fprintf(f, "],\n\"kind\": \"List\"\n}\n%s", tail);
    assert_int_equal(fclose(f), 0);
}

enum { LONG_COUNT = 2000 };

static void check_long_list(const char *path, size_t nodes)
{
    CLEANUP(manifest_done) struct manifest m;
    CLEANUP(err_done) struct err err = {0};
    const struct object *slice;

    manifest_init(&m, NS);
    if (manifest_load(&m, path, &err) < 0)
        fail_msg("%s", err_text(&err));
    manifest_finish(&m);
    assert_int_equal(m.faults.count, 0);
    assert_int_equal(m.warnings.count, 0);
    assert_int_equal(store_list(m.store, OBJ_SERVICE).count, LONG_COUNT);
    assert_int_equal(store_list(m.store, OBJ_ENDPOINT_SLICE).count, LONG_COUNT);
    assert_int_equal(store_list(m.store, OBJ_NODE).count, nodes);
    slice = store_find(m.store, OBJ_ENDPOINT_SLICE, "default", "s1999-x");
    assert_non_null(slice);
    assert_int_equal(slice->slice.endpoint_count, 10);
    assert_int_equal(slice->origin.line, 4 + 14 * 1999 + 1);
}

static void test_long_list(void **state)
{
    struct place *p = *state;

    write_list(p, "long.json", LONG_COUNT, "");
    check_long_list(path_of(p, "long.json"), 0);
}

/* The text is JSON for megabytes, which have been given back, before it turns out to be YAML. */
static void test_long_list_then_yaml(void **state)
{
    struct place *p = *state;
    int saved = dup(STDIN_FILENO), fd;

    write_list(p, "long.json", LONG_COUNT, "---\n" CORE("Node", ""));
    check_long_list(path_of(p, "long.json"), 1);

    fd = open(path_of(p, "long.json"), O_RDONLY | O_CLOEXEC);
    assert_int_equal(dup2(fd, STDIN_FILENO), STDIN_FILENO);
    close(fd);
    check_long_list("-", 1);
    assert_int_equal(dup2(saved, STDIN_FILENO), STDIN_FILENO);
    close(saved);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_documents),
        cmocka_unit_test(test_lists),
        cmocka_unit_test(test_errors),
        cmocka_unit_test(test_nul_byte),
        cmocka_unit_test(test_namespaces),
        cmocka_unit_test(test_duplicates),
        cmocka_unit_test(test_pins),
        cmocka_unit_test(test_ignored),
        cmocka_unit_test_setup_teardown(test_folder, place_make, place_remove),
        cmocka_unit_test_setup_teardown(test_missing_path, place_make, place_remove),
        cmocka_unit_test_setup_teardown(test_pins_in_a_folder, place_make, place_remove),
        cmocka_unit_test_setup_teardown(test_standard_input, place_make, place_remove),
        cmocka_unit_test_setup_teardown(test_long_list, place_make, place_remove),
        cmocka_unit_test_setup_teardown(test_long_list_then_yaml, place_make, place_remove),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
