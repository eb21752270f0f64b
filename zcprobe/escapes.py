"""Text that others wrote, made safe to show: a terminal or a browser takes it for characters and never for orders."""

from typing import Any

__all__ = ["printable", "printable_members"]


def printable(text: str) -> str:
    r"""The text with every character that is not printed written out, as repr() writes it: `\x1b`, `\n`, `\u202e`.

    Those are control characters, which move a terminal's cursor; marks of direction, which make text read as another;
    halves of surrogates, as of a file's name that is not UTF-8, which no encoder takes; and unassigned characters.
    """
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() else repr(one)[1:-1] for one in text)


def printable_members(value: Any) -> Any:
    """A decoded JSON value in which every text is `printable`, the keys of objects as well."""
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, dict):
        return {printable_members(key): printable_members(one) for key, one in value.items()}
    if isinstance(value, list):
        return [printable_members(one) for one in value]
    return value
