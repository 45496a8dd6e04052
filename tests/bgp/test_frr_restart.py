# SPDX-License-Identifier: Apache-2.0
"""How a session ends, with graceful restart (RFC 4724, RFC 8538) and without: what FRR keeps, what it forgets, and when."""
import contextlib
import re
import subprocess

import pytest

from lab import (SPEAKER, Speaker, announced, bfd_profile, cable, dissect, dissected, drained, frr, kernel_changes, many, notifications,
                 peer, speaker, to_speaker)
from netns import until
from peers import PATIENCE, Frr

ADDRESS, ROUTE = "198.18.0.10", "198.18.0.10/32"
TWO = ["198.18.0.0/32", "198.18.0.1/32"]

pytestmark = pytest.mark.skipif(Frr.missing() is not None, reason=str(Frr.missing()))


def graceful_peer(**spec):
    return peer(enableGracefulRestart=True, **spec)


def graceful_frr(net, **neighbor):
    cable(net)
    return frr(net, to_speaker(graceful=True, **neighbor))


def restart_mode(router):
    return router.neighbor(SPEAKER)["gracefulRestartInfo"]["remoteGrMode"]


def lost(changes):
    """Of what kernel_changes() tells: prefixes that were taken away."""
    return re.findall(r"^Deleted (198\.18\.\S+)", "".join(changes), re.MULTILINE)


@contextlib.contextmanager
def pinged(router, target):
    """Every echo request meanwhile is answered."""
    router.net.run("speaker", "ip", "route", "add", "local", target, "dev", "lo")
    p = router.net.popen(router.ns, "ping", "-i", "0.1", target, stdout=subprocess.PIPE, text=True)
    yield
    p.send_signal(2)
    out, _ = p.communicate(timeout=10)
    sent, answered = map(int, re.search(r"(\d+) packets transmitted, (\d+) received", out).groups())
    assert answered >= sent - 1, out  # the last one may be on its way


def until_gone(router):
    """At once: no route is stale before."""
    seen = []
    until(lambda: seen.append(router.routes("ipv4")) or not seen[-1], PATIENCE, "no routes", step=0.02)
    assert not any(r.stale for routes in seen for rs in routes.values() for r in rs)


def fresh(router, prefixes):
    router.until_routes("ipv4", prefixes)
    until(lambda: set(router.kernel_routes()) == set(prefixes), PATIENCE, "routes in the kernel")


def test_routes_outlive_a_killed_speaker(net):
    router = graceful_frr(net)
    with dissected(net), kernel_changes(router) as changes:
        s = Speaker(net, graceful_peer(), *many(2)).ready()
        fresh(router, TWO)
        assert restart_mode(router) == "Restart"
        with pinged(router, "198.18.0.0"):
            s.kill()
            router.until_stale(TWO)
            assert set(router.kernel_routes()) == set(TWO)
            with speaker(net, graceful_peer(), *many(1)):  # one Service has gone meanwhile
                fresh(router, TWO[:1])
                assert set(lost(changes())) == {"198.18.0.1"}
        s.check_log()


def test_what_is_gone_goes_with_the_end_of_rib(net):
    """And not before: a table that is still filling takes no route away."""
    router = graceful_frr(net)
    with dissected(net):
        s = Speaker(net, graceful_peer(), *many(2)).ready()
        fresh(router, TWO)
        s.kill()
        router.until_stale(TWO)
        with net.capture("speaker", "eth0", "tcp port 179") as capture, speaker(net, graceful_peer(), *many(1)):
            fresh(router, TWO[:1])
        updates = dissect(capture, f"bgp.type == 2 && ip.src == {SPEAKER}", "-T", "fields", "-e", "bgp.prefix_length", "-e", "bgp.nlri_prefix")
        assert "198.18.0.0" in " ".join(updates)
        assert dissect(capture, f"bgp.cap.gr.timers.restart_flag == 1 && ip.src == {SPEAKER}"), "the speaker says that it has restarted"


@pytest.mark.parametrize("bfd", [False, True], ids=["plain", "BFD"])
def test_a_planned_restart_is_silent(net, bfd):
    """With BFD, too."""
    more = {"bfdProfile": "fast"} if bfd else {}
    router = graceful_frr(net, bfd=bfd)
    objects = [graceful_peer(**more), bfd_profile(), *announced(ADDRESS)]
    with dissected(net) as capture, kernel_changes(router) as changes:
        s = Speaker(net, *objects).ready()
        fresh(router, [ROUTE])
        if bfd:
            router.until_bfd()
        with contextlib.ExitStack() as again:
            with pinged(router, ADDRESS):
                s.stop()
                router.until_stale([ROUTE])
                s = again.enter_context(speaker(net, *objects))
                fresh(router, [ROUTE])
                assert lost(changes()) == []
            s.put(*objects[:0])  # the next end is one for good
            router.until_routes("ipv4", [])
    assert notifications(capture) == [(6, 9)]


def test_without_graceful_restart_routes_go_at_once(net):
    router = graceful_frr(net)
    with dissected(net) as capture:
        for end in ("kill", "stop"):
            s = Speaker(net, peer(enableGracefulRestart=False), *announced(ADDRESS)).ready()
            fresh(router, [ROUTE])
            assert restart_mode(router) in ("Helper", "NotApplicable")
            getattr(s, end)()
            until_gone(router)
    assert notifications(capture) == [(6, 9)]


def deconfigure(s):
    s.put(*announced(ADDRESS))


def shut(s):
    s.put(graceful_peer(), *announced(ADDRESS, nodes=()))


def drain(s):
    s.folder.put("nodes.yaml", drained("force"))
    s.until_log("routes are withdrawn now")
    s.stop()


@pytest.mark.parametrize("end, notified", [(deconfigure, [(6, 9)]), (shut, []), (drain, [(6, 9)])], ids=lambda x: getattr(x, "__name__", ""))
def test_what_ends_for_good_is_not_kept(net, end, notified):
    """Although both sides agreed on graceful restart: a Hard Reset, or withdrawn."""
    router = graceful_frr(net)
    with dissected(net) as capture, speaker(net, graceful_peer(), *announced(ADDRESS), args=("--drain-delay", "100ms")) as s:
        fresh(router, [ROUTE])
        end(s)
        until_gone(router)
        until(lambda: router.kernel_routes() == {}, PATIENCE, "nothing in the kernel")
        assert [x for x in notifications(capture) if x != (6, 2)] == notified


def test_a_reset_by_the_router_is_survived(net):
    """`clear bgp`, with graceful restart: there is another session and no route is left stale."""
    router = graceful_frr(net)
    with dissected(net), speaker(net, graceful_peer(), *announced(ADDRESS)):
        fresh(router, [ROUTE])
        before = router.neighbor(SPEAKER)["connectionsEstablished"]
        router.clear()
        until(lambda: router.neighbor(SPEAKER)["connectionsEstablished"] > before, PATIENCE, "the next session")
        fresh(router, [ROUTE])


def after_boot():
    """What makes a process believe that the host came up 30 s ago, or None where that cannot be had."""
    with open("/proc/uptime", encoding="utf-8") as f:
        up = int(float(f.read().split()[0]))
    prefix = ("unshare", "--time", "--boottime", str(30 - up))
    r = subprocess.run([*prefix, "cat", "/proc/uptime"], text=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    return prefix if r.returncode == 0 and float(r.stdout.split()[0]) < 60 else None


def test_after_a_boot_nothing_is_claimed_to_have_survived(net):
    """F is clear: a helper throws away what it kept before it learns the new."""
    prefix = after_boot()
    if prefix is None:
        pytest.skip("no time namespaces that exec enters")
    router = graceful_frr(net)
    with dissected(net) as capture:
        s = Speaker(net, graceful_peer(), *many(2)).ready()
        fresh(router, TWO)
        s.kill()
        router.until_stale(TWO)
        with speaker(net, graceful_peer(), *many(2), prefix=prefix):
            fresh(router, TWO)
    flags = dissect(capture, f"bgp.cap.gr.flag && ip.src == {SPEAKER}", "-T", "fields", "-e", "bgp.cap.gr.flag.pfs")
    assert flags[:1] == ["1"] and flags[-1] == "0", flags
