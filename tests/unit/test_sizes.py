# SPDX-License-Identifier: GPL-2.0-only
"""Files and functions are short enough to be read at once; a longer one has its name and its reason here."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[2]
_FOLDERS = ("bench", "bpf", "tests", "tools", "zcprobe")
_LONGEST_FUNCTION = 50
_LONGEST_FILE = 400
_LONGEST_BPF_FILE = 200

_LONG_FILES: dict[str, str] = {}
_LONG_FUNCTIONS: dict[str, str] = {}

# ours begin in the first column with their type, and end with a brace there
_C_FUNCTION = re.compile(r"^(?!typedef|(?:struct|enum|union)[^(]*\{)[A-Za-z_][^;={]*\([^;{]*\)\s*\{", re.MULTILINE)


def _sources(*suffixes: str) -> list[Path]:
    found = [path for folder in _FOLDERS for path in (_ROOT / folder).rglob("*") if path.suffix in suffixes]
    return sorted(path for path in found if not path.name.startswith("_core."))


def _python_functions(text: str) -> Iterator[tuple[str, int]]:
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name, (node.end_lineno or node.lineno) - node.lineno + 1


def _c_functions(text: str) -> Iterator[tuple[str, int]]:
    for match in _C_FUNCTION.finditer(text):
        name = re.search(r"(\w+)\s*\(", match[0])
        assert name is not None
        yield name[1], text.count("\n", match.start(), text.index("\n}", match.start())) + 2


def _longest_file(path: Path) -> int:
    return _LONGEST_BPF_FILE if path.name.endswith(".bpf.c") else _LONGEST_FILE


def _name(path: Path) -> str:
    return str(path.relative_to(_ROOT))


def _long_files() -> set[str]:
    files = _sources(".py", ".c", ".h", ".sh")
    return {_name(path) for path in files if len(path.read_text().splitlines()) > _longest_file(path)}


def _long_functions() -> set[str]:
    readers = [(path, _python_functions) for path in _sources(".py")]
    readers += [(path, _c_functions) for path in _sources(".c", ".h")]
    return {
        f"{_name(path)}:{name}"
        for path, functions in readers
        for name, lines in functions(path.read_text())
        if lines > _LONGEST_FUNCTION
    }


def test_no_file_is_longer_than_it_may_be_but_for_those_named() -> None:
    assert _long_files() == set(_LONG_FILES)


def test_no_function_is_longer_than_it_may_be_but_for_those_named() -> None:
    assert _long_functions() == set(_LONG_FUNCTIONS)


@pytest.mark.parametrize(
    ("head", "name"),
    [
        ("static int add(int a,\n\t\tint b)", "add"),
        ("enum kind find(const void *at)", "find"),
        ("ON_RETURN(msg_zerocopy_alloc, 1, 0)", "ON_RETURN"),
    ],
)
def test_the_lines_of_a_function_in_c_are_counted_from_its_type_to_its_last_brace(head: str, name: str) -> None:
    before, after = "struct pair {\n\tint a;\n};\n\n", "\n\nint later(void)\n{\n\treturn 0;\n}\n"
    body = "\n{\n\tif (a) {\n\t\tb();\n\t}\n\treturn 1;\n}"
    expected = head.count("\n") + body.count("\n") + 1
    assert list(_c_functions(before + head + body + after)) == [(name, expected), ("later", 4)]
