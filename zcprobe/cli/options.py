# SPDX-License-Identifier: GPL-2.0-only
"""Makes a run's configuration of parsed options."""

import argparse

from zcprobe.config import Family, RunConfig, SocketOptions
from zcprobe.errors import UsageError
from zcprobe.policies import PolicyParameters, find_policy, parse_parameters
from zcprobe.rules import family_of_target, refuse_without_effect
from zcprobe.tokens import check_token, read_token
from zcprobe.units import parse_bytes, parse_rate_bps, parse_whole
from zcprobe.workloads import Traffic, parse_sizes

__all__ = ["DEFAULT", "given_options", "require_readers", "run_config", "token_of"]

DEFAULT = RunConfig()
"""The values of options that are not given. The parser leaves an option None where a rule must know whether it was
given."""


def _bytes(text: str | None) -> int | None:
    return None if text is None else parse_bytes(text)


def _affinity(text: str | None) -> tuple[int, ...] | None:
    return None if text is None else tuple(parse_whole("-A", number) for number in text.split(","))


def _nics(text: str | None) -> tuple[str, str] | None:
    if text is None:
        return None
    sender, _, sink = text.partition(",")
    return sender, sink


def _traffic(options: argparse.Namespace) -> Traffic:
    given = {
        "copy_below_bytes": _bytes(options.copy_below),
        "header_bytes": _bytes(options.header),
        "guest_bytes": _bytes(options.guest),
        "dirty_bytes_per_s": _bytes(options.dirty_rate),
        "downtime_ms": options.downtime,
        "max_rounds": options.max_rounds,
        "zero_percent": options.zero_pages,
        "sizes": parse_sizes(options.length)
        if options.length and (":" in options.length or "," in options.length)
        else None,
    }
    chosen = {name: value for name, value in given.items() if value is not None}
    return Traffic(model=options.traffic, reuse=options.reuse, **chosen)


def require_readers(texts: list[str], policies: list[str]) -> None:
    """UsageError for a parameter that none of the policies reads."""
    for text in texts:
        if not any(text.partition("=")[0] in find_policy(name).reads for name in policies):
            raise UsageError(f"no policy here reads {text!r}", "zcprobe policies lists the parameters of each")


def _parameters(options: argparse.Namespace, policy: str) -> PolicyParameters:
    """Those of the given parameters that the policy reads."""
    reads = find_policy(policy).reads
    return parse_parameters(find_policy(policy), [text for text in options.set if text.partition("=")[0] in reads])


def _family(options: argparse.Namespace) -> Family:
    """The address family. An IPv6 address as the target needs no -6."""
    if getattr(options, "vsock", False):
        return "vsock"
    to = getattr(options, "to", None)
    return "ipv6" if options.ipv6 or (to is not None and family_of_target(to) == "ipv6") else "ipv4"


def token_of(options: argparse.Namespace) -> str | None:
    """The token for a sink on another host, from the command line or a file; None without one. UsageError."""
    if options.token_file is not None:
        return read_token(options.token_file)
    return None if options.token is None else check_token(options.token)


def given_options(options: argparse.Namespace) -> dict[str, object]:
    """Long option -> value, of every option that was given or has a default."""
    return {f"--{name.replace('_', '-')}": value for name, value in vars(options).items() if _is_given(value)}


def _is_given(value: object) -> bool:
    return value is not None and value is not False and value != []


def run_config(options: argparse.Namespace, policy: str) -> RunConfig:
    """The configuration as asked for, not yet completed. UsageError for a value that is invalid or has no effect."""
    config = _config(options, policy)
    config.validate()
    refuse_without_effect(config, given_options(options))
    return config


def _config(options: argparse.Namespace, policy: str) -> RunConfig:
    traffic = _traffic(options)
    return RunConfig(
        scenario=options.scenario or DEFAULT.scenario,
        policy=policy,
        parameters=_parameters(options, policy),
        family=_family(options),
        protocol="udp" if options.udp else "tcp",
        channels=options.channels,
        traffic=traffic,
        send_bytes=_bytes(options.length) if traffic.sizes is None else None,
        send_count=options.count,
        duration_s=options.time,
        optmem_max_bytes=_bytes(options.optmem_max),
        hold_one_in_count=options.hold_share,
        hold_rate_bps=None if options.hold_rate is None else parse_rate_bps(options.hold_rate),
        flush_variant=options.flush_result,
        wait_for=options.wait_for or DEFAULT.wait_for,
        socket=SocketOptions(
            nodelay=not options.nagle,
            cork=options.cork,
            sndbuf_bytes=_bytes(options.window),
            pacing_bps=None if options.bitrate is None else parse_rate_bps(options.bitrate),
        ),
        buffers=options.buffers,
        deadline_s=options.deadline,
        settle_s=DEFAULT.settle_s if options.settle is None else options.settle,
        zerocopy=not options.no_zerocopy,
        record=not options.no_record,
        record_limit_bytes=_bytes(options.record_limit) or DEFAULT.record_limit_bytes,
        probe_level="off" if options.probes == "none" else options.probe_level or DEFAULT.probe_level,
        mechanism=None if options.mechanism == "auto" else options.mechanism,
        affinity=_affinity(options.affinity),
        to=getattr(options, "to", None),
        link=_nics(options.nics),
    )
