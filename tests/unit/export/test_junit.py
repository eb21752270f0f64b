# SPDX-License-Identifier: GPL-2.0-only
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from msgspec.structs import replace

from tests.unit.analysis.test_baseline import kept, slower
from tests.unit.changed import run_with
from zcprobe.analysis.baseline import judge_against
from zcprobe.analysis.compared import compared_policies
from zcprobe.analysis.comparisons import claims_of
from zcprobe.dataset.load import Comparison, load_comparison
from zcprobe.export.junit import junit_xml

FIVE = Path(__file__).parents[2] / "data" / "version_3" / "held-completions"
RESULTS = ("failure", "error", "skipped")


@pytest.fixture(scope="module")
def five() -> Comparison:
    return load_comparison(FIVE)


def document(now: Comparison, before: Comparison | None = None) -> bytes:
    compared = compared_policies(now)
    return junit_xml(compared, None if before is None else judge_against(kept(before), compared))


def read(document: bytes) -> tuple[ET.Element, list[ET.Element]]:
    root = ET.fromstring(document)
    assert root.tag == "testsuites"
    (suite,) = root
    return suite, suite.findall("testcase")


def results(cases: list[ET.Element]) -> list[str]:
    return [result.tag for case in cases for result in case if result.tag in RESULTS]


def test_the_counts_of_the_suite_are_those_of_its_cases(five: Comparison) -> None:
    suite, cases = read(document(slower(five, 0.5), five))
    assert int(suite.attrib["tests"]) == len(cases)
    assert int(suite.attrib["failures"]) == results(cases).count("failure") == 1
    assert (suite.attrib["errors"], suite.attrib["skipped"]) == ("0", "0")
    assert float(suite.attrib["time"]) == pytest.approx(sum(run.sender.duration_ns for run in five) / 1e9, abs=0.01)
    assert suite.attrib["timestamp"] == five.meta.started_utc[:19]


def test_a_regression_fails_its_case_and_says_its_numbers(five: Comparison) -> None:
    _, cases = read(document(slower(five, 0.5), five))
    (failed,) = (case for case in cases if case.find("failure") is not None)
    assert failed.attrib["classname"] == "zcprobe.held-completions.qemu-merged"
    assert failed.attrib["name"].startswith("goodput against")
    assert "-50 [" in (failed.findtext("system-out") or "")


def test_a_comparison_without_a_baseline_expects_nothing(five: Comparison) -> None:
    _, cases = read(document(five))
    assert len(cases) == len(five.policies) + len(claims_of(five))
    assert results(cases) == []


def test_invalid_runs_skip_what_they_cannot_tell(five: Comparison) -> None:
    busy = [run_with(run, host=replace(run.meta.host, load_1min=99.0)) for run in five]
    now = Comparison(five.folder, five.meta, busy)
    _, cases = read(document(now, five))
    assert set(results(cases)) == {"skipped"}
    assert len(results(cases)) == len(cases)
    _, cases = read(document(slower(now, 0.5), five))
    assert results(cases).count("failure") == 1


def test_counts_that_differ_are_an_error_of_the_policy(five: Comparison) -> None:
    runs = [run_with(run, complete=False) if run.policy == "qemu-pre" else run for run in five]
    _, cases = read(document(Comparison(five.folder, five.meta, runs)))
    (broken,) = (case for case in cases if case.find("error") is not None)
    assert broken.attrib["name"] == "runs are VALID"
    assert broken.attrib["classname"].endswith("qemu-pre")


def test_too_few_runs_are_skipped(five: Comparison) -> None:
    few = Comparison(five.folder, five.meta, [run for policy in five.policies for run in five.runs_of(policy)[:2]])
    _, cases = read(document(few, few))
    skipped = [case.find("skipped") for case in cases]
    assert any(found is not None and "too few" in found.attrib["message"] for found in skipped)
