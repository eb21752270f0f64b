# SPDX-License-Identifier: GPL-2.0-only
"""Command lines of random words: each is accepted, or refused in two lines, never with a traceback.

Most are handled in one process, up to the call with which the verb would begin its work. Some hundreds of those that
were refused are given to separate processes, which must say the same.
"""

import argparse
import contextlib
import importlib
import io
import os
import random
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

from zcprobe.cli.main import main
from zcprobe.cli.parser import make_parser

SHORT = 500
LONG = 20_000

_ONE_PROCESS_IN = 66
_CODES = {0, 1, 2, 3}
"""Exit codes that a command line can lead to before a run. 4 needs a run, and 5 is a defect."""

_DOORS = {
    "run": ("open_probes",),
    "compare": ("open_probes",),
    "campaign": ("make_campaign", "open_campaign"),
    "answer": ("trials_of",),
    "attach": ("_summary",),
    "live": ("_watch",),
    "overhead": ("measure_overhead",),
    "sink": ("listen",),
    "doctor": ("check_host", "_clean"),
    "probes": ("try_mechanisms", "load_probes"),
    "scenarios": ("try_scenarios",),
    "index": ("Indexing",),
}
"""The functions that each verb may call once it has understood its options; its module has some of them."""

_VALUES = (
    *("", "-", "--", "---", "-1", "0", "1", "+1", "16", " 5 ", "1_000", "0x10", "1e3", "1e400", "-1e400", "nan", "inf"),
    *("9" * 400, "9" * 5000, "0." + "0" * 400 + "1", "1." + "9" * 400, "1T", "1.5K", "64K", "4k", "64KB", "K", "."),
    *(
        "٣",
        "²",
        "½",
        "1\u00a0K",
        "\udcff",
        "\x1b[31m",
        "\n",
        "%s",
        "%(default)s",
        "{}",
        "{0}",
        "\\",
        "'",
        '"',
        "☃" * 300,
    ),
    *(":", ",", "64K:0", "64K:", ":8", "1K:8,64K:2", "1K:nan", "1K:1e9", "1:1:1", "1,2", "1,,2", ",,", "0,1", "-1,0"),
    *("=", "a=", "=a", "a=b=c", "retries=1", "resume=50", "resume=-1", "resume=nan", "every=0", "every=" + "9" * 400),
    *("a" * 300, "b" * 5000, "a" * 70 + ".example", "a/" * 3000, "/", "/dev/null", "/dev/full/x", "/proc/self/mem"),
    *("host", "host:", "host:0", "host:99999", "host:x", ":5301", "::1", "[::1]", "[::1]:5301", "[", "[x]:1", "::1%lo"),
    *("vsock:x", "vsock:", "vsock:-1", "vsock:2:5301", "vsock:" + "9" * 40, "127.0.0.1", "256.1.1.1", "1.2.3.4:5:6"),
    *("lo,lo", "tx0,rx0", "lo", ",lo", "qemu-pre", "qemu-pre,qemu-merged", "qemu-pre,qemu-pre", "all", "none", "grpc"),
    *("in-order", "memlock", "timeline", "off", "full", "stream", "migration", "rpc", "mixed", "error", "sticky"),
    *(
        "auto",
        "summary",
        "optmem",
        "0.5,0.75",
        "1,0",
        "nan,nan",
        "trace",
        "jsonl",
        "x.svg",
        "x.xyz",
        ".svg",
        "-o",
        "-h",
    ),
)


class _Reached(BaseException):
    """The verb has understood its options, and would begin its work."""


def _reached(*_arguments: object, **_names: object) -> None:
    raise _Reached


def _options_of(verb: str) -> list[tuple[str, bool]]:
    """Each option's words, and whether it takes a value."""
    actions = make_parser([verb])._subparsers._group_actions  # type: ignore[union-attr]
    (verbs,) = [action for action in actions if isinstance(action, argparse._SubParsersAction)]
    options = [(word, action.nargs != 0) for action in verbs.choices[verb]._actions for word in action.option_strings]
    return [(word, takes_value) for word, takes_value in options if word not in ("-v", "--verbose")]


def _verbs() -> list[str]:
    (verbs,) = make_parser([])._subparsers._group_actions  # type: ignore[union-attr]
    return list(verbs.choices)  # type: ignore[arg-type]


def _one_option(rng: random.Random, options: list[tuple[str, bool]]) -> list[str]:
    word, takes_value = rng.choice(options)
    if word.startswith("--") and rng.random() < 0.1:
        word = word[: rng.randint(2, len(word))]
    if not takes_value and rng.random() < 0.9:
        return [word]
    value = rng.choice(_VALUES)
    form = rng.random()
    if form < 0.4:
        return [word, value]
    return [f"{word}={value}"] if form < 0.8 else [word + value]


def _command_line(rng: random.Random, verbs: list[str], options: dict[str, list[tuple[str, bool]]]) -> list[str]:
    verb = rng.choice(verbs)
    words = [word for _ in range(rng.choice((0, 1, 1, 1, 2, 2, 3, 5))) for word in _one_option(rng, options[verb])]
    if verb in ("campaign", "answer", "report", "plot", "export", "index"):
        words += [rng.choice(_VALUES) for _ in range(rng.choice((0, 1, 1, 2)))]
    elif rng.random() < 0.1:
        words.insert(rng.randint(0, len(words)), rng.choice(_VALUES))
    line = [verb, *words] if rng.random() < 0.98 else [*words, verb]
    return [word.replace("\0", "") for word in line]


@contextlib.contextmanager
def _doors_shut() -> Iterator[None]:
    """The work of each verb replaced by `_Reached`."""
    with contextlib.ExitStack() as stack:
        for verb, names in _DOORS.items():
            module = importlib.import_module(f"zcprobe.cli.{verb}")
            for name in names:
                if hasattr(module, name):
                    stack.callback(setattr, module, name, getattr(module, name))
                    setattr(module, name, _reached)
        yield


def _written(stream: io.TextIOWrapper) -> str:
    buffer = stream.buffer
    assert isinstance(buffer, io.BytesIO)
    return buffer.getvalue().decode()


def _call(words: list[str]) -> tuple[int | None, str]:
    """Exit code (None if the verb's work would begin), and stderr, including any traceback."""
    err, out = (io.TextIOWrapper(io.BytesIO(), "utf-8", "backslashreplace", write_through=True) for _ in range(2))
    with contextlib.redirect_stderr(err), contextlib.redirect_stdout(out):
        try:
            return main(words), _written(err)
        except _Reached:
            return None, _written(err)
        except SystemExit as ending:
            return int(ending.code or 0), _written(err)
        except Exception:
            return -1, traceback.format_exc()


def _complaint(words: list[str], code: int | None, err: str) -> list[str]:
    """What is wrong with that result."""
    shown = " ".join(repr(word[:60]) for word in words)
    if code is not None and code not in _CODES:
        return [f"{shown}: exit code {code}: {err.strip()[-600:]}"]
    if "Traceback" in err:
        return [f"{shown}: traceback: {err.strip()[-600:]}"]
    told = [line for line in err.split("\n") if not line.startswith("zcprobe: left out: ")]
    if code and not err.startswith("usage: ") and (not err.startswith("zcprobe: ") or len(told) != 3):
        return [f"{shown}: exit code {code} without its two lines: {err[:300]!r}"]
    return []


def _in_processes(
    lines: list[tuple[list[str], int]], run: Callable[..., "subprocess.CompletedProcess[bytes]"]
) -> list[str]:
    found = []
    for words, code in lines:
        result = run([sys.executable, "-m", "zcprobe", *map(os.fsencode, words)], capture_output=True, check=False)
        err = result.stderr.decode("utf-8", "backslashreplace")
        found += _complaint(words, result.returncode, err)
        if result.returncode != code:
            shown = " ".join(repr(word[:60]) for word in words)
            found.append(f"{shown}: exit code {result.returncode} as a process, {code} within one: {err[-300:]}")
    return found


def attack(rounds: int, seed: int) -> list[str]:
    rng = random.Random(seed)
    verbs = _verbs()
    options = {verb: _options_of(verb) for verb in verbs}
    found: list[str] = []
    refused: list[tuple[list[str], int]] = []
    before = Path.cwd()
    with tempfile.TemporaryDirectory() as folder, _doors_shut():
        os.chdir(folder)
        try:
            for _ in range(rounds):
                words = _command_line(rng, verbs, options)
                code, err = _call(words)
                found += _complaint(words, code, err)
                if code == 2:
                    refused.append((words, code))
            sample = rng.sample(refused, min(len(refused), rounds // _ONE_PROCESS_IN))
            found += _in_processes(sample, subprocess.run)
        finally:
            os.chdir(before)
    return found
