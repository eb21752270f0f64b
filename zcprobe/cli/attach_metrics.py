# SPDX-License-Identifier: GPL-2.0-only
"""Offers the metrics of an attachment to Prometheus: over HTTP, or in a file for node_exporter's textfile collector."""

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from zcprobe.attach.attachment import Attachment
from zcprobe.attach.members import sample_members
from zcprobe.attach.sampler import Sample
from zcprobe.attach.totals import RunningTotals
from zcprobe.cli.output import open_output
from zcprobe.errors import HostError, UsageError

if TYPE_CHECKING:
    from zcprobe.attach.metrics import AttachmentMetrics

__all__ = ["MetricsOutput", "offered_metrics"]

_DEFAULT_ADDRESS = "127.0.0.1"
_MISSING = "install the extra: pip install 'zcprobe[metrics]'"


class MetricsOutput:
    """Updated at the end of each interval. Nothing is offered if the options ask for nothing."""

    def __init__(self, options: argparse.Namespace) -> None:
        self._path: Path | None = options.metrics_file
        self._totals = RunningTotals(options.metrics_labels or ("comm",))
        self.metrics: AttachmentMetrics | None = None

    def update(self, attachment: Attachment, samples: list[Sample]) -> None:
        """OutputError if the file cannot be written."""
        if self.metrics is None:
            return
        from zcprobe.analysis.diagnosis import diagnose

        members = [sample_members(sample) for sample in samples]
        forgotten = attachment.sampler.forgotten_sockets
        self.metrics.totals = self._totals.update(attachment.summary(diagnose), members, forgotten)
        if self._path is not None:
            self._write(self._path)

    def _write(self, path: Path) -> None:
        from prometheus_client import generate_latest

        with open_output(path, "--metrics-file") as file:
            file.write(generate_latest(self.metrics))  # type: ignore[arg-type]


def _check(options: argparse.Namespace) -> bool:
    """Whether metrics are asked for. UsageError for options that would have no effect."""
    is_asked = options.metrics_port is not None or options.metrics_file is not None
    if options.metrics_labels is not None and not is_asked:
        raise UsageError("--metrics-labels has no effect alone", "add --metrics-port PORT or --metrics-file FILE")
    if options.metrics_address is not None and options.metrics_port is None:
        raise UsageError("--metrics-address has no effect alone", "add --metrics-port PORT")
    if options.metrics_port is not None and options.once:
        raise UsageError("--once ends before anybody could ask a port", "use --metrics-file FILE")
    return is_asked


@contextmanager
def offered_metrics(options: argparse.Namespace) -> Iterator[MetricsOutput]:
    """Inside the context, metrics are offered where the options say. HostError if that is not possible."""
    output = MetricsOutput(options)
    if not _check(options):
        yield output
        return
    try:
        from zcprobe.attach.metrics import AttachmentMetrics
    except ModuleNotFoundError as error:
        raise HostError(f"metrics need the Python package {error.name}, which is not installed", _MISSING) from error
    output.metrics = AttachmentMetrics()
    if options.metrics_port is None:
        yield output
        return
    with _served(output.metrics, options.metrics_address or _DEFAULT_ADDRESS, options.metrics_port):
        yield output


@contextmanager
def _served(metrics: "AttachmentMetrics", address: str, port: int) -> Iterator[None]:
    """A server in threads of its own; they answer from the totals of the last interval, and never look themselves."""
    from prometheus_client import start_http_server

    try:
        server, thread = start_http_server(port, address, metrics)
    except OSError as error:
        what = f"port {port} of {address} cannot be used for metrics: {error.strerror or error}"
        raise HostError(what, "choose another with --metrics-port") from error
    host = f"[{address}]" if ":" in address else address
    print(f"zcprobe: metrics are at http://{host}:{server.server_port}/metrics", file=sys.stderr, flush=True)
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
