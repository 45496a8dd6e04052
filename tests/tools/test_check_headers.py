# SPDX-License-Identifier: Apache-2.0
from tree import check, write


def test_complete(tmp_path):
    write(tmp_path, {"src/base/a.h": "/* x */\n#pragma once\n#include <stdint.h>\nuint8_t a(void);\n",
                     "src/arp/b.h": '/* x */\n#pragma once\n#include "base/a.h"\nuint8_t b(void);\n'})
    assert check("headers", tmp_path) == (0, "headers: 2 files, clean\n")


def test_leans_on_another(tmp_path):
    write(tmp_path, {"src/base/a.h": "/* x */\n#pragma once\nuint8_t a(void);\n"})
    status, output = check("headers", tmp_path)
    assert status == 1
    assert "base/a.h alone, gcc:" in output and "base/a.h alone, clang-14:" in output


def test_warns(tmp_path):
    write(tmp_path, {"src/base/a.h": "/* x */\n#pragma once\nint a();\n"})
    assert check("headers", tmp_path)[0] == 1


def test_twice(tmp_path):
    write(tmp_path, {"src/base/a.h": "/* x */\nint a(void);\n"})
    status, output = check("headers", tmp_path)
    assert status == 1 and "src/base/a.h: no #pragma once" in output
