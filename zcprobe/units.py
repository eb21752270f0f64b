# SPDX-License-Identifier: GPL-2.0-only
"""Sizes, rates and durations as people write them and as plots show them."""

import re
from collections.abc import Callable
from typing import TypeVar

from zcprobe.errors import UsageError

__all__ = [
    "format_bytes",
    "format_duration_ns",
    "format_goodput_bps",
    "format_rate_bps",
    "format_wait_s",
    "parse_bytes",
    "parse_percent",
    "parse_ranged",
    "parse_rate_bps",
    "parse_seconds",
    "parse_share",
    "parse_whole",
    "shown",
]

_QUANTITY = re.compile(r"(\d+(?:\.\d+)?)\s*([kmgt]?)", re.IGNORECASE | re.ASCII)
_WHOLE = re.compile(r"[+-]?\d+", re.ASCII)
_EXPONENT = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4}
_MAX_DIGITS = 30
"""Longest number that is parsed, because Python refuses to parse thousands of digits. A longer one counts as 10**30,
which is out of every range."""


def shown(text: str) -> str:
    """The text as an error message quotes it, shortened to fit on a line."""
    return repr(text if len(text) <= 40 else f"{text[:37]}...")


def _parse(text: str, base: int, what: str, example: str) -> int:
    match = _QUANTITY.fullmatch(text.strip())
    if match is None:
        raise UsageError(f"{shown(text)} is not a {what}", f"write a number, with K, M or G if needed: {example}")
    number, suffix = match.groups()
    whole, _, decimals = (number if len(number) <= _MAX_DIGITS else str(10**_MAX_DIGITS)).partition(".")
    scale, parts = base ** _EXPONENT[suffix.lower()], 10 ** len(decimals)
    value, rest = divmod(int(whole + decimals) * int(scale), int(parts))
    if rest:
        raise UsageError(f"{shown(text)} is not a whole {what}", f"for example {example}")
    return value


def parse_whole(option: str, text: str, low: int | None = None, high: int | None = None) -> int:
    """The whole number given to `option`, from `low` to `high`; without limits the caller checks the range.
    UsageError."""
    is_ranged = low is not None and high is not None
    hint = f"choose a whole number from {low} to {high}" if is_ranged else f"write only digits, as in {option} 16"
    if not _WHOLE.fullmatch(text.strip()):
        raise UsageError(f"{option} takes a whole number, not {shown(text)}", hint)
    value = int(text) if len(text) <= _MAX_DIGITS else 10**_MAX_DIGITS * (-1 if text.strip().startswith("-") else 1)
    if low is not None and high is not None and not low <= value <= high:
        raise UsageError(f"{option} {shown(text)} is out of range", hint)
    return value


_SECONDS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
"""What a time may end with. `ms` comes before `s`, with which it ends too."""


def parse_seconds(option: str, text: str) -> float:
    """The seconds given to `option`: `90`, or with a unit `20ms`, `90s`, `90m`, `24h`. The caller must refuse infinity
    and NaN. UsageError."""
    unit = next((unit for unit in _SECONDS if text.endswith(unit)), "")
    try:
        return float(text.removesuffix(unit)) * _SECONDS.get(unit, 1.0)
    except ValueError:
        hint = f"write a number: {option} 0.5; or with a unit: 20ms, 90m, 24h"
        raise UsageError(f"{option} takes seconds, not {shown(text)}", hint) from None


def parse_share(option: str, text: str) -> float:
    """The share given to `option`, above 0 and at most 1: `1/16`, `0.0625` or `6.25%`. UsageError."""
    number, slash, divisor = text.removesuffix("%").partition("/")
    try:
        share = float(number) / (float(divisor) if slash else 1.0) / (100.0 if text.endswith("%") else 1.0)
    except (ValueError, ZeroDivisionError):
        share = 0.0
    if not 0 < share <= 1:
        raise UsageError(
            f"{option} {shown(text)} is not a share", f"choose from above 0 to 1: {option} 1/16, 0.0625 or 6%"
        )
    return share


Number = TypeVar("Number", int, float)


def parse_ranged(option: str, text: str, parse: Callable[[str], Number], low: Number, high: Number) -> Number:
    """What `parse` makes of the text given to `option`, if it lies from `low` to `high`. UsageError."""
    value = parse(text)
    if not low <= value <= high:
        raise UsageError(f"{option} {shown(text)} is out of range", f"choose from {low:.12g} to {high:.12g}")
    return value


def parse_percent(option: str, text: str) -> float:
    """The share given to `option` in percent, as in `5`, `5%` or `0.5 %`: 0.05. UsageError unless it is 0 to 100."""
    match = re.fullmatch(r"(\d{1,3}(?:\.\d{1,9})?)\s*%?", text.strip(), re.ASCII)
    if match is None or float(match[1]) > 100:
        raise UsageError(f"{option} takes a percentage from 0 to 100, not {shown(text)}", f"for example {option} 5")
    return float(match[1]) / 100


def parse_bytes(text: str) -> int:
    """Bytes from `"64K"`; K, M and G are powers of 1024, as in iperf3's -l."""
    return _parse(text, 1024, "size in bytes", "4096, 64K or 1M")


def parse_rate_bps(text: str) -> int:
    """Bits per second from `"600M"`; K, M and G are powers of 1000, as in iperf3's -b and tc."""
    return _parse(text, 1000, "rate in bits per second", "600M or 1G")


def _scaled(value: float, base: int, units: tuple[str, ...]) -> str:
    index = 0
    while abs(value) >= base and index < len(units) - 1:
        value /= base
        index += 1
    return f"{value:.3g} {units[index]}" if abs(value) < 1000 else f"{value:.0f} {units[index]}"


def format_bytes(value: float) -> str:
    return _scaled(value, 1024, ("B", "KiB", "MiB", "GiB", "TiB"))


def format_rate_bps(value: float) -> str:
    return _scaled(value, 1000, ("bit/s", "kbit/s", "Mbit/s", "Gbit/s", "Tbit/s"))


def format_goodput_bps(value: float | None) -> str:
    """None: the sink did not report, and what a socket accepted does not say how much arrived."""
    return "not known: the sink did not report" if value is None else format_rate_bps(value)


def format_duration_ns(value: float) -> str:
    return _scaled(value, 1000, ("ns", "µs", "ms", "s"))


def format_wait_s(seconds: float) -> str:
    """How long somebody will wait, as people say it: `40 s`, `12 min`, `3.5 h`."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
