# SPDX-License-Identifier: GPL-2.0-only
"""A baseline with the right digest and wrong contents, as somebody may send it to whoever compares with it.

zcprobe refuses it with one of its own errors in one line, or compares with it. Nothing else is raised, and no control
character or direction mark is written.
"""

import random
import tempfile
import traceback
import warnings
from collections.abc import Iterator
from pathlib import Path

import msgspec

from tests.torture._mutations import mutated, some_mutations
from tests.torture._small_run import make_small_run
from zcprobe.analysis.baseline import baseline_of, judge_against, require_values
from zcprobe.analysis.claims import Point
from zcprobe.analysis.compared import Compared
from zcprobe.dataset.baseline import load_baseline
from zcprobe.dataset.load import load_run
from zcprobe.errors import ZcprobeError
from zcprobe.export.junit import junit_xml
from zcprobe.format.baseline import baseline_file
from zcprobe.seal import sealed

SHORT = 300
LONG = 20_000

_NAME = "sent"
_UNSHOWN = frozenset("\x1b\x07\x9b\u202e\u2066\u200b")
_MOST_CHARACTERS = 1000


def _compared(scratch: Path) -> Compared:
    points: dict[str, Point] = {
        policy: {block: load_run(make_small_run(scratch / f"{policy}-{block}", policy)) for block in (1, 2)}
        for policy in ("qemu-pre", "qemu-merged")
    }
    return Compared(title="small", folder="small", started_utc="", seed=1, points=points, claims=[])


def _told(folder: Path, compared: Compared) -> str:
    """All that `compare --baseline` writes about it."""
    baseline = load_baseline(folder, _NAME)
    require_values(baseline)
    judgement = judge_against(baseline, compared)
    claims = [claim.text for claim in judgement.verdicts]
    junit = junit_xml(compared, judgement).decode()
    return "\n".join([junit, *claims, *judgement.remarks, judgement.why_undecided or "", *judgement.stamps])


def _findings(folder: Path, compared: Compared, changed: str) -> Iterator[str]:
    try:
        text = _told(folder, compared)
    except ZcprobeError as error:
        text = str(error)
        if not text.isprintable() or len(text) > _MOST_CHARACTERS:
            yield f"{changed}: an error that is no line: {error!r}"
    except Exception as error:
        frame = traceback.extract_tb(error.__traceback__)[-1]
        yield f"{changed}: {type(error).__name__}: {error} ({Path(frame.filename).name}:{frame.lineno})"
        return
    if found := _UNSHOWN & set(text):
        yield f"{changed}: it wrote {found!r}"


def attack(rounds: int, seed: int) -> list[str]:
    """What was neither refused nor compared with. Each round changes one member of a baseline of real runs."""
    warnings.simplefilter("error")
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        compared = _compared(folder)
        content = msgspec.to_builtins(baseline_of(compared, _NAME, "2026-01-01T00:00:00+00:00"))
        found: list[str] = []
        for at, value in some_mutations(content, rounds, random.Random(seed)):
            (folder / baseline_file(_NAME)).write_bytes(sealed(mutated(content, at, value)))
            found += _findings(folder, compared, f"{'.'.join(map(str, at))} = {str(value)[:40]!r}")
        return found
