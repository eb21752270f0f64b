# SPDX-License-Identifier: GPL-2.0-only
"""A kept attachment to a real QEMU, read without root."""

from pathlib import Path

import msgspec
import pytest

import zcprobe
from zcprobe.analysis.comparisons import as_comparisons
from zcprobe.analysis.diagnosis import judge
from zcprobe.analysis.diagnosis.observed import observed
from zcprobe.analysis.samples import df_samples
from zcprobe.dataset.load import Attachment, RunCollection, load_collection
from zcprobe.errors import UsageError
from zcprobe.export.summary import summary_line
from zcprobe.plots import plot_samples
from zcprobe.report.attachment import render_attachments

_FOLDERS = sorted((Path(__file__).parents[2] / "data").glob("version_*/attachments/*"))


@pytest.fixture(params=_FOLDERS, ids=lambda folder: f"{folder.parts[-3]}/{folder.name}")
def attachment(request: pytest.FixtureRequest) -> Attachment:
    loaded = zcprobe.load(request.param)
    assert isinstance(loaded, Attachment)
    return loaded


def test_there_is_one() -> None:
    assert _FOLDERS


def test_sockets_threads_and_totals_are_of_the_same_calls(attachment: Attachment) -> None:
    seen = attachment.kernel
    assert sum(socket.sends or 0 for socket in seen.sockets) == sum(thread.sends or 0 for thread in seen.threads) > 0
    refused = sum(socket.enobufs or 0 for socket in seen.sockets)
    assert refused == sum(thread.enobufs or 0 for thread in seen.threads) > 0
    assert refused == sum(sum((socket.enobufs_causes or {}).values()) for socket in seen.sockets)


def test_samples_are_of_its_sockets_and_below_the_peaks(attachment: Attachment) -> None:
    table = df_samples(attachment)
    peaks = {socket.number: socket.optmem_peak_bytes for socket in attachment.kernel.sockets}
    assert set(table["socket"]) <= set(peaks)
    for number, level in table.groupby("socket")["optmem_peak_bytes"].max().items():
        assert level <= peaks[int(str(number))]


def test_its_diagnosis_is_made_again_from_the_folder(attachment: Attachment) -> None:
    """What to do is told in today's words."""
    judged = judge(observed(attachment))
    seen = [(finding.id, finding.what, finding.evidence) for finding in judged.findings]
    assert seen == [(finding.id, finding.what, finding.evidence) for finding in attachment.findings]
    assert "flush-did-not-wait" in [finding.id for finding in judged.findings]


def test_it_is_drawn_reported_and_told_in_a_line(attachment: Attachment) -> None:
    assert len(plot_samples(attachment).patches) + len(plot_samples(attachment).collections) > 0
    page = render_attachments([attachment])
    for finding in attachment.findings:
        assert finding.id in page
    assert "What the sender needs, predicted from what was seen: No limit is enough." in page
    assert attachment.findings[0].id in summary_line(attachment)
    assert attachment.findings[0].id in attachment._repr_html_()


def test_what_was_lost_or_has_no_finding_is_told_wherever_it_is_shown(attachment: Attachment) -> None:
    refused = msgspec.structs.replace(attachment.kernel.sockets[0], enobufs=2, enobufs_causes={"qdisc": 2})
    sockets = [refused, *attachment.kernel.sockets[1:]]
    kernel = msgspec.structs.replace(attachment.kernel, lost_events=3, sockets=sockets)
    meta = msgspec.structs.replace(attachment.meta, complete=False, kernel=kernel)
    lossy = Attachment(attachment.folder, meta)  # type: ignore[arg-type]
    page = render_attachments([lossy])
    assert "No finding speaks for these refused calls: 2 qdisc." in page
    for told in (page, lossy._repr_html_()):
        assert "3 events or records were lost" in told
    assert "INCOMPLETE, 3 lost" in summary_line(lossy)
    assert "INCOMPLETE" not in summary_line(attachment)


def test_what_only_a_benchmark_has_is_refused(attachment: Attachment) -> None:
    for name in ("policy", "scenario", "options", "sender"):
        with pytest.raises(UsageError, match="only watched"):
            getattr(attachment, name)


def test_it_may_lie_beside_benchmarks(attachment: Attachment) -> None:
    beside = load_collection(attachment.folder.parents[1] / "runs")
    runs = RunCollection([*beside, attachment])
    assert (runs.policies, runs.scenarios) == (beside.policies, beside.scenarios)
    assert "1 attachments" in repr(runs)
    assert "(attachment)" in runs._repr_html_()
    told = runs.query("select run, policy, sends, optmem_peak_bytes from runs where policy is null")
    assert list(told["run"]) == [attachment.name]
    assert list(told["optmem_peak_bytes"]) == [attachment.kernel.optmem_peak_bytes]
    with pytest.raises(UsageError, match="only watched"):
        as_comparisons(list(runs))
