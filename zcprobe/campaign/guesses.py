# SPDX-License-Identifier: GPL-2.0-only
"""Guesses which word was meant by one that is not known."""

import difflib
from collections.abc import Iterable

__all__ = ["did_you_mean"]


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`did you mean 'length'? ` with a space at the end where a known word is close, else nothing."""
    close = difflib.get_close_matches(word, list(known), n=1)
    return f"did you mean {close[0]!r}? " if close else ""
