# SPDX-License-Identifier: Apache-2.0
from tree import SPDX, check, write

GOOD = SPDX + "int a(int b)\n{\n    return b;\n}\n"


def test_good(tmp_path):
    write(tmp_path, {"src/base/a.c": GOOD, "tests/unit/base/test_a.c": GOOD, "bench/a.c": GOOD})
    assert check("format", tmp_path) == (0, "format: 3 files, clean\n")


def test_bad_indent(tmp_path):
    write(tmp_path, {"src/base/a.c": GOOD, "src/base/b.c": GOOD.replace("    return", "\treturn"),
                     "tests/b.c": GOOD.replace("int b", "int  b")})
    status, output = check("format", tmp_path)
    assert status == 1
    assert "src/base/b.c:3: not as clang-format-14" in output and "tests/b.c:2: not as" in output
    assert "src/base/a.c" not in output


def test_no_license(tmp_path):
    write(tmp_path, {"src/base/a.h": GOOD[len(SPDX):]})
    status, output = check("format", tmp_path)
    assert status == 1 and "src/base/a.h:1: no SPDX line" in output
