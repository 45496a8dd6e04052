# SPDX-License-Identifier: Apache-2.0
"""The real MetalLB beside a control plane: its controller, and its speaker in the namespace of a node."""
from cluster import NAMESPACE
from objects import pod
from programs import folder_of

def crds():
    """The folder with MetalLB's own resource types."""
    return folder_of("metallb") / "crds"


def _run(plane, kind, name, flags, env, net=None, ns=None):
    env = {"KUBECONFIG": plane.kubeconfig(kind), "METALLB_NAMESPACE": NAMESPACE, "METALLB_POD_NAME": name,
           "METALLB_BGP_TYPE": "native", **env}
    # Port 0: any that is free.
    argv = [folder_of("metallb") / kind, "--port=0", "--log-level=info", *flags]
    return plane.run("metallb-" + name, argv, net, ns, env)


def controller(plane, *flags, secret=False):
    """With `secret` it makes the memberlist Secret, for which the Deployment `controller` has to exist. Webhooks are off."""
    env = {"METALLB_ML_SECRET_NAME": "memberlist", "METALLB_DEPLOYMENT": "controller"} if secret else {}
    return _run(plane, "controller", "controller-0", ["--webhook-mode=disabled", *flags], env, plane.net, plane.ns)


def speaker(plane, net, node, address, *flags, gossip=False, key_folder=""):
    """In the namespace of the same name as the node, with a Pod object of its own at the node's address. With `gossip` it has
    a memberlist there; `key_folder` has the key, in the file secretkey."""
    name = f"speaker-{node}"
    plane.create_pod(pod(name, node), address)
    env = {"METALLB_NODE_NAME": node, "METALLB_HOST": address}
    if gossip:
        env.update(METALLB_ML_BIND_ADDR=address, METALLB_ML_LABELS="app=metallb,component=speaker",
                   METALLB_ML_SECRET_KEY_PATH=str(key_folder))
    return _run(plane, "speaker", name, flags, env, net, node)
