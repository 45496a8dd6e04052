# SPDX-License-Identifier: Apache-2.0
"""`steellb pin` and `run --pin`: an address that was given stays."""
import contextlib
import os
import signal
import subprocess

import pytest

from folder import (Folder, documents, endpoints, l2_advertisement, node, plan, pool, service,
                    steellb)

VIP, VIP2, VIP3 = "198.18.0.10", "198.18.0.11", "198.18.0.12"
VIP6 = "2001:db8::a:10"
SMALL = "size=64k,mode=755"
POOL = pool("home", "198.18.0.10-198.18.0.19", "2001:db8::a:10/124")


def put(folder, name, *families, **spec):
    folder.put(f"{name}.yaml", service(name, *families, **spec), endpoints(name))


def put_cluster(folder):
    folder.put("cluster.yaml", POOL, l2_advertisement())


@pytest.fixture
def web(cluster):
    """The Service `web`, and room for others before and after it."""
    for n in ("elm", "fir"):
        cluster.folder.remove(f"node-{n}.yaml")
    put_cluster(cluster.folder)
    put(cluster.folder, "web")
    return cluster


@pytest.fixture
def tree(tmp_path):
    f = Folder(str(tmp_path / "tree"))
    put_cluster(f)
    put(f, "web")
    return f


def addresses(status):
    return {s["name"]: s["addresses"] for s in status["services"]}


def planned(folder):
    return {name: s.get("addresses") for name, s in plan(folder).items()}


def pin(folder):
    return steellb("pin", "-f", folder.path)


def pinned(folder):
    r = pin(folder)
    assert r.returncode == 0 and r.stderr == "", r.stderr
    return r.stdout


def identity(folder):
    st = os.stat(folder.of("pins.yaml"))
    return st.st_ino, st.st_mtime_ns


def restart(cluster, *args):
    cluster.processes["oak"].stop()
    cluster.start("oak", args=args)
    return cluster.processes["oak"]


# --- without pins ---


def test_requested_address_needs_no_pin(web):
    asks = service("web", annotations={"metallb.io/loadBalancerIPs": VIP})
    web.folder.put("web.yaml", asks, endpoints("web"))
    web.start("oak")
    web.processes["oak"].until_log("service has an address", f"ip={VIP}")
    assert "not pinned" not in web.processes["oak"].log()


def test_running_process_moves_nothing(web):
    """What it holds stays while it runs, and it warns that this lasts no longer."""
    web.start("oak")
    oak = web.processes["oak"]
    oak.until_log(" warn address is not pinned", "service=default/web", f"ip={VIP}")
    put(web.folder, "aaa")
    web.until_answered(VIP2, "oak")
    assert addresses(oak.status()) == {"aaa": [VIP2], "web": [VIP]}
    oak.until_log(" warn address is not pinned", "service=default/aaa", f"ip={VIP2}")

    oak = restart(web)
    assert addresses(oak.status()) == {"aaa": [VIP], "web": [VIP2]} == planned(web.folder)
    web.until_answered(VIP2, "oak")


# --- steellb pin ---


def test_pin(tree):
    put(tree, "zdual", "IPv6", "IPv4")
    put(tree, "six", "IPv6")
    before = planned(tree)
    assert before == {"six": [VIP6], "web": [VIP], "zdual": before["zdual"]}
    assert len(before["zdual"]) == 2
    files = set(os.listdir(tree.path))
    assert pinned(tree).startswith("3 ")
    assert set(os.listdir(tree.path)) - files == {"pins.yaml"}
    text = tree.read("pins.yaml")
    assert text.startswith("#") and text.count("kind: Service") == 3 and "spec" not in text
    for ip in before["zdual"] + [VIP, VIP6]:
        assert f'"{ip}"' in text
    assert planned(tree) == before

    put(tree, "aaa", "IPv4", "IPv6")
    put(tree, "bbb", "IPv6")
    after = planned(tree)
    assert {k: v for k, v in after.items() if k in before} == before
    assert after["aaa"] and after["bbb"]


def test_pin_again(tree):
    """What says the same is not written again."""
    pinned(tree)
    first, text = identity(tree), tree.read("pins.yaml")
    pinned(tree)
    assert identity(tree) == first
    put(tree, "aaa")
    assert pinned(tree).startswith("2 ")
    assert tree.read("pins.yaml") != text
    assert planned(tree) == {"aaa": [VIP2], "web": [VIP]}
    tree.remove("aaa.yaml")
    assert pinned(tree).startswith("1 ")
    assert tree.read("pins.yaml") == text


def test_entry_is_removed(tree):
    put(tree, "xxx")
    pinned(tree)
    put(tree, "aaa")
    text = tree.read("pins.yaml").split("---\n")
    assert len(text) == 3
    tree.write("pins.yaml", "---\n".join([text[0]] + [d for d in text[1:] if '"web"' not in d]))
    assert planned(tree) == {"aaa": [VIP], "web": [VIP3], "xxx": [VIP2]}


def test_pool_moves_away(tree):
    """An address that no pool has any more is let go, and the new one is pinned."""
    pinned(tree)
    tree.put("cluster.yaml", pool("home", "198.18.0.12-198.18.0.19"), l2_advertisement())
    assert planned(tree) == {"web": [VIP3]}
    pinned(tree)
    put(tree, "aaa")
    tree.put("cluster.yaml", POOL, l2_advertisement())
    assert planned(tree) == {"aaa": [VIP], "web": [VIP3]}


def test_nothing_to_pin(tree):
    tree.remove("web.yaml")
    assert pinned(tree).startswith("0 ")
    assert not os.path.exists(tree.of("pins.yaml"))


def test_faults_are_not_pinned(tree):
    pinned(tree)
    text = tree.read("pins.yaml")
    put(tree, "aaa")
    tree.put("zbad.yaml", pool("bad", "198.18.0.300"))
    r = pin(tree)
    assert r.returncode == 1 and "metallb-system/bad" in r.stderr
    assert tree.read("pins.yaml") == text
    tree.write("zbad.yaml", "a: [\n")
    r = pin(tree)
    assert r.returncode == 2 and "zbad.yaml" in r.stderr
    assert tree.read("pins.yaml") == text


def test_no_folder():
    r = steellb("pin", "-f", "/nonexistent/folder")
    assert r.returncode == 2 and "/nonexistent/folder" in r.stderr


RANGE = "198.18.0.10-198.18.0.19"
ELSEWHERE = {
    "another Service before it": ("aaa.yaml", [service("aaa")]),
    "another wants its address": ("aaa.yaml", [service("aaa", loadBalancerIP=VIP)]),
    "another has its address in its status": ("aaa.yaml", [
        {**service("aaa"), "status": {"loadBalancer": {"ingress": [{"ip": VIP}]}}}]),
    "many before it": ("aaa.yaml", [service(f"a{i}") for i in range(9)]),
    "a pool that comes first": ("pools.yaml", [pool("aaa", "198.18.3.0/24", serviceAllocation={
        "priority": 1})]),
    "the pool has another name": ("cluster.yaml", [pool("renamed", RANGE), l2_advertisement()]),
    "the pool is cut in two": ("cluster.yaml", [pool("aaa", "198.18.0.13-198.18.0.19"),
                                                pool("bbb", "198.18.0.10-198.18.0.12"),
                                                l2_advertisement()]),
    "the pool is no longer for all": ("cluster.yaml", [pool("home", RANGE, autoAssign=False),
                                                       pool("aaa", "198.18.3.0/24"),
                                                       l2_advertisement()]),
    "the pool grows at its front": ("cluster.yaml", [pool("home", "198.18.0.2-198.18.0.19"),
                                                     l2_advertisement()]),
    "the Service lies in another file": ("0.yaml", [service("web"), endpoints("web")]),
}


@pytest.mark.parametrize("name, objects", ELSEWHERE.values(), ids=ELSEWHERE.keys())
@pytest.mark.parametrize("how", ["pinned", "running"])
def test_edit_elsewhere(web, how, name, objects):
    """It moves neither what is pinned, over a restart, nor what a process holds, without one."""
    if how == "pinned":
        pinned(web.folder)
    web.start("oak")
    web.until_answered(VIP, "oak")
    if objects[0]["metadata"]["name"] == "web":
        os.rename(web.folder.of("web.yaml"), web.folder.of("." + name))
        os.rename(web.folder.of("." + name), web.folder.of(name))
    else:
        web.folder.put(name, *objects)
    put(web.folder, "zmark")
    web.processes["oak"].until_status(lambda s: "zmark" in addresses(s))
    web.until_answered(VIP, "oak")
    assert addresses(web.processes["oak"].status())["web"] == [VIP]
    assert "withdrawing" not in web.processes["oak"].log()
    if how == "pinned":
        assert planned(web.folder)["web"] == [VIP]
        assert addresses(restart(web).status())["web"] == [VIP]


# --- a process and pins ---


def test_pinned_before_the_start(web):
    pinned(web.folder)
    put(web.folder, "aaa")
    web.start("oak")
    web.until_answered(VIP, "oak")
    oak = web.processes["oak"]
    assert addresses(oak.status()) == {"aaa": [VIP2], "web": [VIP]}
    assert "not pinned" not in "".join(x for x in oak.log().splitlines() if "default/web" in x)
    oak.until_log("not pinned", "service=default/aaa")
    pinned(web.folder)
    put(web.folder, "aab")
    web.until_answered(VIP3, "oak")
    oak = restart(web)
    assert addresses(oak.status()) == {"aaa": [VIP2], "aab": [VIP3], "web": [VIP]}


def test_run_pins(web):
    """It keeps the file up to date, and its own writing leads to one more reading and no other."""
    web.start("oak", args=["--pin"])
    oak = web.processes["oak"]
    oak.until_status(lambda s: s["readings"] == 2)
    assert planned(web.folder) == {"web": [VIP]}
    put(web.folder, "aaa")
    oak.until_status(lambda s: s["readings"] == 4)
    assert addresses(oak.status()) == {"aaa": [VIP2], "web": [VIP]} == planned(web.folder)
    file = identity(web.folder)
    oak.signal(signal.SIGHUP)
    oak.until_status(lambda s: s["readings"] > 4)
    assert oak.status()["readings"] == 5 and identity(web.folder) == file

    oak = restart(web)  # as another node would read it
    assert addresses(oak.status()) == {"aaa": [VIP2], "web": [VIP]}
    assert "not pinned" not in oak.log()
    oak = restart(web, "--pin")
    assert oak.status()["readings"] == 1 and identity(web.folder) == file

    web.folder.remove("web.yaml")
    oak.until_status(lambda s: s["readings"] == 3)
    assert '"web"' not in web.folder.read("pins.yaml")
    put(web.folder, "zzz")
    web.until_answered(VIP, "oak")
    assert addresses(oak.status()) == {"aaa": [VIP2], "zzz": [VIP]}


def test_others_follow_the_pinning_node(cluster):
    """A node that has run for long and one that just started agree, by the pins of a third."""
    put_cluster(cluster.folder)
    put(cluster.folder, "web")
    cluster.start("oak", args=["--pin"])
    cluster.processes["oak"].until_status(lambda s: s["readings"] == 2)
    cluster.start("elm")
    put(cluster.folder, "aaa")
    cluster.processes["oak"].until_status(lambda s: s["readings"] == 4)
    cluster.start("fir")
    want = {"aaa": [VIP2], "web": [VIP]}
    cluster.until_adopted(lambda s: addresses(s) == want)
    layer2 = {name: s["layer2"][0]["node"] for name, s in plan(cluster.folder).items()}
    cluster.until_answered(VIP, layer2["web"])
    cluster.until_answered(VIP2, layer2["aaa"])


# --- disks ---


@contextlib.contextmanager
def mounted(path, options):
    """A file system of its own; a process that was started before has it too."""
    os.makedirs(path, exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "steellb-test", path], check=True)
    try:
        yield path
    finally:
        subprocess.run(["umount", "-l", path], check=True)


@pytest.fixture
def small_disk(tmp_path):
    with mounted(str(tmp_path / "disk"), SMALL) as path:
        f = Folder(path)
        put_cluster(f)
        put(f, "web")
        pinned(f)
        put(f, "aaa")
        yield f


def fill(folder):
    with contextlib.suppress(OSError), open(folder.of("filler"), "wb", buffering=0) as f:
        while f.write(bytes(4096)):
            pass


def assert_not_pinned(folder, text, why):
    files = set(os.listdir(folder.path))
    r = pin(folder)
    assert r.returncode == 1 and r.stdout == ""
    assert "pins.yaml" in r.stderr and why in r.stderr and "the old file is unchanged" in r.stderr
    assert folder.read("pins.yaml") == text
    assert set(os.listdir(folder.path)) == files


def test_disk_is_full(small_disk):
    text = small_disk.read("pins.yaml")
    fill(small_disk)
    assert_not_pinned(small_disk, text, "No space left on device")
    small_disk.remove("filler")
    assert pinned(small_disk).startswith("2 ")
    assert small_disk.read("pins.yaml") != text


def test_folder_is_read_only(small_disk):
    text = small_disk.read("pins.yaml")
    subprocess.run(["mount", "-o", "remount,ro", small_disk.path], check=True)
    assert_not_pinned(small_disk, text, "Read-only file system")


def test_run_on_a_full_disk(web, small_disk):
    """It says so, goes on, and pins when there is room again."""
    small_disk.put("node-oak.yaml", node("oak"))
    text = small_disk.read("pins.yaml")
    fill(small_disk)
    web.folder = small_disk
    web.start("oak", args=["--pin"])
    oak = web.processes["oak"]
    oak.until_log(" error addresses are not pinned", "No space left on device", "pins.yaml")
    web.until_answered(VIP, "oak")
    web.until_answered(VIP2, "oak")
    assert small_disk.read("pins.yaml") == text
    assert ".pins.yaml.new" not in os.listdir(small_disk.path)
    small_disk.remove("filler")
    put(small_disk, "zzz")
    web.until_answered(VIP3, "oak")
    oak.until_status(lambda s: s["readings"] >= 3)
    assert planned(small_disk) == {"aaa": [VIP2], "web": [VIP], "zzz": [VIP3]}
    assert small_disk.read("pins.yaml").count("kind: Service") == 3


def test_run_on_a_read_only_folder(web, small_disk):
    small_disk.put("node-oak.yaml", node("oak"))
    subprocess.run(["mount", "-o", "remount,ro", small_disk.path], check=True)
    web.folder = small_disk
    web.start("oak", args=["--pin"])
    web.processes["oak"].until_log(" error addresses are not pinned", "Read-only file system")
    web.until_answered(VIP, "oak")
    web.until_answered(VIP2, "oak")


def fill_with_oak(folder):
    put_cluster(folder)
    put(folder, "web")
    folder.put("node-oak.yaml", node("oak"))


def test_disk_goes_and_comes(web, tmp_path):
    """Unmounting lays an empty folder bare; that is not the folder. The process has a mount namespace
    of its own, so it is done there."""
    path = str(tmp_path / "disk")
    with mounted(path, SMALL):
        web.folder = Folder(path)
        fill_with_oak(web.folder)
        web.start("oak")
    web.until_answered(VIP, "oak")
    oak = web.processes["oak"]
    inside = ["nsenter", "-t", str(oak.pid()), "-m"]
    subprocess.run([*inside, "umount", path], check=True)
    oak.until_log("manifest folder is gone; its last state stays")
    web.until_answered(VIP, "oak")

    subprocess.run([*inside, "mount", "-t", "tmpfs", "-o", SMALL, "steellb-test", path], check=True)
    there = Folder(f"/proc/{oak.pid()}/root{path}")
    there.write("all.yaml", documents(pool("home", "198.18.0.10-198.18.0.19"), l2_advertisement(),
                                      node("oak"), service("web"), endpoints("web"), service("zzz"),
                                      endpoints("zzz")))
    web.until_answered(VIP2, "oak")
    web.until_answered(VIP, "oak")
