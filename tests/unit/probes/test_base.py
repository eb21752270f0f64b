# SPDX-License-Identifier: GPL-2.0-only
"""The probes' C: what is included is what is used, and the text that the compiler is given has each file once."""

import re
from pathlib import Path

import pytest

from zcprobe.probes.base import read_source

BPF = Path(__file__).parents[3] / "bpf"
SOURCES = sorted(path.name for path in BPF.glob("*.[ch]"))
PROGRAMS = sorted(path.name for path in BPF.glob("*.bpf.c"))

_COMMENT_OR_TEXT = re.compile(r'/\*.*?\*/|//[^\n]*|"[^"\n]*"', re.DOTALL)
_DEFINITIONS = (
    re.compile(r"^#define (\w+)", re.MULTILINE),
    re.compile(r"^(?:struct|enum) (\w+) \{", re.MULTILINE),
    re.compile(r"^(?:static )?(?:__always_inline )?[\w ]+[ *](\w+)\([^;]*\)\n\{", re.MULTILINE),
    re.compile(r"^BPF_(?:ARRAY|HASH|PERCPU_ARRAY|STACK_TRACE|RINGBUF_OUTPUT)\((\w+)", re.MULTILINE),
    re.compile(r"^BPF_TABLE\([^,]*, [^,]*, [^,]*, (\w+)", re.MULTILINE),
)
_ENUMERATORS = re.compile(r"^enum \w+ \{(.*?)\};", re.MULTILINE | re.DOTALL)


def _code(name: str) -> str:
    return _COMMENT_OR_TEXT.sub(" ", (BPF / name).read_text())


def _defined_in(name: str) -> set[str]:
    found = {match for pattern in _DEFINITIONS for match in pattern.findall(_code_with_texts(name))}
    for body in _ENUMERATORS.findall(_code(name)):
        found |= set(re.findall(r"\b([A-Z]\w+)\b", body))
    return found


def _code_with_texts(name: str) -> str:
    """The kind of a map in BPF_TABLE() is a text."""
    return re.sub(r"/\*.*?\*/", " ", (BPF / name).read_text(), flags=re.DOTALL)


def _included_by(name: str) -> list[str]:
    return re.findall(r'^#include "([^"]+)"$', (BPF / name).read_text(), re.MULTILINE)


def test_a_definition_stands_in_one_file() -> None:
    """Names that #ifdef chooses within a file are left out."""
    where: dict[str, list[str]] = {}
    for name in SOURCES:
        for definition in _defined_in(name):
            where.setdefault(definition, []).append(name)
    assert len(where) > 130
    assert {definition: names for definition, names in where.items() if len(names) > 1} == {}


@pytest.mark.parametrize("name", SOURCES)
def test_a_file_includes_what_it_uses_and_nothing_else(name: str) -> None:
    used = set(re.findall(r"\b\w+\b", _code(name))) - _defined_in(name)
    headers = [header for header in SOURCES if header.endswith(".h") and header != name]
    needed = [header for header in headers if used & _defined_in(header)]
    assert _included_by(name) == needed


@pytest.mark.parametrize("name", SOURCES)
def test_includes_stand_at_the_top(name: str) -> None:
    """So that no #if decides about them: they are put in as they stand."""
    lines = (BPF / name).read_text().splitlines()
    places = [number for number, line in enumerate(lines) if line.startswith("#include")]
    conditions = [number for number, line in enumerate(lines) if line.startswith("#if")]
    assert not places or not conditions or places[-1] < conditions[0]


def test_the_text_has_each_file_once() -> None:
    text = read_source(PROGRAMS)
    begun = re.findall(r'^#line 1 "([^"]+)"$', text, re.MULTILINE)
    assert sorted(begun) == SOURCES
    assert "#include" not in text
    assert "#pragma once" not in text


def test_the_compiler_can_name_every_line() -> None:
    """Behind each #line come the lines that the file has there."""
    files = {name: (BPF / name).read_text().splitlines() for name in SOURCES}
    place: tuple[str, int] | None = None
    for line in read_source(PROGRAMS).splitlines():
        moved = re.match(r'#line (\d+) "([^"]+)"', line)
        if moved:
            place = moved[2], int(moved[1])
            continue
        assert place is not None
        name, number = place
        assert line == files[name][number - 1] or files[name][number - 1].startswith(("#include", "#pragma once"))
        place = name, number + 1
