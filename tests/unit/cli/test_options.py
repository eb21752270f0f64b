# SPDX-License-Identifier: GPL-2.0-only
import pytest

from zcprobe.cli.options import run_config
from zcprobe.cli.parser import make_parser


@pytest.mark.parametrize("verb", ["run", "compare"])
@pytest.mark.parametrize(
    ("words", "level"),
    [
        ((), "timeline"),
        *((("--probe-level", level), level) for level in ("off", "summary", "timeline", "full")),
        (("--probes", "none"), "off"),
    ],
)
def test_probes_are_as_asked_for(verb: str, words: tuple[str, ...], level: str) -> None:
    options = make_parser().parse_args([verb, *words])
    assert run_config(options, "qemu-merged").probe_level == level


@pytest.mark.parametrize("option", ["--nics", "--link"])
def test_the_older_name_of_nics_still_works(option: str) -> None:
    options = make_parser().parse_args(["run", option, "eth1,eth2"])
    assert run_config(options, "qemu-merged").link == ("eth1", "eth2")
