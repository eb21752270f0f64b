# SPDX-License-Identifier: GPL-2.0-only
"""The options of `zcprobe run` as fields of a plan: what they are called there, and the run that they make."""

import argparse
from collections.abc import Mapping
from functools import cache
from typing import Any, NoReturn

from zcprobe.benchmark.defaults import benchmark_of
from zcprobe.campaign.guesses import did_you_mean
from zcprobe.campaign.points import Making
from zcprobe.cli.arguments.run import add_run
from zcprobe.cli.options import DEFAULT, require_readers, run_config, token_of
from zcprobe.cli.presets import expand
from zcprobe.errors import UsageError
from zcprobe.format.campaign import PointValue
from zcprobe.lab.scenarios import SCENARIOS
from zcprobe.policies import POLICIES, find_policy
from zcprobe.units import shown

__all__ = ["fields_of", "make_run", "plan_options"]

_NOT_IN_PLANS = ("output", "json", "interval", "verbose", "token")
"""campaign.json has the plan, and everybody may read it: a token has to be in a file."""

_SWITCHES = {True: True, False: False, "on": True, "off": False}


class _Refusing(argparse.ArgumentParser):
    """A parser that raises UsageError instead of ending the process."""

    def error(self, message: str) -> NoReturn:
        _, _, what = message.rpartition("argument ")
        raise UsageError(what or message, "zcprobe run -h says what each option takes")


@cache
def _parser() -> argparse.ArgumentParser:
    parser = _Refusing(prog="zcprobe", add_help=False)
    verbs = parser.add_subparsers(dest="verb", required=True)
    add_run(verbs.add_parser("run", add_help=False))
    return parser


@cache
def _actions() -> dict[str, argparse.Action]:
    """Name of each long option, without the dashes -> its action; older names too."""
    (verbs,) = (action for action in _parser()._actions if isinstance(action, argparse._SubParsersAction))
    return {
        text.removeprefix("--"): action
        for action in verbs.choices["run"]._actions
        for text in action.option_strings
        if text.startswith("--") and action.dest not in _NOT_IN_PLANS
    }


def _is_switch(name: str) -> bool:
    return name in _actions() and _actions()[name].nargs == 0


@cache
def plan_options() -> tuple[str, ...]:
    """The names of a plan's options. An option such as --no-zerocopy has its opposite too: zerocopy."""
    names = list(_actions())
    return (*names, *(name.removeprefix("no-") for name in names if name.startswith("no-")))


def fields_of(options: argparse.Namespace) -> dict[str, Any]:
    """The fields of a plan that ask for what a command line of `zcprobe compare` asked for. Options with their default
    value have none."""
    default = vars(_parser().parse_args(["run"]))
    names = {action.dest: name for name, action in reversed(_actions().items())}
    given = {names[dest]: value for dest, value in vars(options).items() if dest in names and value != default[dest]}
    parameters = dict(text.partition("=")[::2] for text in given.pop("set", []))
    return {**given, **({"set": parameters} if parameters else {})}


def make_run(options: Mapping[str, PointValue]) -> Making:
    """The run with these options. UsageError for a value that is invalid or has no effect."""
    policy = str(options.get("policy", DEFAULT.policy))
    _require_one_name_each(options)
    _require_known(options)
    unread = {name for name in options if name.startswith("set.") and _parameter(name) not in find_policy(policy).reads}
    words = ["run", *(word for name, value in options.items() if name not in unread for word in _words(name, value))]
    parsed = _parser().parse_args(words)
    if parsed.preset is not None:
        parsed = expand(_parser(), words, parsed)
    require_readers(parsed.set, [policy])
    benchmark = benchmark_of(run_config(parsed, policy))
    return Making(benchmark, parsed.optmem_max is not None, frozenset(unread), token_of(parsed))


def _parameter(name: str) -> str:
    return name.removeprefix("set.")


def _require_one_name_each(options: Mapping[str, PointValue]) -> None:
    """UsageError for an option that is given by two of its names, of which the last would win."""
    found: dict[str, str] = {}
    for name in options:
        action = _actions().get(name) or _actions().get(f"no-{name}")
        first = name if action is None else found.setdefault(action.dest, name)
        if first != name:
            raise UsageError(f"{first} and {name} are one option", "give one of them")


def _require_known(options: Mapping[str, PointValue]) -> None:
    """UsageError with a suggestion for a word that is none of those that the option knows."""
    for name, value in options.items():
        known = _known_words(name)
        if known and value not in known:
            raise UsageError(
                f"there is no {name} {shown(str(value))}",
                f"{did_you_mean(str(value), known)}there are {', '.join(known)}",
            )


def _known_words(name: str) -> list[str]:
    """The words of which the option takes one; empty for an option that takes other values."""
    of_names = {"policy": list(POLICIES), "scenario": list(SCENARIOS)}
    choices = _actions()[name].choices if name in _actions() else None
    return of_names.get(name) or [str(one) for one in choices or ()]


def _words(name: str, value: PointValue) -> list[str]:
    if name.startswith("set."):
        return [f"--set={_parameter(name)}={_text(name, value)}"]
    if _is_switch(name):
        return [f"--{name}"] if _is_on(name, value) else []
    if name not in _actions():
        return [] if _is_on(name, value) else [f"--no-{name}"]
    return [f"--{name}={_text(name, value)}"]


def _text(name: str, value: PointValue) -> str:
    if isinstance(value, bool):
        raise UsageError(f"{name} takes a value, not {str(value).lower()}", "zcprobe run -h says which")
    return str(value)


def _is_on(name: str, value: PointValue) -> bool:
    if not isinstance(value, bool | str) or value not in _SWITCHES:
        raise UsageError(f"{name} is on or off, not {shown(str(value))}", "write true or false")
    return _SWITCHES[value]
