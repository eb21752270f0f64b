# SPDX-License-Identifier: GPL-2.0-only
"""The totals of an attachment as metrics of Prometheus.

This module imports prometheus_client, which comes with the extra `metrics`.
"""

from collections.abc import Iterator
from typing import NamedTuple

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from zcprobe.attach.totals import Totals
from zcprobe.format.attachment import UringSummary

__all__ = ["AttachmentMetrics"]


class _Family(NamedTuple):
    """A member of Totals and its metric; the name of a counter gets `_total` at its end."""

    member: str
    name: str
    text: str
    unit: str = ""


_COUNTERS = (
    _Family("sends", "zcprobe_attach_sends", "zerocopy sends that the kernel accepted"),
    _Family("plain_sends", "zcprobe_attach_plain_sends", "accepted send calls without MSG_ZEROCOPY"),
    _Family("bytes_sent", "zcprobe_attach_sent", "bytes sent by sockets with zerocopy", "bytes"),
    _Family("notifications_read", "zcprobe_attach_notifications_read", "notifications taken off the error queue"),
    _Family("completions_read", "zcprobe_attach_completions_read", "sends that these notifications cover"),
    _Family("copied_true", "zcprobe_attach_copied_completions", "completed sends whose data the kernel copied"),
    _Family("flushes", "zcprobe_attach_flushes", "readings of the error queue between two sends"),
    _Family(
        "flushes_empty_then_enobufs",
        "zcprobe_attach_hasty_flushes",
        "flushes that did not wait and were followed by ENOBUFS",
    ),
)

_GAUGES = (
    _Family("open_sockets", "zcprobe_attach_open_sockets", "sockets with zerocopy that are open"),
    _Family("optmem_peak_bytes", "zcprobe_attach_optmem_peak", "highest level in the last interval", "bytes"),
    _Family("optmem_max_bytes", "zcprobe_attach_optmem_max", "lowest limit of any of the sockets", "bytes"),
    _Family("used_ratio", "zcprobe_attach_optmem_used", "highest level over limit in the last interval", "ratio"),
    _Family("in_flight_peak_bytes", "zcprobe_attach_in_flight_peak", "charges of sends in flight, highest", "bytes"),
    _Family("unread_peak_bytes", "zcprobe_attach_unread_peak", "charges of unread notifications, highest", "bytes"),
    _Family("errqueue_depth_max", "zcprobe_attach_errqueue_depth_max_notifications", "longest error queue"),
)

_URING = (
    _Family("requests", "zcprobe_attach_uring_requests", "zerocopy requests of io_uring"),
    _Family("notifications", "zcprobe_attach_uring_notifications", "notifications of such requests"),
    _Family("copied_true", "zcprobe_attach_uring_copied_notifications", "those that said that the data was copied"),
    _Family("cq_overflows", "zcprobe_attach_uring_cq_overflows", "completions that found the completion queue full"),
)
"""Members of a UringSummary, which is of all watched processes together."""


class AttachmentMetrics(Collector):
    """`totals` may be replaced at any time, also while another thread collects: a collection uses one of them."""

    def __init__(self) -> None:
        self.totals: Totals | None = None

    def collect(self) -> Iterator[Metric]:
        """Yields a family for each number that is seen."""
        totals = self.totals
        if totals is None:
            return
        for family in _COUNTERS:
            counter = CounterMetricFamily(family.name, family.text, labels=totals.labels, unit=family.unit)
            for values, count in totals.counters.get(family.member, {}).items():
                counter.add_metric(values, count)
            yield from _seen(counter)
        yield from _seen(_enobufs(totals))
        for family in _GAUGES:
            gauge = GaugeMetricFamily(family.name, family.text, labels=totals.labels, unit=family.unit)
            for values, level in totals.levels.get(family.member, {}).items():
                gauge.add_metric(values, level)
            yield from _seen(gauge)
        if totals.uring is not None:
            yield from _of_uring(totals.uring)
        yield from _of_the_whole(totals)


def _seen(metric: Metric) -> Iterator[Metric]:
    if metric.samples:
        yield metric


def _enobufs(totals: Totals) -> Metric:
    metric = CounterMetricFamily(
        "zcprobe_attach_enobufs", "send calls that returned ENOBUFS", labels=(*totals.labels, "cause")
    )
    for values, count in totals.enobufs.items():
        metric.add_metric(values, count)
    return metric


def _of_uring(uring: UringSummary) -> Iterator[Metric]:
    for family in _URING:
        counter = CounterMetricFamily(family.name, family.text)
        count = getattr(uring, family.member)
        if count is not None:
            counter.add_metric((), count)
        yield from _seen(counter)
    delay = GaugeMetricFamily("zcprobe_attach_uring_delay_median", "from a request to its notification", unit="seconds")
    if uring.delay_median_ns is not None:
        delay.add_metric((), uring.delay_median_ns / 1e9)
    yield from _seen(delay)


def _of_the_whole(totals: Totals) -> Iterator[Metric]:
    finding = GaugeMetricFamily("zcprobe_attach_finding", "1 if the diagnosis has the finding", labels=("id",))
    for name, holds in totals.findings.items():
        finding.add_metric((name,), int(holds))
    yield finding
    watched = CounterMetricFamily("zcprobe_attach_watched", "how long zcprobe has watched", unit="seconds")
    watched.add_metric((), totals.duration_ns / 1e9)
    yield watched
    forgotten = CounterMetricFamily(
        "zcprobe_attach_forgotten_sockets", "closed sockets whose last sends are missing in the totals"
    )
    forgotten.add_metric((), totals.forgotten_sockets)
    yield forgotten
