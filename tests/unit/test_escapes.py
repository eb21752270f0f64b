# SPDX-License-Identifier: GPL-2.0-only
import sys
import unicodedata

import pytest

from zcprobe.errors import OutputError
from zcprobe.escapes import printable, printable_members


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("results/20261124T085151Z-held-completions", "results/20261124T085151Z-held-completions"),
        ("Grüße, µs, 中文", "Grüße, µs, 中文"),
        ("\x1b]0;title\x07", r"\x1b]0;title\x07"),
        ("two\nlines\r", r"two\nlines\r"),
        ("\u202egnp.exe", r"\u202egnp.exe"),
        ("\x9b2J", r"\x9b2J"),
        ("bad\udcff", r"bad\udcff"),
    ],
)
def test_what_is_not_printed_is_written_out(text: str, shown: str) -> None:
    assert printable(text) == shown
    shown.encode()


def test_no_character_that_moves_a_cursor_or_turns_text_round_passes() -> None:
    passed = {one for one in map(chr, range(sys.maxunicode + 1)) if printable(one) == one}
    assert {unicodedata.category(one) for one in passed} & {"Cc", "Cf", "Cs", "Zl", "Zp"} == set()
    assert " " in passed


def test_members_and_their_names_at_any_depth() -> None:
    assert printable_members({"\x1b": [{"a": "\x07", "b": 7}, None]}) == {r"\x1b": [{"a": r"\x07", "b": 7}, None]}


def test_both_lines_of_an_error_are_lines() -> None:
    error = OutputError("no\nfolder \x1b[2J", "choose\x07")
    assert (str(error), error.hint) == (r"no\nfolder \x1b[2J", r"choose\x07")
