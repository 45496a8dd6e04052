# SPDX-License-Identifier: Apache-2.0
"""A BGP peer that does exactly what a test tells it to, right or wrong. Its sockets are inside a namespace.

    with Ear(net, "hostile") as ear:
        wire = ear.accept("192.0.2.100")  # the speaker's dial to that address
        wire.establish(64666)
        wire.send(message(UPDATE, b"\\0\\0\\0\\0"))
        wire.until_notification()  # (code, subcode, data)
"""
import contextlib
import socket
import struct
import time

from netns import until

OPEN, UPDATE, NOTIFICATION, KEEPALIVE, REFRESH = range(1, 6)
MARKER = b"\xff" * 16
PATIENCE = 20
IPV4 = (1, 1)  # AFI, SAFI
END_OF_RIB = b"\0\0\0\0"


# --- messages ---


def message(kind, body=b"", length=None, marker=MARKER):
    return marker + struct.pack(">HB", 19 + len(body) if length is None else length, kind) + body


def capability(code, value=b""):
    return bytes([code, len(value)]) + value


def family(afi, safi):
    return capability(1, struct.pack(">HBB", afi, 0, safi))


def graceful(seconds=120, *families, restarting=False):
    flags = 0x8000 if restarting else 0
    return capability(64, struct.pack(">H", flags | seconds) + b"".join(struct.pack(">HBB", afi, safi, 0x80) for afi, safi in families))


def usual(asn):
    """The capabilities of a peer of today."""
    return family(*IPV4) + capability(2) + capability(6) + capability(70) + capability(65, struct.pack(">I", asn))


def parameter(value, kind=2, extended=False):
    return struct.pack(">BH" if extended else ">BB", kind, len(value)) + value


def hello(asn, capabilities=None, **fields):
    """An OPEN. Fields: version, hold, router_id, parameters (as they are on the wire, the length before them included)."""
    parameters = fields.get("parameters")
    if parameters is None:
        parameters = parameter(usual(asn) if capabilities is None else capabilities)
        parameters = bytes([len(parameters)]) + parameters
    head = struct.pack(">BHH", fields.get("version", 4), asn if asn < 65536 else 23456, fields.get("hold", 90))
    return message(OPEN, head + fields.get("router_id", bytes([192, 0, 2, 250])) + parameters)


def extended_parameters(*parameters):
    """RFC 9072."""
    value = b"".join(parameters)
    return struct.pack(">BBH", 255, 255, len(value)) + value


def attribute(kind, value, flags=0x40):
    if len(value) > 255:
        return struct.pack(">BBH", flags | 0x10, kind, len(value)) + value
    return struct.pack(">BBB", flags, kind, len(value)) + value


def attributes(asn, next_hop=bytes([192, 0, 2, 250])):
    return attribute(1, b"\0") + attribute(2, struct.pack(">BBI", 2, 1, asn)) + attribute(3, next_hop)


def update(withdrawn=b"", attrs=b"", prefixes=b""):
    return message(UPDATE, struct.pack(">H", len(withdrawn)) + withdrawn + struct.pack(">H", len(attrs)) + attrs + prefixes)


def hosts(first, count):
    """Prefixes of one host each."""
    return b"".join(b"\x20" + struct.pack(">I", first + i) for i in range(count))


# --- connections ---


class Wire:
    """One connection."""

    def __init__(self, sock, peer=None):
        self.sock, self.peer, self.data, self.closed = sock, peer, b"", False
        sock.settimeout(PATIENCE)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.sock.close()

    def send(self, *messages):
        self.sock.sendall(b"".join(messages))

    def trickle(self, data):
        """A segment for each byte."""
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for b in data:
            self.sock.sendall(bytes([b]))

    def _fill(self, deadline):
        self.sock.settimeout(max(0.01, deadline - time.monotonic()))
        try:
            chunk = self.sock.recv(65536)
        except (BlockingIOError, socket.timeout):
            return
        except OSError:
            chunk = b""
        self.closed = self.closed or not chunk
        self.data += chunk

    def read(self, timeout=PATIENCE):
        """The next message as (kind, body); None at the end or when none comes in time."""
        deadline = time.monotonic() + timeout
        while True:
            if len(self.data) >= 19:
                length, kind = struct.unpack_from(">HB", self.data, 16)
                assert self.data[:16] == MARKER and 19 <= length, self.data[:64]
                if len(self.data) >= length:
                    body, self.data = self.data[19:length], self.data[length:]
                    return kind, body
            if self.closed or time.monotonic() > deadline:
                return None
            self._fill(deadline)

    def until(self, wanted, timeout=PATIENCE):
        """The body of the next message of that kind."""
        deadline, seen = time.monotonic() + timeout, []
        while True:
            m = self.read(max(0, deadline - time.monotonic()))
            if m is None:
                raise AssertionError(f"no message {wanted}; closed: {self.closed}; seen: {seen[-10:]}")
            if m[0] == wanted:
                return m[1]
            seen.append((m[0], m[1][:40]))

    def until_notification(self, timeout=PATIENCE):
        body = self.until(NOTIFICATION, timeout)
        return body[0], body[1], body[2:]

    def until_closed(self, timeout=PATIENCE):
        deadline = time.monotonic() + timeout
        while not self.closed and time.monotonic() < deadline:
            self.data = b""
            self._fill(deadline)
        assert self.closed, "the connection is still there"

    def greet(self, asn, *args, **fields):
        """OPENs are exchanged. Returns the body of theirs."""
        self.send(hello(asn, *args, **fields))
        return self.until(OPEN)

    def establish(self, asn, *args, **fields):
        theirs = self.greet(asn, *args, **fields)
        self.send(message(KEEPALIVE))
        self.until(KEEPALIVE)
        return theirs

    def until_prefixes(self, count):
        """Until so many IPv4 prefixes were announced; End-of-RIB is no UPDATE here."""
        seen = 0
        while seen < count:
            body = self.until(UPDATE)
            withdrawn = struct.unpack_from(">H", body)[0]
            attrs = struct.unpack_from(">H", body, 2 + withdrawn)[0]
            nlri = body[4 + withdrawn + attrs:]
            while nlri:
                nlri = nlri[1 + (nlri[0] + 7) // 8:]
                seen += 1
        return seen


class Ear:
    """Listens on port 179 of all addresses of a namespace, and keeps apart who is meant."""

    def __init__(self, net, ns, port=179, receive_buffer=0):
        self.sock = net.socket(ns, None, socket.AF_INET, socket.SOCK_STREAM)
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if receive_buffer:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.sock.bind(("0.0.0.0", port))
        self.sock.listen(128)
        self.sock.setblocking(False)
        self.waiting = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sock.close()
        for w in self.waiting:
            w.close()

    def _take_all(self):
        with contextlib.suppress(BlockingIOError):
            while True:
                sock, peer = self.sock.accept()
                self.waiting.append(Wire(sock, peer))

    def accept(self, address=None):
        """The next connection to that address, or to any."""
        def found():
            self._take_all()
            for w in self.waiting:
                if address is None or w.sock.getsockname()[0] == address:
                    self.waiting.remove(w)
                    return w
            return None
        return until(found, PATIENCE, f"a connection to {address}")


def dial(net, ns, source, to, port=179):
    sock = net.socket(ns, None, socket.AF_INET, socket.SOCK_STREAM)
    sock.bind((source, 0))
    sock.settimeout(PATIENCE)
    sock.connect((to, port))
    return Wire(sock, (to, port))
