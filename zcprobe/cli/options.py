"""From parsed options to a run's configuration."""

import argparse

from zcprobe.config import RunConfig
from zcprobe.errors import UsageError
from zcprobe.units import parse_bytes

__all__ = ["run_config"]


def _parse_affinity(text: str) -> tuple[int, int]:
    sender, _, sink = text.partition(",")
    if not (sender.isdecimal() and sink.isdecimal()):
        raise UsageError(f"{text!r} is no pair of CPUs", "give the sender's and the sink's, for example -A 0,1")
    return int(sender), int(sink)


def run_config(options: argparse.Namespace, policy: str) -> RunConfig:
    """UsageError for sizes that are none; the configuration itself is not validated yet."""
    return RunConfig(
        scenario=options.scenario,
        policy=policy,
        family="ipv6" if options.ipv6 else "ipv4",
        send_bytes=None if options.length is None else parse_bytes(options.length),
        send_count=options.count,
        duration_s=options.time,
        optmem_max_bytes=None if options.optmem_max is None else parse_bytes(options.optmem_max),
        deadline_s=options.deadline,
        settle_s=options.settle,
        zerocopy=not options.no_zerocopy,
        record=not options.no_record,
        probes=options.probes,
        affinity=None if options.affinity is None else _parse_affinity(options.affinity),
    )
