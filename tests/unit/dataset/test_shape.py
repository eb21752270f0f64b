# SPDX-License-Identifier: GPL-2.0-only
from copy import deepcopy
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.torture._mutations import DELETED, VALUES, leaves, mutated
from zcprobe.dataset.metadata import damage_is_an_error
from zcprobe.dataset.schema import complete_comparison, complete_metadata
from zcprobe.dataset.shape import require_bounded, require_comparison, require_run
from zcprobe.errors import OutputError
from zcprobe.format.metadata import FORMAT_VERSION
from zcprobe.format.version_2 import split_summary

_DATA = Path(__file__).parents[2] / "data"
_OLDER = msgspec.json.decode(next(_DATA.glob("version_2/digests/*-qemu-merged-*/run.json")).read_bytes())
_GOOD = {**split_summary(_OLDER), "format_version": FORMAT_VERSION}
_COMPARISON = msgspec.json.decode((_DATA / "version_2" / "digests" / "comparison.json").read_bytes())
_ANYTHING = st.recursive(st.none() | st.integers() | st.floats() | st.text(), st.lists)
_PLACES = list(leaves(_GOOD))


def test_every_shipped_run_and_comparison_passes() -> None:
    for path in _DATA.rglob("run.json"):
        content = complete_metadata(msgspec.json.decode(path.read_bytes()))
        require_bounded(content)
        require_run(content)
    for path in _DATA.rglob("comparison.json"):
        require_comparison(complete_comparison(msgspec.json.decode(path.read_bytes())))


@pytest.mark.fuzz
@settings(max_examples=1000, deadline=None)
@given(
    st.sampled_from(_PLACES), st.sampled_from(VALUES) | st.recursive(st.none() | st.integers() | st.text(), st.lists)
)
def test_whatever_stands_anywhere_is_one_error_or_taken(at: tuple[str | int, ...], value: Any) -> None:
    changed, told = mutated(_GOOD, at, value), "taken"
    try:
        with damage_is_an_error(Path("run")):
            require_bounded(changed)
            require_run(complete_metadata(changed))
    except OutputError as error:
        told = str(error)
    assert told.isprintable()
    assert len(told) < 300


@pytest.mark.parametrize(
    ("at", "value"),
    [
        (("sender", "sends"), -1),
        (("sender", "sends"), None),
        (("sender", "goodput_bps"), "fast"),
        (("sender", "outcome"), "escaped"),
        (("sender", "datagrams_missing"), 23),
        (("channels", 0, "datagrams_missing"), 23),
        (("kernel", "enobufs_unread_share"), 1.5),
        (("config", "policy"), "<b>"),
        (("config", "policy"), "$x^$"),
        (("config", "scenario"), 7),
        (("config", "affinity"), []),
        (("lab",), DELETED),
        (("lab", "impairment", "congestion_control"), {"a": 1}),
        (("lab", "impairment", "hold_burst_bytes"), [None]),
        (("host", "kernel_release"), DELETED),
        (("channels",), 7),
        (("cookies",), {}),
        (("send_results",), {"a": 1}),
        (("rows", "sends"), 2**64),
        (("started_utc",), "yesterday"),
        (("started_utc",), "0001-01-01T00:00:00+00:00"),
        (("files",), {"../sends.parquet": {"bytes": 1, "sha256": "0" * 64}}),
        (("files", "sends.parquet", "sha256"), "0"),
    ],
)
def test_what_no_run_has_is_refused(at: tuple[str | int, ...], value: Any) -> None:
    changed = mutated(_GOOD, at, value)
    with pytest.raises((KeyError, TypeError, ValueError)):
        require_run(complete_metadata(changed))


def test_a_socket_that_met_no_notification_has_no_limit() -> None:
    """Plain datagrams: the kernel's counts of the socket are there, and none of them is of optmem."""
    changed = mutated(_GOOD, ("sockets", 0, "optmem_max_bytes"), 0)
    require_run(complete_metadata(changed))


@pytest.mark.parametrize("value", ["a" * 4097, {"a" * 4097: 1}, [2**64], [-(2**63) - 1]])
def test_what_is_beyond_all_bounds_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match=r"characters|64 bits"):
        require_bounded(value)


@pytest.mark.parametrize("inner", [1, {}, "text"])
def test_nesting_has_a_bound(inner: Any) -> None:
    value: Any = inner
    for _ in range(32 - isinstance(inner, dict)):
        value = [value]
    require_bounded(value)
    with pytest.raises(ValueError, match="nested more than 32 deep"):
        require_bounded([value])


@pytest.mark.parametrize("member", ["seed", "planned_runs", "started_utc", "scenario"])
def test_a_comparison_needs_what_a_report_tells(member: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        require_comparison({name: value for name, value in _COMPARISON.items() if name != member})


@pytest.mark.parametrize(
    ("at", "value"),
    [
        (("runs", 0, "outcome"), "escaped"),
        (("runs", 0, "complete"), DELETED),
        (("runs", 0, "repeat"), -1),
        (("policies", "qemu-pre", "outcomes"), {"escaped": 1}),
        (("policies", "qemu-pre", "medians", "sends"), {"n": 1}),
        (("policies", "qemu-pre", "repeats"), "one"),
        (("policies", "<b>"), None),
        (("verdict",), [7]),
        (("overhead",), {"levels": [], "send_bytes": 1, "rounds": 1}),
        (("stamp",), "VALID"),
        (("smallest_effect",), 23),
    ],
)
def test_what_no_comparison_has_is_refused(at: tuple[str | int, ...], value: Any) -> None:
    changed = mutated(_COMPARISON, at, value)
    with pytest.raises(ValueError, match=r"Invalid|Expected|Object missing"):
        require_comparison(complete_comparison(changed))


def test_members_of_members_have_their_defaults() -> None:
    meta = deepcopy(_GOOD)
    del meta["config"]["parameters"]["drain_every"], meta["config"]["traffic"]["seed"]
    filled = complete_metadata(meta)["config"]
    assert (filled["parameters"]["drain_every"], filled["traffic"]["seed"]) == (32, 1)
