# SPDX-License-Identifier: Apache-2.0
"""BGP daemons from Debian inside namespaces: FRR, BIRD, GoBGP, ExaBGP, OpenBGPD.

    router = Frr(net, "router", asn=65001, router_id="192.0.2.1",
                 neighbors=[Neighbor("192.0.2.2", 65000, password="secret", bfd=True)])
    router.start()
    router.until_established("192.0.2.2")
    router.routes("ipv4")["198.18.0.10/32"][0].next_hops

Every one answers the same questions in the same words:

    state(neighbor)      "Established", "Active" ...
    routes(family)       {prefix: [Route]} as the daemon holds them, best first where it has a best one
    neighbor(address)    what the daemon itself prints about the neighbor, as a dictionary (FRR, GoBGP) or text

A daemon lives in a folder of its own, with its sockets and its log; it ends with the Net.
"""
import dataclasses
import ipaddress
import json
import os
import pwd
import re
import shutil
import subprocess
import sys
import textwrap

from netns import ENV, until

PATIENCE = 40
FRR_DAEMONS = "/usr/lib/frr"
OPENBGPD = "/usr/sbin/bgpd"  # FRR's is elsewhere


@dataclasses.dataclass
class Neighbor:
    """One neighbor as its daemon is told. What a daemon does not know is an error, never ignored."""
    address: str = ""  # or
    interface: str = ""  # unnumbered
    asn: object = None  # a number, "internal" or "external"
    port: int = 179
    passive: bool = False
    password: str = ""
    multihop: int = 0  # hops; 0: adjacent
    ttl_security: int = 0  # hops; 0: off
    hold: object = None
    keepalive: object = None
    connect: object = None
    bfd: object = None  # True, or a dictionary of FRR's or BIRD's timers
    graceful: bool = False
    families: tuple = ("ipv4",)
    extended_next_hop: bool = False
    source: str = ""
    extra: tuple = ()  # lines of the daemon's own language, inside the neighbor

    @property
    def who(self):
        return self.address or self.interface


@dataclasses.dataclass
class Route:
    prefix: str
    next_hops: tuple = ()
    as_path: str = ""
    local_pref: object = None
    med: object = None
    origin: str = ""
    communities: tuple = ()
    large_communities: tuple = ()
    extended_communities: tuple = ()  # in the daemon's own words
    stale: bool = False
    peer: str = ""
    raw: object = None


class Daemon:
    """What all have in common. `lines`: more of the daemon's own configuration."""

    programs = ()

    def __init__(self, net, ns, asn, router_id, neighbors=(), port=179, lines=()):
        self.net, self.ns, self.asn, self.router_id = net, ns, asn, router_id
        self.neighbors, self.port, self.lines = list(neighbors), port, list(lines)
        Daemon.serial += 1
        self.folder = os.path.join(net.folder, f"{type(self).__name__.lower()}{Daemon.serial}")
        os.makedirs(self.folder)
        os.chmod(net.folder, 0o755)  # some daemons give up their rights before they open their files
        os.chmod(self.folder, 0o777)
        self.processes = []

    serial = 0

    @classmethod
    def missing(cls):
        """Why it cannot run here, or None."""
        for path in cls.programs:
            if shutil.which(path, path=ENV["PATH"]) is None:
                return f"{path} is not installed"
        return None

    def of(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, text):
        with open(self.of(name), "w", encoding="utf-8") as f:
            f.write(text)
        return self.of(name)

    def spawn(self, *argv, **options):
        with open(self.of("log"), "ab") as log:
            options.setdefault("stdin", subprocess.DEVNULL)
            options.setdefault("stdout", log)
            p = self.net.popen(self.ns, *argv, stderr=log, cwd=self.folder, **options)
        self.processes.append(p)
        return p

    def log(self):
        with open(self.of("log"), encoding="utf-8", errors="replace") as f:
            return f.read()

    def stop(self, signum=15):
        for p in reversed(self.processes):
            self.net.stop(p, signum)
        self.processes = []

    def until_state(self, neighbor, state, timeout=PATIENCE):
        until(lambda: self.state(neighbor) == state, timeout, f"{neighbor} is {state} at {self.ns}", step=0.1)

    def until_established(self, neighbor, timeout=PATIENCE):
        self.until_state(neighbor, "Established", timeout)

    def until_routes(self, family, prefixes, timeout=PATIENCE):
        """Exactly these, all fresh. Returns them."""
        wanted = {str(ipaddress.ip_network(p)) for p in prefixes}

        def held():
            routes = self.routes(family)
            return routes if set(routes) == wanted and not any(r.stale for rs in routes.values() for r in rs) else None
        if not wanted:
            until(lambda: not self.routes(family), timeout, f"no routes at {self.ns}", step=0.1)
            return {}
        try:
            return until(held, timeout, step=0.1)
        except AssertionError:
            raise AssertionError(f"routes at {self.ns}: want {sorted(wanted)[:20]}, have {sorted(self.routes(family))[:20]}") from None

    def until_stale(self, prefixes, timeout=PATIENCE):
        """Exactly these of IPv4, and none of them is fresh."""
        def stale():
            routes = self.routes("ipv4")
            return set(routes) == set(prefixes) and all(r.stale for rs in routes.values() for r in rs)
        until(stale, timeout, f"stale routes at {self.ns}", step=0.05)

    def kernel_routes(self, family="ipv4"):
        """{prefix: sorted next hops} of the kernel of its namespace, as `ip route` tells; device routes left out."""
        out = self.net.run(self.ns, "ip", "-j", "-6" if family == "ipv6" else "-4", "route", "show", "table", "main")
        found = {}
        for r in json.loads(out or "[]"):
            hops = r.get("nexthops") or ([r] if "gateway" in r or "via" in r else [])
            vias = sorted(h.get("gateway") or h["via"]["host"] for h in hops)
            if vias and r["dst"] != "default":
                found[str(ipaddress.ip_network(r["dst"]))] = vias
        return found


# --- FRR ---


class Frr(Daemon):
    """bgpd, zebra for the kernel's routes, bfdd when a neighbor wants BFD."""

    programs = (FRR_DAEMONS + "/bgpd", FRR_DAEMONS + "/zebra", FRR_DAEMONS + "/bfdd", "vtysh")

    def _neighbor_lines(self, n):
        who = n.who
        if n.interface:
            yield f"neighbor {who} interface remote-as {n.asn}"
        else:
            yield f"neighbor {who} remote-as {n.asn}"
        if n.port != 179:
            yield f"neighbor {who} port {n.port}"
        if n.passive:
            yield f"neighbor {who} passive"
        if n.password:
            yield f"neighbor {who} password {n.password}"
        if n.multihop:
            yield f"neighbor {who} ebgp-multihop {n.multihop}"
        if n.ttl_security:
            yield f"neighbor {who} ttl-security hops {n.ttl_security}"
        if n.hold is not None:
            yield f"neighbor {who} timers {n.keepalive if n.keepalive is not None else n.hold // 3} {n.hold}"
        yield f"neighbor {who} timers connect {n.connect or 1}"
        if n.source:
            yield f"neighbor {who} update-source {n.source}"
        if n.bfd:
            yield f"neighbor {who} bfd" + (" profile steellb" if isinstance(n.bfd, dict) else "")
        if n.graceful:
            yield f"neighbor {who} graceful-restart-helper"
        if n.extended_next_hop and not n.interface:
            yield f"neighbor {who} capability extended-nexthop"
        yield from (f"neighbor {who} {line}" for line in n.extra)

    def config(self):
        lines = ["hostname " + self.ns, "log stdout debugging", f"router bgp {self.asn}", f" bgp router-id {self.router_id}",
                 " no bgp ebgp-requires-policy", " no bgp default ipv4-unicast", " bgp bestpath as-path multipath-relax", " bgp suppress-duplicates"]
        for n in self.neighbors:
            lines += [" " + line for line in self._neighbor_lines(n)]
        for family in ("ipv4", "ipv6"):
            lines.append(f" address-family {family} unicast")
            lines += [f"  neighbor {n.who} activate" for n in self.neighbors if family in n.families]
            lines.append(" exit-address-family")
        lines.append("exit")
        return "\n".join(lines + self.lines) + "\n"

    def bfd_config(self):
        """In a file of its own: a daemon that does not know a block takes its `exit` for the end of the file."""
        profiles = [n.bfd for n in self.neighbors if isinstance(n.bfd, dict)]
        lines = ["hostname " + self.ns, "log stdout debugging"]
        if profiles:
            lines += ["bfd", " profile steellb", *(f"  {k} {v}".rstrip() for k, v in profiles[0].items()), " exit", "exit"]
        return "\n".join(lines) + "\n"

    def _daemon(self, name, *args, config="frr.conf"):
        self.spawn(f"{FRR_DAEMONS}/{name}", "-f", self.of(config), "-i", self.of(name + ".pid"), "-z", self.of("zserv"),
                   "--vty_socket", self.folder, "-P", "0", *args)
        until(lambda: os.path.exists(self.of(name + ".vty")), PATIENCE, f"{name} of {self.ns}")

    def start(self):
        self.write("frr.conf", self.config())
        self.write("vtysh.conf", "")
        self._daemon("zebra")
        if any(n.bfd for n in self.neighbors):
            self.write("bfdd.conf", self.bfd_config())
            self._daemon("bfdd", "--bfdctl", self.of("bfdd.sock"), config="bfdd.conf")
        self._daemon("bgpd", "-p", str(self.port))
        return self

    def vtysh(self, *commands):
        argv = [a for c in commands for a in ("-c", c)]
        return self.net.run(self.ns, "vtysh", "--vty_socket", self.folder, "--config_dir", self.folder, *argv)

    def configure(self, *lines):
        """Lines of configuration, one below the other."""
        return self.vtysh("configure terminal", *lines)

    def show(self, command):
        text = self.vtysh(command)
        return json.loads(text[text.index("{"):]) if "{" in text else {}

    def neighbor(self, who):
        return self.show(f"show bgp neighbors {who} json").get(who, {})

    def state(self, who):
        return self.neighbor(who).get("bgpState", "")

    def prefix(self, family, prefix):
        """All that FRR knows of one prefix: communities are told nowhere else."""
        return self.show(f"show bgp {family} unicast {prefix} json")

    def routes(self, family):
        """Without communities: FRR tells those one prefix at a time, see details()."""
        table = self.show(f"show bgp {family} unicast json").get("routes", {})
        return {prefix: [self._route(prefix, p) for p in sorted(paths, key=lambda p: not p.get("bestpath", False))]
                for prefix, paths in table.items()}

    @staticmethod
    def _route(prefix, p):
        return Route(prefix, tuple(h["ip"] for h in p.get("nexthops", ())), p.get("path", ""), p.get("locPrf"), p.get("metric"),
                     p.get("origin", ""), stale=p.get("stale", False), peer=p.get("peerId", ""), raw=p)

    def details(self, family, prefix):
        """[Route] with communities."""
        routes = []
        for p in self.prefix(family, prefix).get("paths", ()):
            routes.append(Route(
                prefix, tuple(h["ip"] for h in p.get("nexthops", ())), p.get("aspath", {}).get("string", ""), p.get("locPrf"),
                p.get("metric"), p.get("origin", ""), tuple(p.get("community", {}).get("list", ())),
                tuple(p.get("largeCommunity", {}).get("list", ())), stale=p.get("stale", False),
                peer=p.get("peer", {}).get("peerId", ""), raw=p))
        return routes

    def clear(self, who="*", soft_in=False):
        return self.vtysh(f"clear bgp {who}" + (" soft in" if soft_in else ""))

    def bfd_peers(self):
        text = self.vtysh("show bfd peers json")
        return json.loads(text[text.index("["):]) if "[" in text else []

    def until_bfd(self, status="up"):
        """The only session of BFD, once it is so."""
        def found():
            peers = self.bfd_peers()
            return len(peers) == 1 and peers[0]["status"] == status and peers[0]
        return until(found, PATIENCE, f"BFD is {status} at {self.ns}", step=0.05)


# --- BIRD ---


class Bird(Daemon):
    programs = ("bird", "birdc")

    def _name(self, n):
        return "n" + str(self.neighbors.index(n))

    def _protocol(self, n):
        yield f"protocol bgp {self._name(n)} {{"
        yield f"  local {n.source + ' ' if n.source else ''}as {self.asn};"
        if n.interface:
            yield f"  neighbor range fe80::/10 {n.asn}; interface \"{n.interface}\"; dynamic name \"dyn\";"
        else:
            yield f"  neighbor {n.address} port {n.port} {'as %d' % n.asn if isinstance(n.asn, int) else n.asn};"
        yield f"  connect retry time {n.connect or 1}; connect delay time 1; error wait time 1, 2;"
        if n.passive:
            yield "  passive on;"
        if n.password:
            yield f'  password "{n.password}";'
        if n.multihop:
            yield f"  multihop {n.multihop};"
        if n.ttl_security:
            yield "  ttl security on;"
        if n.hold is not None:
            yield f"  hold time {n.hold}; keepalive time {n.keepalive if n.keepalive is not None else max(1, n.hold // 3)};"
        if n.bfd:
            yield "  bfd on;"
        yield f"  graceful restart {'aware' if n.graceful else 'off'};"
        for family in n.families:
            more = " extended next hop on;" if n.extended_next_hop and family == "ipv4" else ""
            yield f"  {family} {{ import all; export none;{more} }};"
        yield from ("  " + line for line in n.extra)
        yield "}"

    def config(self):
        lines = [f'log "{self.of("bird.log")}" all;', f"router id {self.router_id};", "protocol device { scan time 1; }"]
        for family in ("ipv4", "ipv6"):
            lines.append(f"protocol kernel {{ merge paths on; {family} {{ import none; export all; }}; }}")
        if any(n.bfd for n in self.neighbors):
            timers = next((n.bfd for n in self.neighbors if isinstance(n.bfd, dict)), {})
            lines.append("protocol bfd { interface \"*\" { %s }; multihop { %s }; }" %
                         tuple([" ".join(f"{k} {v};" for k, v in timers.items())] * 2))
        for n in self.neighbors:
            lines += self._protocol(n)
        return "\n".join(lines + self.lines) + "\n"

    def start(self):
        self.write("bird.conf", self.config())
        self.spawn("bird", "-f", "-c", self.of("bird.conf"), "-s", self.of("ctl"), "-P", self.of("pid"))
        until(lambda: "Ready" in self.birdc("show status", check=False) or "Daemon is up" in self.birdc("show status", check=False),
              PATIENCE, "bird")
        return self

    def birdc(self, command, check=True):
        return self.net.run(self.ns, "birdc", "-s", self.of("ctl"), *command.split(), check=check)

    def _protocol_of(self, who):
        return next(self._name(n) for n in self.neighbors if n.who == who)

    def neighbor(self, who):
        return self.birdc(f"show protocols all {self._protocol_of(who)}", check=False)

    def state(self, who):
        found = re.search(r"BGP state:\s+(\w+)", self.neighbor(who))
        return found.group(1) if found else ""

    def routes(self, family):
        table = "master4" if family == "ipv4" else "master6"
        found, route, restarting = {}, None, {}
        for line in self.birdc(f"show route all table {table}").splitlines():
            head = re.match(r"(\S+/\d+)?\s+\w+ \[(\S+) [^\]]*\]", line)
            if head:
                prefix, peer = head.group(1) or prefix, head.group(2)
                if peer not in restarting:
                    restarting[peer] = "Neighbor graceful restart active" in self.birdc(f"show protocols all {peer}", check=False)
                route = Route(prefix, peer=peer, raw=line, stale=restarting[peer])
                found.setdefault(prefix, []).append(route)
            elif route is not None:
                self._attribute(route, line.strip())
        return found

    @staticmethod
    def _attribute(route, line):
        key, _, value = line.partition(": ")
        if key == "BGP.next_hop":
            route.next_hops = tuple(value.split())
        elif key == "BGP.as_path":
            route.as_path = value
        elif key == "BGP.as_path:":
            route.as_path = ""
        elif key == "BGP.local_pref":
            route.local_pref = int(value)
        elif key == "BGP.med":
            route.med = int(value)
        elif key == "BGP.origin":
            route.origin = value
        elif key == "BGP.community":
            route.communities = tuple(c.strip("()").replace(",", ":") for c in value.split(" "))
        elif key == "BGP.large_community":
            route.large_communities = tuple(":".join(c.split(",")) for c in re.findall(r"\(([^)]*)\)", value.replace(" ", "")))
        elif key == "BGP.ext_community":
            route.extended_communities = tuple(re.findall(r"\(([^)]*)\)", value))

    def bfd_sessions(self):
        return self.birdc("show bfd sessions")


# --- GoBGP ---


class GoBgp(Daemon):
    programs = ("gobgpd", "gobgp")

    def _neighbor(self, n):
        d = {"config": {"neighbor-address": n.address, "peer-as": n.asn}, "timers": {"config": {"connect-retry": n.connect or 1}},
             "transport": {"config": {"passive-mode": n.passive, "remote-port": n.port}},
             "afi-safis": [{"config": {"afi-safi-name": f + "-unicast"}} for f in n.families]}
        if n.interface:
            d["config"] = {"neighbor-interface": n.interface, "peer-as": n.asn}
        if n.password:
            d["config"]["auth-password"] = n.password
        if n.hold is not None:
            d["timers"]["config"].update({"hold-time": n.hold, "keepalive-interval": n.keepalive or n.hold // 3})
        if n.source:
            d["transport"]["config"]["local-address"] = n.source
        if n.multihop:
            d["ebgp-multihop"] = {"config": {"enabled": True, "multihop-ttl": n.multihop}}
        if n.ttl_security:
            d["ttl-security"] = {"config": {"enabled": True, "ttl-min": 256 - n.ttl_security}}
        if n.graceful:
            d["graceful-restart"] = {"config": {"enabled": True, "restart-time": 60, "notification-enabled": True}}
            for f in d["afi-safis"]:
                f["mp-graceful-restart"] = {"config": {"enabled": True}}
        for key, value in n.extra:
            d[key] = value
        return d

    def start(self):
        config = {"global": {"config": {"as": self.asn, "router-id": self.router_id, "port": self.port}},
                  "neighbors": [self._neighbor(n) for n in self.neighbors]}
        self.spawn("gobgpd", "-t", "json", "-f", self.write("gobgpd.json", json.dumps(config)), "--api-hosts", "127.0.0.1:50051",
                   "--pprof-disable")
        until(lambda: self.gobgp("global", check=False).startswith("AS:"), PATIENCE, "gobgpd")
        return self

    def gobgp(self, *argv, check=True):
        return self.net.run(self.ns, "gobgp", *argv, check=check)

    def json(self, *argv):
        text = self.gobgp("-j", *argv)
        return json.loads(text[min(text.find(c) for c in "[{" if c in text):]) if text.strip()[:1] in ("[", "{") else {}

    def neighbor(self, who):
        return self.json("neighbor", who)

    def state(self, who):
        names = {1: "Idle", 2: "Connect", 3: "Active", 4: "OpenSent", 5: "OpenConfirm", 6: "Established"}
        state = self.neighbor(who).get("state", {}).get("session_state", 0)
        return names.get(state, "") if isinstance(state, int) else str(state).title()

    def routes(self, family):
        found = {}
        table = self.json("global", "rib", "-a", family)
        for prefix, paths in (table or {}).items():
            found[prefix] = [self._route(prefix, p) for p in paths]
        return found

    @staticmethod
    def _route(prefix, p):
        r = Route(prefix, stale=p.get("stale", False), peer=p.get("neighbor-ip", ""), raw=p)
        for a in p.get("attrs", ()):
            kind = a.get("type")
            if kind == 1:
                r.origin = {0: "IGP", 1: "EGP"}.get(a["value"], "incomplete")
            elif kind == 2:
                r.as_path = " ".join(str(n) for s in a.get("as_paths") or () for n in s["asns"])
            elif kind == 3:
                r.next_hops = (a["nexthop"],)
            elif kind == 14:
                r.next_hops = (a["nexthop"],)
            elif kind == 4:
                r.med = a["metric"]
            elif kind == 5:
                r.local_pref = a["value"]
            elif kind == 8:
                r.communities = tuple(f"{c >> 16}:{c & 0xffff}" for c in a["communities"])
            elif kind == 32:
                r.large_communities = tuple(
                    c if isinstance(c, str) else f"{c['ASN']}:{c['LocalData1']}:{c['LocalData2']}" for c in a["value"])
        return r


# --- ExaBGP ---


class ExaBgp(Daemon):
    """It keeps no table: what arrived is read from its JSON. Commands of its API go in through send()."""

    programs = ("exabgp",)
    talks = True  # logs all that it does

    def _neighbor(self, n):
        yield f"neighbor {n.address} {{"
        yield f"  router-id {self.router_id}; local-as {self.asn}; peer-as {n.asn};"
        yield f"  local-address {n.source};" if n.source else "  local-address auto;"
        if n.passive:
            yield "  passive true;"
        if n.port != 179:
            yield f"  connect {n.port};"
        if n.password:
            yield f'  md5-password "{n.password}"; md5-base64 false;'
        if n.hold is not None:
            yield f"  hold-time {n.hold};"
        if n.ttl_security:
            yield f"  incoming-ttl {256 - n.ttl_security}; outgoing-ttl 255;"
        capabilities = ["route-refresh enable;"]
        if n.graceful:
            capabilities.append("graceful-restart 60;")
        if n.extended_next_hop:
            capabilities.append("nexthop enable;")
        yield "  capability { %s }" % " ".join(capabilities)
        yield "  family { %s }" % " ".join(f"{f} unicast;" for f in n.families)
        if n.extended_next_hop:
            yield "  nexthop { ipv4 unicast ipv6; }"
        yield "  api { processes [ ears ]; neighbor-changes; receive { parsed; open; update; } }"
        yield from ("  " + line for line in n.extra)
        yield "}"

    def start(self):
        self.events_path, self.orders = self.of("events"), self.of("orders")
        os.mkfifo(self.orders)
        ears = self.write("ears.py", textwrap.dedent(f"""\
            import os, select, sys
            orders = os.open({self.orders!r}, os.O_RDWR | os.O_NONBLOCK)
            out = open({self.events_path!r}, "a", buffering=1)
            while True:
                for fd in select.select([0, orders], [], [])[0]:
                    data = os.read(fd, 65536)
                    if fd == 0:
                        if not data:
                            sys.exit()
                        out.write(data.decode()); out.flush()
                    else:
                        os.write(1, data)
            """))
        lines = ["process ears {", f"  run {sys.executable if os.path.exists(sys.executable) else '/usr/bin/python3'} {ears};",
                 "  encoder json;", "}"]
        for n in self.neighbors:
            lines += self._neighbor(n)
        path = self.write("exabgp.conf", "\n".join(lines + self.lines) + "\n")
        env = dict(ENV, **{"exabgp.tcp.bind": "0.0.0.0 ::", "exabgp.tcp.port": str(self.port), "exabgp.daemon.user": "root",
                           "exabgp.daemon.drop": "false", "exabgp.api.cli": "false", "exabgp.log.all": "true",
                           "exabgp.api.ack": "false", "exabgp.log.level": "INFO" if self.talks else "WARNING"})
        self.spawn("exabgp", path, env=env)
        return self

    def send(self, *lines):
        with open(self.orders, "w", encoding="utf-8") as f:
            f.write("".join(line + "\n" for line in lines))

    def events(self):
        if not os.path.exists(self.events_path):
            return []
        with open(self.events_path, encoding="utf-8") as f:
            return [json.loads(line) for line in f.read().split("\n")[:-1] if line.startswith("{")]

    def state(self, who):
        state = ""
        for e in self.events():
            n = e.get("neighbor", {})
            if e.get("type") == "state" and n.get("address", {}).get("peer") == who:
                state = {"up": "Established", "connected": "OpenSent", "down": "Idle"}.get(n.get("state"), n.get("state"))
        return state

    def neighbor(self, who):
        """The OPEN that came from there last."""
        opens = [e for e in self.events() if e.get("type") == "open" and e["neighbor"].get("direction") == "receive" and
                 e["neighbor"]["address"]["peer"] == who]
        return opens[-1]["neighbor"]["open"] if opens else {}

    def routes(self, family):
        found = {}
        for e in self.events():
            n = e.get("neighbor", {})
            if e.get("type") == "state" and n.get("state") == "down":
                found = {k: [r for r in v if r.peer != n["address"]["peer"]] for k, v in found.items()}
                found = {k: v for k, v in found.items() if v}
            update = n.get("message", {}).get("update") if e.get("type") == "update" else None
            if update:
                self._apply(found, update, n["address"]["peer"], family + " unicast")
        return found

    @staticmethod
    def _apply(found, update, peer, family):
        for prefix in update.get("withdraw", {}).get(family, ()):
            nlri = prefix["nlri"] if isinstance(prefix, dict) else prefix
            found[nlri] = [r for r in found.get(nlri, ()) if r.peer != peer]
            if not found[nlri]:
                del found[nlri]
        a = update.get("attribute", {})
        for next_hop, prefixes in update.get("announce", {}).get(family, {}).items():
            for prefix in prefixes:
                nlri = prefix["nlri"] if isinstance(prefix, dict) else prefix
                path = a.get("as-path", [])
                path = [n for s in path.values() for n in s["value"]] if isinstance(path, dict) else path
                r = Route(nlri, (next_hop,), " ".join(map(str, path)), a.get("local-preference"), a.get("med"),
                          a.get("origin", ""), tuple(f"{c[0]}:{c[1]}" for c in a.get("community", ())),
                          tuple(":".join(map(str, c)) for c in a.get("large-community", ())), peer=peer, raw=a)
                found[nlri] = [x for x in found.get(nlri, ()) if x.peer != peer] + [r]


# --- OpenBGPD ---


class OpenBgpd(Daemon):
    """No BFD, no kernel routes here."""

    programs = (OPENBGPD, "bgpctl")

    def _neighbor(self, n):
        yield f"neighbor {n.address} {{"
        yield f"  remote-as {n.asn}"
        yield f'  descr "{n.address}"'
        if n.port != 179:
            yield f"  port {n.port}"
        if n.passive:
            yield "  passive"
        if n.password:
            yield f"  tcp md5sig password {n.password}"
        if n.multihop:
            yield f"  multihop {n.multihop}"
        if n.ttl_security:
            yield "  ttl-security yes"
        if n.hold is not None:
            yield f"  holdtime {n.hold}"
        if n.source:
            yield f"  local-address {n.source}"
        for family in ("ipv4", "ipv6"):
            yield f"  announce {'IPv4' if family == 'ipv4' else 'IPv6'} {'unicast' if family in n.families else 'none'}"
        yield f"  announce restart {'yes' if n.graceful else 'no'}"
        yield from ("  " + line for line in n.extra)
        yield "}"

    def start(self):
        lines = [f"AS {self.asn}", f"router-id {self.router_id}", "fib-update no", f'socket "{self.of("ctl")}"',
                 f"listen on 0.0.0.0 port {self.port}", f"listen on :: port {self.port}"]
        for n in self.neighbors:
            lines += self._neighbor(n)
        lines += ["allow from any", "deny to any", *self.lines]
        path = self.write("bgpd.conf", "\n".join(lines) + "\n")
        os.chmod(path, 0o600)
        os.makedirs(pwd.getpwnam("_openbgpd").pw_dir, exist_ok=True)  # it changes its root to that, which its service would make
        self.spawn(OPENBGPD, "-d", "-v", "-f", path)
        until(lambda: "Neighbor" in self.bgpctl("show", check=False), PATIENCE, "OpenBGPD")
        return self

    def bgpctl(self, *argv, check=True):
        return self.net.run(self.ns, "bgpctl", "-s", self.of("ctl"), *argv, check=check)

    def json(self, *argv):
        text = self.bgpctl("-j", *argv)
        return json.loads(text[text.index("{"):]) if "{" in text else {}

    def neighbor(self, who):
        found = self.json("show", "neighbor", who).get("neighbors", ())
        return found[0] if found else {}

    def state(self, who):
        return self.neighbor(who).get("state", "")

    def routes(self, family):
        found = {}
        for r in self.json("show", "rib", "detail", "inet" if family == "ipv4" else "inet6").get("rib", ()):
            found.setdefault(r["prefix"], []).append(Route(
                r["prefix"], (r.get("exit_nexthop", ""),), r.get("aspath", ""), r.get("localpref"), r.get("metric"),
                r.get("origin", ""), tuple(r.get("communities", ())), tuple(r.get("large_communities", ())),
                stale=r.get("stale", False), peer=r.get("neighbor", {}).get("remote_addr", ""), raw=r))
        return found


ALL = (Frr, Bird, GoBgp, ExaBgp, OpenBgpd)
