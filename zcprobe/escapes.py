# SPDX-License-Identifier: GPL-2.0-only
"""Text that others wrote, made safe to show: a terminal or browser prints it and never executes it."""

from typing import Any

__all__ = ["printable", "printable_members"]


def printable(text: str) -> str:
    r"""The text with every unprintable character escaped as repr() does: `\x1b`, `\n`, `\u202e`.

    Unprintable are control characters, which move a terminal's cursor; direction marks, which make text look like other
    text; lone surrogates (from a file name that is not UTF-8), which no encoder accepts; and unassigned characters.
    """
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() else repr(one)[1:-1] for one in text)


def printable_members(value: Any) -> Any:
    """A decoded JSON value in which every text is `printable`, including the keys of objects."""
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, dict):
        return {printable_members(key): printable_members(one) for key, one in value.items()}
    if isinstance(value, list):
        return [printable_members(one) for one in value]
    return value
