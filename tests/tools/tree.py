# SPDX-License-Identifier: Apache-2.0
"""A small source tree for the checks to look at."""
import pathlib
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]
SPDX = "/* SPDX-License-Identifier: Apache-2.0 */\n"


def write(tree, files):
    for name, text in files.items():
        path = tree / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def check(name, tree):
    """(exit status, output) of tools/check-NAME on the tree."""
    run = subprocess.run([ROOT / "tools" / ("check-" + name), tree], capture_output=True, text=True)
    assert run.stderr == ""
    return run.returncode, run.stdout
