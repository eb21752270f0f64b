# SPDX-License-Identifier: GPL-2.0-only
"""The kinds of attack: each file of this folder that does not belong to the framework is one.

It has a docstring whose first line says what it attacks; `attack(rounds, seed)`, which returns a sentence for each
thing that went wrong; and its numbers of rounds, `SHORT = ...` and `LONG = ...`. With `ALONE = True` no other attack
runs beside it.
"""

import ast
from pathlib import Path

import msgspec

__all__ = ["FOLDER", "Kind", "find_kinds"]

FOLDER = Path(__file__).parent
_FRAME = {"__init__.py", "__main__.py", "kinds.py", "supervised.py", "attack_process.py"}


class Kind(msgspec.Struct, frozen=True):
    """`path` is its file, `title` the first line of its docstring, `short` and `long` its numbers of rounds."""

    name: str
    path: Path
    title: str
    short: int
    long: int
    alone: bool = False


def _constants(module: ast.Module) -> dict[str, object]:
    """The literals that the file assigns to names at its top level."""
    return {
        node.targets[0].id: node.value.value
        for node in module.body
        if isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Name)
        and isinstance(node.value, ast.Constant)
    }


def _read_kind(path: Path) -> Kind:
    """Parses the file without importing it: an attack that cannot be imported must fail in its own process. ValueError
    names what it lacks."""
    module = ast.parse(path.read_text(), path)
    constants, title = _constants(module), (ast.get_docstring(module) or "").partition("\n")[0]
    short, long, alone = (constants.get(name) for name in ("SHORT", "LONG", "ALONE"))
    functions = {node.name for node in module.body if isinstance(node, ast.FunctionDef)}
    if "attack" not in functions or not (title and isinstance(short, int) and isinstance(long, int)):
        raise ValueError(
            f"{path} has to have a docstring, attack(rounds, seed), SHORT and LONG; a helper begins with _"
        )
    return Kind(path.stem, path, title, short, long, bool(alone))


def find_kinds(folder: Path = FOLDER) -> list[Kind]:
    """All kinds in the order of their names. A file whose name begins with `_` helps others. ValueError for any other
    file."""
    files = sorted(path for path in folder.glob("*.py") if path.name not in _FRAME)
    return [_read_kind(path) for path in files if not path.name.startswith("_")]
