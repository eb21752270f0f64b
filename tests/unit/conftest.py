# SPDX-License-Identifier: GPL-2.0-only
"""The real runs in tests/data, of every version of the format; tests/data/README.md says how they were made."""

from collections.abc import Iterable
from pathlib import Path

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from _pytest.mark.structures import ParameterSet
from msgspec.structs import replace

from tests.unit.changed import run_with, store_metadata
from zcprobe.dataset.load import Comparison, Run, RunCollection, load_collection, load_comparison, load_run
from zcprobe.dataset.schema import table_schema
from zcprobe.format.metadata import FORMAT_VERSION
from zcprobe.format.tables import TABLES

_DATA = Path(__file__).parent.parent / "data"
_COMPARISONS = sorted(path.parent for path in _DATA.glob("version_*/*/comparison.json"))


def _policy_of(run: Path) -> str:
    return str(msgspec.json.decode((run / "run.json").read_bytes())["config"]["policy"])


_NEWEST = f"version_{FORMAT_VERSION}"


def _is_newest(path: Path) -> bool:
    return path.relative_to(_DATA).parts[0] == _NEWEST


def _telling_runs(comparison: Path) -> list[Path]:
    """One run of each policy where policies are compared in earnest, elsewhere of two, or of one in an older version:
    others show the same again."""
    runs = sorted((path.parent for path in comparison.glob("*/run.json")), reverse=True)
    of_each_policy = sorted({_policy_of(run): run for run in runs}.values(), key=_policy_of)
    if comparison.name == "held-completions":
        return of_each_policy
    return of_each_policy[::2] if _is_newest(comparison) else of_each_policy[:1]


def _made_again(paths: Iterable[Path]) -> list[Path]:
    """All of the newest version. They were made again for each version, so of an older one every second does."""
    return [path for number, path in enumerate(sorted(paths)) if _is_newest(path) or number % 2]


_RUNS = [
    *(run for comparison in _COMPARISONS for run in _telling_runs(comparison)),
    *_made_again(path.parent for path in _DATA.glob("version_*/runs/*/run.json")),
]
_CAMPAIGNS = _made_again(_DATA.glob("version_*/campaigns/*"))


def _name(path: Path) -> str:
    """`version_1/in-order/in-order-qemu-pre-d11a5a`: without the time."""
    return str(path.relative_to(_DATA).parent / path.name.split("Z-")[-1])


def _params(paths: list[Path]) -> list[ParameterSet]:
    """The quick tests read the newest version; older ones are left to `make test`."""
    return [pytest.param(path, marks=[] if _is_newest(path) else [pytest.mark.bulk]) for path in paths]


@pytest.fixture(scope="session", params=_params(_COMPARISONS), ids=_name)
def comparison(request: pytest.FixtureRequest) -> Comparison:
    """Each kept comparison in turn."""
    return load_comparison(request.param)


@pytest.fixture(scope="session", params=_params(_RUNS), ids=_name)
def run(request: pytest.FixtureRequest) -> Run:
    """Runs of each kept comparison, and each run that is kept alone, in turn."""
    return load_run(request.param)


@pytest.fixture(scope="session", params=_params(list(filter(_is_newest, _RUNS))), ids=_name)
def newest_run(request: pytest.FixtureRequest) -> Run:
    """Those of `run` that have the newest version of the format, in turn."""
    return load_run(request.param)


@pytest.fixture(scope="session", params=_params(_CAMPAIGNS), ids=_name)
def campaign(request: pytest.FixtureRequest) -> RunCollection:
    """Each kept campaign in turn: many runs, most of which recorded nothing but counts."""
    return load_collection(request.param)


@pytest.fixture
def empty_run(tmp_path: Path) -> Run:
    """A real run's metadata without a single table: recording off, no probes."""
    whole = load_comparison(_DATA / "version_1" / "no-probes").runs[0]
    return Run(tmp_path, whole.meta)


@pytest.fixture(scope="session")
def shipped() -> dict[str, Comparison]:
    """Kept comparisons by the name of their folder: of the oldest version, where several have one of that name."""
    return {path.name: load_comparison(path) for path in reversed(_COMPARISONS)}


def _with_summaries(comparison: Comparison, changes: dict[str, object]) -> Comparison:
    runs = [run_with(run, results=changes) for run in comparison]
    return Comparison(comparison.folder, replace(comparison.meta, verdict=[]), runs)


@pytest.fixture
def silent(shipped: dict[str, Comparison]) -> Comparison:
    """Runs whose sinks did not report."""
    unknown = dict.fromkeys(("goodput_bps", "sink_bytes", "sink_intact", "bytes_missing"))
    return _with_summaries(shipped["in-order"], unknown)


@pytest.fixture
def lossy(shipped: dict[str, Comparison]) -> Comparison:
    """Runs of datagrams, of which some are missing."""
    counts = {"datagrams_sent": 2018, "datagrams_received": 1009, "datagrams_missing": 1009, "datagrams_repeated": 0}
    return _with_summaries(shipped["in-order"], {**counts, "bytes_missing": 1009 * 1400, "retransmit_count": None})


@pytest.fixture
def current_run(shipped: dict[str, Comparison], tmp_path: Path) -> Run:
    """A shipped run, most of which are of an older format, as it would be recorded today."""
    old = shipped["held-completions"].runs_of("qemu-merged")[0]
    folder = tmp_path / old.folder.name
    folder.mkdir()
    for table in TABLES:
        rows = pa.concat_tables([table_schema(table).empty_table(), *old.iterate_parts(table)])
        pq.write_table(rows, folder / f"{table}.parquet", write_page_checksum=True)
    rows = {table: len(old.read(table)) for table in TABLES}
    store_metadata(folder, replace(old.meta, format_version=FORMAT_VERSION, rows=rows))
    return load_run(folder)
