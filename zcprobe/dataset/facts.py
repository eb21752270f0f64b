# SPDX-License-Identifier: GPL-2.0-only
"""All that is known of a run, as one flat row: how it was made, and what its result was."""

from collections.abc import Mapping
from typing import Any, get_args

from msgspec.structs import asdict

from zcprobe.config import FlushVariant
from zcprobe.dataset.options import impairment_of
from zcprobe.dataset.results import results_of
from zcprobe.dataset.run import Run
from zcprobe.format.causes import CAUSES, MEMLOCK_CAUSES

__all__ = ["HOST_FACTS", "flat_facts", "run_row"]

HOST_FACTS = ("kernel_release", "machine", "distribution", "cpu_model", "cpu_count")


def flat_facts(run: Run) -> dict[str, Any]:
    """Name -> a number, a text, a bool or None: `run` (the folder's name), started_utc, zcprobe_version, complete,
    integrity, HOST_FACTS, every option as it was in effect, `impairment_` and `calibration_` parameters where the run
    has some, and the members of both summaries, `enobufs_causes` left out. An option and a result of one name have one
    value. An attachment has only what the kernel said."""
    results = {name: value for name, value in results_of(run.meta).items() if name != "enobufs_causes"}
    if results.get("missed_by_variant", {}) is None:  # of runs from before there were variants
        results["missed_by_variant"] = dict.fromkeys(get_args(FlushVariant))
    calibration = run.meta.calibration if run.meta.sender else None
    # their places; nothing that a run says of itself can take them
    facts = {
        "run": None,
        "started_utc": run.meta.started_utc,
        "zcprobe_version": run.meta.zcprobe_version,
        "complete": None,
        "integrity": None,
        **{name: getattr(run.meta.host, name) for name in HOST_FACTS},
        **(_plain({**run.options, "policy": run.policy}) if run.meta.sender else {}),
        **(impairment_of(run.meta) if run.meta.sender else {}),
        **_plain({"calibration": asdict(calibration) if calibration else {}}),
        **_plain(results),
    }
    return facts | {"run": run.name, "complete": run.meta.complete, "integrity": run.integrity}


def run_row(run: Run) -> dict[str, Any]:
    """The run's row in a table of runs: its facts, and `enobufs_causes_<cause>` for every cause."""
    return flat_facts(run) | {f"enobufs_causes_{cause}": count for cause, count in _all_causes(run).items()}


def _all_causes(run: Run) -> dict[str, int | None]:
    """Cause -> calls. `memlock` is the sum of the calls on either path and of those whose path is not known."""
    causes = run.kernel.enobufs_causes
    if causes is None:
        return dict.fromkeys(("memlock", *CAUSES))
    by_memlock = sum(causes.get(cause, 0) for cause in MEMLOCK_CAUSES)
    return {**dict.fromkeys(CAUSES, 0), **causes, "memlock": by_memlock}


def _text(item: Any) -> str:
    return ":".join(map(str, item)) if isinstance(item, list | tuple) else str(item)


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """Nested members get both names, joined by `_`; lists become text such as `4096:8,65536:2`."""
    plain: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, dict):
            plain |= {f"{name}_{part}": one for part, one in value.items()}
        elif isinstance(value, list | tuple):
            plain[name] = ",".join(map(_text, value))
        else:
            plain[name] = value
    return plain
