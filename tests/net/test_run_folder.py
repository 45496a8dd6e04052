# SPDX-License-Identifier: Apache-2.0
"""`steellb run` and its folder: bad edits, editors, slow writers, a folder that goes away."""
import os
import shutil
import signal
import time

import pytest

from folder import (NAMESPACE, PATIENCE, Process, documents, endpoints, l2_advertisement, node, pool,
                    service, steellb)
from lan import Ear
from netns import until

VIP, VIP2 = "198.18.0.10", "198.18.0.11"
POOL = pool("home", "198.18.0.10-198.18.0.19")


def put_web(cluster, **spec):
    cluster.folder.put("web.yaml", service("web", **spec), endpoints("web"))


def put_dns(cluster):
    cluster.folder.put("zdns.yaml", service("zdns"), endpoints("zdns"))


@pytest.fixture
def oak(cluster):
    """One process; all of its nodes are one."""
    for n in ("elm", "fir"):
        cluster.folder.remove(f"node-{n}.yaml")
    cluster.folder.put("cluster.yaml", POOL, l2_advertisement())
    put_web(cluster)
    cluster.start("oak")
    cluster.until_answered(VIP, "oak")
    return cluster


def status_of(cluster):
    return cluster.processes["oak"].status()


def withdrawals(cluster):
    return cluster.processes["oak"].log().count("withdrawing service announcement")


def read_again(cluster):
    """A reading on demand: what came before it was either read or never will be."""
    before = status_of(cluster)["readings"]
    cluster.processes["oak"].signal(signal.SIGHUP)
    cluster.processes["oak"].until_status(lambda s: s["readings"] > before, "a reading after SIGHUP")


# --- bad edits ---

BROKEN_YAML = "apiVersion: v1\nkind: Service\nmetadata: {name: [}\n"
BAD_EDITS = {
    "broken YAML": ("web.yaml", BROKEN_YAML, ["web.yaml:3"]),
    "no object": ("web.yaml", "just: words\n", ["web.yaml:1"]),
    "bad range": ("cluster.yaml", documents(pool("home", "198.18.0.19-198.18.0.10"), l2_advertisement()),
                  [f"{NAMESPACE}/home"]),
    "pools overlap": ("other.yaml", documents(pool("other", "198.18.0.0/24")), [f"{NAMESPACE}/other"]),
    "twice": ("again.yaml", documents(service("web")), ["again.yaml", "web.yaml", "default/web"]),
}


@pytest.mark.parametrize("name, text, words", BAD_EDITS.values(), ids=BAD_EDITS.keys())
def test_bad_edit(oak, name, text, words):
    process = oak.processes["oak"]
    good = oak.folder.read(name) if os.path.exists(oak.folder.of(name)) else None
    assert "refused" not in status_of(oak)
    oak.folder.write(name, text)
    refused = process.until_status(lambda s: s.get("refused"), "a refusal")
    process.until_log(" error ", *words)
    process.until_log("the folder is not in force, the last good state stays")
    assert process.status()["refusals"] == 1
    text = process_text(process)
    assert "NOT IN FORCE" in text and refused in text
    oak.until_answered(VIP, "oak")

    put_dns(oak)  # what is right takes no effect alone
    process.until_status(lambda s: s["refusals"] == 2)
    oak.until_answered(VIP, "oak")
    oak.until_answered(VIP2)
    assert withdrawals(oak) == 0

    if good is None:
        oak.folder.remove(name)
    else:
        oak.folder.write(name, good)
    oak.until_answered(VIP2, "oak")
    oak.until_answered(VIP, "oak")
    assert "refused" not in status_of(oak)
    assert "NOT IN FORCE" not in process_text(process)
    assert withdrawals(oak) == 0


def process_text(process):
    r = steellb("status", "--control-socket", process.socket_path)
    assert r.returncode == 0, r.stderr
    return r.stdout


def test_bad_from_the_start(cluster):
    """It starts, announces nothing, and takes the first good state."""
    cluster.folder.put("cluster.yaml", POOL, l2_advertisement())
    cluster.folder.write("web.yaml", BROKEN_YAML)
    cluster.start("oak")
    status = status_of(cluster)
    assert "web.yaml:3" in status["refused"] and status["announcing"] == []
    assert "web.yaml:3" in process_text(cluster.processes["oak"])
    cluster.until_answered(VIP)
    for n in ("elm", "fir"):
        cluster.folder.remove(f"node-{n}.yaml")
    put_web(cluster)
    cluster.until_answered(VIP, "oak")


def test_empty_from_the_start(three_nodes, cluster):
    empty = os.path.join(three_nodes.folder, "empty")
    os.mkdir(empty)
    p = cluster.processes["oak"] = Process(three_nodes, "oak", empty).ready()
    assert p.status()["services"] == [] and p.status()["announcing"] == []
    p.until_log("the folder has no Node of this name")
    shutil.copy(cluster.folder.of("node-oak.yaml"), empty)
    with open(os.path.join(empty, "all.yaml"), "w", encoding="utf-8") as f:
        f.write(documents(POOL, l2_advertisement(), service("web"), endpoints("web")))
    cluster.until_answered(VIP, "oak")


def test_no_folder_from_the_start(three_nodes):
    p = Process(three_nodes, "oak", "/nonexistent/folder")
    assert p.until_exit() == 2
    assert "/nonexistent/folder: No such file or directory" in p.log()
    assert not os.path.exists(p.socket_path)


# --- editors ---


@pytest.mark.parametrize("name", ["4913", ".web.yaml.swp", "web.yaml~", "#web.yaml#", ".#web.yaml",
                                  ".web.yaml.tmp", "web.yaml.bak", "sedAb3x9", "notes.txt"])
def test_names_that_are_not_read(oak, name):
    """Neither their coming nor their going makes it read."""
    before = status_of(oak)["readings"]
    path = oak.folder.of(name)
    with open(path, "w", encoding="utf-8") as f:
        f.write(BROKEN_YAML)
    os.rename(path, path + "2")
    os.rename(path + "2", path)
    os.unlink(path)
    os.mkdir(path)
    os.rmdir(path)
    read_again(oak)
    status = status_of(oak)
    assert status["readings"] == before + 1 and "refused" not in status


def save_like_vim(folder, name, text):
    """Tries whether it may write, moves the old file aside, writes a new one."""
    probe = folder.of("4913")
    os.close(os.open(probe, os.O_CREAT | os.O_WRONLY | os.O_EXCL))
    os.unlink(probe)
    os.rename(folder.of(name), folder.of(name + "~"))
    with open(folder.of(name), "w", encoding="utf-8") as f:
        f.write(text)
        f.flush()
        os.fsync(f.fileno())
    os.unlink(folder.of(name + "~"))


def save_like_emacs(folder, name, text):
    """Keeps a copy, and a lock, which is a link to nowhere."""
    lock = folder.of(".#" + name)
    os.symlink("somebody@somewhere.1", lock)
    os.rename(folder.of(name), folder.of(name + "~"))
    with open(folder.of(name), "w", encoding="utf-8") as f:
        f.write(text)
    os.unlink(lock)
    os.unlink(folder.of(name + "~"))


def save_like_sed(folder, name, text):
    scratch = folder.of("sedXy12")
    with open(scratch, "w", encoding="utf-8") as f:
        f.write(text)
    os.rename(scratch, folder.of(name))


def save_in_place(folder, name, text):
    with open(folder.of(name), "w", encoding="utf-8") as f:
        f.write(text)


def save_by_link(folder, name, text):
    """A second name for a finished file."""
    scratch = folder.of("finished")
    with open(scratch, "w", encoding="utf-8") as f:
        f.write(text)
    os.unlink(folder.of(name))
    os.link(scratch, folder.of(name))
    os.unlink(scratch)


@pytest.mark.parametrize("save", [save_like_vim, save_like_emacs, save_like_sed, save_in_place,
                                  save_by_link])
def test_save(oak, save):
    for ip in ("198.18.0.15", VIP):
        text = documents(service("web", loadBalancerIP=ip), endpoints("web"))
        save(oak.folder, "web.yaml", text)
        oak.until_answered(ip, "oak")
    oak.until_answered("198.18.0.15")
    assert "refused" not in status_of(oak)
    assert withdrawals(oak) == 0


# --- slow writers ---


def test_half_written_file(oak):
    """While it is open for writing nothing is read, not even on demand."""
    text = oak.folder.read("web.yaml")
    wide = documents(pool("home", "198.18.0.10-198.18.0.29"))
    with open(oak.folder.of("web.yaml"), "w", encoding="utf-8") as f:
        f.write("---\n")
        f.flush()
        for i, line in enumerate(text.splitlines(keepends=True)):
            for part in (line[:len(line) // 2], line[len(line) // 2:]):
                f.write(part)
                f.flush()
                assert oak.repliers(VIP) == {oak.mac_of("oak")}
                if i == 1:  # others write meanwhile
                    oak.folder.write("cluster.yaml", wide + documents(l2_advertisement()))
                    oak.processes["oak"].signal(signal.SIGHUP)
        oak.until_answered(VIP, "oak")
    put_web(oak, loadBalancerIP="198.18.0.25")
    oak.until_answered("198.18.0.25", "oak")
    assert withdrawals(oak) == 0
    assert "refused" not in status_of(oak)


def test_writer_that_never_closes(oak):
    """After a while without a write the file counts as complete."""
    with open(oak.folder.of("zdns.yaml"), "w", encoding="utf-8") as f:
        f.write(documents(service("zdns"), endpoints("zdns")))
        f.flush()
        oak.until_answered(VIP2, "oak")
    oak.until_answered(VIP, "oak")
    assert withdrawals(oak) == 0


# --- the folder itself ---


def test_folder_vanishes(oak):
    process = oak.processes["oak"]
    away = oak.folder.path + ".away"
    os.rename(oak.folder.path, away)
    process.until_log("manifest folder is gone; its last state stays")
    oak.until_answered(VIP, "oak")
    process.signal(signal.SIGHUP)
    process.until_log("SIGHUP")
    oak.until_answered(VIP, "oak")
    with open(os.path.join(away, "zdns.yaml"), "w", encoding="utf-8") as f:
        f.write(documents(service("zdns"), endpoints("zdns")))
    oak.until_answered(VIP2)

    os.rename(away, oak.folder.path)
    process.until_log("manifest folder is there again")
    oak.until_answered(VIP2, "oak")
    oak.until_answered(VIP, "oak")
    put_web(oak, loadBalancerIP="198.18.0.15")  # and it is watched again
    oak.until_answered("198.18.0.15", "oak")
    oak.until_answered(VIP)
    assert withdrawals(oak) == 0


def test_folder_is_replaced(oak):
    """Another one is moved to its place."""
    new = oak.folder.path + ".new"
    shutil.copytree(oak.folder.path, new)
    with open(os.path.join(new, "zdns.yaml"), "w", encoding="utf-8") as f:
        f.write(documents(service("zdns"), endpoints("zdns")))
    os.rename(oak.folder.path, oak.folder.path + ".old")
    os.rename(new, oak.folder.path)
    oak.until_answered(VIP2, "oak")
    oak.until_answered(VIP, "oak")
    put_web(oak, loadBalancerIP="198.18.0.15")
    oak.until_answered("198.18.0.15", "oak")
    assert withdrawals(oak) == 0


def test_link_to_a_folder(three_nodes, cluster):
    """Moved from one state to the next, as deployment tools do."""
    stem = os.path.join(three_nodes.folder, "release")
    for i, ip in (1, VIP), (2, VIP2):
        os.mkdir(f"{stem}{i}")
        with open(f"{stem}{i}/all.yaml", "w", encoding="utf-8") as f:
            f.write(documents(POOL, l2_advertisement(), node("oak"), endpoints("web"),
                              service("web", loadBalancerIP=ip)))
    os.symlink(f"{stem}1", stem)
    cluster.processes["oak"] = Process(three_nodes, "oak", stem).ready()
    cluster.until_answered(VIP, "oak")
    os.symlink(f"{stem}2", stem + ".next")
    os.rename(stem + ".next", stem)
    cluster.until_answered(VIP2, "oak")
    cluster.until_answered(VIP)


def test_mounted_config_map(three_nodes, cluster):
    """As kubelet lays it out: the files are links through a link that is moved."""
    folder = os.path.join(three_nodes.folder, "mounted")
    for i, ip in (1, VIP), (2, VIP2):
        os.makedirs(f"{folder}/..{i}")
        with open(f"{folder}/..{i}/all.yaml", "w", encoding="utf-8") as f:
            f.write(documents(POOL, l2_advertisement(), node("oak"), endpoints("web"),
                              service("web", loadBalancerIP=ip)))
    os.symlink("..1", f"{folder}/..data")
    os.symlink("..data/all.yaml", f"{folder}/all.yaml")
    cluster.processes["oak"] = Process(three_nodes, "oak", folder).ready()
    cluster.until_answered(VIP, "oak")
    os.symlink("..2", f"{folder}/..data_tmp")
    os.rename(f"{folder}/..data_tmp", f"{folder}/..data")
    shutil.rmtree(f"{folder}/..1")
    cluster.until_answered(VIP2, "oak")
    cluster.until_answered(VIP)
    assert "refused" not in cluster.processes["oak"].status()


# --- signals ---


def test_sighup(oak):
    """What lies behind a link is not watched."""
    elsewhere = os.path.join(oak.net.folder, "elsewhere.yaml")
    with open(elsewhere, "w", encoding="utf-8") as f:
        f.write(oak.folder.read("web.yaml"))
    os.symlink(elsewhere, oak.folder.of(".link"))
    os.rename(oak.folder.of(".link"), oak.folder.of("web.yaml"))
    read_again(oak)
    with open(elsewhere, "w", encoding="utf-8") as f:
        f.write(documents(service("web", loadBalancerIP="198.18.0.15"), endpoints("web")))
    oak.until_answered(VIP, "oak")
    read_again(oak)
    oak.until_answered("198.18.0.15", "oak")
    oak.until_answered(VIP)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_end(oak, number):
    """It leaves without a frame. Rounds of gratuitous frames are 1.1 s apart, so that the end right
    after one is sure to be without another; on a machine that is too slow for that, another try."""
    process = oak.processes["oak"]
    for _ in range(5):
        with Ear(oak.net) as ear:
            put_web(oak, loadBalancerIP="198.18.0.15")
            oak.until_answered("198.18.0.15", "oak")
            put_web(oak, loadBalancerIP=VIP)
            ear.until_gratuitous(VIP, oak.mac_of("oak"))
            ear.frames()
            clock = time.monotonic()
            process.signal(number)
            assert process.until_exit() == 0
            if time.monotonic() - clock < 1:
                assert ear.frames() == []
                break
        process = oak.processes["oak"] = Process(oak.net, "oak", oak.folder.path).ready()
    assert not os.path.exists(process.socket_path)
    oak.processes.clear()
    oak.until_answered(VIP)


# --- haste ---


def test_many_edits(oak):
    """200 files renamed into place as fast as it goes, with the last one in force."""
    before = status_of(oak)["readings"]
    for i in range(200):
        put_web(oak, loadBalancerIP=f"198.18.0.{11 + i % 9}")
    put_web(oak, loadBalancerIP=VIP)
    read_again(oak)
    oak.until_answered(VIP, "oak")
    status = status_of(oak)
    assert [a["address"] for a in status["announcing"]] == [VIP]
    assert status["readings"] - before <= 202
    for i in range(9):
        assert oak.repliers(f"198.18.0.{11 + i}") == set()
    assert withdrawals(oak) == 0


def test_services_come_and_go(oak):
    for i in range(100):
        put_dns(oak)
        oak.folder.remove("zdns.yaml")
    oak.until_answered(VIP, "oak")
    oak.until_answered(VIP2)
    put_dns(oak)
    oak.until_answered(VIP2, "oak")
    until(lambda: [s["name"] for s in status_of(oak)["services"]] == ["web", "zdns"], PATIENCE)
