# SPDX-License-Identifier: GPL-2.0-only
"""A comparison or campaign as JUnit XML, which CI systems show as tests (the part that Jenkins, GitLab and GitHub have
in common).

Each claim is a test case. It fails if something is worse than in the baseline, and is skipped if there are too few runs
to tell, or the runs are INVALID. Without a baseline nothing is expected, so that no claim fails. Each point has another
test case, which says whether its runs are VALID: it is an error if counts differ or events were lost, and skipped for
other reasons.
"""

from collections.abc import Iterator
from typing import Literal
from xml.etree import ElementTree as ET

import msgspec

from zcprobe.analysis.baseline import Judgement
from zcprobe.analysis.claim_text import is_decidable
from zcprobe.analysis.compared import Compared
from zcprobe.analysis.quantities import COMPARED
from zcprobe.analysis.validity import stamp_of
from zcprobe.format.claims import Claim

__all__ = ["junit_xml"]

_NAME = "zcprobe"


class _Case(msgspec.Struct, frozen=True, kw_only=True):
    """`result` is None for a case that passed."""

    point: str
    name: str
    seconds: float = 0.0
    result: Literal["failure", "error", "skipped"] | None = None
    message: str = ""
    text: str = ""


def junit_xml(compared: Compared, judgement: Judgement | None = None) -> bytes:
    """The document, in UTF-8. Its time is that of the runs."""
    cases = [*_runs(compared), *_claims(compared, judgement)]
    suites = ET.Element("testsuites", name=_NAME)
    about = {"name": f"zcprobe.{compared.title}", **_counts(cases)}
    suite = ET.SubElement(suites, "testsuite", about | {"timestamp": compared.started_utc.partition("+")[0]})
    properties = ET.SubElement(suite, "properties")
    for name, value in _properties(compared, judgement).items():
        ET.SubElement(properties, "property", name=name, value=value)
    for case in cases:
        _add(suite, case)
    ET.indent(suites)
    return bytes(ET.tostring(suites, encoding="utf-8", xml_declaration=True)) + b"\n"


def _counts(cases: list[_Case]) -> dict[str, str]:
    results = [case.result for case in cases]
    return {
        "tests": str(len(cases)),
        "failures": str(results.count("failure")),
        "errors": str(results.count("error")),
        "skipped": str(results.count("skipped")),
        "time": f"{sum(case.seconds for case in cases):.3f}",
    }


def _properties(compared: Compared, judgement: Judgement | None) -> dict[str, str]:
    found = {"folder": compared.folder, "seed": str(compared.seed)}
    if compared.runs:
        meta = compared.runs[0].meta
        found |= {"zcprobe": meta.zcprobe_version, "kernel": meta.host.kernel_release, "cpu": meta.host.cpu_model}
    return found | ({"baseline": f"{judgement.baseline} of {judgement.saved_utc}"} if judgement else {})


def _add(suite: ET.Element, case: _Case) -> None:
    place = {"classname": f"{suite.get('name')}.{case.point}", "name": case.name, "time": f"{case.seconds:.3f}"}
    element = ET.SubElement(suite, "testcase", place)
    if case.result:
        ET.SubElement(element, case.result, message=case.message)
    if case.text:
        ET.SubElement(element, "system-out").text = case.text


def _runs(compared: Compared) -> Iterator[_Case]:
    for name, point in compared.points.items():
        runs = list(point.values())
        stamp = stamp_of(runs)
        broken: Literal["error", "skipped"] = "skipped" if all(run.meta.complete for run in runs) else "error"
        yield _Case(
            point=name,
            name="runs are VALID",
            seconds=sum(run.sender.duration_ns for run in runs) / 1e9,
            result=None if stamp.valid else broken,
            message="" if stamp.valid else stamp.text,
            text=stamp.text,
        )


def _claims(compared: Compared, judgement: Judgement | None) -> Iterator[_Case]:
    """A claim that something is worse stands even if the runs are INVALID; that nothing is worse does not."""
    stamps = judgement.stamps.items() if judgement else [("runs", stamp_of(compared.runs))]
    invalid = "; ".join(f"{whose}: {stamp.text}" for whose, stamp in stamps if not stamp.valid)
    for claim in judgement.verdicts if judgement else compared.claims:
        regressed = judgement is not None and claim.better is False
        why_skipped = invalid if is_decidable(claim) else claim.why or ""
        yield _Case(
            point=claim.candidate,
            name=f"{COMPARED[claim.quantity].words} against {claim.reference}",
            result="failure" if regressed else "skipped" if why_skipped else None,
            message=_message(claim) if regressed else why_skipped,
            text=claim.text,
        )


def _message(claim: Claim) -> str:
    return f"{claim.quantity} is worse"
