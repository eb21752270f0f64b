# SPDX-License-Identifier: GPL-2.0-only
"""What arrived: in words, and in folders that did not store it."""

import shutil
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from tests.unit.changed import stored_results
from zcprobe.dataset.arrival import datagrams_text, missing_text, sink_text
from zcprobe.dataset.load import Comparison, Run, load_run
from zcprobe.format.summary import SenderSummary

_EMPTY: dict[str, Any] = dict.fromkeys(SenderSummary.__struct_fields__)
_NOTHING = SenderSummary(**_EMPTY | {"bytes_sent": 1400 * 1009})
_HALF = replace(
    _NOTHING,
    sink_bytes=1400 * 505,
    sink_intact=True,
    bytes_missing=1400 * 504,
    datagrams_sent=1009,
    datagrams_received=505,
    datagrams_missing=504,
    datagrams_repeated=0,
)


def test_sent_received_and_missing_stand_beside_each_other() -> None:
    assert datagrams_text(_HALF) == "1,009 sent, 505 received, 504 missing (689 KiB)"
    assert sink_text(_HALF) == "intact, 504 of 1,009 datagrams missing, 690 KiB"
    assert missing_text(_HALF) == "504 of 1,009 datagrams missing"


def test_repeated_ones_are_told_and_whole_runs_miss_nothing() -> None:
    whole = replace(_HALF, datagrams_received=1009, datagrams_missing=0, bytes_missing=0)
    assert datagrams_text(replace(whole, datagrams_repeated=23)) == (
        "1,009 sent, 1,009 received, 0 missing; 23 arrived more than once"
    )
    assert missing_text(whole) is None


def test_what_nobody_knows_is_not_claimed() -> None:
    silent = replace(_NOTHING, datagrams_sent=1009)
    assert datagrams_text(silent) == "1,009 sent; what arrived is not known"
    assert missing_text(silent) is None
    assert datagrams_text(_NOTHING) is None
    assert sink_text(_NOTHING) == "no report"


@pytest.mark.parametrize(
    ("members", "text"),
    [
        ({"bytes_acked": 1400}, "no report; its kernel acknowledged 1.37 KiB of 1.35 MiB"),
        ({"sink_bytes": 1400}, "content not looked at, 1.37 KiB"),
        ({"sink_bytes": 1400, "sink_intact": False}, "NOT as sent, 1.37 KiB"),
    ],
)
def test_the_sink_in_words(members: dict[str, Any], text: str) -> None:
    assert sink_text(replace(_NOTHING, **members)) == text


def _older(run: Run, folder: Path, summary: dict[str, Any], **config: Any) -> Run:
    """The shipped run, which stored none of it, with other values."""
    copy = Path(shutil.copytree(run.folder, folder / run.folder.name))
    path = copy / "run.json"
    content = msgspec.json.decode(path.read_bytes())
    assert "bytes_missing" not in content["summary"]
    content["summary"] |= summary
    content["config"] |= config
    path.write_bytes(msgspec.json.encode(content))
    return load_run(copy)


def test_a_stored_run_without_losses_keeps_its_goodput(shipped: dict[str, Comparison]) -> None:
    for run in (run for comparison in shipped.values() for run in comparison):
        stored = stored_results(run)
        assert run.sender.goodput_bps == stored["goodput_bps"]
        assert run.sender.bytes_missing == 0
        assert run.sender.datagrams_sent is None
        assert run.sender.retransmit_count == stored.get("retransmit_count")
        assert all(channel.bytes_missing == 0 for channel in run.meta.channels)


def test_an_older_run_s_goodput_becomes_that_of_what_arrived(shipped: dict[str, Comparison], tmp_path: Path) -> None:
    run = shipped["in-order"][0]
    sent = run.sender.sends
    half = {"plain_sends": 0, "bytes_sent": sent * 1400, "sink_bytes": (sent - 23) * 1400}
    sender = _older(run, tmp_path, half, protocol="udp", send_bytes=1400).sender
    assert run.sender.goodput_bps is not None
    assert sender.goodput_bps == pytest.approx(run.sender.goodput_bps * (sent - 23) / sent)
    assert sender.bytes_missing == 23 * 1400
    assert [getattr(sender, f"datagrams_{what}") for what in ("sent", "received", "missing")] == [sent, sent - 23, 23]
    assert sender.datagrams_repeated is None


def test_an_older_run_without_the_sink_s_word_has_none(shipped: dict[str, Comparison], tmp_path: Path) -> None:
    sender = _older(shipped["in-order"][0], tmp_path, {"sink_bytes": None, "sink_intact": None}).sender
    assert sender.goodput_bps is sender.bytes_missing is None


def test_how_many_of_several_sizes_arrived_is_not_guessed(shipped: dict[str, Comparison], tmp_path: Path) -> None:
    run = shipped["in-order"][0]
    mixed = {**msgspec.to_builtins(run.meta.config.traffic), "model": "mixed"}
    sender = _older(run, tmp_path, {"plain_sends": 23}, protocol="udp", traffic=mixed).sender
    assert sender.datagrams_sent == run.sender.sends + 23
    assert sender.datagrams_received is sender.datagrams_missing is None
