#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A control plane by hand.

    tests/cluster/by_hand.py up [--module kube-1.34] [--manager] [--bare]     prints the path of a kubeconfig
    tests/cluster/by_hand.py down KUBECONFIG

It has our resources and rights, unless --bare. Beside the kubeconfig of the admin lie the logs, and those of the service
accounts: metallb-system.controller.kubeconfig and metallb-system.speaker.kubeconfig.
"""
import argparse
import os
import pathlib
import signal
import subprocess
import sys
import time

from cluster import ControlPlane
from programs import Cannot

PID = "keeper.pid"


def up(args):
    """A keeper in the background owns the processes; it tells when it is ready."""
    keeper = subprocess.Popen([sys.executable, __file__, "keep", *args], start_new_session=True, text=True,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    path = keeper.stdout.readline().strip()
    if not path:
        return keeper.wait() or 1
    print(path)
    return 0


def keep(module, manager, bare):
    try:
        with ControlPlane(module=module, manager=manager) as plane:
            if not bare:
                plane.install()
                for name in ("controller", "speaker"):
                    plane.kubeconfig(name)
            pathlib.Path(plane.folder, PID).write_text(str(os.getpid()))
            print(plane.kubeconfig("admin"), flush=True)
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            while True:
                signal.pause()
    except Cannot as reason:
        sys.exit(f"skipped: {reason}")


def down(path):
    folder = pathlib.Path(path).resolve().parent
    os.kill(int((folder / PID).read_text()), signal.SIGTERM)
    while folder.exists():
        time.sleep(0.05)
    return 0


def main():
    parser = argparse.ArgumentParser(description="A control plane by hand.")
    parser.add_argument("what", choices=["up", "down", "keep"])
    parser.add_argument("kubeconfig", nargs="?")
    parser.add_argument("--module", default="kube")
    parser.add_argument("--manager", action="store_true")
    parser.add_argument("--bare", action="store_true")
    args = parser.parse_args()
    if args.what == "down":
        if not args.kubeconfig:
            parser.error("down needs the kubeconfig that up printed")
        return down(args.kubeconfig)
    return up(sys.argv[2:]) if args.what == "up" else keep(args.module, args.manager, args.bare)


if __name__ == "__main__":
    sys.exit(main())
