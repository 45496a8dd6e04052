# SPDX-License-Identifier: Apache-2.0
"""Kubernetes objects for the tests, as short as the tests need them."""

SYSTEM = "metallb-system"


def metallb(kind, name, version="v1beta1", namespace=SYSTEM, **spec):
    return {
        "apiVersion": "metallb.io/" + version,
        "kind": kind,
        "metadata": {"name": name, "namespace": namespace},
        "spec": spec,
    }


def pool(name, *addresses, **spec):
    return metallb("IPAddressPool", name, addresses=list(addresses), **spec)


def l2(name="lan", **spec):
    return metallb("L2Advertisement", name, **spec)


def bgp(name="routed", **spec):
    return metallb("BGPAdvertisement", name, **spec)


def peer(name, address, my_asn=64500, peer_asn=64500, **spec):
    return metallb("BGPPeer", name, version="v1beta2", myASN=my_asn, peerASN=peer_asn, peerAddress=address, **spec)


def node(name, **labels):
    return {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": labels}}


def service(name, namespace="default", kind="LoadBalancer", status=None, labels=None, **spec):
    o = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": namespace, "labels": labels or {}},
        "spec": {
            "type": kind,
            "clusterIP": "10.96.0.10",
            "clusterIPs": ["10.96.0.10"],
            "ports": [{"port": 80, "protocol": "TCP"}],
            **spec,
        },
    }
    if status:
        o["status"] = {"loadBalancer": {"ingress": [{"ip": a} for a in status]}}
    return o


def endpoint(address, node_name=None, **conditions):
    e = {"addresses": [address], "conditions": conditions}
    if node_name:
        e["nodeName"] = node_name
    return e


def endpoints(name, *items, namespace="default"):
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {
            "name": name + "-1",
            "namespace": namespace,
            "labels": {"kubernetes.io/service-name": name},
        },
        "addressType": "IPv4",
        "endpoints": list(items),
    }


def ready(address="10.0.0.5", node_name="n1"):
    return endpoint(address, node_name, ready=True, serving=True, terminating=False)


def web(**spec):
    """A Service with one ready endpoint."""
    return [service("web", **spec), endpoints("web", ready())]


def cluster(*nodes):
    return [node(n) for n in nodes or ("n1", "n2", "n3")]
