# SPDX-License-Identifier: GPL-2.0-only
"""The whole table of options that go together: scenario, protocol, family, traffic and each option that depends on
them."""

from collections.abc import Callable
from itertools import product
from typing import NamedTuple

import pytest

from zcprobe.benchmark.defaults import benchmark_of
from zcprobe.cli.options import run_config
from zcprobe.cli.parser import make_parser
from zcprobe.config import RunConfig, SocketOptions
from zcprobe.errors import UsageError
from zcprobe.lab.scenarios import SCENARIOS
from zcprobe.policies import PolicyParameters
from zcprobe.rules import RULES, options_of, refuse_without_effect
from zcprobe.workloads import Traffic

PARSER = make_parser()


class Place(NamedTuple):
    """A cell of the table; `scenario` is None if the sink is on another host."""

    scenario: str | None
    protocol: str
    family: str
    traffic: str
    zerocopy: bool = True


PLACES = [
    Place(*cell)
    for cell in product(
        (*SCENARIOS, None),
        ("tcp", "udp"),
        ("ipv4", "ipv6", "vsock"),
        ("stream", "migration", "rpc", "mixed"),
        (True, False),
    )
]

TARGETS = {"ipv4": "10.99.0.2", "ipv6": "fd99::2", "vsock": "vsock:2"}
HOLDING = ("held-completions", "held-in-flight")


def words_of(place: Place) -> list[str]:
    words = ["run", "--traffic", place.traffic]
    words += ["--scenario", place.scenario] if place.scenario else ["--to", TARGETS[place.family]]
    words += ["--udp"] if place.protocol == "udp" else []
    words += {"ipv4": [], "ipv6": ["-6"], "vsock": ["--vsock"]}[place.family]
    words += ["-l", "1000:1,1400:1"] if place.traffic == "mixed" else []
    return words + ([] if place.zerocopy else ["--no-zerocopy"])


def is_possible(place: Place) -> bool:
    """The table itself, without any option."""
    if place.scenario == "memlock" and not place.zerocopy:
        return False
    if place.family == "vsock":
        return place.scenario is None and place.protocol == "tcp"
    if place.protocol == "udp":
        return place.scenario not in ("in-flight", "reordered-link") and place.traffic in ("stream", "mixed")
    return True


def is_tcp(place: Place) -> bool:
    return place.protocol == "tcp" and place.family != "vsock"


def always(place: Place) -> bool:
    return True


def is_migration(place: Place) -> bool:
    return place.traffic == "migration"


def is_counted(place: Place) -> bool:
    return place.traffic != "migration"


def is_local(place: Place) -> bool:
    return place.scenario is not None


def asks_policy(place: Place) -> bool:
    return place.zerocopy


TAKES_EFFECT: dict[tuple[str, ...], Callable[[Place], bool]] = {
    ("--policy", "qemu-pre"): asks_policy,
    ("--policy", "drain-every", "--set", "drain_every=7"): asks_policy,
    ("-l", "1K"): is_counted,
    ("-n", "23"): is_counted,
    ("-t", "2"): is_counted,
    ("-n", "23", "-t", "2"): lambda place: False,
    ("-P", "3"): always,
    ("--copy-below", "1200"): lambda place: is_counted(place) and place.zerocopy and place.traffic == "mixed",
    ("--copy-below", "1M"): lambda place: is_counted(place) and place.zerocopy,
    ("--copy-below", "1"): lambda place: False,
    ("--header", "300"): lambda place: place.traffic in ("migration", "rpc"),
    ("--guest", "1G"): is_migration,
    ("--dirty-rate", "1M"): is_migration,
    ("--downtime", "10"): is_migration,
    ("--max-rounds", "3"): is_migration,
    ("--zero-pages", "0"): is_migration,
    ("--reuse", "after-completion"): asks_policy,
    ("--buffers", "file"): always,
    ("--optmem-max", "65536"): lambda place: is_local(place) and place.zerocopy,
    ("--hold-share", "4"): lambda place: place.scenario in HOLDING,
    ("--hold-rate", "50M"): lambda place: place.scenario in HOLDING,
    ("--window", "1M"): lambda place: place.family != "vsock",
    ("--bitrate", "1G"): always,
    ("--nagle",): is_tcp,
    ("--cork",): is_tcp,
    ("--nics", "eth1,eth2"): is_local,
    ("--nics", "lo,eth2"): lambda place: False,
    ("-A", "0,0"): is_local,
    ("-A", "0"): lambda place: not is_local(place),
    ("--flush-result", "sticky"): asks_policy,
    ("--wait-for", "error"): asks_policy,
    ("--deadline", "9"): always,
    ("--settle", "5"): asks_policy,
    ("--probe-level", "full"): always,
    ("--mechanism", "auto"): always,
    ("--probes", "none"): always,
    ("--probes", "none", "--probe-level", "full"): lambda place: False,
    ("--probes", "none", "--probe-level", "off"): always,
    ("--probes", "none", "--mechanism", "tracepoint"): lambda place: False,
    ("--no-record",): always,
    ("--record-limit", "1G"): always,
    ("--record-limit", "1G", "--no-record"): always,
    ("--record-limit", "1G", "--no-record", "--probes", "none"): lambda place: False,
}


def is_accepted(words: list[str]) -> bool:
    """Whether the words are accepted; if not, they must be refused in two lines, the first of which begins with the
    option."""
    refusal = None
    try:
        options = PARSER.parse_args(words)
        benchmark_of(run_config(options, options.policy or "qemu-merged"))
    except UsageError as refused:
        refusal = refused
    if refusal is not None:
        assert f"{refusal}".startswith("--")
        assert refusal.hint
        assert "\n" not in f"{refusal}{refusal.hint}"
    return refusal is None


def test_every_cell_of_the_table_is_accepted_or_refused_as_it_says() -> None:
    wrong = [place for place in PLACES if is_accepted(words_of(place)) != is_possible(place)]
    assert wrong == []


@pytest.mark.parametrize("option", TAKES_EFFECT, ids=" ".join)
def test_an_option_is_accepted_where_it_takes_effect_and_refused_elsewhere(option: tuple[str, ...]) -> None:
    possible = [place for place in PLACES if is_possible(place)]
    # a mixture already has sizes, and a second -l would replace them
    possible = [place for place in possible if option[0] != "-l" or place.traffic != "mixed"]
    wrong = [place for place in possible if is_accepted([*words_of(place), *option]) != TAKES_EFFECT[option](place)]
    assert wrong == []


@pytest.mark.parametrize(
    "words",
    [
        ("--to", "10.99.0.2", "-6"),
        ("--to", "10.99.0.2", "--vsock"),
        ("--to", "vsock:2"),
        ("--to", "fd99::2", "--vsock"),
        ("--to", "10.99.0.2", "--scenario", "held-completions"),
        ("--scenario", "in-order", "-A", "0"),
        ("--scenario", "in-order", "--traffic", "mixed"),
        ("--scenario", "in-order", "--traffic", "mixed", "-l", "4K"),
    ],
    ids=" ".join,
)
def test_what_else_contradicts_itself_is_refused(words: tuple[str, ...]) -> None:
    assert not is_accepted(["run", *words])


@pytest.mark.parametrize(
    ("target", "family"),
    [("10.99.0.2", "ipv4"), ("[fd99::2]:77", "ipv6"), ("[fe80::1%eth0]", "ipv6"), ("a", "ipv4")],
)
def test_an_address_says_itself_of_which_family_it_is(target: str, family: str) -> None:
    options = PARSER.parse_args(["run", "--to", target])
    assert run_config(options, "qemu-merged").family == family


def test_a_name_may_be_looked_up_in_either_family() -> None:
    options = PARSER.parse_args(["run", "--to", "a.name", "-6"])
    assert run_config(options, "qemu-merged").family == "ipv6"


def test_a_comparison_of_policies_that_nobody_asks_is_refused() -> None:
    options = PARSER.parse_args(["compare", "--no-zerocopy"])
    with pytest.raises(UsageError, match="--policies says what to do about ENOBUFS"):
        run_config(options, "qemu-merged")


def test_the_cost_of_no_probes_is_not_measured() -> None:
    for words in (["--probes", "none"], ["--probes", "none", "--overhead", "0"], ["--overhead", "3"]):
        run_config(PARSER.parse_args(["compare", *words]), "qemu-merged")
    with pytest.raises(UsageError, match="--overhead measures what the probes cost"):
        run_config(PARSER.parse_args(["compare", "--probes", "none", "--overhead", "3"]), "qemu-merged")


@pytest.mark.parametrize(
    ("config", "option"),
    [
        (RunConfig(scenario="in-order", hold_rate_bps=10**6), "--hold-rate"),
        (RunConfig(protocol="udp", socket=SocketOptions(cork=True)), "--cork"),
        (RunConfig(scenario="in-flight", protocol="udp"), "--udp"),
        (RunConfig(zerocopy=False, policy="folly", parameters=PolicyParameters(reenable_after=3)), "--policy"),
        (RunConfig(zerocopy=False, parameters=PolicyParameters(wait_ms=3)), "--set"),
        (RunConfig(traffic=Traffic(model="migration", sizes=[(1, 1)])), "--length"),
        (RunConfig(to="10.99.0.2", affinity=(0, 0)), "--affinity"),
        (RunConfig(to="10.99.0.2", optmem_max_bytes=4096), "--optmem-max"),
        (RunConfig(family="ipv4", to="vsock:2"), "--to"),
        (RunConfig(family="vsock"), "--vsock"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_caller_without_a_command_line_is_told_the_same(config: RunConfig, option: str) -> None:
    with pytest.raises(UsageError, match=f"^{option} "):
        benchmark_of(config)


def test_the_default_has_asked_for_nothing() -> None:
    assert options_of(RunConfig()) == {}
    refuse_without_effect(RunConfig())


def test_every_rule_speaks_of_options_that_there_are() -> None:
    parsers = [PARSER.parse_args([verb]) for verb in ("run", "compare")]
    known = {f"--{name.replace('_', '-')}" for options in parsers for name in vars(options)}
    assert {option for rule in RULES for option in rule.options} <= known


def test_of_two_reasons_the_one_that_helps_is_told() -> None:
    """Another scenario would not help, because there is no scenario."""
    with pytest.raises(UsageError, match="--hold-rate holds clones back on a path that the run makes") as refused:
        refuse_without_effect(RunConfig(to="10.99.0.2", hold_rate_bps=10**6))
    assert refused.value.hint == "leave it out, or --to"
