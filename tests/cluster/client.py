# SPDX-License-Identifier: Apache-2.0
"""A small client of the API server, over one connection that stays.

    client.create(service("web"))
    client.get("Service", "web")["status"]
    client.patch("Service", "web", {"metadata": {"labels": {"a": "b"}}})
    with client.watch("Service", "default") as events:
        kind, object = events.next()

Objects are dictionaries. A kind of a core group goes by its name; another one has `api=`, as in the object's apiVersion.
"""
import contextlib
import http.client
import json
import socket
import ssl
import time
import urllib.parse

from programs import PATIENCE, until

from netns import InNamespace

JSON = "application/json"
PATCHES = {"merge": "application/merge-patch+json", "strategic": "application/strategic-merge-patch+json",
           "json": "application/json-patch+json", "apply": "application/apply-patch+yaml"}
METALLB = "metallb.io/v1beta1"
APIS = {
    "Deployment": "apps/v1", "DaemonSet": "apps/v1", "EndpointSlice": "discovery.k8s.io/v1",
    "CustomResourceDefinition": "apiextensions.k8s.io/v1",
    "ValidatingWebhookConfiguration": "admissionregistration.k8s.io/v1",
    "Role": "rbac.authorization.k8s.io/v1", "RoleBinding": "rbac.authorization.k8s.io/v1",
    "ClusterRole": "rbac.authorization.k8s.io/v1", "ClusterRoleBinding": "rbac.authorization.k8s.io/v1",
    "SelfSubjectAccessReview": "authorization.k8s.io/v1",
    "IPAddressPool": METALLB, "L2Advertisement": METALLB, "BGPAdvertisement": METALLB, "BFDProfile": METALLB,
    "Community": METALLB, "ServiceL2Status": METALLB, "ServiceBGPStatus": METALLB, "ConfigurationState": METALLB,
    "BGPPeer": "metallb.io/v1beta2",
}


class ApiError(Exception):
    """An answer that is not a success. `code` is the HTTP status, `reason` a word such as NotFound."""

    def __init__(self, method, path, code, body):
        self.code = code
        try:
            status = json.loads(body)
        except ValueError:
            status = {"message": body.decode(errors="replace")}
        self.reason, self.message = status.get("reason", ""), status.get("message", "")
        super().__init__(f"{method} {path}: {code} {self.message}")


class Silence(AssertionError):
    """A watch without the event that was waited for."""


class Connection(http.client.HTTPSConnection):
    """Made inside a namespace if one is named."""

    def __init__(self, address, port, tls, namespace=None, timeout=PATIENCE):
        super().__init__(address, port, timeout=timeout, context=tls)
        self._tls, self._namespace = tls, namespace

    def connect(self):
        with InNamespace(self._namespace) if self._namespace else contextlib.nullcontext():
            plain = socket.create_connection((self.host, self.port), self.timeout)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock = self._tls.wrap_socket(plain, server_hostname=self.host)


class Client:
    """`certificate` is a pair of paths; `namespace` a full name as `ip netns` lists it."""

    def __init__(self, address, port, ca, certificate=None, token=None, namespace=None, timeout=PATIENCE):
        self.tls = ssl.create_default_context(cafile=ca)
        if certificate:
            self.tls.load_cert_chain(*certificate)
        self.headers = {"Accept": JSON, **({"Authorization": "Bearer " + token} if token else {})}
        self.where = (address, port, self.tls, namespace, timeout)
        self.resources = {}  # (api, kind) -> (plural name, whether it has a namespace)
        self.connection = None

    def close(self):
        if self.connection:
            self.connection.close()
        self.connection = None

    # --- requests ---

    def request(self, method, path, body=None, content_type=JSON):
        """The decoded answer; bytes when it is not JSON. A connection that the server closed while idle is made anew."""
        data = None if body is None else json.dumps(body).encode()
        headers = dict(self.headers, **({"Content-Type": content_type} if data else {}))
        fresh = self.connection is None
        if fresh:
            self.connection = Connection(*self.where)
        try:
            self.connection.request(method, path, data, headers)
            answer = self.connection.getresponse()
            text = answer.read()
        except (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError, ssl.SSLEOFError):
            self.close()
            if fresh:
                raise
            return self.request(method, path, body, content_type)
        except (OSError, http.client.HTTPException):
            self.close()
            raise
        if answer.status == 429:  # a storage that is made anew says so, and any server that has too much to do
            time.sleep(float(answer.getheader("Retry-After", "1")))
            return self.request(method, path, body, content_type)
        if answer.status >= 300:
            raise ApiError(method, path, answer.status, text)
        return json.loads(text) if answer.headers.get_content_type() == JSON else text

    def resource(self, kind, api=None):
        """(path of the API, plural name, whether it has a namespace)."""
        api = api or APIS.get(kind, "v1")
        base = ("/apis/" if "/" in api else "/api/") + api
        if (api, kind) not in self.resources:
            for r in self.request("GET", base)["resources"]:
                if "/" not in r["name"]:
                    self.resources[api, r["kind"]] = (r["name"], r["namespaced"])
        return base, *self.resources[api, kind]

    def path(self, kind, namespace=None, name=None, api=None, sub=None, query=()):
        """Of an object, or of the collection without a name. Without a namespace: `default`, or all for a collection."""
        base, plural, namespaced = self.resource(kind, api)
        if namespaced and (namespace or name):
            base += "/namespaces/" + (namespace or "default")
        path = "/".join(filter(None, (base, plural, name, sub)))
        return path + ("?" + urllib.parse.urlencode(query) if query else "")

    def path_of(self, obj, name=True, sub=None, query=()):
        meta = obj["metadata"]
        if name:
            return self.path(obj["kind"], meta.get("namespace"), meta["name"], obj["apiVersion"], sub, query)
        namespaced = self.resource(obj["kind"], obj["apiVersion"])[2]
        return self.path(obj["kind"], (meta.get("namespace") or "default") if namespaced else None, None, obj["apiVersion"])

    # --- objects ---

    def create(self, obj, sub=None):
        if sub:
            return self.request("POST", self.path_of(obj, sub=sub), obj)
        return self.request("POST", self.path_of(obj, name=False), obj)

    def get(self, kind, name, namespace=None, api=None):
        return self.request("GET", self.path(kind, namespace, name, api))

    def find(self, kind, name, namespace=None, api=None):
        """None when there is no such object."""
        try:
            return self.get(kind, name, namespace, api)
        except ApiError as e:
            if e.code != 404:
                raise
            return None

    def list(self, kind, namespace=None, api=None, **query):
        """The objects; of all namespaces when none is named."""
        return self.request("GET", self.path(kind, namespace, None, api, None, query))["items"]

    def version(self, kind, namespace=None, api=None):
        """The resourceVersion from which a watch shows what happens after now."""
        return self.request("GET", self.path(kind, namespace, None, api, None, {"limit": "1"}))["metadata"]["resourceVersion"]

    def replace(self, obj, sub=None):
        return self.request("PUT", self.path_of(obj, sub=sub), obj)

    def patch(self, kind, name, patch, namespace=None, api=None, sub=None, how="merge"):
        return self.request("PATCH", self.path(kind, namespace, name, api, sub), patch, PATCHES[how])

    def set_status(self, obj, status):
        """Writes the status of an object whatever its version."""
        return self.request("PATCH", self.path_of(obj, sub="status"), {"status": status}, PATCHES["merge"])

    def apply(self, obj, manager="tests", sub=None):
        """Server-side apply, by force."""
        query = {"fieldManager": manager, "force": "true"}
        return self.request("PATCH", self.path_of(obj, sub=sub, query=query), obj, PATCHES["apply"])

    def delete(self, kind, name, namespace=None, api=None, **query):
        return self.request("DELETE", self.path(kind, namespace, name, api, None, query))

    def may(self, verb, resource, group="", namespace="", name="", sub=""):
        """Whether this user may do it, as the server sees it."""
        review = {"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview", "metadata": {},
                  "spec": {"resourceAttributes": {"verb": verb, "group": group, "resource": resource, "subresource": sub,
                                                  "namespace": namespace, "name": name}}}
        return self.create(review)["status"]["allowed"]

    # --- waiting ---

    def until(self, check, kind, name, namespace=None, api=None, timeout=PATIENCE):
        """The object once it exists and passes."""
        def passed():
            obj = self.find(kind, name, namespace, api)
            return obj if obj is not None and check(obj) else None
        try:
            return until(passed, timeout, f"{kind} {name}")
        except AssertionError as e:
            raise AssertionError(f"{e}\n{json.dumps(self.find(kind, name, namespace, api), indent=1)}") from None

    def until_gone(self, kind, name, namespace=None, api=None, timeout=PATIENCE):
        until(lambda: self.find(kind, name, namespace, api) is None, timeout, f"{kind} {name} is gone")

    def remove_all(self, kind):
        """Until there is nothing left. A server that has just started may not know yet what it has, nor who may do what."""
        def gone():
            try:
                left = [o["metadata"] for o in self.list(kind) if o["metadata"]["name"] != "kubernetes"]
                for meta in left:
                    self.delete(kind, meta["name"], meta.get("namespace"), gracePeriodSeconds="0")
                return not left
            except ApiError:
                return False
        until(gone, PATIENCE, f"there is no {kind}")

    def watch(self, kind, namespace=None, api=None, version=None, **query):
        """From a resourceVersion on; without one, first what is there as ADDED."""
        query = dict(query, watch="true", **({"resourceVersion": version} if version else {}))
        return Watch(self, self.path(kind, namespace, None, api, None, query))


class Watch:
    """Events as (type, object), over a connection of their own."""

    def __init__(self, client, path):
        connection = Connection(*client.where)
        connection.connect()
        self.socket, self.data = connection.sock, b""
        headers = dict(client.headers, Host="kubernetes")
        # To a client of HTTP/1.0 the events come as plain lines, without chunks.
        head = f"GET {path} HTTP/1.0\r\n" + "".join(f"{k}: {v}\r\n" for k, v in headers.items()) + "\r\n"
        self.socket.sendall(head.encode())
        head = self._until(b"\r\n\r\n", PATIENCE)
        code = int(head.split(b" ")[1])
        if code != 200:
            body = self.data + b"".join(iter(lambda: self.socket.recv(65536), b""))
            self.close()
            raise ApiError("GET", path, code, body)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def _until(self, end, timeout):
        """What comes before `end`; None when the server closes instead."""
        deadline = time.monotonic() + timeout
        while end not in self.data:
            self.socket.settimeout(max(0.001, deadline - time.monotonic()))
            try:
                more = self.socket.recv(65536)
            except TimeoutError:
                raise Silence(f"no event in {timeout} s") from None
            except ConnectionResetError:
                return None
            if not more:
                return None
            self.data += more
        found, self.data = self.data.split(end, 1)
        return found

    def next(self, timeout=PATIENCE):
        """The next event; None at the end of the watch; raises Silence when nothing comes."""
        line = self._until(b"\n", timeout)
        if line is None:
            return None
        event = json.loads(line)
        return event["type"], event["object"]

    def until(self, check, timeout=PATIENCE):
        """The first event that passes check(type, object)."""
        deadline = time.monotonic() + timeout
        while True:
            event = self.next(max(0.001, deadline - time.monotonic()))
            assert event, "the watch ended"
            if check(*event):
                return event

    def silent(self, seconds):
        """Whether nothing comes for so long."""
        try:
            self.next(seconds)
            return False
        except Silence:
            return True
