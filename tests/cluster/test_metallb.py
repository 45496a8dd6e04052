# SPDX-License-Identifier: Apache-2.0
"""The real MetalLB 0.15.2 works here, under our resource types and rights: it can be the peer of other tests."""
import pytest

import lab
import roles
from cluster import NAMESPACE, ControlPlane
from objects import deployment, endpoints, ips, l2_advertisement, node, pool, service
from programs import PATIENCE


def configure(plane):
    plane.admin.apply(pool("home", "198.18.0.10-198.18.0.19"))
    plane.admin.apply(l2_advertisement(interfaces=["eth0"]))


@pytest.mark.parametrize("types", ["ours", "theirs"])
def test_controller_assigns(types):
    with ControlPlane() as plane:
        plane.install(**({"crds": roles.crds()} if types == "theirs" else {}))
        plane.admin.create(deployment())
        configure(plane)
        roles.METALLB.controller(plane, secret=True)
        plane.admin.create(service("web"))
        got = plane.admin.until(ips, "Service", "web", timeout=PATIENCE)
        assert ips(got) == ["198.18.0.10"]
        assert got["metadata"]["annotations"]["metallb.io/ip-allocated-from-pool"] == "home"
        secret = plane.admin.get("Secret", "memberlist", NAMESPACE)
        assert list(secret["data"]) == ["secretkey"]
        plane.admin.patch("Service", "web", {"spec": {"type": "ClusterIP"}})
        plane.admin.until(lambda o: not ips(o), "Service", "web")


def test_speaker_answers(net):
    """On a node of its own, over ARP, for a Service whose address was written by hand."""
    lab.build_lab(net)
    with ControlPlane(net=net, ns="plane", address=lab.PLANE) as plane:
        plane.install()
        configure(plane)
        for name in ("oak", "elm"):
            plane.admin.create(node(name))
        made = plane.admin.create(service("web"))
        plane.admin.create(endpoints("web", ["elm"]))
        plane.admin.patch("Service", "web", {"spec": {"externalTrafficPolicy": "Local"}})
        plane.admin.set_status(made, {"loadBalancer": {"ingress": [{"ip": "198.18.0.10"}]}})
        for name in ("oak", "elm"):
            roles.METALLB.speaker(plane, net, name, lab.MANAGEMENT[name], gossip=True)
        with lab.Asker(net) as client:
            assert client.until_answered("198.18.0.10") == "elm"
        with plane.admin.watch("ServiceL2Status", NAMESPACE) as statuses:
            statuses.until(lambda _, o: o.get("status", {}).get("node") == "elm")
