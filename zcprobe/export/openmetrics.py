# SPDX-License-Identifier: GPL-2.0-only
"""Writes runs as OpenMetrics text, for a monitoring system that keeps the results with its other data.

This module imports prometheus_client, which comes with the extra `metrics`.
"""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import Any, BinaryIO

import msgspec
import numpy as np
from prometheus_client import CollectorRegistry
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
    StateSetMetricFamily,
)
from prometheus_client.openmetrics.exposition import generate_latest
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

from zcprobe.dataset.facts import flat_facts
from zcprobe.dataset.load import Run
from zcprobe.dataset.results import results_of
from zcprobe.export.tables import iterate_batches
from zcprobe.format.outcomes import OUTCOME_WORDS

__all__ = ["write_openmetrics"]

_LABELS = ("run", "scenario", "policy")
_NOT_ABOUT_MAKING = ("started_utc", "complete")
"""Facts that the metric zcprobe_run leaves out, because they have a metric of their own or no metric at all."""

_BOUNDS_S = tuple(step * 10.0**exponent for exponent in range(-6, 1) for step in (1, 2, 5))
"""Upper bounds of the histograms' buckets, from 1 µs to 5 s."""


class _Number(msgspec.Struct, frozen=True):
    """A member of one of the summaries and its metric. The value divided by `divisor` is in `unit`, which is a base
    unit, as OpenMetrics requires."""

    member: str
    name: str
    text: str
    unit: str = ""
    divisor: float = 1.0


_COUNTERS = (
    _Number("sends", "zcprobe_sends", "successful MSG_ZEROCOPY send calls"),
    _Number("plain_sends", "zcprobe_plain_sends", "successful send calls without MSG_ZEROCOPY"),
    _Number("copied_on_purpose", "zcprobe_copied_on_purpose_sends", "sends that the policy copied on purpose"),
    _Number("completions", "zcprobe_completions", "sends covered by the notifications read"),
    _Number("copied_completions", "zcprobe_copied_completions", "completions reported as COPIED"),
    _Number("true_copied_completions", "zcprobe_true_copied_completions", "sends whose own uarg was copied"),
    _Number("notifications", "zcprobe_notifications", "messages read from the error queue"),
    _Number("stall_count", "zcprobe_stalls", "writes that waited inside their policy"),
    _Number("stall_ns_total", "zcprobe_stall", "time that they waited", "seconds", 1e9),
    _Number("bytes_sent", "zcprobe_sent", "bytes taken by the socket", "bytes"),
    _Number("sink_bytes", "zcprobe_received", "bytes that arrived at the sink, each once", "bytes"),
    _Number("bytes_missing", "zcprobe_missing", "bytes sent that never arrived", "bytes"),
    _Number("bytes_acked", "zcprobe_acked", "bytes that the peer's kernel acknowledged", "bytes"),
    _Number("datagrams_sent", "zcprobe_sent_datagrams", "datagrams taken by the socket"),
    _Number("datagrams_received", "zcprobe_received_datagrams", "datagrams that arrived at the sink, each once"),
    _Number("datagrams_missing", "zcprobe_missing_datagrams", "datagrams sent that never arrived"),
    _Number("datagrams_repeated", "zcprobe_repeated_datagrams", "datagrams that arrived once more"),
    _Number("retransmit_count", "zcprobe_retransmitted_segments", "segments that TCP sent again"),
    _Number("cpu_user_ns", "zcprobe_cpu_user", "user time of the sending threads", "seconds", 1e9),
    _Number("cpu_system_ns", "zcprobe_cpu_system", "system time of the sending threads", "seconds", 1e9),
    _Number("lost_events", "zcprobe_lost_events", "events of the probes that were lost"),
    _Number("lost_records", "zcprobe_lost_records", "records of the sender that were lost"),
)

_GAUGES = (
    _Number("duration_ns", "zcprobe_run_duration", "first send to outcome", "seconds", 1e9),
    _Number("goodput_bps", "zcprobe_goodput", "bytes that arrived, over the run's time", "bytes_per_second", 8),
    _Number("in_flight_at_end", "zcprobe_in_flight_at_end_sends", "sends without a completion after settling"),
    _Number("errqueue_depth_max", "zcprobe_errqueue_depth_max_notifications", "longest error queue"),
    _Number("optmem_max_bytes", "zcprobe_optmem_max", "the limit in force", "bytes"),
    _Number("optmem_peak_bytes", "zcprobe_optmem_peak", "highest level of sk_omem_alloc", "bytes"),
    _Number("charge_bytes", "zcprobe_charge", "optmem that one notification takes", "bytes"),
    _Number("request_p50_ns", "zcprobe_request_p50", "median latency of rpc requests", "seconds", 1e9),
    _Number("request_p99_ns", "zcprobe_request_p99", "99th percentile of their latency", "seconds", 1e9),
    _Number("request_max_ns", "zcprobe_request_max", "longest of them", "seconds", 1e9),
    _Number("rtt_min_ns", "zcprobe_round_trip_min", "lowest round trip that TCP measured", "seconds", 1e9),
    _Number("rtt_mean_ns", "zcprobe_round_trip", "mean of TCP's smoothed round trip", "seconds", 1e9),
    _Number("rtt_max_ns", "zcprobe_round_trip_max", "highest smoothed round trip of TCP", "seconds", 1e9),
    _Number("cwnd_max_bytes", "zcprobe_congestion_window_max", "largest congestion window of a channel", "bytes"),
    _Number(
        "delivery_rate_max_bps",
        "zcprobe_delivery_rate_max",
        "highest rate at which TCP saw a channel's data arrive",
        "bytes_per_second",
        8,
    ),
    _Number("enobufs_unread_share", "zcprobe_enobufs_unread", "unread part of optmem at ENOBUFS", "ratio"),
)


class _Runs(Collector):
    def __init__(self, runs: list[Run]) -> None:
        self._runs = runs

    def collect(self) -> Iterable[Metric]:
        yield self._info()
        yield self._outcomes()
        yield self._started()
        for number in _COUNTERS:
            yield from self._family(CounterMetricFamily, number)
        yield self._enobufs()
        for number in _GAUGES:
            yield from self._family(GaugeMetricFamily, number)
        yield self._histogram("zcprobe_send_latency", "time of a send, its stalls included", _send_latencies)
        yield self._histogram("zcprobe_stall_length", "time that a write waited inside its policy", _stall_lengths)

    def _family(self, family: Callable[..., Any], number: _Number) -> Iterator[Metric]:
        """Yields the metric of `number`, or nothing when no run knows the number, as without probes or in runs of
        earlier versions."""
        metric: Metric = family(number.name, number.text, labels=_LABELS, unit=number.unit)
        for run in self._runs:
            value = results_of(run.meta)[number.member]
            if value is not None:
                metric.add_metric(_labels(run), value / number.divisor)  # type: ignore[attr-defined]
        if metric.samples:
            yield metric

    def _info(self) -> Metric:
        metric = InfoMetricFamily("zcprobe_run", "how it was made", labels=_LABELS)
        for run in self._runs:
            metric.add_metric(_labels(run), _told(run))
        return metric

    def _outcomes(self) -> Metric:
        metric = StateSetMetricFamily("zcprobe_outcome", "what became of the run", labels=_LABELS)
        for run in self._runs:
            metric.add_metric(_labels(run), {name: name == run.sender.outcome for name in OUTCOME_WORDS})
        return metric

    def _started(self) -> Metric:
        metric = GaugeMetricFamily("zcprobe_run_start_timestamp", "when it began", labels=_LABELS, unit="seconds")
        for run in self._runs:
            metric.add_metric(_labels(run), datetime.fromisoformat(run.meta.started_utc).timestamp())
        return metric

    def _enobufs(self) -> Metric:
        metric = CounterMetricFamily("zcprobe_enobufs", "calls that returned ENOBUFS", labels=(*_LABELS, "cause"))
        for run in self._runs:
            causes = run.kernel.enobufs_causes
            for cause, count in ({"unknown": run.sender.enobufs_count} if causes is None else causes).items():
                metric.add_metric((*_labels(run), cause), count)
        return metric

    def _histogram(self, name: str, text: str, values: Callable[[Run], Iterator[Any]]) -> Metric:
        """Reads the values in chunks and keeps only the buckets, however long the run is."""
        metric = HistogramMetricFamily(name, text, labels=_LABELS, unit="seconds")
        for run in self._runs:
            counts, total_ns = np.zeros(len(_BOUNDS_S) + 1, np.int64), 0
            for chunk_ns in values(run):
                index = np.searchsorted(np.asarray(_BOUNDS_S) * 1e9, chunk_ns, side="left")
                counts += np.bincount(index, minlength=len(counts))
                total_ns += int(chunk_ns.sum())
            bounds = [*map(floatToGoString, _BOUNDS_S), "+Inf"]
            metric.add_metric(_labels(run), list(zip(bounds, counts.cumsum().tolist(), strict=True)), total_ns / 1e9)
        return metric


def _labels(run: Run) -> tuple[str, ...]:
    return run.name, run.scenario, run.policy


def _told(run: Run) -> dict[str, str]:
    """Host, options in effect and impairment as text. Facts without a value are left out."""
    told_elsewhere = (*_LABELS, *results_of(run.meta))
    facts = {name: value for name, value in flat_facts(run).items() if name not in told_elsewhere}
    told = {name: value for name, value in facts.items() if value is not None and name not in _NOT_ABOUT_MAKING}
    return {name: str(value).lower() if isinstance(value, bool) else str(value) for name, value in told.items()}


def _send_latencies(run: Run) -> Iterator[Any]:
    """int64 ns, a numpy array per chunk."""
    for batch in iterate_batches(run, "sends", ["latency_ns"]):
        yield batch.column("latency_ns").to_numpy()


def _stall_lengths(run: Run) -> Iterator[Any]:
    """int64 ns, a numpy array per chunk."""
    for batch in iterate_batches(run, "stalls", ["duration_ns"]):
        yield batch.column("duration_ns").to_numpy()


def write_openmetrics(runs: list[Run], file: BinaryIO) -> None:
    """Writes the results of every run, and the distributions of its send latency and stall length. The text ends with
    `# EOF`."""
    registry = CollectorRegistry()
    registry.register(_Runs(runs))
    file.write(generate_latest(registry))  # type: ignore[no-untyped-call]
