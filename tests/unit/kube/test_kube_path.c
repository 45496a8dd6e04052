/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "kube/kube_path.h"

static const struct {
    enum object_kind kind;
    const char *namespace, *name, *subresource, *want;
} paths[] = {
    {OBJ_SERVICE, "", NULL, NULL, "/api/v1/services"},
    {OBJ_SERVICE, "a", NULL, NULL, "/api/v1/namespaces/a/services"},
    {OBJ_SERVICE, "a", "web", "status", "/api/v1/namespaces/a/services/web/status"},
    {OBJ_NODE, "", "n1", NULL, "/api/v1/nodes/n1"},
    {OBJ_NODE, "ignored", "n1", "status", "/api/v1/nodes/n1/status"},
    {OBJ_NAMESPACE, "", NULL, NULL, "/api/v1/namespaces"},
    {OBJ_ENDPOINT_SLICE, "", NULL, NULL, "/apis/discovery.k8s.io/v1/endpointslices"},
    {OBJ_BGP_PEER, "metallb-system", NULL, NULL,
     "/apis/metallb.io/v1beta2/namespaces/metallb-system/bgppeers"},
    {OBJ_SERVICE_L2_STATUS, "m", "l2-abc", "status",
     "/apis/metallb.io/v1beta1/namespaces/m/servicel2statuses/l2-abc/status"},
    {OBJ_CONFIG_MAP, "a b", "x/../y?", NULL, "/api/v1/namespaces/a%20b/configmaps/x%2F..%2Fy%3F"},
};

static void test_path(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
        CLEANUP(xfreep)
        char *got =
            kube_path(paths[i].kind, paths[i].namespace, paths[i].name, paths[i].subresource);

        assert_string_equal(got, paths[i].want);
    }
}

/* Every kind has a version and a plural, which begins like its name. */
static void test_kinds(void **state)
{
    (void)state;
    for (size_t k = 0; k < OBJECT_KINDS; k++) {
        enum object_kind kind = (enum object_kind)k;

        assert_non_null(kube_api_version(kind));
        assert_int_equal(kube_plural(kind)[0], object_kind_name(kind)[0] + ('a' - 'A'));
        assert_true(kube_is_namespaced(kind) == (kind != OBJ_NODE && kind != OBJ_NAMESPACE));
    }
}

static void test_query(void **state)
{
    (void)state;
    CLEANUP(text_done) struct text t = {0};

    text_add(&t, "/api/v1/services");
    kube_path_add(&t, "watch", "1");
    kube_path_add(&t, "fieldSelector", "spec.type=LoadBalancer");
    kube_path_add(&t, "labelSelector", "!a/b,c in (d, \xc3\xa9)");
    kube_path_add(&t, "continue", "aZ09-._~+&%");
    assert_string_equal(text_str(&t),
                        "/api/v1/services?watch=1&fieldSelector=spec.type%3DLoadBalancer"
                        "&labelSelector=%21a%2Fb%2Cc%20in%20%28d%2C%20%C3%A9%29"
                        "&continue=aZ09-._~%2B%26%25");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_path),
        cmocka_unit_test(test_kinds),
        cmocka_unit_test(test_query),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
