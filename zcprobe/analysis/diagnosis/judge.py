# SPDX-License-Identifier: GPL-2.0-only
"""All rules together."""

from collections.abc import Callable, Sequence

import msgspec

from zcprobe.analysis.diagnosis.copies import all_copied, cannot_be_zerocopy
from zcprobe.analysis.diagnosis.flush import flush_did_not_wait
from zcprobe.analysis.diagnosis.healthy import nothing_wrong, unexplained
from zcprobe.analysis.diagnosis.memlock import memlock
from zcprobe.analysis.diagnosis.optmem import limit_too_small, unread_out_of_order
from zcprobe.analysis.diagnosis.sizes import small_sends
from zcprobe.analysis.diagnosis.uargs import foreign_uarg
from zcprobe.format.attachment import Observation
from zcprobe.format.diagnosis import DIAGNOSES, Diagnosed

__all__ = ["RULES", "Judgement", "diagnose", "is_healthy", "judge"]

RULES: tuple[Callable[[Observation], Diagnosed | str | None], ...] = (
    flush_did_not_wait,
    memlock,
    foreign_uarg,
    unread_out_of_order,
    limit_too_small,
    cannot_be_zerocopy,
    all_copied,
    small_sends,
)


class Judgement(msgspec.Struct, frozen=True, kw_only=True):
    """`findings`, the most severe first. `not_seen`: what would have had to be seen for a finding that is not there.
    `unexplained`: refused calls for which no finding speaks, by cause, or None."""

    findings: list[Diagnosed]
    not_seen: list[str]
    unexplained: str | None


def judge(seen: Observation) -> Judgement:
    """What every rule says. `nothing-wrong` stands alone, and only if no send call was refused for another reason."""
    said = [rule(seen) for rule in RULES]
    findings = [one for one in said if isinstance(one, Diagnosed)]
    not_seen = list(dict.fromkeys(one for one in said if isinstance(one, str)))
    other = unexplained(seen)
    if not findings and other is None:
        findings = [nothing_wrong(seen, not_seen)]
    findings.sort(key=lambda finding: DIAGNOSES.index(finding.id))
    return Judgement(findings=findings, not_seen=not_seen, unexplained=other)


def diagnose(seen: Observation) -> list[Diagnosed]:
    """The findings, the most severe first. Empty only if send calls were refused and no rule says why."""
    return judge(seen).findings


def is_healthy(findings: Sequence[Diagnosed]) -> bool:
    """Whether the diagnosis is that nothing is wrong."""
    return [finding.id for finding in findings] == ["nothing-wrong"]
