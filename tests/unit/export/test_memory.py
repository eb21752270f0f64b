# SPDX-License-Identifier: GPL-2.0-only
"""A run six times as long takes no more memory, measured in a separate process for each."""

import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from msgspec.structs import replace

from tests.unit.changed import store_metadata
from zcprobe.dataset.load import Comparison, Run
from zcprobe.export.tables import CHUNK_ROWS
from zcprobe.format.metadata import FORMAT_VERSION

_MIB = 1 << 20

_PEAK = """
import resource, sys
from zcprobe.cli.main import main
code = main(["export", sys.argv[1], "--format", *sys.argv[2:], "-o", "/dev/null"])
print(code, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)
"""


def _lengthened(run: Run, folder: Path, chunks: int) -> Path:
    """A run whose sends are repeated one after another in time, in so many row groups of about a chunk."""
    folder.mkdir()
    sends = pq.read_table(run.folder / "sends.parquet")
    position = sends.schema.get_field_index("start_ns")
    repeats = CHUNK_ROWS // len(sends)
    with pq.ParquetWriter(folder / "sends.parquet", sends.schema) as writer:
        for chunk in range(chunks):
            numbers = range(chunk * repeats, (chunk + 1) * repeats)
            moved = [pc.add(sends["start_ns"], number * int(run.sender.duration_ns)) for number in numbers]
            writer.write_table(pa.concat_tables([sends.set_column(position, "start_ns", times) for times in moved]))
    rows = chunks * repeats * len(sends)
    store_metadata(folder, replace(run.meta, format_version=FORMAT_VERSION, rows={"sends": rows}))
    return folder


def _peak_bytes(folder: Path, *words: str) -> int:
    command = [sys.executable, "-c", _PEAK, str(folder), *words]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    code, peak = result.stdout.split()
    assert code == "0", result.stderr
    return int(peak)


@pytest.fixture(scope="module")
def lengths(shipped: dict[str, Comparison], tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    run = shipped["held-completions"].runs_of("qemu-merged")[0]
    parent = tmp_path_factory.mktemp("lengths")
    return _lengthened(run, parent / "short", 2), _lengthened(run, parent / "long", 12)


@pytest.mark.parametrize(
    "words", [("csv", "--table", "sends"), ("jsonl", "--table", "sends"), ("trace",), ("openmetrics",)], ids="-".join
)
def test_memory_does_not_grow_with_the_run(lengths: tuple[Path, Path], words: tuple[str, ...]) -> None:
    short, long = (_peak_bytes(folder, *words) for folder in lengths)
    # 650,000 sends more are 42 MiB as a table, 100 MiB and more as text; what Python's allocator does not give back
    # between chunks is up to 20 MiB
    assert long - short < 32 * _MIB
