# SPDX-License-Identifier: GPL-2.0-only
"""A plan as it is written in TOML: options of `zcprobe run`, of which a list is an axis.

    policy = ["qemu-pre", "qemu-merged"]
    optmem-max = ["20K", "128K"]
    length = "64K"

    [plan]
    name = "limits"
    repeats = 5

Tables `[[part]]` have options of their own beside those at the top, and replace those of the same name. The points of
the plan are then those of all parts. Whatever is wrong is told with the path of its field.
"""

import itertools
import tomllib
from collections.abc import Collection, Mapping
from typing import Any

import msgspec

from zcprobe.campaign.guesses import did_you_mean
from zcprobe.campaign.settings import Settings, read_settings
from zcprobe.errors import UsageError
from zcprobe.format.campaign import PointValue
from zcprobe.units import shown

__all__ = ["MOST_PLAN_BYTES", "Field", "Plan", "combinations", "parse_plan", "plan_of"]

_MOST_POINTS = 10_000
MOST_PLAN_BYTES = 1 << 20


class Field(msgspec.Struct, frozen=True):
    """A value, and the path of its field in the plan, such as `part[0].length[1]`."""

    path: str
    value: PointValue


class Plan(msgspec.Struct, frozen=True):
    """`parts`: for each part of the plan, option -> its values. `content` is the plan as it was read."""

    settings: Settings
    parts: list[dict[str, list[Field]]]
    content: dict[str, Any]


def parse_plan(raw: bytes, options: Collection[str]) -> Plan:
    """The plan in a TOML file. `options` are the names that its options may have. UsageError."""
    if len(raw) > MOST_PLAN_BYTES:
        raise UsageError(f"the plan has more than {MOST_PLAN_BYTES:,} bytes", "write values as lists: each is an axis")
    try:
        content = tomllib.loads(raw.decode())
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise UsageError(f"the plan is not TOML: {error}", "zcprobe campaign -h shows one") from None
    return plan_of(content, options)


def plan_of(content: Mapping[str, Any], options: Collection[str]) -> Plan:
    """The plan with that content. UsageError."""
    above = {name: value for name, value in content.items() if name not in ("plan", "part")}
    common = _options(above, "", options)
    parts = content.get("part", [{}])
    if not isinstance(parts, list) or not parts or not all(isinstance(one, dict) for one in parts):
        raise UsageError("part: expected tables", "write [[part]] above the options of each part")
    each = [common | _options(part, f"part[{at}].", options) for at, part in enumerate(parts)]
    return Plan(read_settings(content.get("plan", {})), each, dict(content))


def _options(table: Mapping[str, Any], prefix: str, known: Collection[str]) -> dict[str, list[Field]]:
    found: dict[str, list[Field]] = {}
    for name, value in table.items():
        path = f"{prefix}{name}"
        if name == "set" and isinstance(value, dict):
            found |= {f"set.{own}": _fields(one, f"{path}.{own}") for own, one in value.items()}
        elif name in known and name != "set":
            found[name] = _fields(value, path)
        else:
            raise UsageError(f"{path}: {_refusal(name)}", f"{did_you_mean(name, [*known, 'plan', 'part'])}{_HINT}")
    return found


_HINT = "options are the long ones of zcprobe run that change what is measured, without the dashes"


def _refusal(name: str) -> str:
    if name == "set":
        return "expected a table of parameters, as in set.drain_every = [8, 32]"
    return f"a plan has no option {shown(name)}"


def _fields(value: object, path: str) -> list[Field]:
    values = value if isinstance(value, list) else [value]
    paths = [f"{path}[{at}]" for at in range(len(values))] if isinstance(value, list) else [path]
    if not values:
        raise UsageError(f"{path}: an axis without values", "give it some, or leave it out")
    for one, where in zip(values, paths, strict=True):
        if not isinstance(one, bool | int | float | str):
            raise UsageError(f"{where}: expected a text, a number, true or false", "write 64K in quotes")
        if values.count(one) > 1:
            raise UsageError(f"{where}: {shown(str(one))} is there twice", "name each value once")
    return [Field(where, one) for where, one in zip(paths, values, strict=True)]


def combinations(plan: Plan) -> list[dict[str, Field]]:
    """Every combination of the values of each part, in the order of the plan. UsageError for more than anybody can
    run."""
    counts = [_product(part) for part in plan.parts]
    if sum(counts) > _MOST_POINTS:
        axes = {name: len(values) for part in plan.parts for name, values in part.items() if len(values) > 1}
        told = " x ".join(f"{count} of {name}" for name, count in axes.items())
        raise UsageError(f"the plan has {sum(counts):,} points: {told}", f"at most {_MOST_POINTS:,} can be made")
    return [dict(zip(part, chosen, strict=True)) for part in plan.parts for chosen in itertools.product(*part.values())]


def _product(part: Mapping[str, list[Field]]) -> int:
    count = 1
    for values in part.values():
        count *= len(values)
    return count
