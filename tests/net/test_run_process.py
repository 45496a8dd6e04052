# SPDX-License-Identifier: Apache-2.0
"""`steellb run` as a process: its control socket, its privileges, its command line."""
import json
import os
import pwd
import resource
import socket
import stat
import threading

import pytest

from folder import PATIENCE, Process, endpoints, l2_advertisement, pool, service, steellb
from netns import until

VIP, VIP2 = "198.18.0.10", "198.18.0.11"
CAP_NET_RAW = 1 << 13


@pytest.fixture
def web(cluster):
    """One Service, and one that has to wait for an address."""
    for n in ("elm", "fir"):
        cluster.folder.remove(f"node-{n}.yaml")
    cluster.folder.put("cluster.yaml", pool("home", "198.18.0.10-198.18.0.19"), l2_advertisement())
    cluster.folder.put("web.yaml", service("web"), endpoints("web"))
    cluster.folder.put("zwait.yaml", service("zwait", loadBalancerIP="198.18.9.9"))
    return cluster


@pytest.fixture
def oak(web):
    web.start("oak")
    web.until_answered(VIP, "oak")
    return web.processes["oak"]


def status_command(process, *args):
    return steellb("status", "--control-socket", process.socket_path, *args)


# --- status ---


def test_status_json(web, oak):
    r = status_command(oak, "-o", "json")
    assert r.returncode == 0 and r.stderr == ""
    status = json.loads(r.stdout)
    assert (status["kind"], status["version"]) == ("Status", 1)
    assert status["node"] == "oak" and status["folder"] == web.folder.path
    assert status["readings"] == 1 and status["refusals"] == 0 and "refused" not in status
    assert status["upSeconds"] >= 0 and status["appliedAt"] > 1_000_000_000
    assert status["steellb"] in steellb("version").stdout

    address, = status["announcing"]
    assert address["address"] == VIP and address["services"] == ["default/web"]
    assert address["allInterfaces"] is True and address["interfaces"] == []
    assert address["requestsReceived"] >= address["responsesSent"] >= 1
    assert address["gratuitousSent"] >= 1 and address["sinceSeconds"] >= 0

    links = {x["name"]: x for x in status["interfaces"]}
    assert links["eth0"]["arp"] and links["eth0"]["ndp"] and "reason" not in links["eth0"]
    assert links["lo"]["reason"] == "excluded" and not links["lo"]["arp"]
    assert links["eth0"]["index"] > 1 and links["eth0"]["dropped"] >= 0

    first, second = status["services"]
    assert first == {"namespace": "default", "name": "web", "addresses": [VIP], "node": "oak"}
    assert second["name"] == "zwait" and second["addresses"] == []
    assert "198.18.9.9" in second["pending"] and "node" not in second


def test_status_text(web, oak):
    r = status_command(oak)
    assert r.returncode == 0 and r.stderr == ""
    lines = r.stdout.splitlines()
    assert lines[0].startswith(f"node oak, folder {web.folder.path}, up ")
    assert lines[1] == "announcing 1 address"
    assert lines[2].startswith(f"  {VIP} on all interfaces for default/web, since ")
    assert f"  default/web {VIP} from node oak" in lines
    assert any(x.startswith("  default/zwait no address: ") and "198.18.9.9" in x for x in lines)
    assert "  eth0: ARP and NDP" in lines and "  lo: excluded" in lines


def test_status_counts(web, oak):
    before = oak.status()["announcing"][0]
    for _ in range(10):
        assert web.repliers(VIP)
    after = oak.status()["announcing"][0]
    assert after["requestsReceived"] - before["requestsReceived"] == 10
    assert after["responsesSent"] - before["responsesSent"] == 10


def test_status_of_nobody():
    r = steellb("status", "--control-socket", "/nonexistent/socket")
    assert r.returncode == 1 and r.stdout == ""
    assert "/nonexistent/socket" in r.stderr and "is `steellb run` running" in r.stderr
    assert len(r.stderr.splitlines()) == 1


@pytest.mark.parametrize("form", ["text", "json"])
def test_status_cut_short(tmp_path, form):
    path = str(tmp_path / "socket")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as server:
        server.bind(path)
        server.listen()

        def answer():
            client, _ = server.accept()
            client.sendall(b'{"kind": "Status", "node": "oa')
            client.close()
        thread = threading.Thread(target=answer)
        thread.start()
        r = steellb("status", "--control-socket", path, "-o", form)
        thread.join()
    assert r.returncode == 1 and r.stdout == "" and "cut short" in r.stderr


@pytest.mark.parametrize("answer, complaint", [
    (b'[\n{"prefix":"198.18.0.10/32","peer":"tor","state":"sent"},\n{"prefix":"198', "cut short"),
    (b'{\n  "error": "no such filter"\n}\n', "no such filter"), (b"", "cut short"), (b'{"kind": "Status"}\n', "cut short")])
def test_routes_cut_short(tmp_path, answer, complaint):
    path = str(tmp_path / "socket")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as server:
        server.bind(path)
        server.listen()
        asked = []

        def serve():
            client, _ = server.accept()
            asked.append(client.recv(100))
            client.sendall(answer)
            client.close()
        thread = threading.Thread(target=serve)
        thread.start()
        r = steellb("status", "routes", "198.18.0.10", "--peer", "tor", "--control-socket", path)
        thread.join()
    assert asked == [b"routes within 198.18.0.10 peer tor\n"]
    assert r.returncode == 1 and complaint in r.stderr
    assert r.stdout == ("198.18.0.10/32 to tor: sent\n" if answer[:1] == b"[" else "")


def test_names_of_any_bytes(web, oak):
    """The answer is JSON all the same, and the listing is fit for a terminal."""
    with open(os.fsencode(web.folder.of("caf")) + b"\xe9\x1b.yaml", "wb") as f:
        f.write(b"kind: [\n")
    oak.until_status(lambda s: "caf?\x1b.yaml:" in s.get("refused", ""))
    r = status_command(oak)
    assert r.returncode == 0 and "caf??.yaml:" in r.stdout


def test_socket_is_private(oak):
    st = os.stat(oak.socket_path)
    assert stat.S_ISSOCK(st.st_mode) and stat.S_IMODE(st.st_mode) == 0o600 and st.st_uid == 0


def test_client_that_never_reads(web, oak):
    """Nor asks, nor closes: others are served all the same, and the network too."""
    idle = []
    for _ in range(20):
        s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        s.connect(oak.socket_path)
        idle.append(s)
    web.until_answered(VIP, "oak")
    assert oak.status()["node"] == "oak"
    for s in idle:
        s.close()
    assert oak.status()["node"] == "oak"


def test_out_of_descriptors(web, oak):
    """The client waits; the loop tries again now and then, instead of all the time."""
    limit = resource.prlimit(oak.pid(), resource.RLIMIT_NOFILE)
    resource.prlimit(oak.pid(), resource.RLIMIT_NOFILE, (3, limit[1]))
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as s:
        s.settimeout(PATIENCE)
        s.connect(oak.socket_path)
        oak.until_log("accept", "Too many open files")
        before = oak.log()
        until(lambda: oak.log() != before, PATIENCE, "another try")
        resource.prlimit(oak.pid(), resource.RLIMIT_NOFILE, limit)
        data = b"".join(iter(lambda: s.recv(65536), b""))
    assert json.loads(data)["node"] == "oak"
    assert oak.log().count("Too many open files") <= PATIENCE
    web.until_answered(VIP, "oak")


def test_without_socket(web):
    p = Process(web.net, "oak", web.folder.path, "--control-socket", "")
    web.ear.until_gratuitous(VIP, web.mac_of("oak"))
    assert not os.path.exists(p.socket_path)
    p.stop()


# --- two processes ---


def test_stale_socket(web, oak):
    oak.kill()
    assert os.path.exists(oak.socket_path)
    p = web.processes["oak"] = Process(web.net, "oak", web.folder.path, socket_path=oak.socket_path)
    p.ready()
    web.until_answered(VIP, "oak")
    p.stop()
    assert not os.path.exists(p.socket_path)


def test_second_process(web, oak):
    second = Process(web.net, "oak", web.folder.path, socket_path=oak.socket_path)
    assert second.until_exit() == 1
    message, = second.until_log(" error cannot start")
    assert oak.socket_path in message and "another process answers there" in message
    assert oak.status()["node"] == "oak"  # it still has its socket
    web.until_answered(VIP, "oak")


def test_something_else_at_the_path(web):
    path = os.path.join(web.net.folder, "precious")
    with open(path, "w", encoding="utf-8") as f:
        f.write("kept")
    p = Process(web.net, "oak", web.folder.path, socket_path=path)
    assert p.until_exit() == 1
    message, = p.until_log(" error cannot start")
    assert path in message and "something else" in message
    with open(path, encoding="utf-8") as f:
        assert f.read() == "kept"


# --- privileges ---


def fields_of(process):
    with open(f"/proc/{process.pid()}/status", encoding="utf-8") as f:
        return dict(line.rstrip("\n").split(":\t", 1) for line in f)


def assert_only_net_raw(fields):
    assert int(fields["CapEff"], 16) == int(fields["CapPrm"], 16) == CAP_NET_RAW
    assert int(fields["CapInh"], 16) == int(fields["CapAmb"], 16) == 0
    assert int(fields["CapBnd"], 16) == CAP_NET_RAW
    assert fields["NoNewPrivs"] == "1"


def test_privileges(web, oak):
    fields = fields_of(oak)
    assert_only_net_raw(fields)
    assert set(fields["Uid"].split()) == {"0"}


def test_user(web, monkeypatch):
    """It answers also on links that come later, for which it opens sockets as that user."""
    # A process that changed its user cannot be traced, which the leak check would do.
    monkeypatch.setenv("ASAN_OPTIONS", os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0")
    nobody = pwd.getpwnam("nobody")
    os.chmod(web.net.folder, 0o755)  # it is made for us alone
    web.start("oak", args=["--user", "nobody"])
    oak = web.processes["oak"]
    fields = fields_of(oak)
    assert_only_net_raw(fields)
    assert set(fields["Uid"].split()) == {str(nobody.pw_uid)}
    assert set(fields["Gid"].split()) == {str(nobody.pw_gid)}
    assert fields["Groups"].split() == []
    web.until_answered(VIP, "oak")
    web.net.run("oak", "ip", "link", "set", "eth0", "down")
    oak.until_status(lambda s: any(x.get("reason") == "down" for x in s["interfaces"]))
    web.net.run("oak", "ip", "link", "set", "eth0", "up")
    web.until_answered(VIP, "oak")
    web.folder.put("zdns.yaml", service("zdns"), endpoints("zdns"))
    web.until_answered(VIP2, "oak")


def test_unknown_user(web):
    p = Process(web.net, "oak", web.folder.path, "--user", "nobody-of-that-name")
    assert p.until_exit() == 1
    assert "nobody-of-that-name" in p.until_log(" error cannot start")[0]
    assert not os.path.exists(p.socket_path)


def test_realtime(web):
    """Raised before the privileges go. Without CAP_SYS_NICE a warning says so."""
    oak = web.processes["oak"] = Process(web.net, "oak", web.folder.path, "--realtime").ready()
    web.until_answered(VIP, "oak")
    if "cannot raise the priority" not in oak.log():
        policy = os.sched_getscheduler(oak.pid()) & ~os.SCHED_RESET_ON_FORK
        assert policy == os.SCHED_RR or os.getpriority(os.PRIO_PROCESS, oak.pid()) == -15
    assert oak.status()["node"] == "oak"


def test_without_net_raw(web):
    p = Process(web.net, "oak", web.folder.path, prefix=("capsh", "--drop=cap_net_raw", "--", "-c",
                                                         'exec "$@"', "sh"))
    assert p.until_exit() == 1
    assert "NET_RAW" in p.until_log(" error cannot start")[0]


def test_little_is_enough(web):
    """Root without anything but NET_RAW."""
    p = web.processes["oak"] = Process(
        web.net, "oak", web.folder.path,
        prefix=("setpriv", "--bounding-set=-all,+net_raw", "--inh-caps=-all"))
    p.ready()
    web.until_answered(VIP, "oak")
    assert_only_net_raw(fields_of(p))


# --- the command line ---


@pytest.mark.parametrize("args, word", [
    (["-f", "d"], "--node-name"),
    (["--node-name", "oak"], "-f FOLDER"),
    (["-f", "d", "--node-name", "oak", "more"], "arguments"),
    (["-f", "d", "--node-name", "oak", "--log-level", "loud"], "--log-level"),
    (["-f", "d", "--node-name", "oak", "--gratuitous-arp-interval", "-1"], "interval"),
    (["-f", "d", "--node-name", "oak", "--unheard-of"], "unheard-of"),
])
def test_usage(args, word):
    r = steellb("run", *args)
    assert r.returncode == 2 and word in r.stderr and r.stdout == ""


def test_help():
    r = steellb("run", "--help")
    assert r.returncode == 0 and "--node-name" in r.stdout and r.stderr == ""


def test_bad_expression(web):
    p = Process(web.net, "oak", web.folder.path, "--exclude-interface", "eth[")
    assert p.until_exit() != 0
    assert "eth[" in p.log()


def test_log_level(web):
    p = web.processes["oak"] = Process(web.net, "oak", web.folder.path, "--log-level", "error")
    p.ready()
    web.until_answered(VIP, "oak")
    assert p.log() == ""


def test_starts_amid_an_edit(web):
    """What is written while it starts is read, too."""
    for i in range(5):
        p = Process(web.net, "oak", web.folder.path)
        ip = f"198.18.0.{12 + i}"
        web.folder.put("web.yaml", service("web", loadBalancerIP=ip), endpoints("web"))
        web.processes["oak"] = p.ready()
        web.until_answered(ip, "oak")
        assert [a["address"] for a in p.status()["announcing"]] == [ip]
        p.stop()
