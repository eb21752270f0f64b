# SPDX-License-Identifier: GPL-2.0-only
"""A comparison of anything but policies: a plan with one axis, made of the options of `zcprobe compare`."""

import argparse
from typing import Any

from zcprobe.campaign.guesses import did_you_mean
from zcprobe.cli.arguments.compare import DEFAULT_COMPARISON
from zcprobe.cli.plan_options import fields_of, plan_options
from zcprobe.errors import UsageError
from zcprobe.units import shown

__all__ = ["Axis", "axis_of", "plan_content"]

_OF_POLICIES = ("overhead", "no_report")

Axis = tuple[str, list[str]]
"""The name of an option of a plan, and its values."""


def axis_of(options: argparse.Namespace) -> Axis | None:
    """The option that is compared; None where it is the policy. UsageError for one that cannot be compared."""
    axis = None if options.compare is None else _parse(options.compare)
    if axis is not None and axis[0] == "policy":
        if _policies_are_named(options):
            raise _given_twice("--policies")
        options.policies = ",".join(axis[1])
        return None
    sizes = _sizes(options)
    if sizes is not None and axis is not None:
        raise UsageError(f"--compare {axis[0]} and several sizes in -l are two axes", "write a plan: zcprobe campaign")
    return ("length", sizes) if sizes is not None else axis


def _sizes(options: argparse.Namespace) -> list[str] | None:
    """Several sizes without weights. Mixed traffic sends them all in one run."""
    text = options.length or ""
    return text.split(",") if "," in text and ":" not in text and options.traffic != "mixed" else None


def _parse(text: str) -> Axis:
    name, equals, values = text.partition("=")
    if name not in plan_options() and not name.startswith("set."):
        guess = did_you_mean(name, plan_options())
        raise UsageError(f"--compare does not know {shown(name)}", f"{guess}it compares options of zcprobe run")
    if not equals or "," not in values:
        raise UsageError(
            f"--compare {shown(text)} has fewer than two values", "write them with commas: optmem-max=20K,128K"
        )
    return name, values.split(",")


def plan_content(options: argparse.Namespace, axis: Axis, seed: int) -> dict[str, Any]:
    """The plan as its TOML would be. UsageError for an option that stands beside it as well as on the axis, or belongs
    to comparisons of policies."""
    name, values = axis
    _refuse_for_policies_alone(options)
    fields = fields_of(options)
    if _policies_are_named(options):
        fields["policy"] = options.policies.split(",")
    where, _, parameter = name.partition(".")
    if parameter in fields.get("set", {}):
        raise _given_twice(f"--set {parameter}")
    beside = {key for key in fields if key.removeprefix("no-") == name.removeprefix("no-")}
    if beside - {"length"} or (beside and options.compare is not None):
        raise _given_twice(f"--{beside.pop()}")
    if parameter:
        fields["set"] = {**fields.get("set", {}), parameter: values}
    else:
        fields[where] = values
    title = name.replace(".", "-").replace("_", "-")
    settings = {"name": f"compare-{title}"[:40], "repeats": options.repeats, "seed": seed}
    percent = f"{100 * options.smallest_effect:.9f}".rstrip("0").rstrip(".")
    return {**fields, "plan": {**settings, "smallest-effect": f"{percent} %"}}


def _policies_are_named(options: argparse.Namespace) -> bool:
    return bool(options.policies != ",".join(DEFAULT_COMPARISON))


def _given_twice(option: str) -> UsageError:
    return UsageError(f"{option} is what is compared, and is given besides", "give it once")


def _refuse_for_policies_alone(options: argparse.Namespace) -> None:
    for name in _OF_POLICIES:
        if getattr(options, name) not in (None, False):
            option = f"--{name.replace('_', '-')}"
            raise UsageError(f"{option} is for comparisons of policies alone", "leave it out, or compare policies")
