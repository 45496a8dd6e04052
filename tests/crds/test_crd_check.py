# SPDX-License-Identifier: Apache-2.0
"""What the API server would refuse, `steellb check` finds in a file. STEELLB names the binary."""
import json
import os
import subprocess

import pytest

import crd_rules
import crd_schema
from test_crd_decoders import KINDS

READ = {kind for kind, _, _ in KINDS}
RULES = [rule for rule in crd_rules.SPEC_RULES + list(crd_rules.all_type_rules(crd_schema.expected_lines()))
         if rule.kind in READ and rule.path.startswith("spec")]


@pytest.fixture(scope="module")
def binary():
    path = os.environ.get("STEELLB")
    assert path, "set STEELLB to the binary"
    return os.path.abspath(path)


def faults(binary, path, o):
    o["metadata"]["namespace"] = "metallb-system"
    path.write_text(json.dumps(o))
    run = subprocess.run([binary, "check", "-f", str(path), "-o", "json"], capture_output=True, text=True, timeout=30)
    assert run.returncode in (0, 1), run.stderr
    return {fault["message"] for fault in json.loads(run.stdout)["faults"]}


def test_check_finds_it(binary, tmp_path):
    """Against the same object without the mistake, since some are no complete configuration either."""
    unseen = [str(rule) for rule in RULES
              if not faults(binary, tmp_path / "bad.json", rule.object(rule.bad, "a")) -
              faults(binary, tmp_path / "good.json", rule.object(rule.good, "a"))]
    assert unseen == []
