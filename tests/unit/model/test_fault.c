/* SPDX-License-Identifier: Apache-2.0 */
#include "decode_case.h"

static void assert_fault(const struct fault *f, const char *want)
{
    CLEANUP(xfreep)
    char *got = xasprintf("%s|%s|%s|%s", f->kind, f->namespace, f->name, f->message);

    assert_string_equal(got, want);
}

static void test_add(void **state)
{
    (void)state;
    CLEANUP(object_freep)
    struct object *o =
        doc_decode("{'apiVersion': 'v1', 'kind': 'Service', 'metadata': {'name': 'web'}}");
    CLEANUP(fault_list_done) struct fault_list list = {0};

    fault_add(&list, o, "port %d is taken", 80);
    fault_add(&list, NULL, "100%%");
    fault_add_named(&list, "Pod", "a", "b", "%s", "gone");
    assert_int_equal(list.count, 3);
    assert_fault(&list.items[0], "Service|default|web|port 80 is taken");
    assert_fault(&list.items[1], "|||100%");
    assert_fault(&list.items[2], "Pod|a|b|gone");
}

static void test_move(void **state)
{
    (void)state;
    CLEANUP(fault_list_done) struct fault_list to = {0}, from = {0};

    fault_move_all(&to, &from);
    assert_int_equal(to.count, 0);
    fault_add_named(&to, "A", "", "", "1");
    for (int i = 2; i < 10; i++)
        fault_add_named(&from, "B", "", "", "%d", i);
    fault_move_all(&to, &from);
    assert_int_equal(from.count, 0);
    assert_int_equal(to.count, 9);
    assert_fault(&to.items[0], "A|||1");
    assert_fault(&to.items[8], "B|||9");
    fault_add_named(&from, "C", "", "", "again"); /* still usable */
    assert_int_equal(from.count, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_add), cmocka_unit_test(test_move)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
