# SPDX-License-Identifier: GPL-2.0-only
"""A run folder with right digests and wrong contents: run.json and tables that somebody made up.

zcprobe refuses it with one of its own errors in one line, or shows it. Nothing else is raised, no control character or
direction mark is written, and no figure, export or report takes more than a minute of CPU time. Every member of
run.json is removed, or gets a value of each kind; every column of a table gets values that it never has.
"""

import random
import tempfile
import time
import traceback
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from tests.torture._mutations import mutated, some_mutations
from tests.torture._small_run import content_of, make_small_run, seal
from tests.torture._uses import iterate_figures, iterate_texts
from zcprobe.dataset.check import check_run
from zcprobe.dataset.load import load_run
from zcprobe.errors import ZcprobeError

SHORT = 20
LONG = 6000

_LONGEST_S = 60.0
_DRAWN = 40
"""One in this many changed folders has its figures drawn, which takes seconds."""
_UNSHOWN = frozenset("\x1b\x07\x9b\u202e\u2066\u200b")


def _made_of(folder: Path, *, drawn: bool) -> Iterator[tuple[str, str]]:
    run = load_run(folder, allow_incomplete=True, allow_lost=True)
    check_run(run)
    yield from iterate_texts(run)
    if drawn:
        yield from iterate_figures(run)


def _findings(folder: Path, changed: str, *, drawn: bool) -> Iterator[str]:
    begin, what = time.process_time(), "loading"
    try:
        for what, text in _made_of(folder, drawn=drawn):
            if found := _UNSHOWN & set(text):
                yield f"{changed}: {what} has {found!r}"
            if time.process_time() - begin > _LONGEST_S:
                yield f"{changed}: {what} ended after {time.process_time() - begin:.0f} s"
                return
    except ZcprobeError as error:
        if not str(error).isprintable() or len(str(error)) > 1000:
            yield f"{changed}: an error that is no line: {error!r}"
    except Exception as error:
        frame = traceback.extract_tb(error.__traceback__)[-1]
        yield f"{changed}: after {what} {type(error).__name__}: {error} ({Path(frame.filename).name}:{frame.lineno})"


def _metadata(folder: Path, rounds: int, chance: random.Random) -> Iterator[str]:
    content = content_of(folder)
    for number, (at, value) in enumerate(some_mutations(content, rounds, chance)):
        seal(folder, mutated(content, at, value))
        changed = f"{'.'.join(map(str, at))} = {str(value)[:40]!r}"
        yield from _findings(folder, changed, drawn=number % _DRAWN == 0)
    seal(folder, content)


_COLUMNS: dict[str, Callable[[Any], Any]] = {
    "text": lambda values: pa.array([f"\x1b[31m{value}" for value in values.to_pylist()]),
    "digits as text": lambda values: pa.array([str(index) for index in range(len(values))]),
    "categories of text": lambda values: pa.array(["\u202eevil"] * len(values)).dictionary_encode(),
    "categories of numbers": lambda values: pa.array([7] * len(values)).dictionary_encode(),
    "lists": lambda values: pa.array([[1]] * len(values)),
    "bytes": lambda values: pa.array([b"\xff\x00"] * len(values)),
    "moments": lambda values: pa.array([1] * len(values), pa.timestamp("ns")),
    "nothing": lambda values: pa.nulls(len(values)),
    "halves": lambda values: pa.array([0.5] * len(values)),
    "infinity": lambda values: pa.array([float("inf")] * len(values)),
    "the largest number": lambda values: pa.array([2**63 - 1] * len(values)),
    "the smallest number": lambda values: pa.array([-(2**63)] * len(values)),
    "zeros": lambda values: pa.array([0] * len(values)),
    "yes": lambda values: pa.array([True] * len(values)),
}


def _change_column(table: Any, column: str, chance: random.Random) -> tuple[str, Any]:
    """What was changed, and the changed table."""
    kind = chance.choice([*_COLUMNS, "twice", "away"])
    if kind == "twice":
        return kind, table.append_column(table.schema.field(column), table[column])
    if kind == "away":
        return kind, table.drop_columns([column])
    values = _COLUMNS[kind](table[column].combine_chunks())
    return kind, table.set_column(table.column_names.index(column), column, values)


def _tables(folder: Path, rounds: int, chance: random.Random) -> Iterator[str]:
    paths = sorted(folder.glob("*.parquet"))
    content = content_of(folder)
    for number in range(rounds):
        path = chance.choice(paths)
        kept = path.read_bytes()
        table = pq.read_table(path)
        column = chance.choice(table.column_names)
        kind, wrong = _change_column(table, column, chance)
        pq.write_table(wrong, path)
        seal(folder, content)
        yield from _findings(folder, f"{path.stem}.{column}: {kind}", drawn=number % _DRAWN == 0)
        path.write_bytes(kept)
    seal(folder, content)


def _stacks(folder: Path) -> Iterator[str]:
    path, content = folder / "stacks.json", content_of(folder)
    kept = path.read_bytes()
    values: tuple[object, ...] = (
        [],
        {"a": []},
        {"1": 1},
        {"1": ["\x1b[2J"]},
        {"1": ["$x^$"]},
        {"1": [[]]},
        {"9" * 400: []},
        1,
        None,
    )
    for value in values:
        path.write_bytes(msgspec.json.encode(value))
        seal(folder, content)
        yield from _findings(folder, f"stacks.json = {value!r}", drawn=False)
    path.write_bytes(kept)
    seal(folder, content)


def attack(rounds: int, seed: int) -> list[str]:
    """What was not refused or shown as it should be, half of the rounds in run.json and half in tables."""
    warnings.simplefilter("error")
    chance = random.Random(seed)
    with tempfile.TemporaryDirectory() as scratch:
        folder = make_small_run(Path(scratch) / "run", chance.choice(["qemu-pre", "qemu-merged"]))
        return [
            *_stacks(folder),
            *_metadata(folder, rounds // 2, chance),
            *_tables(folder, rounds - rounds // 2, chance),
        ]
