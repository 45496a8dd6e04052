# SPDX-License-Identifier: Apache-2.0
"""The API client alone: kube_probe, and what stands between it and the server."""
import base64
import collections
import os
import select
import socket
import ssl
import subprocess
import threading
import time

from programs import PATIENCE, until

TOOL = os.environ.get("KUBE_PROBE")

Reply = collections.namedtuple("Reply", "code status len reason text")


class Probe:
    """kube_probe with a kubeconfig; its log is in `folder`."""

    def __init__(self, folder, kubeconfig, *args, env=()):
        self.number = 0
        self.log_path = os.path.join(folder, "kube_probe.log")
        self.lines = []  # of its output, the last one perhaps incomplete
        self.rest = b""
        argv = ["setpriv", "--pdeathsig", "KILL", "--", TOOL, "--debug", "--kubeconfig", str(kubeconfig), *map(str, args)]
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log,
                                            env=dict(os.environ, **dict(env)))
        self.until("ready")

    def __enter__(self):
        return self

    def __exit__(self, error, *_):
        self.process.stdin.close()
        try:
            status = self.process.wait(PATIENCE)
        finally:
            self.process.kill()
            self.process.stdout.close()
        if error:
            print(self.log()[-8000:])
        else:
            assert status == 0, self.log()

    def log(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as f:
            return f.read()

    # --- its output ---

    def _read(self, timeout):
        if not select.select([self.process.stdout], [], [], max(0, timeout))[0]:
            return
        data = os.read(self.process.stdout.fileno(), 1 << 20)
        assert data, f"kube_probe ended\n{self.log()[-8000:]}"
        *lines, self.rest = (self.rest + data).split(b"\n")
        self.lines += [line.decode(errors="replace") for line in lines]

    def find(self, *words):
        """The rest of the first line that begins with the words, which is taken away; None without one."""
        start = " ".join(map(str, words))
        for i, line in enumerate(self.lines):
            if line == start or line.startswith(start + " "):
                del self.lines[i]
                return line[len(start) + 1:]
        return None

    def until(self, *words, timeout=PATIENCE):
        deadline = time.monotonic() + timeout
        while True:
            found = self.find(*words)
            if found is not None:
                return found
            assert time.monotonic() < deadline, f"no line {words}\n{self.log()[-8000:]}"
            self._read(deadline - time.monotonic())

    # --- what it can do ---

    def tell(self, *words):
        self.process.stdin.write((" ".join(map(str, words)) + "\n").encode())
        self.process.stdin.flush()

    def _ask(self, *words):
        self.number += 1
        self.tell(*words)
        return self.number

    def reply(self, number):
        code, status, length, reason, text = self.until("reply", number).split(" ", 4)
        return Reply(int(code), int(status), int(length), reason, text)

    def get(self, path):
        return self.reply(self._ask("get", path))

    def body(self, path):
        """Of one line."""
        number = self._ask("show", path)
        self.reply(number)
        return self.until("body", number)

    def send(self, method, path, file):
        return self.reply(self._ask(method.lower(), path, file))

    def many(self, count, path):
        """How many succeeded, and how many did not."""
        self.tell("many", count, path)
        return tuple(map(int, self.until("many").split()))

    def watch(self, path):
        """Its number; the head has come."""
        number = self._ask("watch", path)
        assert self.until("head", number) == "200"
        return number

    def stats(self):
        self.tell("stats")
        return {name: int(value) for name, value in (x.split("=") for x in self.until("stats").split())}


# --- what stands between ---


class Relay:
    """Listens, on loopback if nothing else is said, and passes bytes on to the server and back."""

    def __init__(self, target, port=0, address="127.0.0.1"):
        self.target, self.pairs, self.lock = target, [], threading.Lock()
        self.listener = socket.create_server((address, port), backlog=128)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listener.close()
        with self.lock:
            for pair in self.pairs:
                for s in pair:
                    s.close()

    def _accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client):
        try:
            pair = self.meet(client)
        except (OSError, ValueError):
            client.close()
            return
        if pair is None:
            return
        with self.lock:
            self.pairs.append(pair)
        self._pass_on(pair)

    @staticmethod
    def _pass_on(pair):
        """One thread for both ways: TLS sockets are not for two at the same time."""
        try:
            while True:
                ready = [s for s in pair if isinstance(s, ssl.SSLSocket) and s.pending()]
                for source in ready or select.select(pair, [], [])[0]:
                    to = pair[0] if source is pair[1] else pair[1]
                    source.settimeout(0)
                    try:
                        data = source.recv(65536)
                    except (ssl.SSLWantReadError, BlockingIOError):
                        continue
                    if not data:
                        raise OSError("closed")
                    to.settimeout(PATIENCE)
                    to.sendall(data)
        except (OSError, ValueError):
            pass
        for s in pair:
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def meet(self, client):
        """Both sockets, ready to pass bytes on."""
        return client, socket.create_connection(self.target)

    def count(self):
        with self.lock:
            return len(self.pairs)


class ConnectProxy(Relay):
    """HTTP CONNECT, for one user if a password is given."""

    def __init__(self, password=None):
        super().__init__(None)
        self.password, self.seen = password, []

    def meet(self, client):
        head = b""
        while b"\r\n\r\n" not in head:
            data = client.recv(65536)
            if not data:
                raise OSError("closed")
            head += data
        line, *fields = head.decode().split("\r\n")
        self.seen.append(line)
        if self.password:
            wanted = "Proxy-Authorization: Basic " + base64.b64encode(self.password.encode()).decode()
            if wanted not in fields:
                client.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
                client.close()
                return None
        host, port = line.split(" ")[1].rsplit(":", 1)
        server = socket.create_connection((host.strip("[]"), int(port)))
        client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        return client, server

    def end_sending(self):
        """As a server that says no more but keeps the connection: half-closed."""
        with self.lock:
            for client, _ in self.pairs:
                client.shutdown(socket.SHUT_WR)


class TlsRelay(Relay):
    """Ends TLS with a certificate of `authority`, and speaks to the server as `account`, a (certificate, key)."""

    def __init__(self, target, authority, server_ca, account, protocols):
        self.front = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.back = ssl.create_default_context(cafile=server_ca)
        self.back.load_cert_chain(*account)
        for context in (self.front, self.back):
            context.set_alpn_protocols(protocols)
        self.present(authority)
        super().__init__(target)

    def present(self, authority):
        """New connections get this certificate."""
        self.front.load_cert_chain(authority.path("apiserver.crt"), authority.path("apiserver.key"))

    def meet(self, client):
        server = self.back.wrap_socket(socket.create_connection(self.target), server_hostname="127.0.0.1")
        return self.front.wrap_socket(client, server_side=True), server


def until_stats(probe, check, what, timeout=PATIENCE):
    """The figures once they pass."""
    def passed():
        stats = probe.stats()
        return stats if check(stats) else None
    return until(passed, timeout, what)
