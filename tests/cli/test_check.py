# SPDX-License-Identifier: Apache-2.0
from manifests import cluster, l2, peer, pool, web


def test_no_faults(steellb, write):
    path = write("in.yaml", *cluster(), pool("home", "192.0.2.0/29"), l2(), *web())
    result = steellb("check", "-f", path)
    assert (result.status, result.out, result.err) == (0, "no faults\n", "")


def test_warnings_are_no_faults(steellb, write):
    path = write("in.yaml", *cluster(), pool("home", "192.0.2.0/29"), *web())
    result = steellb("check", "-f", path)
    assert result.status == 0
    *lines, summary = result.out.splitlines()
    assert lines and all(line.startswith("warning: ") for line in lines)
    assert any(line.startswith("warning: Service default/web: ") for line in lines)
    assert summary.startswith("no faults, %d warning" % len(lines))


def test_every_fault_on_one_line(steellb, write):
    path = write("in.yaml", *cluster(), pool("a", "192.0.2.0/33"), pool("b", "no address"), l2(), *web())
    result = steellb("check", "-f", path)
    assert result.status == 1
    faults = [line for line in result.out.splitlines() if line.startswith("error: ")]
    assert [line.split(":")[1].strip() for line in faults] == [
        "IPAddressPool metallb-system/a",
        "IPAddressPool metallb-system/b",
    ]
    assert result.out.splitlines()[-1].startswith("2 faults")


def test_json(steellb, write):
    path = write("in.yaml", *cluster(), pool("a", "192.0.2.0/33"), peer("tor", "198.18.0.1"), l2())
    result = steellb("check", "-f", path, "-o", "json")
    assert result.status == 1
    doc = result.json
    assert set(doc) == {"kind", "version", "faults", "warnings"}
    assert (doc["kind"], doc["version"]) == ("Check", 1)
    assert set(doc["faults"][0]) == {"kind", "namespace", "name", "message"}
    assert (doc["faults"][0]["kind"], doc["faults"][0]["name"]) == ("IPAddressPool", "a")


def test_json_without_faults(steellb, write):
    doc = steellb("check", "-f", write("in.yaml", *cluster()), "-o", "json")
    assert (doc.status, doc.json["faults"]) == (0, [])
