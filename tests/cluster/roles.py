# SPDX-License-Identifier: Apache-2.0
"""A controller beside a control plane, and a speaker in the namespace of a node: MetalLB's and ours, which take the same flags.

    METALLB.controller(plane)
    STEELLB.speaker(plane, net, "oak", "192.0.2.11", gossip=True, key_folder=folder)
"""
import os

from cluster import NAMESPACE
from objects import pod
from programs import folder_of


def crds():
    """The folder with MetalLB's own resource types."""
    return folder_of("metallb") / "crds"


class Roles:
    def __init__(self, name, program):
        """`program` gives the beginning of the command line of a role."""
        self.name, self.program = name, program

    def _run(self, plane, kind, pod_name, flags, env, net, ns):
        env = {"KUBECONFIG": plane.kubeconfig(kind), "METALLB_NAMESPACE": NAMESPACE, "METALLB_POD_NAME": pod_name,
               "METALLB_BGP_TYPE": "native", **env}
        # Metrics on any port that is free, probes on none: many of them run on one machine.
        argv = [*self.program(kind), "--port=0", "--log-level=info", *flags]
        return plane.run(f"{self.name}-{pod_name}", argv, net, ns, env)

    def controller(self, plane, *flags, secret=False, pod_name="controller-0", env=()):
        """With `secret` it makes the memberlist Secret, for which the Deployment `controller` has to exist. Webhooks are off."""
        plane.create_pod(pod(pod_name, "oak", "controller", {"app": "metallb", "component": "controller"}), plane.address)
        env = dict(env, **({"METALLB_ML_SECRET_NAME": "memberlist", "METALLB_DEPLOYMENT": "controller"} if secret else {}))
        return self._run(plane, "controller", pod_name, ["--webhook-mode=disabled", *flags], env, plane.net, plane.ns)

    def speaker(self, plane, net, node, address, *flags, gossip=False, key_folder="", env=()):
        """In the namespace of the same name as the node, with a Pod object of its own at the node's address. With `gossip` it
        has a memberlist there; `key_folder` has the key, in the file secretkey."""
        name = f"speaker-{node}"
        plane.create_pod(pod(name, node), address)
        env = dict(env, METALLB_NODE_NAME=node, METALLB_HOST=address)
        if gossip:
            env.update(METALLB_ML_BIND_ADDR=address, METALLB_ML_LABELS="app=metallb,component=speaker",
                       METALLB_ML_SECRET_KEY_PATH=str(key_folder))
        return self._run(plane, "speaker", name, flags, env, net, node)


METALLB = Roles("metallb", lambda kind: [folder_of("metallb") / kind])
STEELLB = Roles("steellb", lambda kind: [os.environ["STEELLB"], kind])
