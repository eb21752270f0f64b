# SPDX-License-Identifier: GPL-2.0-only
"""Structs of the writer, filled with what a file of any version holds."""

import msgspec
import pytest

from zcprobe.config import RunConfig
from zcprobe.dataset.load import Run
from zcprobe.dataset.loose import fill_struct, never_null
from zcprobe.format.metadata import RunMetadata
from zcprobe.format.summary import ChannelSummary, KernelSummary, SenderSummary


class Inner(msgspec.Struct, frozen=True):
    count: int
    sizes: list[tuple[int, int]] = []


class Outer(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    late: int | None
    inner: Inner | None = None
    others: dict[str, Inner] = {}
    pair: tuple[int, ...] | None = None

    def double(self) -> str:
        return 2 * self.name


def test_members_of_members_become_structs_and_arrays_tuples() -> None:
    given = {
        "name": "a",
        "late": 7,
        "inner": {"count": 1, "sizes": [[4096, 8]]},
        "others": {"b": {"count": 2}},
        "pair": [0, 1],
    }
    expected = Outer(name="a", late=7, inner=Inner(1, [(4096, 8)]), others={"b": Inner(2)}, pair=(0, 1))
    assert fill_struct(Outer, given) == expected


def test_what_an_older_version_lacks_is_its_default_or_none() -> None:
    assert fill_struct(Outer, {"name": "a"}) == Outer(name="a", late=None)


def test_what_a_later_minor_version_adds_is_kept() -> None:
    filled = fill_struct(Outer, {"name": "a", "added_ns": 23, "inner": {"count": 1, "more": [1]}})
    assert isinstance(filled, Outer)
    assert msgspec.structs.asdict(filled)["added_ns"] == 23
    assert msgspec.to_builtins(filled)["inner"] == {"count": 1, "sizes": [], "more": [1]}


@pytest.mark.parametrize("name", ["double", "__init__", "__dict__", "class", "a-b", "a.b", "", "A", "x" * 65])
def test_a_name_that_could_hide_something_or_is_none_is_left_out(name: str) -> None:
    filled = fill_struct(Outer, {"name": "a", name: "hidden"})
    assert type(filled) is Outer
    assert filled.double() == "aa"


def test_a_member_without_none_is_in_every_run(run: Run) -> None:
    kinds = (RunMetadata, KernelSummary, SenderSummary, ChannelSummary, RunConfig)
    for struct in (run.meta, run.kernel, run.sender, run.meta.config, *run.meta.channels):
        kind = next(kind for kind in kinds if isinstance(struct, kind))
        assert [name for name in never_null(kind) if getattr(struct, name) is None] == []


def test_a_run_of_version_1_has_none_where_nobody_knew(run: Run) -> None:
    is_old = run.meta.format_version == 1
    assert (run.meta.sockets is None) == (run.meta.effects is None) == (run.meta.files is None) == is_old
    assert run.meta.format_minor == {1: 0, 2: 1, 3: 0}[run.format_version]
