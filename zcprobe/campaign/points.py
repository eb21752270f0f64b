# SPDX-License-Identifier: GPL-2.0-only
"""The points of a plan: each configuration that it asks for, under a key that says what it is."""

import hashlib
from collections.abc import Callable, Mapping, Sequence

import msgspec

from zcprobe.benchmark.defaults import Benchmark
from zcprobe.campaign.plan_file import Field, Plan, combinations
from zcprobe.errors import UsageError
from zcprobe.format.campaign import PointValue

__all__ = ["Making", "PlannedPoint", "axes_of", "key_of", "points_of"]

_KEY_DIGITS = 12

Options = Mapping[str, PointValue]


class Making(msgspec.Struct, frozen=True):
    """How to make a run: its benchmark, and the token for a sink on another host, which is stored nowhere.
    `is_limit_given`: whether optmem_max was asked for. `unread`: options that this run does not read, because its
    policy has no such parameter."""

    benchmark: Benchmark
    is_limit_given: bool = False
    unread: frozenset[str] = frozenset()
    token: str | None = None


class PlannedPoint(msgspec.Struct, frozen=True):
    """`axes`: option -> value, for the options in which the points of the plan differ."""

    key: str
    axes: dict[str, PointValue]
    making: Making


def points_of(plan: Plan, make: Callable[[Options], Making]) -> list[PlannedPoint]:
    """The points in the order of the plan; combinations that lead to the same configuration are one point.

    `make` makes a run of the options of a point, and raises UsageError if it cannot. UsageError with the path of the
    wrong field.
    """
    chosen = combinations(plan)
    axes = axes_of(chosen)
    points: dict[str, PlannedPoint] = {}
    unread: dict[str, Field] = {}
    read: set[str] = set()
    for fields in chosen:
        making = _make(fields, make)
        own = {name: field for name, field in fields.items() if name not in making.unread}
        read |= own.keys()
        unread = {name: fields[name] for name in making.unread} | unread
        key = key_of(making)
        points.setdefault(key, PlannedPoint(key, {name: own[name].value for name in axes if name in own}, making))
    for name in unread.keys() - read:
        raise UsageError(
            f"{unread[name].path}: no policy of the plan reads it", "zcprobe policies lists the parameters of each"
        )
    return list(points.values())


def axes_of(chosen: Sequence[Mapping[str, Field]]) -> list[str]:
    """The options that do not have the same value everywhere, in the order of the plan."""
    names = dict.fromkeys(name for fields in chosen for name in fields)
    return [name for name in names if len({_value(fields, name) for fields in chosen}) > 1]


def _value(fields: Mapping[str, Field], name: str) -> tuple[type, PointValue | None]:
    value = fields[name].value if name in fields else None
    return type(value), value


def _make(fields: Mapping[str, Field], make: Callable[[Options], Making]) -> Making:
    try:
        return make({name: field.value for name, field in fields.items()})
    except UsageError as error:
        raise UsageError(f"{_culprit(fields, make, str(error))}: {error}", error.hint) from None


def _culprit(fields: Mapping[str, Field], make: Callable[[Options], Making], text: str) -> str:
    """The path of the field that is refused for the same reason when it stands alone; else of all that were combined,
    those that belong to axes."""
    for name, field in fields.items():
        try:
            make({name: field.value})
        except UsageError as error:
            if str(error) == text:
                return field.path
    named = [field.path for name, field in fields.items() if f"--{name} " in f"{text} "]
    return " with ".join(named or [field.path for field in fields.values()])


def key_of(making: Making) -> str:
    """The hash of the whole configuration, in hexadecimal. Members with their default value are left out, so that a
    member that is added later changes no key; so is the limit that a control gets by the buffers of this host."""
    config = making.benchmark.config
    if making.benchmark.scenario.is_control and not making.is_limit_given:
        config = msgspec.structs.replace(config, optmem_max_bytes=None)
    content = _without_defaults(config)
    return hashlib.sha256(msgspec.json.encode(content, order="sorted")).hexdigest()[:_KEY_DIGITS]


def _without_defaults(value: msgspec.Struct) -> dict[str, object]:
    default = type(value)()
    found = {name: getattr(value, name) for name in value.__struct_fields__}
    return {
        name: _without_defaults(one) if isinstance(one, msgspec.Struct) else one
        for name, one in found.items()
        if one != getattr(default, name)
    }
