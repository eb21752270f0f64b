# SPDX-License-Identifier: GPL-2.0-only
"""A preset is exactly the options that it stands for, and does not hide a contradiction."""

import pytest

from zcprobe.cli.options import run_config
from zcprobe.cli.parser import make_parser
from zcprobe.cli.presets import PRESETS, expand
from zcprobe.config import RunConfig
from zcprobe.errors import UsageError

PARSER = make_parser()
NAMES = list(PRESETS)


def config_of(*words: str) -> RunConfig:
    options = PARSER.parse_args(words)
    return run_config(options if options.preset is None else expand(PARSER, words, options), "qemu-pre")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("verb", ["run", "compare"])
def test_a_preset_is_the_options_that_it_stands_for(verb: str, name: str) -> None:
    alone = config_of(verb, *PRESETS[name].options.split())
    assert config_of(verb, "--preset", name) == alone
    assert alone != config_of(verb)


@pytest.mark.parametrize("place", [1, 3])
def test_other_options_go_with_it_on_either_side(place: int) -> None:
    words = ["run", "--preset", "qemu-migration"]
    config = config_of(*words[:place], "--optmem-max", "20480", *words[place:])
    assert config.optmem_max_bytes == 20480
    assert config.traffic.model == "migration"


def test_an_option_that_says_the_same_is_no_contradiction() -> None:
    assert config_of("run", "-P", "2", "--preset", "qemu-migration").channels == 2


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--guest", "1G"], "--guest 1G contradicts --preset qemu-migration"),
        (["-P", "1"], "--channels 1 contradicts"),  # what is its default without a preset
        (["--traffic", "stream"], "--traffic stream contradicts"),
        (["-b", "1G"], "--bitrate 1G contradicts"),
        (["--scenario", "in-order"], "--scenario in-order contradicts"),
    ],
)
@pytest.mark.parametrize("comes_first", [True, False])
def test_a_contradiction_is_refused(words: list[str], told: str, comes_first: bool) -> None:
    preset = ["--preset", "qemu-migration"]
    with pytest.raises(UsageError, match=told) as caught:
        config_of("run", *(preset + words if comes_first else words + preset))
    assert PRESETS["qemu-migration"].options in caught.value.hint


def test_what_has_no_effect_beside_its_options_is_refused_as_always() -> None:
    with pytest.raises(UsageError, match="--length has no effect on a migration"):
        config_of("run", "--preset", "qemu-migration", "-l", "64K")
