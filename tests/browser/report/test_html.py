# SPDX-License-Identifier: GPL-2.0-only
"""The report as readers see it: in a real browser on a wide screen, on a phone, and on paper."""

import shutil
from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest

from zcprobe.analysis.comparisons import as_comparisons
from zcprobe.dataset.load import load_comparison, load_run
from zcprobe.report.html import FIGURE_TITLES, render_report, write_report

Browser = Any

DATA = Path(__file__).parents[2] / "data" / "version_1"
A4_WIDTH = 688
"""Width of a page in CSS pixels, between margins of 14 mm."""

_VISIBLE = """(() => {
    const target = document.getElementById(%r);
    const box = target.getBoundingClientRect();
    return target.checkVisibility() && box.height > 0 && box.bottom > 0 && box.top < innerHeight;
})()"""


def _report_of_a_comparison(folder: Path) -> Path:
    return write_report(load_comparison(shutil.copytree(DATA / "held-completions", folder / "held completions #1")))


def _report_of_loose_runs(folder: Path) -> Path:
    """Runs of three groups, one without probes, and a report that does not lie beside them."""
    names = ("in-order", "memlock", "no-probes")
    runs = [load_run(path.parent) for name in names for path in sorted(DATA.glob(f"{name}/*/run.json"))[:2]]
    (folder / "reports").mkdir()
    path = folder / "reports" / "report.html"
    path.write_text(render_report(as_comparisons(runs), path.parent), encoding="utf-8")
    return path


@pytest.fixture(scope="module", params=[_report_of_a_comparison, _report_of_loose_runs])
def report(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path: Path = request.param(tmp_path_factory.mktemp("report"))
    return path


@pytest.fixture
def page(browser: Browser, report: Path) -> Iterator[Browser]:
    """The report, 1280 pixels wide."""
    browser.resize(1280, 900)
    browser.open(report.as_uri())
    yield browser
    browser.call("Emulation.setEmulatedMedia", media="")


def _hrefs(page: Browser) -> list[str]:
    """The addresses as the browser resolves them."""
    hrefs: list[str] = page.evaluate("[...document.querySelectorAll('a')].map(link => link.href)")
    return hrefs


def _overflow(page: Browser) -> int:
    """Pixels by which the page is wider than its window."""
    overflow: int = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    return overflow


def test_nothing_is_said_on_the_console_and_nothing_else_is_loaded(page: Browser, report: Path) -> None:
    said = ("Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded")
    assert [event for event in page.events if event["method"] in said] == []
    loaded = [
        event["params"]["request"]["url"] for event in page.events if event["method"] == "Network.requestWillBeSent"
    ]
    assert [url for url in loaded if not url.startswith("data:")] == [report.as_uri()]
    assert [event for event in page.events if event["method"] == "Network.loadingFailed"] == []


def test_the_console_would_be_heard(page: Browser) -> None:
    page.evaluate("console.error('1009')")
    assert any(event["method"] == "Runtime.consoleAPICalled" for event in page.events)


def test_every_figure_is_drawn(page: Browser, report: Path) -> None:
    widths = page.evaluate("[...document.images].map(image => image.complete ? image.naturalWidth : 0)")
    assert len(widths) == report.read_text(encoding="utf-8").count("<img ")
    assert min(widths) > 300


def test_every_anchor_shows_what_it_names(page: Browser, report: Path) -> None:
    anchors = [urlsplit(href).fragment for href in _hrefs(page) if href.startswith(f"{report.as_uri()}#")]
    assert sum(anchor.startswith(("data-", "part1-data-")) for anchor in anchors) == len(FIGURE_TITLES)
    for anchor in dict.fromkeys(anchors):
        page.evaluate("document.querySelectorAll('details').forEach(details => details.open = false)")
        page.evaluate(f"document.querySelector('a[href=\"#{anchor}\"]').click()")
        page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
        assert page.evaluate(_VISIBLE % anchor), anchor


def test_every_link_leads_to_a_file_that_is_there(page: Browser, report: Path) -> None:
    files = {href for href in _hrefs(page) if not href.startswith(f"{report.as_uri()}#")}
    assert any(href.endswith("sends.parquet") for href in files)
    for href in files:
        assert href.startswith("file:///")
        assert Path(unquote(urlsplit(href).path)).is_file(), href


def test_a_link_to_metadata_opens_in_the_browser(page: Browser) -> None:
    href = next(href for href in _hrefs(page) if href.endswith("/run.json"))
    page.open(href)
    assert '"run_id"' in page.evaluate("document.body.innerText")


@pytest.mark.parametrize(("width", "height"), [(1280, 900), (390, 844)])
def test_only_figures_and_tables_scroll_sideways(page: Browser, width: int, height: int) -> None:
    page.resize(width, height, mobile=width < 500)
    assert _overflow(page) <= 0
    page.evaluate("document.querySelectorAll('details').forEach(details => details.open = true)")
    assert _overflow(page) <= 0
    outside = page.evaluate(
        "[...document.querySelectorAll('p, h1, h2, h3, dd, figcaption')].filter("
        "node => node.getBoundingClientRect().right > innerWidth + 1).map(node => node.innerText)"
    )
    assert outside == []
    assert page.evaluate("parseFloat(getComputedStyle(document.querySelector('p')).fontSize)") >= 14


def test_on_paper_nothing_is_cut_off(page: Browser) -> None:
    page.resize(A4_WIDTH, 1000)
    page.call("Emulation.setEmulatedMedia", media="print")
    assert _overflow(page) <= 0
    cut = page.evaluate(
        "[...document.querySelectorAll('td, th, img')].filter("
        f"node => node.getBoundingClientRect().right > {A4_WIDTH} + 1).map(node => node.innerText || node.alt)"
    )
    assert cut == []
    pdf = b64decode(page.call("Page.printToPDF", preferCSSPageSize=True)["data"])
    assert pdf.startswith(b"%PDF")
    assert 3 <= pdf.count(b"/Type /Page\n") <= 30
