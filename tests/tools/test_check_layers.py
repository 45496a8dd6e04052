# SPDX-License-Identifier: Apache-2.0
import pytest

from tree import check, write

GOOD = {
    "src/main.c": '#include "arp/arp.h"\n#include "cli/cli.h"\n#include "ndp/ndp.h"\n#include <stdio.h>\n',
    "src/base/ip.h": "#pragma once\n",
    "src/model/object.h": '#include "base/ip.h"\n',
    "src/decide/decide.h": '#include "model/object.h"\n',
    "src/decide/l2.c": '#include "decide/decide.h"\n#include "base/ip.h"\n',
    "src/net/link.h": '#include "model/object.h"\n#include <event2/event.h>\n',
    "src/arp/arp_wire.h": '#include "base/ip.h"\n',
    "src/arp/arp_wire.c": '#include "arp/arp_wire.h"\n',
    "src/arp/arp.h": '#include "net/link.h"\n',
    "src/arp/arp_session.c": '#include "arp/arp.h"\n#include "arp/arp_wire.h"\n',
    "src/ndp/ndp.h": '#include "net/link.h"\n',
    "src/speaker/announcer.c": '#include "arp/arp.h"\n#include "ndp/ndp.h"\n#include "decide/decide.h"\n',
    "src/cli/cli.h": '#include "decide/decide.h"\n// #include "main/nothing.h"\n/* #include "x.h" */\n',
}


def test_good_tree(tmp_path):
    write(tmp_path, GOOD)
    assert check("layers", tmp_path) == (0, "layers: %d files, clean\n" % len(GOOD))


@pytest.mark.parametrize("name, text, want", [
    ("src/base/ip.c", '#include "model/object.h"\n', "src/base/ip.c:1: base must not include"),
    ("src/model/object.c", '\n#  include "decide/decide.h"\n', "src/model/object.c:2: model must not include"),
    ("src/ipam/ipam.c", '#include "decide/decide.h"\n', "src/ipam/ipam.c:1: ipam must not include"),
    ("src/decide/bgp.c", '#include "net/link.h"\n', "decide must not include"),
    ("src/feed/files.c", '#include "net/link.h"\n', "feed must not include"),
    ("src/net/raw.c", '#include "arp/arp.h"\n', "net must not include"),
    ("src/ndp/ndp_session.c", '#include "arp/arp_wire.h"\n', "ndp must not include"),
    ("src/speaker/speaker.c", '#include "cli/cli.h"\n', "speaker must not include"),
    ("src/arp/x.c", '#include "arp.h"\n', '"arp.h" is not a file of src'),
    ("src/attic/x.c", "\n", "no room named attic"),
])
def test_arrow_that_points_up(tmp_path, name, text, want):
    write(tmp_path, dict(GOOD, **{name: text}))
    status, output = check("layers", tmp_path)
    assert status == 1 and want in output


@pytest.mark.parametrize("name, text, want", [
    ("src/arp/arp_wire.c", '#include "net/link.h"\n', 'src/arp/arp_wire.c: pure, but reaches "net/link.h"\n'),
    ("src/arp/arp_fsm.c", '#include "arp/arp.h"\n', 'pure, but reaches "net/link.h" (through arp/arp.h)'),
    ("src/arp/arp_responder.c", '#include "decide/decide.h"\n', 'pure, but reaches "decide/decide.h"'),
    ("src/arp/arp_wire.c", "#include <event2/event.h>\n", "pure, but includes <event2/event.h>"),
    ("src/decide/l2.c", "#include <sys/socket.h>\n", "pure, but includes <sys/socket.h>"),
    ("src/ipam/ipam.c", "#include <time.h>\n", "pure, but includes <time.h>"),
])
def test_impure(tmp_path, name, text, want):
    write(tmp_path, dict(GOOD, **{name: text}))
    status, output = check("layers", tmp_path)
    assert status == 1 and want in output


def test_only_roles_know_several_engines(tmp_path):
    write(tmp_path, dict(GOOD, **{"src/cli/a.c": '#include "arp/arp.h"\n', "src/cli/b.c": '#include "ndp/ndp.h"\n'}))
    status, output = check("layers", tmp_path)
    assert status == 1
    assert "cli knows several engines: arp (src/cli/a.c:1), ndp (src/cli/b.c:1)" in output
