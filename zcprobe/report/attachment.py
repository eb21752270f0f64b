# SPDX-License-Identifier: GPL-2.0-only
"""The report of attachments: one self-contained HTML file with the diagnosis, the sockets and a figure of each."""

from base64 import b64encode
from importlib.resources import files
from typing import Any

import msgspec
from jinja2 import Environment, StrictUndefined

from zcprobe.analysis.diagnosis.healthy import unexplained
from zcprobe.analysis.diagnosis.need import need_of_sender
from zcprobe.analysis.diagnosis.observed import observed
from zcprobe.analysis.uring import uring_sentence
from zcprobe.dataset.html import run_warnings
from zcprobe.dataset.integrity import DAMAGED
from zcprobe.dataset.load import Attachment
from zcprobe.format.diagnosis import Diagnosed
from zcprobe.plots.canvas import add_method_line, figure_bytes, new_figure
from zcprobe.plots.samples import plot_samples
from zcprobe.units import format_duration_ns

__all__ = ["render_attachments"]

_COLUMNS = (
    "number",
    "pid",
    "fd",
    "local",
    "remote",
    "protocol",
    "state",
    "device",
    "sends",
    "bytes_sent",
    "errqueue_depth_max",
    "optmem_peak_bytes",
    "optmem_max_bytes",
    "in_flight_peak_bytes",
    "unread_peak_bytes",
)
"""Members of a SocketSummary, in the order of the table."""


class _Part(msgspec.Struct, frozen=True, kw_only=True):
    """What the report says of one attachment. `unexplained`: the refused calls for which no finding speaks, if any.
    `need`: which optmem_max the sender needs, empty if that is not known. `others`: how many listed sockets do not use
    zerocopy. `uring`: what was sent by io_uring, in sentences, if anything was."""

    title: str
    folder: str
    method: str
    warnings: list[str]
    findings: list[Diagnosed]
    unexplained: str | None
    need: str
    rows: list[list[Any]]
    others: int
    uring: str | None
    source: str


def _part(run: Attachment) -> _Part:
    kernel, host, seen = run.kernel, run.meta.host, observed(run)
    using = [socket for socket in kernel.sockets if socket.uses_zerocopy]
    figure = new_figure(8, 4.5)
    plot_samples(run, figure.add_subplot())
    add_method_line(figure, [run])
    watched = f"watched for {format_duration_ns(kernel.duration_ns)}, detail {kernel.detail}"
    return _Part(
        title=run.meta.selection,
        folder=run.name,
        method=f"{watched}; Linux {host.kernel_release}; zcprobe {run.meta.zcprobe_version}; {run.integrity}",
        warnings=run_warnings(run.meta) + [f"{DAMAGED}: {text}" for text in run.damage],
        findings=run.findings,
        unexplained=unexplained(seen),
        need=need_of_sender(seen),
        rows=[[getattr(socket, name) for name in _COLUMNS] for socket in using],
        others=len(kernel.sockets) - len(using),
        uring=uring_sentence(kernel.uring),
        source="data:image/svg+xml;base64," + b64encode(figure_bytes(figure, "samples", "svg")).decode("ascii"),
    )


def render_attachments(runs: list[Attachment]) -> str:
    """The HTML of a report on these attachments, in their order."""
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    text = files("zcprobe.report").joinpath("attachment.html.j2").read_text("utf-8")
    return environment.from_string(text).render(parts=[_part(run) for run in runs], columns=_COLUMNS)
