"""A real run as it would be if it had been made in another way."""

from copy import deepcopy
from typing import Any

from zcprobe.dataset.load import Run

__all__ = ["changed_run"]


def changed_run(run: Run, **options: Any) -> Run:
    """The run with other values of options, by their flat names (`socket_pacing_bps`). The limit in force follows."""
    meta = deepcopy(run.meta)
    for name, value in options.items():
        member, _, nested = name.partition("_")
        if isinstance(meta["config"].get(member), dict):
            meta["config"][member][nested] = value
        else:
            meta["config"][name] = value
    if "optmem_max_bytes" in options:
        meta["summary"]["optmem_max_bytes"] = options["optmem_max_bytes"]
    return Run(run.folder, meta)
