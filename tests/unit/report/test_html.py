# SPDX-License-Identifier: GPL-2.0-only
import re
import shutil
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import pytest
from msgspec.structs import replace

from tests.unit.changed import changed_run, run_with, stored_results
from zcprobe.analysis.comparisons import as_comparisons, claims_of
from zcprobe.analysis.quantities import COMPARED
from zcprobe.analysis.validity import stamp_of
from zcprobe.dataset.load import Comparison, Run, load_comparison
from zcprobe.format.findings import Finding, RunWarning
from zcprobe.format.metadata import FORMAT_VERSION
from zcprobe.report.content import warnings_of
from zcprobe.report.html import FIGURE_TITLES, render_report, write_report


class _Page(HTMLParser):
    """The text that a reader sees, and the addresses to which the page refers."""

    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []
        self.references: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.references += [value or "" for name, value in attrs if name in ("href", "src")]

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


def _read(path: Path) -> _Page:
    page = _Page()
    page.feed(path.read_text(encoding="utf-8"))
    return page


def _text(*comparisons: Comparison) -> str:
    """The words of a report without its pictures, which take most of the time."""
    page = _Page()
    page.feed(render_report(list(comparisons), comparisons[0].folder, most_drawn=0))
    return page.text


@pytest.fixture
def copied(tmp_path: Path) -> Callable[[Comparison], Comparison]:
    """A copy of a comparison that a report may be written into."""

    def copy(comparison: Comparison) -> Comparison:
        return load_comparison(shutil.copytree(comparison.folder, tmp_path / "comparison"))

    return copy


@pytest.fixture(scope="module")
def reported(comparison: Comparison, tmp_path_factory: pytest.TempPathFactory) -> tuple[Comparison, _Page]:
    """A copy of each kept comparison and its report; those of the newest version also keep their figures."""
    kept = Path(*comparison.folder.parts[-2:])
    own = load_comparison(shutil.copytree(comparison.folder, tmp_path_factory.mktemp("reported") / kept))
    path = own.folder / "report.html"
    if _is_newest(own):
        assert write_report(own) == path
    else:
        path.write_text(render_report([own], own.folder, most_drawn=int(_has_pictures(own))), encoding="utf-8")
    return own, _read(path)


def _is_newest(comparison: Comparison) -> bool:
    return comparison.folder.parent.name == f"version_{FORMAT_VERSION}"


def _has_pictures(comparison: Comparison) -> bool:
    """Of each older version one comparison has. tests/unit/plots draws the figures of the others."""
    return _is_newest(comparison) or comparison.folder.name == "held-completions"


def test_the_verdict_comes_first_and_the_numbers_are_those_of_the_runs(reported: tuple[Comparison, _Page]) -> None:
    comparison, page = reported
    position = 0
    for sentence in comparison.meta.verdict:
        position = page.text.index(sentence, position)
    assert position < page.text.index("Outcomes")
    for run in comparison.runs:
        stored = stored_results(run)
        row = page.text[page.text.index(run.folder.name, page.text.index("The runs stand in the order in which")) :]
        assert f"{stored['sends']:,} {stored['enobufs_count']:,} {stored['stall_count']:,}" in row[:300]


def test_every_figure_is_embedded_and_nothing_outside_is_referred_to(reported: tuple[Comparison, _Page]) -> None:
    comparison, page = reported
    images = [reference for reference in page.references if reference.startswith("data:image/")]
    assert len(images) == len(FIGURE_TITLES) * _has_pictures(comparison)
    text = (comparison.folder / "report.html").read_text(encoding="utf-8")
    assert not re.search(r"https?:|//[a-z]|<script|url\(|@import", re.sub(r'"data:[^"]*"', "", text))


def test_links_lead_to_files_beside_the_report(reported: tuple[Comparison, _Page]) -> None:
    comparison, page = reported
    links = [reference for reference in page.references if not reference.startswith(("data:", "#"))]
    assert len(links) > len(comparison.runs)
    for link in links:
        assert not link.startswith("/")
        assert (comparison.folder / link).is_file(), link


def test_it_says_that_this_is_no_speed_study_and_how_it_was_made(reported: tuple[Comparison, _Page]) -> None:
    comparison, page = reported
    completions = sum(run.sender.completions for run in comparison.runs)
    assert f"Every one of the {completions:,} completions" in page.text
    assert "never a speed study" in page.text
    run = comparison.runs[0]
    for fact in (
        run.meta.host.kernel_release,
        str(comparison.meta.seed),
        f"{run.kernel.charge_bytes} bytes",
    ):
        assert fact in page.text
    assert "checks hold" in page.text


def test_an_interrupted_comparison_says_so(shipped: dict[str, Comparison]) -> None:
    whole = shipped["in-flight"]
    assert "only 1 of 3 planned runs" in _text(Comparison(whole.folder, whole.meta, whole.runs[:1]))


def test_a_comparison_without_runs_still_has_a_report(
    shipped: dict[str, Comparison], copied: Callable[[Comparison], Comparison]
) -> None:
    whole = copied(shipped["in-flight"])
    meta = replace(whole.meta, verdict=[], policies={})
    page = _read(write_report(Comparison(whole.folder, meta, [])))
    assert "No run was made" in page.text


def _changed(comparison: Comparison, change: Callable[[Run], Run]) -> Comparison:
    return Comparison(comparison.folder, comparison.meta, [change(run) for run in comparison])


def test_counts_that_differ_are_named(shipped: dict[str, Comparison]) -> None:
    broken = Finding("lost <events>", expected=0, found=23, holds=False)
    whole = _changed(shipped["in-order"], lambda run: run_with(run, complete=False, reconciliation=[broken]))
    text = _text(whole)
    assert "lost <events>: 0 against 23" in text
    assert "do NOT hold" in text
    assert "lost &lt;events&gt;" in render_report([whole], whole.folder, most_drawn=0)


def test_without_probes_unknown_is_called_unknown(shipped: dict[str, Comparison]) -> None:
    text = _text(shipped["no-probes"])
    assert "of unknown cause" in text
    assert "causes and holders are unknown" in text


@pytest.mark.parametrize(
    ("scatter_gather", "said"), [(True, "was sent from its pages"), (False, "has no scatter-gather")]
)
def test_devices_of_the_host_are_not_called_veth(
    scatter_gather: bool, said: str, shipped: dict[str, Comparison]
) -> None:
    def change(run: Run) -> Run:
        lab = replace(run.meta.lab, sender_device="eth1", scatter_gather=scatter_gather)
        return run_with(changed_run(run, link=("eth1", "eth2")), lab=lab)

    text = _text(_changed(shipped["in-order"], change))
    assert f"The sender's device eth1 has {'no ' if not scatter_gather else ''}scatter-gather" in text
    assert said in text
    assert "veth" not in text


@pytest.mark.parametrize(
    ("lab", "said"),
    [
        ({"sender_device": "eth1", "scatter_gather": True}, "The sender's device eth1 has scatter-gather"),
        ({"sender_device": "eth1", "scatter_gather": False}, "The sender's device eth1 has no scatter-gather"),
        ({"sender_device": "lo", "scatter_gather": True}, "On loopback and veth the kernel copies"),
        ({}, "It is not known for every run by which device the sends left"),
    ],
)
def test_of_a_remote_target_the_device_decides_what_is_said_of_copies(
    lab: dict[str, object], said: str, shipped: dict[str, Comparison]
) -> None:
    device = {"sender_device": None, "scatter_gather": None, **lab}

    def change(run: Run) -> Run:
        return run_with(changed_run(run, to="192.0.2.1"), lab=replace(run.meta.lab, **device))

    assert said in _text(_changed(shipped["in-order"], change))


def test_the_tables_have_what_is_missing_and_what_is_not_known(lossy: Comparison, silent: Comparison) -> None:
    text = _text(lossy)
    assert "datagrams: 2,018 sent, 1,009 received, 1,009 missing" in text
    assert "2,018 sent, 1,009 received, 1,009 missing (1.35 MiB)" in text
    assert "datagrams_missing" in text
    text = _text(silent)
    assert "- (n = 0)" in text.replace("\u00a0", " ")
    assert "not known: the sink did not report" in text


def test_warnings_of_runs_stand_at_the_top_and_groups_are_headed_by_what_differs(
    shipped: dict[str, Comparison],
) -> None:
    run = shipped["in-order"].runs[0]
    warned = run_with(run, warnings=[RunWarning("nothing-held", "nothing <was> held back")])
    parts = as_comparisons([warned, changed_run(run, send_bytes=4096), changed_run(run, socket_nodelay=False)])
    text = _text(*parts)
    assert "nothing <was> held back (1 of 1 runs)" in text
    assert text.index("nothing <was> held back") < text.index("Outcomes")
    for title in ("in-order, sends of 4 KiB, TCP_NODELAY", "in-order, sends of 64 KiB, Nagle's algorithm"):
        assert text.count(title) == 2


def test_a_planned_comparison_whose_runs_are_not_alike_says_so(shipped: dict[str, Comparison]) -> None:
    whole = shipped["in-order"]
    mixed = Comparison(whole.folder, whole.meta, [*whole.runs, changed_run(whole.runs[0], channels=4)])
    assert warnings_of(whole) == []
    (warning,) = warnings_of(mixed)
    assert "1 channel or 4 channels" in warning


def test_a_report_has_each_claim_beside_the_noise_and_the_stamp(shipped: dict[str, Comparison], tmp_path: Path) -> None:
    five = load_comparison(shipped["held-completions"].folder.parents[1] / "version_3" / "held-completions")
    page = _Page()
    page.feed(render_report([five], tmp_path, most_drawn=0))
    assert "Differences from qemu-pre" in page.text
    for claim in claims_of(five):
        row = f"{claim.candidate} {COMPARED[claim.quantity].words}"
        assert row in page.text
        assert ("no difference shown" in page.text.partition(row)[2][:200]) == (not claim.shown)
    assert f"planned runs, started {five.meta.started_utc[:10]}" in page.text.partition(stamp_of(five.runs).text)[0]
