# SPDX-License-Identifier: GPL-2.0-only
"""Rows of runs as an Arrow table whose columns have the same types whichever runs there are."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import cache
from itertools import islice
from types import NoneType
from typing import Any, get_args, get_origin, get_type_hints

import msgspec
import pyarrow as pa

from zcprobe.config import FlushVariant, RunConfig
from zcprobe.dataset.facts import HOST_FACTS
from zcprobe.format.causes import CAUSES
from zcprobe.format.host import Host
from zcprobe.format.summary import KernelSummary, SenderSummary

__all__ = ["join_tables", "known_schema", "runs_table", "without_empty"]

_CHUNK_ROWS = 1024
"""Rows that are Python objects at a time: those of ten thousand runs would take hundreds of MB."""

_KINDS = {bool: pa.bool_(), int: pa.int64(), float: pa.float64()}
_NUMBERS = {pa.int64(), pa.float64()}
_PLAIN = {*_NUMBERS, pa.null(), pa.bool_(), pa.string(), pa.binary()}
_BASE = {"run": str, "started_utc": str, "zcprobe_version": str, "complete": bool, "integrity": str}


@cache
def known_schema() -> pa.Schema:
    """The columns that every table of runs has, also where no run has a value: what `run_row` tells of every run but
    for parameters of impairments and calibrations, of which each scenario has its own."""
    hints = {**_BASE, **{name: _members(Host)[name] for name in HOST_FACTS}, **_members(RunConfig)}
    hints |= _members(SenderSummary) | _members(KernelSummary)
    del hints["missed_by_variant"], hints["enobufs_causes"]
    hints |= {f"missed_by_variant_{one}": int for one in get_args(FlushVariant)}
    hints |= {f"enobufs_causes_{cause}": int for cause in ("memlock", *CAUSES)}
    return pa.schema([(name, _KINDS.get(_only(hint), pa.string())) for name, hint in hints.items()])


def _members(kind: type[msgspec.Struct]) -> dict[str, Any]:
    """Name -> type of each member; nested members get both names, as in `zcprobe.dataset.options`."""
    found: dict[str, Any] = {}
    for name, hint in get_type_hints(kind).items():
        nested = _members(hint) if isinstance(hint, type) and issubclass(hint, msgspec.Struct) else None
        found |= {name: hint} if nested is None else {f"{name}_{part}": one for part, one in nested.items()}
    return found


def _only(hint: Any) -> Any:
    """The type without None. A choice of words stays as it is, and is text like all other types."""
    parts = [part for part in get_args(hint) if part is not NoneType]
    is_optional = get_origin(hint) is not None and NoneType in get_args(hint)
    return parts[0] if is_optional and len(parts) == 1 else hint


def runs_table(rows: Iterable[Mapping[str, Any]]) -> pa.Table:
    """The columns of `known_schema()`, then any other in which a row has a value. A row without a value has null there;
    a column that holds numbers in one row and text in another is text."""
    tables = [_table_of(chunk) for chunk in _chunks(iter(rows))]
    return without_empty(join_tables([known_schema().empty_table(), *tables]))


def without_empty(table: pa.Table) -> pa.Table:
    """The table without the columns in which no run has a value, but for those of `known_schema()`. The others follow
    these by name, whichever run had them first."""
    known = known_schema().names
    others = sorted(name for name in set(table.column_names) - set(known) if table[name].null_count < len(table))
    return table.select([*(name for name in known if name in table.column_names), *others])


def _chunks(rows: Iterator[Mapping[str, Any]]) -> Iterator[list[Mapping[str, Any]]]:
    while chunk := list(islice(rows, _CHUNK_ROWS)):
        yield chunk


def _table_of(rows: Sequence[Mapping[str, Any]]) -> pa.Table:
    schema = known_schema()
    names = dict.fromkeys([*schema.names, *(name for row in rows for name in row)])
    kinds = {name: schema.field(name).type for name in schema.names}
    return pa.table({name: _column([row.get(name) for row in rows], kinds.get(name)) for name in names})


def _column(values: list[Any], kind: pa.DataType | None) -> pa.Array:
    """The values with that type where they fit it exactly, else with their own."""
    found = _inferred(values)
    if kind is not None and (pa.types.is_null(found.type) or {found.type, kind} <= _NUMBERS):
        with suppress(pa.ArrowInvalid):
            return found.cast(kind)
    return found


def _inferred(values: list[Any]) -> pa.Array:
    """Text, where the values have several types or one that does not stand in one cell. A type that is given beforehand
    would cut 0.5 down to 0."""
    with suppress(pa.ArrowInvalid, pa.ArrowTypeError, OverflowError):
        found = pa.array(values)
        if found.type in _PLAIN:
            return found
    return pa.array([None if value is None else str(value) for value in values], pa.string())


def join_tables(tables: Sequence[pa.Table]) -> pa.Table:
    """The rows of all tables, one after the other, with the columns of each. Columns of one name get a type that holds
    the values of all."""
    kinds: dict[str, pa.DataType] = {}
    for table in tables:
        for field in table.schema:
            kinds[field.name] = _wider(kinds.get(field.name, pa.null()), field.type)
    schema = pa.schema(list(kinds.items()))
    return pa.concat_tables([_as_schema(table, schema) for table in tables])


def _wider(one: pa.DataType, other: pa.DataType) -> pa.DataType:
    if one == other or pa.types.is_null(other):
        return one
    if pa.types.is_null(one):
        return other
    return pa.float64() if {one, other} == {pa.int64(), pa.float64()} else pa.string()


def _as_schema(table: pa.Table, schema: pa.Schema) -> pa.Table:
    there = set(table.column_names)
    columns = [
        table[field.name].cast(field.type, safe=False) if field.name in there else pa.nulls(len(table), field.type)
        for field in schema
    ]
    return pa.table(columns, schema=schema)
