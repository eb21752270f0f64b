# SPDX-License-Identifier: GPL-2.0-only
"""Tells the options of a run in words, for methods, headings and errors."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from zcprobe.units import format_bytes, format_duration_ns, format_rate_bps

__all__ = ["describe_option", "describe_options", "describe_values"]

_MOST_VALUES = 4


def _quantity(value: Any, name: str) -> str:
    """A number with the unit that its name ends in."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
    for suffix, show in _UNITS.items():
        if name.endswith(suffix):
            return show(value)
    return f"{value:,}" if isinstance(value, int) else f"{value:g}"


_FACTORS = {
    **{unit: 1024**power for power, unit in enumerate(("B", "KiB", "MiB", "GiB", "TiB"))},
    **{unit: 1000**power for power, unit in enumerate(("bit/s", "kbit/s", "Mbit/s", "Gbit/s", "Tbit/s"))},
    **{unit: 1000**power for power, unit in enumerate(("ns", "µs", "ms", "s"))},
}


def _exactly(show: Callable[[float], str], smallest: str) -> Callable[[Any], str]:
    """Writes the value as `show` does where that loses no digit, else in the smallest unit: different values must not
    look alike."""

    def words(value: Any) -> str:
        number, unit = show(value).split(" ")
        return (
            show(value)
            if isinstance(value, float) or float(number) * _FACTORS[unit] == value
            else f"{value:,} {smallest}"
        )

    return words


_bytes = _exactly(format_bytes, "B")
_rate = _exactly(format_rate_bps, "bit/s")

_UNITS: dict[str, Callable[[Any], str]] = {
    "_bytes_per_s": lambda value: f"{_bytes(value)}/s",
    "_bytes": _bytes,
    "_bps": _rate,
    "_ns": _exactly(format_duration_ns, "ns"),
    "_ms": lambda value: f"{value:g} ms",
    "_s": lambda value: f"{value:g} s",
    "_percent": lambda value: f"{value:g} %",
    "_count": lambda value: f"{value:,}",
}


def _plain(name: str) -> str:
    """The name as words, without its unit and without the member that it was nested in."""
    for prefix in ("traffic_", "socket_", "parameters_", "impairment_"):
        name = name.removeprefix(prefix)
    for suffix in _UNITS:
        if name.endswith(suffix):
            name = name.removesuffix(suffix)
            break
    return name.replace("_", " ")


def _sizes(sizes: Sequence[tuple[int, int]]) -> str:
    return ", ".join(f"{_bytes(size)} (weight {weight})" for size, weight in sizes)


_FAMILIES = {"ipv4": "IPv4", "ipv6": "IPv6", "vsock": "vsock"}

_PHRASES: dict[str, Callable[[Any], str]] = {
    "scenario": str,
    "policy": str,
    "zerocopy": lambda on: "MSG_ZEROCOPY" if on else "plain sends without MSG_ZEROCOPY",
    "send_bytes": lambda size: f"sends of {_bytes(size)}",
    "traffic_sizes": lambda sizes: f"sends of {_sizes(sizes)}",
    "send_count": lambda count: f"{count:,} writes on each channel",
    "duration_s": lambda seconds: f"writes for {seconds:g} s",
    "channels": lambda count: f"{count} channel" if count == 1 else f"{count} channels",
    "traffic_model": lambda model: f"{model} traffic",
    "traffic_reuse": lambda when: f"buffers written again: {str(when).replace('-', ' ')}",
    "traffic_copy_below_bytes": lambda size: (
        f"payloads below {_bytes(size)} sent without MSG_ZEROCOPY" if size else "payloads of every size with it"
    ),
    "buffers": lambda memory: f"sent from {memory} memory",
    "protocol": lambda name: str(name).upper(),
    "family": lambda name: _FAMILIES.get(name, str(name)),
    "to": lambda target: f"to the sink at {target}",
    "link": lambda devices: f"over the devices {' and '.join(devices)}",
    "affinity": lambda cpus: f"senders on CPU {cpus[0]}" + (f", sink on CPU {cpus[1]}" if len(cpus) > 1 else ""),
    "socket_nodelay": lambda on: "TCP_NODELAY" if on else "Nagle's algorithm",
    "socket_cork": lambda on: "TCP_CORK" if on else "no TCP_CORK",
    "socket_sndbuf_bytes": lambda size: f"SO_SNDBUF {_bytes(size)}",
    "socket_pacing_bps": lambda rate: f"paced to {_rate(rate)}",
    "optmem_max_bytes": lambda size: f"optmem_max {_bytes(size)}",
    "hold_one_in_count": lambda count: f"1 in {count} packets held back" if count > 1 else "every packet held back",
    "hold_rate_bps": lambda rate: f"let go at {_rate(rate)}",
    "flush_variant": lambda variant: f"flush() is 1 when {variant}",
    "wait_for": lambda events: f"a waiting flush polls for {events}",
    "record": lambda on: "a record of every send" if on else "counters without records",
    "probe_level": lambda level: "no probes" if level == "off" else f"probes at level {level}",
    "mechanism": lambda name: f"probes by {name}",
    "kernel_release": lambda release: f"Linux {release}",
    "cpu_count": lambda count: f"{count} CPUs",
    "cpu_model": str,
    "machine": str,
}

_ABSENT = {
    "socket_sndbuf_bytes": "SO_SNDBUF left to the kernel",
    "socket_pacing_bps": "not paced",
    "hold_one_in_count": "no packet held back",
    "to": "to a sink of our own",
    "link": "over a veth pair",
    "affinity": "on any CPU",
    "mechanism": "probes by what attaches first",
    "policy": "no policy",
    "duration_s": "writes counted, not timed",
}


def describe_option(name: str, value: Any) -> str:
    """An option with its value in words; one that is added to the configuration later has the words of its name."""
    if value is None:
        return _ABSENT.get(name, f"no {_plain(name)}")
    if name in _PHRASES:
        return _PHRASES[name](value)
    return f"{_plain(name)} {_quantity(value, name)}"


def describe_options(options: Mapping[str, Any]) -> str:
    """The options that are not None, in one line."""
    return ", ".join(describe_option(name, value) for name, value in options.items() if value is not None)


def describe_values(name: str, values: Sequence[Any]) -> str:
    """The values of an option in which runs differ, in words; at most four of them."""
    told = [describe_option(name, value) for value in values[:_MOST_VALUES]]
    more = len(values) - _MOST_VALUES
    return " or ".join([*told, *([f"{more} more"] if more > 0 else [])])
