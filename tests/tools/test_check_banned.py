# SPDX-License-Identifier: Apache-2.0
import pytest

from tree import check, write


@pytest.mark.parametrize("call, word", [
    ("strcpy(a, b);", "strcpy"), ("strcat(a, b);", "strcat"), ("sprintf(a, b);", "sprintf"), ("strtok(a, b);", "strtok"),
    ("atoi(a);", "atoi"), ("alloca(1);", "alloca"), ("gets(a);", "gets"), ("rand();", "rand"), ("sleep (1);", "sleep"),
    ("getaddrinfo(a, b, c, d);", "getaddrinfo"), ("gethostbyname(a);", "gethostbyname"),
    ("pthread_create(a, b, c, d);", "thread"), ("htons(1);", "htons"), ("ntohl(1);", "ntohl"),
])
def test_found(tmp_path, call, word):
    write(tmp_path, {"src/arp/arp_wire.c": "void f(void)\n{\n    %s\n}\n" % call})
    status, output = check("banned", tmp_path)
    assert status == 1
    assert output.startswith("src/arp/arp_wire.c:3: ") and word in output


def test_also_in_tests(tmp_path):
    write(tmp_path, {"tests/unit/base/test_x.c": "int x = atoi(a);\n"})
    assert check("banned", tmp_path)[0] == 1


@pytest.mark.parametrize("name, text", [
    ("src/base/a.c", "/* strcpy(a, b) is\n * banned, atoi(x) too */\n// rand()\n"),
    ("src/base/b.c", 'const char *s = "sleep(1) \\" gets(x)";\n'),
    ("src/base/c.c", "snprintf(a, 1, b); my_strcpy(a); x_rand(); asleep(1); strtok_free(); int rand;\n"),
    ("src/net/raw.c", "htons(ETH_P_ARP);\n"),
    ("src/arp/arp_session.c", "htons(ETH_P_ARP);\n"),
])
def test_not_a_call(tmp_path, name, text):
    write(tmp_path, {name: text})
    assert check("banned", tmp_path) == (0, "banned: 1 files, clean\n")
