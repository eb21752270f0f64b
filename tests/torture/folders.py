# SPDX-License-Identifier: GPL-2.0-only
"""A run folder in which one bit has flipped, a file was cut short, or something else is in the place of a file.

Each changed folder loads with the numbers of the good one, or is refused with one of zcprobe's errors in one line. It
never ends the interpreter, raises anything else, or takes longer than a moment. With `allow_damaged` a changed table is
also read or refused. The long form flips every bit and makes every cut.
"""

import os
import random
import socket
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from tests.torture._small_run import make_small_run
from zcprobe.dataset.load import load_run
from zcprobe.errors import ZcprobeError

SHORT = 1500
LONG = 10_000_000

_MEMORY = Path("/dev/shm")
_LONGEST_S = 5.0
_LONGEST_READING_S = 60.0
_LET_THROUGH = 200
"""So many changed folders are also loaded with `allow_damaged`, which starts a process for each."""

Change = tuple[Path, int, int | None]
"""A file, the position in it, and the bit that flips there, or None if the file ends there."""


def _changes(folder: Path) -> list[tuple[Path, int]]:
    """Each file with its number of changes: a flip of each bit, a cut before each byte."""
    return [(path, 9 * path.stat().st_size) for path in sorted(folder.iterdir())]


def _some(folder: Path, rounds: int, chance: random.Random) -> Iterator[Change]:
    """All of them in order if there are at most `rounds`."""
    counted = _changes(folder)
    total = sum(count for _, count in counted)
    numbers = range(total) if rounds >= total else sorted(chance.sample(range(total), rounds))
    begin = 0
    waiting = iter(counted)
    path, count = next(waiting)
    for number in numbers:
        while number >= begin + count:
            begin += count
            path, count = next(waiting)
        place, bit = divmod(number - begin, 9)
        yield path, place, bit if bit < 8 else None


@contextmanager
def _changed(path: Path, place: int, bit: int | None) -> Iterator[None]:
    content = path.read_bytes()
    with path.open("r+b", buffering=0) as file:
        if bit is None:
            file.truncate(place)
        else:
            os.pwrite(file.fileno(), bytes([content[place] ^ (1 << bit)]), place)
        yield
        os.pwrite(file.fileno(), content[place:] if bit is None else content[place : place + 1], place)


def _outcome(load: Callable[[], object], longest_s: float = _LONGEST_S) -> tuple[object, str | None]:
    """What was loaded (None if it was refused as it should be), and what is wrong with that."""
    begin = time.monotonic()
    found, wrong = None, None
    try:
        found = load()
    except ZcprobeError as error:
        if not str(error).isprintable() or not error.hint.isprintable():
            wrong = f"an error of more than one line: {error!r}"
    except BaseException as error:
        wrong = f"{type(error).__name__}: {error}"
    if time.monotonic() - begin > longest_s:
        wrong = f"took {time.monotonic() - begin:.1f} s"
    return found, wrong


def _numbers(folder: Path, *, allow_damaged: bool = False) -> list[object]:
    """The whole content of a run, as text that can be compared."""
    run = load_run(folder, allow_damaged=allow_damaged)
    tables = [run.read(table).to_csv() for table in ("sends", "notifications", "flushes", "stalls", "kernel_events")]
    return [run.kernel, run.sender, run.meta.channels, run.stacks, *tables]


def _flips_and_cuts(folder: Path, rounds: int, chance: random.Random) -> Iterator[str]:
    good = _numbers(folder)
    let_through = max(rounds // _LET_THROUGH, _LET_THROUGH)
    for number, (path, place, bit) in enumerate(_some(folder, rounds, chance)):
        where = f"{path.name}, byte {place}, {'cut' if bit is None else f'bit {bit}'}"
        with _changed(path, place, bit):
            found, wrong = _outcome(lambda: _numbers(folder))
            if wrong or (found is not None and found != good):
                yield f"{where}: {wrong or 'other numbers, and not a word'}"
            if number % let_through == 0:
                _, wrong = _outcome(lambda: _numbers(folder, allow_damaged=True), _LONGEST_READING_S)
                if wrong:
                    yield f"{where}, allow_damaged: {wrong}"


def _bind_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(os.path.relpath(path))


def _make_sparse(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(1 << 42)


_THINGS: dict[str, Callable[[Path], object]] = {
    "a pipe": os.mkfifo,
    "a device that never ends": lambda path: os.mknod(path, 0o20600, os.makedev(1, 5)),
    "a socket": _bind_socket,
    "a folder": Path.mkdir,
    "a link to a device": lambda path: path.symlink_to("/dev/zero"),
    "a link to itself": lambda path: path.symlink_to(path),
    "a link to nothing": lambda path: path.symlink_to("nothing"),
    "a sparse file of 4 TiB": _make_sparse,
    "a deep nesting": lambda path: path.write_bytes(b'{"a":' * 200_000),
    "an empty file": Path.touch,
}


_ALSO_LET_THROUGH = ("run.json", "stacks.json", "sends.parquet")


def _things(folder: Path) -> Iterator[str]:
    """Puts each of them in the place of each file, with and without the run's digests of the files."""
    for path in sorted(folder.iterdir()):
        kept = path.read_bytes()
        for what, make in _THINGS.items():
            path.unlink()
            make(path)
            for allowed in (False, True) if path.name in _ALSO_LET_THROUGH else (False,):
                found, wrong = _outcome(partial(_numbers, folder, allow_damaged=allowed), _LONGEST_READING_S)
                if wrong or found is not None:
                    yield f"{what} as {path.name}, allow_damaged={allowed}: {wrong or 'it was loaded'}"
            path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()
            path.write_bytes(kept)


def attack(rounds: int, seed: int) -> list[str]:
    """The changed folders that were not answered as they should be."""
    warnings.simplefilter("error")
    with tempfile.TemporaryDirectory(dir=_MEMORY if _MEMORY.is_dir() else None) as scratch:
        folder = make_small_run(Path(scratch) / "run")
        return [*_things(folder), *_flips_and_cuts(folder, rounds, random.Random(seed))]
