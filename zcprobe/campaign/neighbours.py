# SPDX-License-Identifier: GPL-2.0-only
"""Which points of a campaign are compared with each other: those that differ in one axis alone."""

from collections.abc import Sequence

import msgspec

from zcprobe.format.campaign import Point, PointValue

__all__ = ["Neighbours", "neighbours_of"]


class Neighbours(msgspec.Struct, frozen=True):
    """Points that differ in `axis` alone, in the order of the plan: the others are compared with the first."""

    axis: str
    points: list[Point]


def neighbours_of(points: Sequence[Point]) -> list[Neighbours]:
    """The groups, by axis in the order of the plan. A point that lacks an axis, because its part of the plan has none,
    has no neighbours there."""
    axes = dict.fromkeys(axis for point in sorted(points, key=lambda one: -len(one.axes)) for axis in point.axes)
    found = []
    for axis in axes:
        groups: dict[frozenset[tuple[str, PointValue]], list[Point]] = {}
        for point in points:
            if axis in point.axes:
                others = frozenset((name, value) for name, value in point.axes.items() if name != axis)
                groups.setdefault(others, []).append(point)
        found += [Neighbours(axis, group) for group in groups.values() if len(group) > 1]
    return found
