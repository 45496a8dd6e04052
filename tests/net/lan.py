# SPDX-License-Identifier: Apache-2.0
"""Three nodes and a client on one bridge, who look at a folder each, or all at the same.

    cluster.folder.put("cluster.yaml", pool("home", "198.18.0.10-198.18.0.19"), l2_advertisement())
    cluster.folder.put("web.yaml", service("web"), endpoints("web"))
    cluster.start()
    cluster.until_answered("198.18.0.10", "oak")
"""
import errno
import ipaddress
import os
import socket
import struct

from folder import NODES, PATIENCE, Folder, Process, node
from netns import mac_bytes, until

ETH_P_ARP = 0x0806
ETH_P_IPV6 = 0x86dd
PACKET_OUTGOING = 4
BROADCAST = b"\xff" * 6
CLIENT4 = "198.18.0.1"
CLIENT6 = "2001:db8::1"


def without_dad(net, ns):
    """Links that come later have a link-local address at once."""
    net.run(ns, "sh", "-c", "for i in all default; do echo 0 >/proc/sys/net/ipv6/conf/$i/accept_dad; "
            "echo 0 >/proc/sys/net/ipv6/conf/$i/dad_transmits; done")


def namespaces(net, *names):
    for ns in names:
        net.add_ns(ns)
        without_dad(net, ns)


def forward(net, *names):
    for ns in names:
        net.run(ns, "sh", "-c", "echo 1 >/proc/sys/net/ipv4/ip_forward; echo 1 >/proc/sys/net/ipv6/conf/all/forwarding")


def address(net, ns, interface, *addresses):
    for a in addresses:
        net.run(ns, "ip", "addr", "add", a, "dev", interface, *(["nodad"] if ":" in a else []))


def add_client_addresses(net, interface="eth0", v4=CLIENT4, v6=CLIENT6):
    address(net, "client", interface, v4 + "/15", v6 + "/64")


def build_lan(net, nodes=NODES):
    """The nodes have no address but their link-local one: the kernel answers for nothing."""
    namespaces(net, "lan", "client", *nodes)
    for ns in ("client", *nodes):
        net.veth(ns, "eth0", "lan", ns)
    net.bridge("lan", "br0", "client", *nodes)
    add_client_addresses(net)


def build_cable(net):
    """One node and a client, without the bridge."""
    namespaces(net, "oak", "client")
    net.veth("oak", "eth0", "client", "eth0")
    add_client_addresses(net)


# --- frames ---


def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total > 0xffff:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def icmp6(eth_to, eth_from, source, to, body, hop_limit=255):
    a, b = ipaddress.IPv6Address(source).packed, ipaddress.IPv6Address(to).packed
    value = checksum(a + b + struct.pack("!II", len(body), 58) + body)
    body = body[:2] + struct.pack("!H", value) + body[4:]
    return (eth_to + eth_from + b"\x86\xdd" + struct.pack("!IHBB", 6 << 28, len(body), 58, hop_limit)
            + a + b + body)


def request(mac, target, sender=CLIENT4):
    return (BROADCAST + mac + struct.pack("!HHHBBH", ETH_P_ARP, 1, 0x0800, 6, 4, 1) + mac +
            ipaddress.IPv4Address(sender).packed + bytes(6) + ipaddress.IPv4Address(target).packed)


def arp_fields(frame):
    """(to, from, operation, sender, target)."""
    ip = lambda at: str(ipaddress.IPv4Address(frame[at:at + 4]))
    return frame[:6], frame[6:12], frame[21], ip(28), ip(38)


class Ear:
    """Hears the frames of one kind that arrive at an interface, from now on."""

    def __init__(self, net, interface="eth0", protocol=ETH_P_ARP, ns="client"):
        self.socket = net.socket(ns, interface, socket.AF_PACKET, socket.SOCK_RAW,
                                 socket.htons(protocol))
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        self.socket.setblocking(False)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def frames(self):
        """What came since the last call."""
        found = []
        while True:
            try:
                frame, address = self.socket.recvfrom(2048)
            except BlockingIOError:
                return found
            except OSError as e:
                if e.errno != errno.ENETDOWN:
                    raise
                continue  # said once, when the interface went down
            if address[2] != PACKET_OUTGOING:
                found.append(frame)

    def gratuitous(self, ip):
        """The sources of gratuitous ARP frames for an address that came since the last call."""
        return [f[6:12] for f in self.frames() if arp_fields(f)[3:] == (ip, ip)]

    def until_gratuitous(self, ip, mac):
        until(lambda: mac in self.gratuitous(ip), PATIENCE, f"gratuitous frame for {ip}")


class Wire:
    """The client's end of a cable, and the processes at the other end."""

    def __init__(self, net, interface="eth0"):
        self.net, self.interface, self.processes = net, interface, {}
        self.ear = Ear(net, interface)
        self.mac = mac_bytes(net.mac("client", interface))

    def repliers_of(self, ips):
        """The hardware addresses that answer one ARP request, for each of some addresses. A process
        that has told its status has handled the requests before."""
        self.ear.frames()
        for ip in ips:
            self.ear.socket.send(request(self.mac, ip))
        for p in self.processes.values():
            p.status()
        found = {ip: set() for ip in ips}
        for to, source, op, sender, _ in map(arp_fields, self.ear.frames()):
            if op == 2 and to == self.mac and sender in found:
                found[sender].add(source)
        return found

    def repliers(self, ip):
        return self.repliers_of([ip])[ip]

    def until_repliers(self, ip, want):
        try:
            until(lambda: self.repliers(ip) == want, PATIENCE, f"{ip} from {want}")
        except AssertionError as e:
            raise AssertionError(f"{e}, not from {self.repliers(ip)}") from None
        assert self.repliers(ip) == want  # and not by chance


class Cluster(Wire):
    serial = 0

    def __init__(self, net):
        super().__init__(net)
        Cluster.serial += 1
        self.folder = Folder(os.path.join(net.folder, f"cluster{Cluster.serial}"))
        for n in NODES:
            self.folder.put(f"node-{n}.yaml", node(n))

    def start(self, *names, args=()):
        """All nodes, unless some are named."""
        for n in names or NODES:
            self.processes[n] = Process(self.net, n, self.folder.path, *args)
        for n in names or NODES:
            self.processes[n].ready()

    def mac_of(self, name):
        return mac_bytes(self.net.mac(name, "eth0"))

    def until_answered(self, ip, *names):
        """By these nodes and by no other."""
        self.until_repliers(ip, {self.mac_of(n) for n in names})

    def until_adopted(self, check):
        """All processes have a state that passes."""
        for p in self.processes.values():
            p.until_status(check)

    def close(self):
        """All processes must end cleanly, and do end."""
        self.ear.socket.close()
        try:
            for p in self.processes.values():
                p.stop()
        finally:
            for p in self.processes.values():
                p.kill()

    def print_logs(self):
        for name, p in self.processes.items():
            print(f"--- {name}\n{p.log()}")
