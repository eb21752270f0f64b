# SPDX-License-Identifier: GPL-2.0-only
"""The attacker of swap.py. It runs as another user and puts links where root is about to write, as fast as it can.

Arguments: its own folder, the folder of root's that it wants root to write to, a seed, its uid. It counts its swaps in
the file `swaps` of its folder until it is killed.
"""

import os
import random
import sys
import time
from contextlib import suppress
from itertools import count
from pathlib import Path

HOME, CANARY = Path(sys.argv[1]), Path(sys.argv[2])
CHOICES = random.Random(int(sys.argv[3]))
OUTPUT = HOME / "out"
FILES = ("report.html", "figure.svg", "lines.txt")
NUMBERS = count()


def put_link(path: Path, target: Path) -> None:
    """Moves away whatever is there and puts a link in its place; a hard link where the kernel allows it."""
    if not path.is_symlink():
        with suppress(OSError):
            # in the same folder: to another one only its owner may move a folder
            path.rename(path.parent / f"moved-{next(NUMBERS)}")
    with suppress(OSError):
        if target.is_file() and CHOICES.random() < 0.5:
            os.link(target, path, follow_symlinks=False)
        else:
            path.symlink_to(target)


def attack_folders() -> None:
    """The unfinished folders, and the names that they are to get."""
    with os.scandir(OUTPUT) as entries:
        names = [entry.name for entry in entries]
    for name in names:
        if name.endswith(".partial"):
            put_link(OUTPUT / name, CANARY)
            final = name.removeprefix(".").removesuffix(".partial")
            if CHOICES.random() < 0.3:
                put_link(OUTPUT / final, CANARY)


def attack_files() -> None:
    path = OUTPUT / CHOICES.choice(FILES)
    put_link(path, CANARY / CHOICES.choice(("precious", "new", "open")))


def attack_parent() -> None:
    """A link in the place of the output folder for a moment, or folders that change places."""
    if CHOICES.random() < 0.5:
        with suppress(OSError):
            OUTPUT.rename(HOME / "aside")
            (HOME / "out").symlink_to(CANARY)
            for _ in range(CHOICES.randrange(200)):
                os.sched_yield()
        with suppress(OSError):
            OUTPUT.unlink()
            (HOME / "aside").rename(OUTPUT)
    else:
        with suppress(OSError):
            (HOME / "decoy").mkdir()
            OUTPUT.rename(HOME / "aside")
            (HOME / "decoy").rename(OUTPUT)


def restore() -> None:
    """Pauses so that root gets further; attacking only the first step would show little."""
    for path in [*OUTPUT.glob("*"), *OUTPUT.glob(".*")]:
        if path.is_symlink():
            path.unlink()
    if not OUTPUT.is_dir() or OUTPUT.is_symlink():
        OUTPUT.unlink(missing_ok=True)
        OUTPUT.mkdir()


def become(uid: int) -> None:
    """Becomes that user for good, without any of root's groups and capabilities."""
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)


def main() -> None:
    become(int(sys.argv[4]))
    swaps = 0
    while True:
        attacks = CHOICES.choices((attack_folders, attack_files, attack_parent, restore), (60, 20, 3, 8))
        for attack in attacks:
            with suppress(OSError):
                attack()
        if CHOICES.random() < 0.001:  # so that root gets further than the first step
            time.sleep(CHOICES.random())
        swaps += 1
        if swaps % 100 == 0:
            (HOME / "swaps").write_text(str(swaps))


if __name__ == "__main__":
    main()
