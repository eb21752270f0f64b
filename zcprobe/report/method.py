# SPDX-License-Identifier: GPL-2.0-only
"""How a comparison was made: what a reader needs to judge it or to repeat it."""

from collections import Counter
from collections.abc import Sequence
from statistics import median
from typing import Any

import msgspec

from zcprobe.dataset.integrity import DAMAGED, NO_DIGESTS, VERIFIED
from zcprobe.dataset.load import Comparison, Run
from zcprobe.dataset.option_words import describe_options
from zcprobe.dataset.options import OPTIONS, POLICY_OPTIONS, impairment_of
from zcprobe.dataset.path import leaves_host
from zcprobe.format.intervals import CONFIDENCE, interval_text
from zcprobe.format.lab import Lab
from zcprobe.format.overhead import Overhead
from zcprobe.units import format_bytes

__all__ = ["copied_statement", "method_rows"]

_ROWS: dict[str, Sequence[str]] = {
    "sends": ("zerocopy", "send_bytes", "traffic_sizes", "send_count", "duration_s", "channels"),
    "traffic": (*(name for name in OPTIONS if name.startswith("traffic_") and name != "traffic_sizes"), "buffers"),
    "path": ("protocol", "family", "to", "link", "affinity"),
    "sockets": ("optmem_max_bytes", *(name for name in OPTIONS if name.startswith("socket_"))),
    "clones held back": ("hold_one_in_count", "hold_rate_bps"),
    "policies": (*(name for name in OPTIONS if name.startswith("parameters_")), "flush_variant", "wait_for"),
    "measurement": (
        "probe_level",
        "mechanism",
        "record",
        "record_limit_bytes",
        "meminfo_interval_ns",
        "deadline_s",
        "settle_s",
    ),
}
"""Row of the method -> the options that it shows."""

_OWN_COST_UNKNOWN = "not measured in these runs: zcprobe overhead measures it"


def method_rows(comparison: Comparison) -> list[tuple[str, str]]:
    """(what, value) in reading order. A value that differs between runs is given for all of them."""
    runs, meta = comparison.runs, comparison.meta
    rows = [
        ("scenario", _all(runs, lambda run: run.scenario) or meta.scenario),
        ("what it does", _all(runs, lambda run: run.meta.scenario.description)),
        ("impairment in the lab", _all(runs, _impairment)),
        ("calibration", _all(runs, _calibration)),
        *_option_rows(runs),
        ("charge of one notification", _all(runs, lambda run: f"{run.kernel.charge_bytes:,} bytes")),
        ("kernel", _all(runs, lambda run: f"{run.meta.host.kernel_release} {run.meta.host.machine}")),
        ("host", _all(runs, _host)),
        ("probes", _all(runs, _probes)),
        ("lost", _losses(runs)),
        ("reconciliation", _reconciliation(runs)),
        ("files", _integrity(runs)),
        ("noise", _noise(runs)),
        ("own cost", _own_cost(meta.overhead)),
        ("runs", _order(comparison)),
        ("seed of the order", "" if meta.seed is None else str(meta.seed)),
        ("intervals", f"{CONFIDENCE:.0%} percentile bootstrap of the median; the run is the unit, never the send"),
        ("started", meta.started_utc),
        ("zcprobe", _all(runs, lambda run: run.meta.zcprobe_version)),
    ]
    return [(what, value) for what, value in rows if value]


def _own_cost(overhead: Overhead | None) -> str:
    """The goodput with probes over the goodput without, which `compare` measured beside its runs."""
    if not overhead:
        return _OWN_COST_UNKNOWN
    texts = []
    for cost in overhead.levels:
        ratio = interval_text(cost.estimate.median, cost.estimate.low, cost.estimate.high, "{:.3f}".format)
        texts.append(f"{ratio} at level {cost.level}")
    return (
        f"goodput with probes over without: {', '.join(texts)}; {format_bytes(overhead.send_bytes)} sends on a path"
        f" without impairment, by {overhead.mechanism}, n = {overhead.rounds} rounds of blocks on one connection"
    )


def copied_statement(runs: list[Run]) -> str:
    """Says how many completions the kernel reported as copied, and what goodput therefore means."""
    completions = sum(run.sender.completions for run in runs)
    copied = sum(run.sender.copied_completions for run in runs)
    if completions == 0:
        counted = "No completion was read in these runs."
    elif copied == completions:
        counted = f"Every one of the {completions:,} completions of these runs was reported as COPIED."
    else:
        counted = f"{copied:,} of {completions:,} completions of these runs were reported as COPIED."
    devices = [run.meta.lab for run in runs if leaves_host(run.meta)]
    if devices:
        return f"{counted} {_device_statement(devices)}"
    return (
        f"{counted} On loopback and veth the kernel copies the data of every zerocopy send before it is received, so no"
        " copy is saved here. Goodput in this report shows what pressure on optmem does to a sender; it is a pressure"
        " study and never a speed study of zerocopy."
    )


def _device_statement(labs: list[Lab]) -> str:
    """Says what the number of copied completions means when the sends left by a device of the host."""
    if any(lab.scatter_gather is None for lab in labs):
        return "It is not known for every run by which device the sends left, so it is not known what else was copied."
    names = ", ".join(sorted({str(lab.sender_device) for lab in labs}))
    if all(lab.scatter_gather for lab in labs):
        return (
            f"The sender's device {names} has scatter-gather: what is not reported as COPIED was sent from its pages."
        )
    return (
        f"The sender's device {names} has no scatter-gather: the kernel copied the data of every send, although"
        " notifications need not say so."
    )


def _all(runs: list[Run], value: Any) -> str:
    return "; ".join(dict.fromkeys(text for run in runs if (text := str(value(run)))))


def _order(comparison: Comparison) -> str:
    runs = comparison.runs
    if comparison.meta.seed is None:
        return f"{len(runs)}, made on their own and chosen by the author of this report: drift may hit policies unalike"
    return f"{len(runs)} of {comparison.meta.planned_runs} planned, policies interleaved, order shuffled per repeat"


def _noise(runs: list[Run]) -> str:
    """How busy the host was, and how far runs of one policy lie apart."""
    loads = [run.meta.host.load_1min for run in runs if run.meta.host.load_1min is not None]
    span = " to ".join(dict.fromkeys(f"{load:.2f}" for load in (min(loads), max(loads)))) if loads else ""
    parts = [f"load average when a run began: {span}"] if loads else []
    spreads = []
    for policy in dict.fromkeys(run.policy for run in runs):
        found = [run.sender.goodput_bps for run in runs if run.policy == policy]
        rates = [rate for rate in found if rate is not None]
        if len(rates) > 1 and median(rates):
            spreads.append(f"{policy} {(max(rates) - min(rates)) / median(rates):.0%}")
    if spreads:
        parts.append(f"goodput from the slowest to the fastest run, of the median: {', '.join(spreads)}")
    return "; ".join(parts)


def _impairment(run: Run) -> str:
    told = {name: value for name, value in impairment_of(run.meta).items() if value is not None}
    return describe_options(told) or "none"


def _calibration(run: Run) -> str:
    """What was measured before the run began; the scenario's quantities follow from it."""
    return describe_options(msgspec.structs.asdict(run.meta.calibration)) if run.meta.calibration else ""


def _option_rows(runs: list[Run]) -> list[tuple[str, str]]:
    """A row for each group of options in effect. The last row has every option that no other row names, so that none
    can be forgotten."""
    named = {name for names in _ROWS.values() for name in names}
    rest = tuple(name for name in OPTIONS if name not in named and name not in ("scenario", "policy"))
    rows = {**_ROWS, "other options": rest}
    return [(what, _all(runs, lambda run, names=names: _told(run, names))) for what, names in rows.items()]


def _told(run: Run, names: Sequence[str]) -> str:
    options = run.options
    told = describe_options({name: options[name] for name in names})
    return f"{run.policy}: {told}" if told and set(names) & POLICY_OPTIONS else told


def _host(run: Run) -> str:
    host = run.meta.host
    return f"{host.cpu_count} CPUs ({host.cpu_model}), {host.distribution}"


def _probes(run: Run) -> str:
    mechanisms = run.meta.probes
    return ", ".join(f"{probe} by {how}" for probe, how in mechanisms.items()) or "none: causes and holders are unknown"


def _integrity(runs: list[Run]) -> str:
    """Whether the run folders are as they were recorded, with the number of runs where this differs between runs."""
    counts = Counter(run.integrity for run in runs)
    words = {VERIFIED: "each as it was recorded, by its SHA-256 in run.json", NO_DIGESTS: NO_DIGESTS, DAMAGED: DAMAGED}
    of = f" ({{}} of {len(runs)} runs)" if len(counts) > 1 else ""
    return "; ".join(words.get(told, told) + of.format(count) for told, count in counts.items())


def _losses(runs: list[Run]) -> str:
    events = sum(run.kernel.lost_events for run in runs)
    records = sum(run.sender.lost_records for run in runs)
    return f"{events:,} events, {records:,} records"


def _reconciliation(runs: list[Run]) -> str:
    findings = [finding for run in runs for finding in run.meta.reconciliation]
    broken = sum(not finding.holds for finding in findings)
    if broken:
        return f"{broken} of {len(findings)} checks do NOT hold; they are named beside their runs"
    return f"all {len(findings)} checks hold (each compares two independent counts of the same thing)"
