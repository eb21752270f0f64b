# SPDX-License-Identifier: GPL-2.0-only
"""docs/architecture.md names what is there, and a configuration goes where it says."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCUMENT = (ROOT / "docs" / "architecture.md").read_text()

WORD = re.compile(r"`([^`\n]+)`")
FILE = re.compile(r"[\w./-]+\.(?:py|c|h|toml|md)")
NAME = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*")
ITEM = re.compile(r"^(?:\d+\.|- |\|) ?.*(?:\n {2,}.*)*", re.MULTILINE)
"""An item of a list with the lines that go on with it, or a row of a table."""

WRITING = {
    *("rules", "benchmark", "campaign", "overhead", "recorder", "lab", "sender", "sink", "probes", "host", "native"),
    *("child", "handshake", "journal"),
}
MOST_WAYS_IN = 2


@cache
def text_of(path: str) -> str:
    return (ROOT / path).read_text()


def named() -> Iterator[tuple[str, list[str]]]:
    """Each name that stands beside files in an item of the document, with these files."""
    for item in ITEM.findall(DOCUMENT):
        words = WORD.findall(item)
        files = [word for word in words if "/" in word and FILE.fullmatch(word)]
        for word in words:
            if files and NAME.fullmatch(word) and not FILE.fullmatch(word):
                yield word, files


def is_in(name: str, files: list[str]) -> bool:
    """Every part of a dotted name is a word of the same file."""
    return any(all(re.search(rf"\b{part}\b", text_of(path)) for part in name.split(".")) for path in files)


def test_every_file_that_is_named_exists() -> None:
    files = [word for word in WORD.findall(DOCUMENT) if "/" in word and FILE.fullmatch(word)]
    assert len(files) > 60
    assert [path for path in files if not (ROOT / path).exists()] == []


def test_every_name_is_in_a_file_that_is_named_beside_it() -> None:
    found = list(named())
    assert len(found) > 80
    assert [(name, files) for name, files in found if not is_in(name, files)] == []


def test_every_room_is_in_the_table() -> None:
    packages = {path.parent.name for path in (ROOT / "zcprobe").glob("*/__init__.py")}
    modules = {path.stem for path in (ROOT / "zcprobe").glob("*.py")} - {"__init__", "__main__"}
    table = DOCUMENT[DOCUMENT.index("| room |") : DOCUMENT.index("## Subjects")]
    told = {word for row in table.strip().splitlines() for word in WORD.findall(row.split("|")[1])}
    assert (packages | modules) - {"bpf"} - told == set()


def takes_a_configuration(function: ast.FunctionDef) -> bool:
    arguments = (*function.args.args, *function.args.kwonlyargs)
    return any("RunConfig" in ast.unparse(one.annotation) for one in arguments if one.annotation is not None)


def module_name(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts)


def room_of(module: str) -> str:
    return [*module.split("."), ""][1]


@cache
def ways_in() -> dict[str, set[str]]:
    """Room -> functions of it that take a RunConfig and that a module of another room imports."""
    trees = {module_name(path): ast.parse(path.read_text()) for path in (ROOT / "zcprobe").rglob("*.py")}
    takers = {
        (module, node.name)
        for module, tree in trees.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef) and takes_a_configuration(node)
    }
    found: dict[str, set[str]] = defaultdict(set)
    for module, tree in trees.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.module and room_of(node.module) != room_of(module):
                names = {alias.name for alias in node.names if (node.module, alias.name) in takers}
                found[room_of(node.module)] |= names
    return found


@pytest.mark.parametrize("room", sorted(WRITING))
def test_a_configuration_enters_a_room_at_most_twice(room: str) -> None:
    """What is counted are functions; `SenderTask` carries it into the sender's process besides."""
    assert len(ways_in()[room]) <= MOST_WAYS_IN, ways_in()[room]


def test_where_a_configuration_enters_is_told() -> None:
    ways = ways_in()
    told = DOCUMENT[DOCUMENT.index("## Where a configuration goes") : DOCUMENT.index("## The sender's process")]
    assert ways["benchmark"] == {"benchmark_of"}
    assert ways["recorder"] == set()
    assert {name for room in WRITING for name in ways[room]} <= set(WORD.findall(told))
