# SPDX-License-Identifier: GPL-2.0-only
"""The manual pages and the completion, made from the parser: complete, and what man and bash take."""

import argparse
import subprocess
from pathlib import Path

import pytest

from tools.command_pages import write_pages
from zcprobe.cli.parser import make_parser
from zcprobe.policies import POLICIES

_VERBS: dict[str, argparse.ArgumentParser] = next(
    action.choices for action in make_parser()._actions if isinstance(action, argparse._SubParsersAction)
)


def _options(verb: str) -> list[str]:
    return [word for action in _VERBS[verb]._actions for word in action.option_strings if word not in ("-h", "--help")]


@pytest.fixture(scope="module")
def share(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("share")
    write_pages(folder)
    return folder


def test_the_page_of_the_command_names_every_verb(share: Path) -> None:
    page = (share / "man/man1/zcprobe.1").read_text()
    for verb in _VERBS:
        assert rf"\fBzcprobe\fR \fI\,{verb}\/\fR" in page
        assert f".BR zcprobe-{verb} (1)" in page
    assert "exit codes: 0 ok" in page


@pytest.mark.parametrize("verb", _VERBS)
def test_the_page_of_a_verb_explains_every_option(verb: str, share: Path) -> None:
    page = (share / f"man/man1/zcprobe-{verb}.1").read_text()
    assert page.startswith(f'.TH ZCPROBE\\-{verb.upper()} "1"')
    for option in _options(verb):
        assert rf"\fB{option}\fR".replace("-", r"\-") in page
    for line in (_VERBS[verb].epilog or "").splitlines():
        assert line.strip().replace("-", r"\-") in page


@pytest.mark.parametrize("name", ["zcprobe", *(f"zcprobe-{verb}" for verb in _VERBS)])
def test_examples_keep_their_lines_and_options_are_filled(name: str, share: Path) -> None:
    """A line of the source that begins with a dot or a quote would be a request that roff does not know."""
    known = (".TH", ".SH", ".TP", ".B", ".BR", ".nf", ".fi")
    for line in (share / f"man/man1/{name}.1").read_text().splitlines():
        assert not line.startswith(("'", ".")) or line.split(" ")[0] in known, line


def _completed(share: Path, *words: str) -> list[str]:
    """What bash offers for the last of the words after `zcprobe`."""
    script = """
        source "$1"; shift
        COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
        _shtab_zcprobe zcprobe; printf '%s\\n' "${COMPREPLY[@]}"
    """
    completion = share / "bash-completion/completions/zcprobe"
    command = ["bash", "--norc", "-c", script, "bash", str(completion), "zcprobe", *words]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()


def test_bash_completes_every_verb(share: Path) -> None:
    assert _completed(share, "") == list(_VERBS)


@pytest.mark.parametrize("verb", _VERBS)
def test_bash_completes_every_option_of_a_verb(verb: str, share: Path) -> None:
    assert set(_completed(share, verb, "-")) >= set(_options(verb))


def test_bash_completes_what_can_follow_an_option(share: Path) -> None:
    assert _completed(share, "run", "--policy", "qemu-") == [name for name in POLICIES if name.startswith("qemu-")]
    assert _completed(share, "run", "--traffic", "m") == ["migration", "mixed"]


def test_zsh_knows_every_verb_and_option(share: Path) -> None:
    text = (share / "zsh/site-functions/_zcprobe").read_text()
    assert text.startswith("#compdef zcprobe")
    for verb in _VERBS:
        for option in _options(verb):
            assert option in text
