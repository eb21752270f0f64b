# SPDX-License-Identifier: GPL-2.0-only
"""What a run folder of each format version holds, and what a reader puts in place of what an older folder lacks."""

from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa

from zcprobe.config import RunConfig
from zcprobe.dataset.arrival import arrival_of_older
from zcprobe.errors import OutputError
from zcprobe.format.metadata import FORMAT_VERSION
from zcprobe.format.summary import ChannelSummary
from zcprobe.format.tables import TABLES
from zcprobe.format.version_1 import CANDIDATES, config_of_version_1
from zcprobe.format.version_2 import OLD_EVENT_COLUMNS, Conversion, split_summary
from zcprobe.units import shown

__all__ = [
    "OLDEST_VERSION",
    "check_version",
    "complete_comparison",
    "complete_metadata",
    "derive",
    "fill_value",
    "may_lack",
    "required_keys",
    "source_type",
    "sources_of",
    "table_schema",
]

OLDEST_VERSION = 1

_CATEGORY = pa.dictionary(pa.int8(), pa.string())

_FILLS: dict[str, dict[str, Any]] = {"flushes": {"spurious_count": 0}}
"""Table -> column -> value in runs without that column, also of runs of this version made before it was added."""


_NOT_IN_VERSION: dict[int, dict[str, set[str]]] = {
    1: {"kernel_events": {"evidence", "memlock_limit_pages", "memlock_locked_pages", "send_result"}}
}
"""Version -> table -> columns that came after it and have no value in its runs."""

_CONVERSIONS: dict[int, dict[str, dict[str, Conversion]]] = {
    1: {
        "kernel_events": {
            "candidates": CANDIDATES,
            "optmem_before_bytes": OLD_EVENT_COLUMNS["optmem_before_bytes"],
            "optmem_peak_bytes": OLD_EVENT_COLUMNS["optmem_peak_bytes"],
        }
    },
    2: {"kernel_events": OLD_EVENT_COLUMNS},
}
"""Version -> table -> columns that are worked out from what its runs have instead."""

_OLDER_TYPES = {"optmem_high_bytes": pa.uint32(), "memlock_denied": pa.bool_()}
"""Columns that only older versions have."""


def sources_of(table: str, column: str, version: int) -> tuple[str, ...]:
    """Columns of that version from which this one is worked out; none when it is read as it stands, or filled with a
    constant."""
    conversion = _CONVERSIONS.get(version, {}).get(table, {}).get(column)
    return conversion.sources if conversion else ()


def derive(table: str, column: str, version: int, values: pa.Table) -> Any:
    """The column as a numpy array, from `sources_of()` it, which have the types of `source_type()`."""
    conversion = _CONVERSIONS[version][table][column]
    return conversion.convert({name: _numbers(table, name, values[name]) for name in conversion.sources})


def source_type(table: str, column: str) -> pa.DataType:
    """Of a column of this version, or of one that only older versions have."""
    return _OLDER_TYPES[column] if column in _OLDER_TYPES else table_schema(table).field(column).type


def _numbers(table: str, column: str, values: pa.ChunkedArray) -> Any:
    """As a numpy array; of categories the code of each word, 0 for a word that this version does not know."""
    if column not in TABLES[table].enums:
        return values.to_numpy()
    codes = {word: code for code, word in TABLES[table].enums[column].items()}
    parts = [
        np.array([codes.get(word, 0) for word in chunk.dictionary.to_pylist()], np.uint8)[chunk.indices.to_numpy()]
        for chunk in values.chunks
        if len(chunk)
    ]
    return np.concatenate(parts) if parts else np.empty(0, np.uint8)


def check_version(folder: Path, version: object) -> int:
    """Returns the version if this reader knows it. OutputError otherwise."""
    if isinstance(version, int) and OLDEST_VERSION <= version <= FORMAT_VERSION:
        return version
    found = shown(version) if isinstance(version, str) else str(version)[:40]
    known = f"{OLDEST_VERSION} to {FORMAT_VERSION}" if OLDEST_VERSION < FORMAT_VERSION else f"{FORMAT_VERSION}"
    raise OutputError(
        f"{folder} has format version {found}, this zcprobe reads {known}",
        "load it with the zcprobe that wrote it, or a later one",
    )


def table_schema(name: str) -> pa.Schema:
    """Column -> Arrow type of a table as this version writes it: flags are bool, enums dictionaries of text."""
    table = TABLES[name]
    dtype = table.dtype
    return pa.schema([(column, _arrow_type(name, column, dtype[column])) for column in table.columns])


def _arrow_type(table: str, column: str, dtype: Any) -> pa.DataType:
    if column in TABLES[table].flags:
        return pa.bool_()
    if column in TABLES[table].enums:
        return _CATEGORY
    return pa.int64() if dtype.kind == "u" and dtype.itemsize == 8 else pa.from_numpy_dtype(dtype)


def may_lack(table: str, column: str, version: int) -> bool:
    """Whether a run of that version is whole without the column: nothing but its sources is asked for then."""
    sources = sources_of(table, column, version)
    if sources:
        return column not in sources
    return column in _FILLS.get(table, {}) or column in _NOT_IN_VERSION.get(version, {}).get(table, ())


def fill_value(table: str, column: str) -> Any:
    """The value for a column that the run lacks: its own fill value, else `unknown`, False or 0 by its type."""
    own = _FILLS.get(table, {})
    if column in own:
        return own[column]
    kind = table_schema(table).field(column).type
    if kind == _CATEGORY:
        return "unknown"
    return False if kind == pa.bool_() else 0


def required_keys(what: str, content: dict[str, Any]) -> tuple[str, ...]:
    """The members that run.json (`what` is run) or comparison.json (comparison) of that version and kind always has."""
    if what == "comparison":
        return ("policies", "runs", "scenario")
    if content.get("kind") == "attachment":
        return ("selection", "host", "kernel", "complete")
    summaries = ("summary",) if content["format_version"] < 3 else ("kernel", "sender")
    return ("config", "scenario", "lab", "host", *summaries, "complete")


_OPTIONAL: dict[str, Any] = {
    "format_minor": 0,
    "warnings": [],
    "send_results": {},
    "probes": {},
    "rows": {},
    "cookies": [],
}
"""Members that a run may lack, with what stands for them."""


def complete_metadata(meta: dict[str, Any]) -> dict[str, Any]:
    """run.json as this version would have written it, as far as that is known: the configuration has its defaults, and
    what arrived is worked out.

    A run from before there were channels had one, whose counts are those of the summaries.
    """
    if meta.get("kind") == "attachment":
        return _OPTIONAL | meta
    if meta["format_version"] < 3:
        meta = split_summary(meta)
    config = _over_defaults(msgspec.to_builtins(RunConfig()), config_of_version_1(meta["config"]))
    sender = _with_arrival(meta["sender"], config)
    results = {**meta["kernel"], **sender}
    only_channel = {name: results[name] for name in ChannelSummary.__struct_fields__ if name in results}
    return {
        **_OPTIONAL,
        **meta,
        "config": config,
        "sender": sender,
        "reconciliation": [{"kind": "mismatch", **finding} for finding in meta.get("reconciliation", [])],
        "channels": [_with_arrival(channel, config) for channel in meta.get("channels") or [only_channel]],
    }


def complete_comparison(meta: dict[str, Any]) -> dict[str, Any]:
    """comparison.json as this version would have written it: where a policy has no results yet, older versions wrote an
    empty object."""
    results = {policy: result or None for policy, result in meta["policies"].items()}
    return {"format_minor": 0, **meta, "policies": results, "verdict": meta.get("verdict") or []}


def _over_defaults(defaults: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    """The given members, and the default of each member that is missing, in nested members too."""
    filled = {**defaults, **given}
    inner = [name for name, one in defaults.items() if isinstance(one, dict) and isinstance(filled[name], dict)]
    return filled | {name: {**defaults[name], **filled[name]} for name in inner}


def _with_arrival(counts: dict[str, Any], config: dict[str, Any]) -> dict[str, Any]:
    return counts if "bytes_missing" in counts else {**counts, **arrival_of_older(counts, config)}
