# SPDX-License-Identifier: Apache-2.0
"""Objects for a cluster, as short as the tests need them. What a folder of manifests has too comes from tests/net."""
from programs import ROOT  # noqa: F401  (finds tests/net)

from folder import endpoints, l2_advertisement, node, pool  # noqa: F401

NAMESPACE = "metallb-system"


def node_at(name, ip):
    """With an address, as a kubelet reports it; without one kube-proxy waits for it."""
    made = node(name)
    made["status"]["addresses"] = [{"type": "InternalIP", "address": ip}]
    return made


def service(name, namespace="default", annotations=None, **spec):
    """Of type LoadBalancer, with TCP port 80; the server gives it a cluster IP."""
    return {"apiVersion": "v1", "kind": "Service",
            "metadata": {"name": name, "namespace": namespace, "annotations": annotations or {}},
            "spec": {"type": "LoadBalancer", "ports": [{"port": 80, "protocol": "TCP"}], **spec}}


def pod(name, node_name, account="speaker", labels=None, namespace=NAMESPACE):
    """Where no kubelet runs; its status is written with Client.set_status()."""
    return {"apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": name, "namespace": namespace,
                         "labels": labels or {"app": "metallb", "component": "speaker"}},
            "spec": {"nodeName": node_name, "serviceAccountName": account, "hostNetwork": True,
                     "containers": [{"name": "main", "image": "none.invalid/none"}]}}


def deployment(name="controller", namespace=NAMESPACE):
    """The owner of the memberlist Secret."""
    labels = {"app": "metallb", "component": name}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name, "namespace": namespace},
            "spec": {"selector": {"matchLabels": labels},
                     "template": {"metadata": {"labels": labels},
                                  "spec": {"containers": [{"name": "main", "image": "none.invalid/none"}]}}}}


def ips(obj):
    """The addresses in the status of a Service."""
    return [i["ip"] for i in obj.get("status", {}).get("loadBalancer", {}).get("ingress", [])]
