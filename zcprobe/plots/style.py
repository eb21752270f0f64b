# SPDX-License-Identifier: GPL-2.0-only
"""How things look. A policy has the same colour, marker and line in every figure.

The colours follow those of Okabe and Ito, which colour-blind people can distinguish. Policies that share a colour
differ in line and marker, and every fill that matters has a hatch, so figures survive a black-and-white printer.
"""

from typing import Any

import msgspec

__all__ = [
    "DEATH",
    "ENOBUFS",
    "FILLS",
    "LIMIT",
    "PAPER",
    "POLICY_STYLES",
    "Fill",
    "PolicyStyle",
    "channel_style",
    "policy_line",
    "style_of",
]


class PolicyStyle(msgspec.Struct, frozen=True):
    """The look of a policy, as arguments of matplotlib's plot()."""

    color: str
    marker: str
    linestyle: str


class Fill(msgspec.Struct, frozen=True):
    """A filled area. `facecolor` is light enough to print text on, and `hatch` is for those who see no colour."""

    label: str
    facecolor: str
    hatch: str

    def arguments(self) -> dict[str, Any]:
        return {"facecolor": self.facecolor, "hatch": self.hatch, "edgecolor": "#555555", "linewidth": 0.0}


_BLUE, _VERMILION, _GREEN, _PURPLE = "#0072B2", "#D55E00", "#009E73", "#AA4499"
_ORANGE, _SKY, _BLACK, _GREY = "#B87F00", "#2E8BC0", "#000000", "#666666"

POLICY_STYLES: dict[str, PolicyStyle] = {
    "qemu-pre": PolicyStyle(_VERMILION, "X", "-"),
    "qemu-shipped": PolicyStyle(_GREEN, "^", "--"),
    "qemu-merged": PolicyStyle(_BLUE, "o", "-"),
    "qemu-v1": PolicyStyle(_PURPLE, "s", "-"),
    "qemu-v2": PolicyStyle(_ORANGE, "D", "-."),
    "qemu-v5": PolicyStyle(_SKY, "v", ":"),
    "qemu-lru-half": PolicyStyle(_GREEN, "2", "-"),
    "grpc": PolicyStyle(_BLACK, "P", "-"),
    "folly": PolicyStyle(_GREY, "<", "--"),
    "ydb": PolicyStyle(_VERMILION, ">", ":"),
    "eagain": PolicyStyle(_GREEN, "h", "-."),
    "copy-off": PolicyStyle(_BLUE, "p", ":"),
    "log-retry": PolicyStyle(_PURPLE, "*", "--"),
    "kill": PolicyStyle(_ORANGE, "x", ":"),
    "wait-each": PolicyStyle(_ORANGE, "1", "-"),
    "drain-every": PolicyStyle(_SKY, "d", "--"),
    "wait-progress": PolicyStyle(_BLACK, "H", "-."),
    "watermark": PolicyStyle(_GREY, "8", ":"),
}
"""No two policies have the same marker, nor the same pair of colour and line."""

_UNKNOWN = PolicyStyle(_GREY, "+", "-")

FILLS: dict[str, Fill] = {
    "unread": Fill("held by unread notifications", "#E9A42B", "////"),
    "in_flight": Fill("held by sends in flight", "#CBE5F9", "...."),
    "stall": Fill("stall: a write waits inside the policy", "#D9B8E8", "\\\\\\\\"),
    "settling": Fill("settling: the outcome is known", "#E6E6E6", ""),
}

LIMIT: dict[str, Any] = {"color": "black", "linestyle": (0, (6, 2)), "linewidth": 1.4}
PAPER: dict[str, Any] = {"facecolor": "white", "alpha": 0.85, "edgecolor": "none", "pad": 1.5}
"""The box behind words that stand on data."""

ENOBUFS: dict[str, Any] = {"color": "#B00020", "marker": "v", "linestyle": "none", "markersize": 6}
DEATH: dict[str, Any] = {"color": "#B00020", "linestyle": "-", "linewidth": 2.0}


_CHANNEL_LINES = ("-", "--", "-.", ":")


def channel_style(policy: str, channel: int) -> dict[str, Any]:
    """Arguments of plot() for one of a run's channels: the policy's colour, and one of four kinds of line."""
    return {"color": style_of(policy).color, "linestyle": _CHANNEL_LINES[channel % len(_CHANNEL_LINES)]}


def policy_line(policy: str) -> dict[str, Any]:
    """Arguments of plot() for a line without markers."""
    return {"color": style_of(policy).color, "linestyle": style_of(policy).linestyle}


def style_of(policy: str) -> PolicyStyle:
    """The style of a policy; grey with a plus for a policy that this version does not know."""
    return POLICY_STYLES.get(policy, _UNKNOWN)
