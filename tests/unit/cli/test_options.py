import pytest

from zcprobe.cli.options import run_config
from zcprobe.cli.parser import make_parser


@pytest.mark.parametrize("level", ["none", "summary", "timeline", "full"])
def test_probes_are_as_asked_for(level: str) -> None:
    options = make_parser().parse_args(["run", "--probes", level])
    assert run_config(options, "qemu-merged").probe_level == level


@pytest.mark.parametrize("verb", ["run", "compare"])
def test_the_old_name_of_an_option_says_the_new_one(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_:
        make_parser().parse_args([verb, "--probe-level", "off"])
    assert exit_.value.code == 2
    assert "called --probes" in capsys.readouterr().err
