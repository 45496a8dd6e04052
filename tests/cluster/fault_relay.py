# SPDX-License-Identifier: Apache-2.0
"""Stands between the roles and the API server, speaks HTTP/1.1 with both, and does to it what it is told.

    with FaultRelay(plane) as relay:
        plane.run(..., env={"KUBECONFIG": kubeconfig_with(server=relay.url)})
        relay.set(answer(500, "InternalError", "etcdserver: request timed out"))
        relay.set(None)                            # as a good proxy again
"""
import contextlib
import json
import socket
import ssl
import time

from probe import Relay

from netns import InNamespace


class FaultRelay(Relay):
    """At the address of the server, in its namespace. `fault` is None, or a function that gets the client's socket and one
    to make a socket to the server with; it returns when it is done with the client."""

    def __init__(self, plane):
        self.plane, self.fault = plane, None
        self.front = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.front.load_cert_chain(*(plane.authority.path("apiserver." + e) for e in ("crt", "key")))
        self.back = ssl.create_default_context(cafile=plane.authority.path("ca.crt"))
        for context in (self.front, self.back):
            context.set_alpn_protocols(["http/1.1"])
        with InNamespace(plane.namespace):
            super().__init__((plane.address, plane.port), address=plane.address)
        self.url = f"https://{plane.address}:{self.port}"

    def set(self, fault):
        """For all connections from now on; those that are open end."""
        self.fault = fault
        self.cut()

    def cut(self):
        with self.lock:
            pairs, self.pairs = self.pairs, []
        for pair in pairs:
            for s in pair:
                with contextlib.suppress(OSError):
                    s.shutdown(socket.SHUT_RDWR)

    def connect(self):
        with InNamespace(self.plane.namespace):
            plain = socket.create_connection(self.target)
        return self.back.wrap_socket(plain, server_hostname=self.plane.address)

    def meet(self, client):
        fault = self.fault
        if fault is refuse:
            client.close()
            return None
        client = self.front.wrap_socket(client, server_side=True)
        if fault is None:
            return client, self.connect()
        with self.lock:
            self.pairs.append((client,))
        with client:
            fault(client, self.connect)
        return None


def read_request(client):
    """Head and body."""
    data = b""
    while b"\r\n\r\n" not in data:
        more = client.recv(65536)
        if not more:
            raise OSError("closed")
        data += more
    head, body = data.split(b"\r\n\r\n", 1)
    length = next((int(x.split(b":")[1]) for x in head.lower().split(b"\r\n") if x.startswith(b"content-length:")), 0)
    while len(body) < length:
        more = client.recv(65536)
        if not more:
            raise OSError("closed")
        body += more
    return head, body


# --- faults ---


def refuse(client, connect):
    """No TLS even. Never called: it stands for itself."""


def half_close(client, connect):
    """The server says no more, and listens on."""
    read_request(client)
    socket.socket.shutdown(client, socket.SHUT_WR)  # without the farewell of TLS
    with contextlib.suppress(OSError):
        while client.recv(65536):
            pass


def answer(status, reason, message, **headers):
    """A Status object instead of what was asked for."""
    body = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": message, "reason": reason,
            "code": status}
    return answer_bytes(status, json.dumps(body).encode(), headers)


def answer_bytes(status, body, headers=()):
    fields = {"Content-Type": "application/json", "Content-Length": len(body), "Connection": "close",
              **{k.replace("_", "-"): v for k, v in dict(headers).items()}}
    head = f"HTTP/1.1 {status} Answer\r\n" + "".join(f"{k}: {v}\r\n" for k, v in fields.items()) + "\r\n"

    def fault(client, connect):
        read_request(client)
        client.sendall(head.encode() + body)
        client.unwrap()
    return fault


def pass_one(limit=None, pause=0.0, piece=65536):
    """One request goes to the server. Its answer comes in pieces, each after a pause, and ends after so many bytes."""
    def fault(client, connect):
        head, body = read_request(client)
        with connect() as server:
            server.sendall(head + b"\r\n\r\n" + body)
            left = limit
            while left is None or left > 0:
                data = server.recv(piece if left is None else min(piece, left))
                if not data:
                    return
                time.sleep(pause)
                client.sendall(data)
                left = None if left is None else left - len(data)
    return fault
