# SPDX-License-Identifier: GPL-2.0-only
"""A real run folder made small: the first rows of each table and one stack, with digests as if it had been recorded
so."""

import shutil
from pathlib import Path
from typing import Any

import msgspec
import pyarrow.parquet as pq

from zcprobe.recorder.metadata import digests_of
from zcprobe.seal import sealed

__all__ = ["SAMPLES", "content_of", "make_small_run", "seal"]

SAMPLES = Path(__file__).parents[1] / "data" / "version_2" / "digests"
_ROWS = 23


def content_of(folder: Path) -> dict[str, Any]:
    """run.json without its own digest."""
    content: dict[str, Any] = msgspec.json.decode((folder / "run.json").read_bytes())
    content.pop("sha256", None)
    return content


def seal(folder: Path, content: dict[str, Any]) -> None:
    """run.json, with the digests that the files have now."""
    files = digests_of(*sorted(folder.glob("*.parquet")), folder / "stacks.json")
    (folder / "run.json").write_bytes(sealed({**content, "files": msgspec.to_builtins(files)}))


def make_small_run(folder: Path, policy: str = "qemu-merged") -> Path:
    """Writes the new folder `folder` from a run of that policy."""
    shutil.copytree(next(SAMPLES.glob(f"*-{policy}-*")), folder)
    content = content_of(folder)
    for path in folder.glob("*.parquet"):
        rows = pq.read_table(path).slice(0, _ROWS)
        pq.write_table(rows, path, compression="zstd", write_page_checksum=True)
        content["rows"][path.stem] = len(rows)
    stacks = msgspec.json.decode((folder / "stacks.json").read_bytes())
    (folder / "stacks.json").write_bytes(msgspec.json.encode(dict(list(stacks.items())[:1])))
    seal(folder, content)
    return folder
