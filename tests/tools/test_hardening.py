# SPDX-License-Identifier: Apache-2.0
"""What the release build promises about the program file."""
import os
import re
import subprocess

import pytest

from tree import ROOT

BINARY = os.environ.get("STEELLB", str(ROOT / "build" / "src" / "steellb"))


def readelf(*options):
    run = subprocess.run(["readelf", "-W"] + list(options) + [BINARY], capture_output=True, text=True, check=True)
    return run.stdout


@pytest.fixture(scope="module")
def segments():
    return {m.group(1): m.group(2) for m in
            re.finditer(r"^  (\w+) +0x\S+ 0x\S+ 0x\S+ 0x\S+ 0x\S+ ([RWE ]{3})", readelf("--program-headers"), re.MULTILINE)}


def test_position_independent():
    assert re.search(r"Type:\s+DYN \(Position-Independent Executable", readelf("--file-header"))
    assert "(FLAGS_1)" in readelf("--dynamic") and "PIE" in readelf("--dynamic")


def test_bound_at_start():
    assert re.search(r"\(FLAGS\)\s+BIND_NOW", readelf("--dynamic"))
    assert re.search(r"\(FLAGS_1\)\s+Flags: NOW", readelf("--dynamic"))


def test_read_only_relocations(segments):
    assert "GNU_RELRO" in segments


def test_stack_is_not_executable(segments):
    assert "E" not in segments["GNU_STACK"]


def test_nothing_is_writable_and_executable():
    flags = re.findall(r"^  LOAD .* ([RWE ]{3}) 0x\w+$", readelf("--program-headers"), re.MULTILINE)
    assert flags and not [f for f in flags if "W" in f and "E" in f]


def test_stack_protector_and_fortify():
    symbols = readelf("--dyn-syms")
    assert "__stack_chk_fail" in symbols
    assert re.search(r"__\w+_chk@", symbols)


def test_branch_protection():
    if "X86-64" not in readelf("--file-header"):
        pytest.skip("x86-64 only")
    with open(BINARY, "rb") as file:
        assert file.read().count(b"\xf3\x0f\x1e\xfa") > 100  # endbr64: where an indirect branch may land


def test_no_search_path():
    assert not re.search(r"\((RPATH|RUNPATH)\)", readelf("--dynamic"))


def test_only_needed_libraries():
    needed = set(re.findall(r"\(NEEDED\).*\[(lib\w+)", readelf("--dynamic")))
    assert needed <= {"libc", "libcrypto", "libevent_core", "libevent_extra", "libevent_openssl", "libjansson", "libm", "libmnl",
                      "libnghttp2", "libssl", "libyaml", "libz"}, needed
