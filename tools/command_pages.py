# SPDX-License-Identifier: GPL-2.0-only
"""Writes the manual pages and the shell completion of `zcprobe` from its parser: python tools/command_pages.py FOLDER

FOLDER becomes what an installation has as /usr/share: man/man1/zcprobe.1 and a page for each verb (`man zcprobe run`),
bash-completion/completions/zcprobe and zsh/site-functions/_zcprobe.
"""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

import shtab
from argparse_manpage.manpage import Manpage

from zcprobe.cli.parser import make_parser
from zcprobe.policies import POLICIES
from zcprobe.version import VERSION

__all__ = ["write_pages"]

_WHAT_IT_IS = "diagnose and benchmark MSG_ZEROCOPY senders"


def _verbs(parser: argparse.ArgumentParser) -> "argparse._SubParsersAction[argparse.ArgumentParser]":
    return next(action for action in parser._actions if isinstance(action, argparse._SubParsersAction))


def _as_it_stands(text: str) -> str:
    """Text whose lines roff does not fill."""
    escaped = text.strip("\n").replace("\\", "\\\\").replace("-", r"\-")
    return f".nf\n{escaped}\n.fi"


def _page(parser: argparse.ArgumentParser, description: str, related: list[str]) -> str:
    notes, parser.epilog = parser.epilog, None
    facts = {"project_name": "zcprobe", "version": VERSION, "description": description, "manual_title": "zcprobe"}
    page = Manpage(parser, facts)
    page.prog = parser.prog.replace(" ", "-")
    if notes:
        page.add_section("notes", "=", _as_it_stands(notes))
    page.add_section("see also", "=", "\n".join(f".BR {name} (1)" for name in related))
    return str(page)


def _pages() -> Iterator[tuple[str, str]]:
    """Name of a page and its text: of each verb, then of the command, which names the verbs alone."""
    parser = make_parser()
    verbs = _verbs(parser)
    for choice in verbs._choices_actions:
        yield f"zcprobe-{choice.dest}", _page(verbs.choices[choice.dest], str(choice.help), ["zcprobe"])
    names = [f"zcprobe-{name}" for name in verbs.choices]
    verbs._name_parser_map.clear()
    yield "zcprobe", _page(parser, _WHAT_IT_IS, names)


def _parser_to_complete() -> argparse.ArgumentParser:
    """With what can follow an option beside its choices: files, folders, and the names of policies."""
    parser = make_parser()
    for verb in _verbs(parser).choices.values():
        for action in verb._actions:
            if action.type is Path:
                action.complete = shtab.DIRECTORY if action.metavar == "DIR" else shtab.FILE  # type: ignore[attr-defined]
            elif "--policy" in action.option_strings:
                action.choices = list(POLICIES)
    return parser


def write_pages(folder: Path) -> None:
    """Makes the folders it needs, and overwrites the files of an earlier call."""
    files = {f"man/man1/{name}.1": text for name, text in _pages()}
    files["bash-completion/completions/zcprobe"] = shtab.complete(_parser_to_complete(), "bash")
    files["zsh/site-functions/_zcprobe"] = shtab.complete(_parser_to_complete(), "zsh")
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


if __name__ == "__main__":
    write_pages(Path(sys.argv[1]))
