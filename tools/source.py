# SPDX-License-Identifier: Apache-2.0
"""What the checks of the source have in common: which files there are, and C text without its comments."""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent

TOKEN = re.compile(
    r"""//[^\n]* | /\*.*?\*/ | "(?:\\.|[^"\\\n])*" | '(?:\\.|[^'\\\n])*'""",
    re.DOTALL | re.VERBOSE)


def c_files(root, folders=("src", "tests", "bench"), suffixes=(".c", ".h")):
    """All C files below the folders of a tree, in a stable order."""
    found = []
    for folder in folders:
        found += [p for p in (root / folder).rglob("*") if p.suffix in suffixes and p.is_file()]
    return sorted(found)


def without_comments(text, keep_strings=False):
    """The text with comments (and the insides of literals) blanked; lines and columns stay."""
    def blank(match):
        token = match.group()
        if token[0] in "\"'":
            return token if keep_strings else token[0] + " " * (len(token) - 2) + token[0]
        return re.sub(r"[^\n]", " ", token)
    return TOKEN.sub(blank, text)


def finish(check, findings, count):
    """Print the findings, then one line; return the exit status."""
    for finding in findings:
        print(finding)
    print("%s: %d files, %s" % (check, count, "%d findings" % len(findings) if findings else "clean"))
    return 1 if findings else 0


def tree_argument():
    """The tree to look at: the first argument, else this one."""
    return pathlib.Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else ROOT
