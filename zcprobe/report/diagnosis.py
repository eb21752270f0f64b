# SPDX-License-Identifier: GPL-2.0-only
"""What is wrong with each sender of a report, as plain values for the template."""

import msgspec

from zcprobe.analysis.diagnosis import is_healthy, judge
from zcprobe.analysis.diagnosis.need import need_of_sender
from zcprobe.analysis.diagnosis.observed import observed
from zcprobe.dataset.load import Comparison
from zcprobe.format.diagnosis import Diagnosed
from zcprobe.report.content import shown_runs

__all__ = ["DiagnosedRun", "diagnosed_runs"]


class DiagnosedRun(msgspec.Struct, frozen=True, kw_only=True):
    """One run, which stands for all runs of its policy in the figures too. `not_seen` says what could not be judged,
    and `unexplained` for which refused calls no finding speaks; each is empty if there is nothing to say. `need`: which
    optmem_max the sender needs, empty if that is not known."""

    policy: str
    folder: str
    findings: list[Diagnosed]
    not_seen: str
    unexplained: str
    need: str


def diagnosed_runs(comparison: Comparison) -> list[DiagnosedRun]:
    """One run for each policy. The tables of these runs are read, in parts."""
    found = []
    for run in shown_runs(comparison):
        seen = observed(run)
        judged = judge(seen)
        found.append(
            DiagnosedRun(
                policy=run.policy,
                folder=run.name,
                findings=judged.findings,
                not_seen="" if is_healthy(judged.findings) else ", ".join(judged.not_seen),
                unexplained=judged.unexplained or "",
                need=need_of_sender(seen),
            )
        )
    return found
