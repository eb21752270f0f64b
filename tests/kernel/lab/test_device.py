# SPDX-License-Identifier: GPL-2.0-only
"""A run uses devices of the host as its link. Here a veth pair takes the place of two connected cards."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from pyroute2.ethtool import Ethtool

from zcprobe.cli.main import main
from zcprobe.errors import HostError
from zcprobe.journal import JOURNAL_FOLDER, journal
from zcprobe.lab.leftovers import clean_leftovers, find_leftovers
from zcprobe.lab.netns import namespace_pair

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root"),
    pytest.mark.usefixtures("nothing_left"),
]

LINK = ("zcp-card0", "zcp-card1")

DYING_RUN = """
import sys, time
from zcprobe.journal import journal
from zcprobe.lab.netns import namespace_pair

with journal(sys.argv[1]) as opened, namespace_pair(opened, (sys.argv[2], sys.argv[3])):
    print("made", flush=True)
    time.sleep(60)
"""


def ip(*words: str) -> Any:
    out = subprocess.run(["ip", "-j", *words], check=True, capture_output=True).stdout
    return json.loads(out) if out else []


def is_up(device: str) -> bool:
    (link,) = ip("link", "show", device)
    return "UP" in link["flags"]


@pytest.fixture
def cards() -> Iterator[tuple[str, str]]:
    """Two cards: the first is up, the second is down."""
    ip("link", "add", LINK[0], "type", "veth", "peer", "name", LINK[1])
    ip("link", "set", LINK[0], "up")
    yield LINK
    ip("link", "del", LINK[0])


def test_a_run_uses_the_devices_and_gives_them_back_as_they_were(
    cards: tuple[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsysbinary: pytest.CaptureFixture[bytes],
) -> None:
    monkeypatch.chdir(tmp_path)
    words = ("run", "--scenario", "held-completions", "-n", "1009", "--probes", "none", "-J")
    code = main([*words, "--nics", ",".join(cards)])
    out, err = capsysbinary.readouterr()
    assert code == 0, err
    run = msgspec.json.decode(out)
    assert run["complete"]
    assert run["sender"]["sends"] == 1009
    assert run["lab"]["sender_device"] == cards[0]
    assert run["lab"]["scatter_gather"] is True
    assert [is_up(device) for device in cards] == [True, False]


def test_scatter_gather_is_read_from_the_device(cards: tuple[str, str], tmp_path: Path) -> None:
    with Ethtool() as ethtool:
        features = ethtool.get_features(cards[0])
        features.features["tx-scatter-gather"].enable = False
        ethtool.set_features(cards[0], features)
    words = ("run", "--scenario", "in-order", "-n", "23", "--probes", "none", "-o", str(tmp_path))
    assert main([*words, "--nics", ",".join(cards)]) == 0
    (file,) = tmp_path.glob("*/run.json")
    assert msgspec.json.decode(file.read_bytes())["lab"]["scatter_gather"] is False


def test_devices_of_a_killed_run_are_given_back_by_clean(cards: tuple[str, str]) -> None:
    run_id = f"lent{os.getpid()}"
    command = [sys.executable, "-c", DYING_RUN, run_id, *cards]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"made\n"
        assert not {link["ifname"] for link in ip("link")} & set(cards)
        process.send_signal(signal.SIGKILL)
    kinds = [leftover.kind for leftover in find_leftovers() if leftover.run_id == run_id]
    assert kinds == ["device", "device", "namespace", "namespace", "journal"]
    lines = clean_leftovers().undone
    assert [f"gave back network device {device}" for device in cards] == [line for line in lines if "gave back" in line]
    assert [is_up(device) for device in cards] == [True, False]


def test_a_device_that_is_gone_does_not_block_the_rest(tmp_path: Path) -> None:
    """A veth pair vanishes with its namespace, as a card does that is pulled out."""
    run_id = f"gone{os.getpid()}"
    ip("link", "add", LINK[0], "type", "veth", "peer", "name", LINK[1])
    with subprocess.Popen([sys.executable, "-c", DYING_RUN, run_id, *LINK], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"made\n"
        process.send_signal(signal.SIGKILL)
    subprocess.run(["ip", "netns", "del", f"zcprobe-{run_id}-tx"], check=True)
    command = [sys.executable, "-m", "zcprobe", "doctor", "--clean"]
    for removed in (f"removed network namespace zcprobe-{run_id}-rx\n", ""):
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout) == (3, removed)
        lines = done.stderr.splitlines()
        assert len(lines) == 4
        for device, told, hint in zip(LINK, lines[::2], lines[1::2], strict=True):
            assert f"device {device} is left: {device} did not come back" in told
            assert hint.endswith(f"for good: rm {JOURNAL_FOLDER / run_id}.json")
    (JOURNAL_FOLDER / f"{run_id}.json").unlink()


def test_a_device_in_use_is_refused_before_anything_changes(cards: tuple[str, str]) -> None:
    ip("addr", "add", "192.0.2.7/24", "dev", cards[1])
    with (
        pytest.raises(HostError, match=r"zcp-card1 has the address 192\.0\.2\.7"),
        journal(f"used{os.getpid()}") as opened,
        namespace_pair(opened, cards),
    ):
        pytest.fail("the device was taken")
    assert [is_up(device) for device in cards] == [True, False]
    (link,) = ip("addr", "show", cards[1])
    assert "192.0.2.7" in [address["local"] for address in link["addr_info"]]


@pytest.mark.parametrize(
    ("words", "code", "needle"),
    [
        (("--nics", "zcp-card0"), 2, "--nics eth1,eth2"),
        (("--nics", "zcp-card0,zcp-card0"), 2, "expected two devices, got 'zcp-card0,zcp-card0'"),
        (("--nics", "zcp-card0,none-such"), 3, "no network device 'none-such'"),
        (("--nics", "lo,zcp-card0"), 2, "lo cannot be moved"),
    ],
)
def test_a_bad_link_is_named(
    words: tuple[str, ...],
    code: int,
    needle: str,
    cards: tuple[str, str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["run", "--scenario", "in-order", "-n", "23", "--probes", "none", "-o", str(tmp_path), *words]) == code
    err = capsys.readouterr().err
    assert len(err.splitlines()) == 2
    assert needle in err
    assert [is_up(device) for device in cards] == [True, False]
