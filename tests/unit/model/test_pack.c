/* SPDX-License-Identifier: Apache-2.0 */
#include "decode_case.h"

#include "model/store.h"

#include <malloc.h>

static struct object *packed(const char *quasi_json)
{
    json_t *doc = doc_parse(quasi_json);
    CLEANUP(fault_list_done) struct fault_list faults = {0};
    CLEANUP(err_done) struct err err = {0};
    struct object *o = NULL;

    if (object_decode_packed(&o, doc, &faults, &err) != DECODE_OK)
        fail_msg("not decoded: %s", quasi_json);
    json_decref(doc); /* the object must not point into it */
    return o;
}

static void assert_labels(const struct label_set *a, const struct label_set *b)
{
    assert_int_equal(a->count, b->count);
    for (size_t i = 0; i < a->count; i++) {
        assert_string_equal(a->items[i].key, b->items[i].key);
        assert_string_equal(a->items[i].value, b->items[i].value);
    }
}

static void assert_meta(const struct meta *a, const struct meta *b)
{
    assert_string_equal(a->namespace, b->namespace);
    assert_string_equal(a->name, b->name);
    assert_string_equal(a->uid, b->uid);
    assert_string_equal(a->resource_version, b->resource_version);
    assert_int_equal(a->created_ns, b->created_ns);
    assert_labels(&a->labels, &b->labels);
    assert_labels(&a->annotations, &b->annotations);
}

/* The key of the store lies in the object. */
static void assert_key(const struct object *o, const char *namespace, const char *name)
{
    assert_null(o->arena);
    assert_string_equal(o->meta.namespace, namespace);
    assert_string_equal(o->meta.name, name);
    assert_ptr_equal(o->meta.name, o->meta.namespace + strlen(namespace) + 1);
}

static void test_identity(void **state)
{
    (void)state;
    static const struct {
        const char *doc, *namespace, *name;
    } rows[] = {
        {"{'apiVersion':'v1','kind':'Service','metadata':{'name':'web','namespace':'web'}}", "web",
         "web"},
        {"{'apiVersion':'v1','kind':'Service','metadata':{'name':'web'}}", "default", "web"},
        {"{'apiVersion':'v1','kind':'Node','metadata':{'name':'n','namespace':'x'}}", "", "n"},
        {"{'apiVersion':'metallb.io/v1beta1','kind':'BFDProfile','metadata':{'name':'b'}}", "",
         "b"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        CLEANUP(object_freep) struct object *o = packed(rows[i].doc);

        assert_key(o, rows[i].namespace, rows[i].name);
    }
}

#define SERVICE_DOC                                                                                \
    "{'apiVersion':'v1','kind':'Service','metadata':{'name':'web-00001','namespace':'default',"    \
    "'uid':'0b7d2f0e-7d3c-4f0a-9a6e-0d7c1b2a3f4e','resourceVersion':'123456',"                     \
    "'creationTimestamp':'2026-01-02T03:04:05Z','labels':{'app.kubernetes.io/name':'web-00001',"   \
    "'app.kubernetes.io/part-of':'shop'},'annotations':"                                           \
    "{'metallb.io/ip-allocated-from-pool':'edge'}},'spec':{'type':'LoadBalancer',"                 \
    "'clusterIP':'10.96.12.34','clusterIPs':['10.96.12.34'],'ipFamilies':['IPv4'],"                \
    "'ipFamilyPolicy':'SingleStack','externalTrafficPolicy':'Local',"                              \
    "'allocateLoadBalancerNodePorts':true,'internalTrafficPolicy':'Cluster',"                      \
    "'selector':{'app.kubernetes.io/name':'web-00001'},'ports':[{'name':'http',"                   \
    "'port':80,'protocol':'TCP','targetPort':8080,'nodePort':30080}]},'status':"                   \
    "{'loadBalancer':{'ingress':[{'ip':'198.18.100.7','ipMode':'VIP'}]}}}"
#define SLICE_DOC                                                                                  \
    "{'apiVersion':'discovery.k8s.io/v1','kind':'EndpointSlice','metadata':{"                      \
    "'name':'web-00001-x7k2q','namespace':'default','resourceVersion':'123456',"                   \
    "'creationTimestamp':'2026-01-02T03:04:05Z','labels':{'kubernetes.io/service-name':"           \
    "'web-00001','endpointslice.kubernetes.io/managed-by':'endpointslice-controller.k8s.io',"      \
    "'app.kubernetes.io/name':'web-00001'}},'addressType':'IPv4','endpoints':["                    \
    "{'addresses':['10.244.3.17'],'nodeName':'worker-1.example','conditions':{'ready':true,"       \
    "'serving':true,'terminating':false}},{'addresses':['10.244.4.21'],"                           \
    "'nodeName':'worker-2.example','conditions':{'ready':true}}]}"

static void test_service(void **state)
{
    (void)state;
    CLEANUP(object_freep) struct object *o = packed(SERVICE_DOC);
    CLEANUP(object_freep) struct object *loose = doc_decode(SERVICE_DOC);
    const struct service *s = &o->service;

    assert_key(o, "default", "web-00001");
    assert_meta(&o->meta, &loose->meta);
    assert_string_equal(s->cluster_ip, "10.96.12.34");
    assert_ptr_equal(s->cluster_ip, s->cluster_ips.items[0]); /* kept once */
    assert_labels(&s->selector, &loose->service.selector);
    assert_int_equal(s->ports[0].port, 80);
    assert_string_equal(s->ports[0].name, "http");
    assert_string_equal(s->ingress[0].ip, "198.18.100.7");
    assert_string_equal(s->ingress[0].ip_mode, "VIP");
    assert_null(s->load_balancer_class);
}

static void test_slice(void **state)
{
    (void)state;
    CLEANUP(object_freep) struct object *o = packed(SLICE_DOC);
    CLEANUP(object_freep) struct object *loose = doc_decode(SLICE_DOC);

    assert_meta(&o->meta, &loose->meta);
    assert_string_equal(o->slice.service, "web-00001");
    assert_int_equal(o->slice.endpoint_count, 2);
    assert_string_equal(o->slice.endpoints[1].addresses.items[0], "10.244.4.21");
    assert_string_equal(o->slice.endpoints[1].node, "worker-2.example");
    assert_int_equal(o->slice.endpoints[1].ready, TRI_TRUE);
    assert_int_equal(o->slice.endpoints[1].serving, TRI_ABSENT);
}

static void test_secret(void **state)
{
    (void)state;
    CLEANUP(object_freep)
    struct object *o = packed("{'apiVersion':'v1','kind':'Secret','metadata':{'name':'s'},"
                              "'data':{'password':'c2VjcmV0'}}");

    assert_string_equal(o->secret.password, "secret");
    assert_string_equal(o->secret.type, "Opaque");
}

/* More strings than are searched for repetitions. */
static void test_many_strings(void **state)
{
    (void)state;
    CLEANUP(text_done) struct text doc = {0};
    CLEANUP(object_freep) struct object *o = NULL;

    text_add(&doc, "{'apiVersion':'v1','kind':'ConfigMap','metadata':{'name':'c'},'data':{");
    for (unsigned i = 0; i < 1000; i++)
        text_printf(&doc, "%s'key-%04u':'value-%u'", i > 0 ? "," : "", i, i % 500);
    text_add(&doc, "}}");
    o = packed(text_str(&doc));
    assert_int_equal(o->config_map.data.count, 1000);
    assert_string_equal(label_find(&o->config_map.data, "key-0999"), "value-499");
    assert_string_equal(label_find(&o->config_map.data, "key-0003"), "value-3");
}

static void test_invalid(void **state)
{
    (void)state;
    json_t *doc = doc_parse("{'apiVersion':'v1','kind':'Service','metadata':{'name':7}}");
    CLEANUP(fault_list_done) struct fault_list faults = {0};
    CLEANUP(err_done) struct err err = {0};
    struct object *o = NULL;

    assert_int_equal(object_decode_packed(&o, doc, &faults, &err), DECODE_INVALID);
    assert_null(o);
    assert_int_equal(faults.count, 1);
    json_decref(doc);
}

static void put_many(struct store *s, const char *doc, unsigned count, unsigned from)
{
    for (unsigned i = 0; i < count; i++) {
        CLEANUP(xfreep) char *text = xstrdup(doc);

        for (char *at = text; (at = strstr(at, "00001")) != NULL; at += 5) {
            char digits[8];

            snprintf(digits, sizeof(digits), "%05u", (from + i) % 100000);
            memcpy(at, digits, 5);
        }
        store_put_take(s, packed(text));
    }
}

/* What a speaker of a large cluster holds, with all that the store adds. */
static void test_memory(void **state)
{
    (void)state;
    enum { COUNT = 10000, BYTES_MAX = 11 << 20 };
    CLEANUP(store_freep) struct store *s = store_new();
    size_t before, services, slices;

    put_many(s, SERVICE_DOC, 1, 0); /* the first one pays for what the libraries keep */
    before = mallinfo2().uordblks;
    put_many(s, SERVICE_DOC, COUNT, 1);
    services = mallinfo2().uordblks;
    put_many(s, SLICE_DOC, COUNT, 1);
    slices = mallinfo2().uordblks;
    if (slices - before > BYTES_MAX)
        fail_msg("%zu bytes a Service, %zu a slice", (services - before) / COUNT,
                 (slices - services) / COUNT);
    assert_int_equal(store_slices(s, "default", "web-00700").count, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_identity),     cmocka_unit_test(test_service),
        cmocka_unit_test(test_slice),        cmocka_unit_test(test_secret),
        cmocka_unit_test(test_many_strings), cmocka_unit_test(test_invalid),
        cmocka_unit_test(test_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
