# SPDX-License-Identifier: GPL-2.0-only
"""Every option that takes a number, of every verb, given numbers that nobody can mean: two lines, with the range."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Told = Callable[..., Any]

MANY_DIGITS, TOO_MANY_FOR_PYTHON = "9" * 400, "9" * 5000
EXTREMES = ("", "-1", "abc", "1e3", "0x10", "nan", "inf", "1.5", str(2**63), MANY_DIGITS, TOO_MANY_FOR_PYTHON)
TIMES = ("", "-1", "abc", "nan", "inf", "-inf", "1e400", "1e-400", "86401", MANY_DIGITS, TOO_MANY_FOR_PYTHON)

MIGRATION = ("--traffic", "migration")

OF_RUNS: dict[tuple[str, ...], tuple[str, ...]] = {
    ("-l",): (*EXTREMES, "0", "2G", str(2**31), str(2**32), "1T", "1K:", "1K:-1", f"1K:{MANY_DIGITS}"),
    ("-n",): (*EXTREMES, "0", str(10**12 + 1)),
    ("-t",): (*TIMES, "0"),
    ("-i",): (*TIMES, "0", "0.09"),
    ("-P",): (*EXTREMES, "0", "65", str(2**31), str(2**32)),
    ("--traffic", "rpc", "--copy-below"): (*(text for text in EXTREMES if text != "1.5"), "0", str(2**32)),
    ("--traffic", "rpc", "--header"): (*EXTREMES, "0", "23", "65537", str(2**32)),
    (*MIGRATION, "--guest"): (*EXTREMES, "0", "4095", "65T"),
    (*MIGRATION, "--dirty-rate"): (*EXTREMES, "65T"),
    (*MIGRATION, "--downtime"): (*EXTREMES, str(2**31), str(2**32)),
    (*MIGRATION, "--max-rounds"): (*EXTREMES, "0", "1", str(2**31), str(2**32)),
    (*MIGRATION, "--zero-pages"): (*EXTREMES, "101", str(2**32)),
    ("--optmem-max",): (*EXTREMES, "0", "575", "2G", "4G", str(2**32)),
    ("--hold-share",): (*EXTREMES, "0", "3", "131072", str(2**31), str(2**32)),
    ("--hold-rate",): (*EXTREMES, "0", "7999", "35G"),
    ("-w",): (*EXTREMES, "0", "1G", "2G", str(2**31), str(2**32)),
    ("-b",): (*EXTREMES, "0", "7", "1001G"),
    ("-A",): (*EXTREMES, "0,", ",0", "0,-1", f"0,{2**31}", f"0,{MANY_DIGITS}", "0,0,0"),
    ("--deadline",): (*TIMES, "0"),
    ("--settle",): (*TIMES, "0"),
    ("--policy", "drain-every", "--set", "drain_every="): (*EXTREMES, "0", str(2**32)),
    ("--policy", "watermark", "--set", "wait_ms="): (*EXTREMES, "0", str(2**31)),
    ("--policy", "watermark", "--set", "resume_percent="): (*EXTREMES, "0", "100"),
}

OF_THE_OTHERS: dict[tuple[str, ...], tuple[str, ...]] = {
    ("compare", "--repeats"): (*EXTREMES, "0", str(2**31)),
    ("compare", "--seed"): EXTREMES,
    ("compare", "--overhead"): (*EXTREMES, str(2**31)),
    ("overhead", "--rounds"): (*EXTREMES, "0", str(2**31)),
    ("overhead", "-l"): (*EXTREMES, "0", "2G", "4K,0", "4K,"),
    ("predict", "-l"): (*EXTREMES, "0", "65M", "1T"),
    ("predict", "-P"): (*EXTREMES, "0", "65"),
    ("predict", "-w"): (*EXTREMES, "0", "1G"),
    ("predict", "--charge"): (*EXTREMES, "0", "575", "65K"),
    ("predict", "--optmem-max"): (*EXTREMES, "0", "575", "2G"),
    ("predict", "--read-every"): (*EXTREMES, "0", str(10**12 + 1)),
    ("predict", "--bandwidth"): (*(text for text in EXTREMES if text != str(2**63)), "0", "101T"),
    ("predict", "--delay"): (*TIMES, "0", "3601"),
    ("predict", "--late-by"): (*TIMES, "0", "1e-10"),
    ("predict", "--late-share"): (*TIMES, "0", "1.1", "2/1", "1/0", "101%"),
    ("sink", "-p"): (*EXTREMES, "0", "65536", str(2**31)),
    ("sink", "--read-rate"): (*EXTREMES, "0", "7", "1001G"),
    ("sink", "--stall-after"): EXTREMES,
    ("sink", "--stall-after", "1M", "--stall"): (*TIMES, "0"),
    ("run", "--to", "127.0.0.1:"): (*EXTREMES, "0", "65536", str(2**31)),
    ("run", "--vsock", "--to", "vsock:"): (*EXTREMES, str(2**32)),
}

CASES = [(("run", *words), text) for words, texts in OF_RUNS.items() for text in texts]
CASES += [(words, text) for words, texts in OF_THE_OTHERS.items() for text in texts]

NO_RANGE = ("--seed", "-A", "--to")
"""Options whose hint says something else: which CPUs there are, what a target looks like."""


def short(value: object) -> str:
    return " ".join(value) if isinstance(value, tuple) else f"{value!s:.12}"


@pytest.mark.parametrize(("words", "text"), CASES, ids=short)
def test_a_number_that_nobody_can_mean_is_refused_in_two_lines(
    zcprobe: Told, words: tuple[str, ...], text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Joined to its option: apart from it, -1 looks like another one."""
    monkeypatch.chdir(tmp_path)
    *before, option = words
    if not option.endswith(("=", ":")):
        option += "=" if option.startswith("--") else ""
    result = zcprobe(*before, *([f"{option}{text}"] if text or len(option) > 2 else [option, ""]))
    assert (result.code, result.output) == (2, b""), result.error
    what, to_do = result.error
    assert what.startswith("zcprobe: ")
    assert to_do.startswith("  ")
    assert max(len(what), len(to_do)) < 220
    assert list(tmp_path.iterdir()) == []


RANGES = {
    ("-l", "2G"): "between 1 and 64 MiB",
    ("-n", "0"): "-n from 1 to 1000000000000",
    ("-t", "0"): "at least 0.001 and at most a day",
    ("-i", "0.09"): "from 0.1 to 86400",
    ("-P", "65"): "-P from 1 to 64",
    ("--optmem-max", "4G"): "from 576",
    ("--hold-share", "3"): "a power of two from 1 to 65536",
    ("--hold-rate", "1"): "8 kbit/s to 34 Gbit/s",
    ("-w", "2G"): "-w from 1 to 1073741823",
    ("-b", "7"): "-b from 8",
    ("--zero-pages", "101"): "from 0 to 100",
    ("--guest", "65T"): f"from 4096 to {64 << 40}",
    ("--repeats", "0"): "from 1 to 1000",
    ("--rounds", "0"): "from 1 to 1000",
    ("--charge", "575"): "from 576 to 65536",
    ("--delay", "3601"): "from 1e-09 to 3600",
}

VERBS = {"--repeats": "compare", "--rounds": "overhead", "--charge": "predict", "--delay": "predict"}
"""The verb of each option that `run` does not have."""


@pytest.mark.parametrize("words", RANGES, ids=" ".join)
def test_the_range_is_the_right_one(zcprobe: Told, words: tuple[str, str]) -> None:
    verb = VERBS.get(words[0], "run")
    traffic = MIGRATION if words[0] in ("--zero-pages", "--guest") else ()
    assert RANGES[words] in zcprobe(verb, *traffic, *words).error[1]
