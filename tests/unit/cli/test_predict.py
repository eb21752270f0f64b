# SPDX-License-Identifier: GPL-2.0-only
"""zcprobe predict, from options and from runs, without root."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.unit.cli.test_imports import SLOW, imported

Told = Callable[..., Any]

KEPT = Path(__file__).parents[2] / "data" / "version_3"
CONTRACT = {"optmem_max_bytes", "bounded", "formula", "assumptions", "read_every_sends"}
SENDER = ("predict", "-l", "64K", "-w", "2M", "--charge", "832")
LATE = ("--bandwidth", "10G", "--late-share", "1/16", "--late-by", "2ms")


def _json(zcprobe: Told, *words: str | Path) -> dict[str, Any]:
    result = zcprobe(*words, "--json")
    assert (result.code, result.error) == (0, [])
    members: dict[str, Any] = json.loads(result.output)
    assert members.keys() >= CONTRACT
    return members


def test_a_sender_that_fills_its_send_buffer(zcprobe: Told) -> None:
    """A buffer of 2 x 2 MiB has 63 sends of 16 pages and an skb, and two more have a notification; two are unread."""
    members = _json(zcprobe, *SENDER)
    assert (members["bounded"], members["optmem_max_bytes"]) == (True, 66 * 832 + 576)
    assert members["read_every_sends"] is None
    assert "(67 - 1) x 832 + 576" in members["formula"]


def test_the_text_has_the_limit_the_formula_and_what_it_assumes(zcprobe: Told) -> None:
    lines = zcprobe(*SENDER).output.decode().splitlines()
    assert lines[0] == "net.core.optmem_max of 55488 bytes (54.2 KiB) is enough."
    assert "  unacknowledged = 4,194,304 / (65,536 + 576) + 2" in lines
    assert "This assumes:" in lines
    assert max(map(len, lines)) <= 80


def test_late_sends_need_reading_and_with_it_a_limit_is_enough(zcprobe: Told) -> None:
    unread = _json(zcprobe, *SENDER, *LATE, "--optmem-max", "128K")
    assert (unread["bounded"], unread["optmem_max_bytes"]) == (False, None)
    read = _json(zcprobe, *SENDER, *LATE, "--read-every", str(unread["read_every_sends"]))
    assert read["bounded"]
    assert read["optmem_max_bytes"] <= 131072 == unread["read_at_optmem_max_bytes"]
    assert "No limit is enough" in zcprobe(*SENDER, *LATE).output.decode()


def test_a_run_tells_what_its_most_demanding_socket_needs(zcprobe: Told) -> None:
    members = _json(zcprobe, "predict", KEPT / "attachments" / "qemu-11.1")
    assert members["run"] == "qemu-11.1"
    assert members["socket"]["remote"] == "10.0.0.2:4444"
    assert not members["bounded"]
    assert members["late_sends"] == 2 * 24 - members["unacknowledged_sends"]
    text = zcprobe("predict", KEPT / "attachments" / "qemu-11.1").output.decode()
    assert "at most 19968 of 20480 bytes" in " ".join(text.split())


def test_of_several_runs_the_one_that_needs_most_counts(zcprobe: Told) -> None:
    small, large = (_json(zcprobe, "predict", KEPT / "runs" / name) for name in ("migration", "in-flight"))
    both = _json(zcprobe, "predict", KEPT / "runs" / "migration", KEPT / "runs" / "in-flight")
    assert small["optmem_max_bytes"] < large["optmem_max_bytes"]
    assert both == large


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (("predict",), "it was not said how large a send is"),
        (("predict", "-l", "64K", "--paced"), "a pace alone"),
        (("predict", KEPT / "runs" / "in-flight", "-l", "4K"), "--length and a run both say"),
        (("predict", KEPT / "runs" / "in-flight", "--paced"), "--paced and --optmem-max"),
        (("predict", KEPT / "runs" / "datagrams"), "nothing in"),
    ],
)
def test_what_cannot_be_predicted_is_refused_in_two_lines(zcprobe: Told, words: tuple[str, ...], what: str) -> None:
    result = zcprobe(*words)
    assert (result.code, result.output) == (2, b"")
    assert what in result.error[0]
    assert len(result.error) == 2


def test_a_prediction_from_options_imports_nothing_slow() -> None:
    """But for traceback, which the threads of host.namespaces need."""
    assert imported(*SENDER) & (SLOW - {"traceback"} | {"zcprobe.native"}) == set()
