# SPDX-License-Identifier: Apache-2.0
import pytest

from tree import check, write


def function(lines, signature="static int f(int a)", above=""):
    """A function of so many lines, signature and braces included."""
    body = lines - 2 - signature.count("\n") - 1
    return above + signature + "\n{\n" + "    a++;\n" * body + "}\n"


def test_at_the_limits(tmp_path):
    write(tmp_path, {"src/base/a.c": function(80) + "\n" + function(80), "src/base/b.h": "\n" * 1000})
    assert check("sizes", tmp_path) == (0, "sizes: 2 files, clean\n")


def test_long_function(tmp_path):
    write(tmp_path, {"src/base/a.c": "int x;\n\n" + function(81) + "\n" + function(10, "void g(void)")})
    status, output = check("sizes", tmp_path)
    assert status == 1
    assert output.startswith("src/base/a.c:3: f has 81 lines") and "g has" not in output


def test_signature_of_several_lines(tmp_path):
    signature = "PRINTF_LIKE(1, 2) static const struct thing *thing_find(const char *a,\n        int b)"
    write(tmp_path, {"src/base/a.c": "struct a {\n    int b;\n};\n\n" + function(81, signature)})
    status, output = check("sizes", tmp_path)
    assert status == 1 and "src/base/a.c:5: thing_find has 81 lines" in output


@pytest.mark.parametrize("above, status", [
    ("/* One row a message. long: a flat switch */\n", 0),
    ("/*\n * Messages.\n * long: a flat switch over all kinds\n */\n", 0),
    ("/* long: */\n", 1),
    ("/* A long: no. */\n\n", 1),
    ("/* Takes long */\n", 1),
])
def test_reason(tmp_path, above, status):
    write(tmp_path, {"src/base/a.c": function(100, above=above)})
    assert check("sizes", tmp_path)[0] == status


def test_long_table_is_no_function(tmp_path):
    write(tmp_path, {"src/base/a.c": "static const int a[] = {\n" + "    1,\n" * 200 + "};\n"})
    assert check("sizes", tmp_path)[0] == 0


@pytest.mark.parametrize("name", ["src/base/a.c", "src/base/a.h", "tests/net/test_a.py"])
def test_long_file(tmp_path, name):
    write(tmp_path, {name: "\n" * 1001})
    status, output = check("sizes", tmp_path)
    assert status == 1 and output.startswith(name + ": 1001 lines")
