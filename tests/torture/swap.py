# SPDX-License-Identifier: GPL-2.0-only
"""Another user replaces folders and files by links while root writes to a folder of that user's.

The attacker is a separate process with a uid of its own and none of root's rights; root treats it as the user behind
sudo, who owns the folder. It renames unfinished folders, output files and their parent, and puts symbolic links to a
folder and files of root's in their places, or hard links where the kernel allows them. No file of root's may be
written, changed or get another owner; every command must end with one of its exit codes and without a traceback.

A round is one command: run, compare, report, plot or export. For each, the code that opens, writes, gives and renames
is also called directly, a few hundred times.
"""

import hashlib
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SHORT = 3
LONG = 1000

_USER = 12345
_PASSES = 100
_TREE = Path(__file__).parents[2]
_RUN = next((_TREE / "tests" / "data" / "version_1" / "in-order").glob("*-qemu-pre-*"))
_SENDING = ("--scenario", "in-order", "-n", "23", "--probes", "none")
_COMMANDS: tuple[tuple[str, ...], ...] = (
    ("run", *_SENDING, "-o", "out"),
    ("export", str(_RUN), "--format", "csv", "-o", "out/lines.txt"),
    ("run", *_SENDING, "-o", "out/below/it"),
    ("compare", *_SENDING, "--policies", "qemu-pre", "--repeats", "2", "--no-report", "-o", "out"),
    ("run", *_SENDING, "-o", "out"),
    ("plot", str(_RUN), "-o", "out/figure.svg"),
    ("report", str(_RUN), "-o", "out/report.html"),
    ("compare", *_SENDING, "--policies", "qemu-pre", "--repeats", "1", "-o", "out"),
)

_DRIVER = """
import sys
from contextlib import suppress
from pathlib import Path
from zcprobe.cli.output import open_output
from zcprobe.errors import OutputError
from zcprobe.journal import journal
from zcprobe.recorder.run_directory import folder_name, open_run_directory

kept = written = 0
for number in range(int(sys.argv[1])):
    run_id = f"swap{sys.argv[2]}-{number}"
    with suppress(OutputError), journal(run_id) as entry:
        with open_run_directory(Path("out"), folder_name("in-order", "none", run_id), entry) as directory:
            (directory.path / "run.json").write_text("{}")
            if number % 2:
                directory.show()
                with open_run_directory(directory.directory, "20260101T000000Z-a-b-c", entry) as below:
                    (below.path / "run.json").write_text("{}")
                    below.keep()
            else:
                directory.keep()
        kept += directory.kept
    with suppress(OutputError), open_output(Path("out/report.html")) as file:
        file.write(b"a report")
    written += 1
print(kept, written)
"""


def _fingerprint(folder: Path) -> dict[str, tuple[object, ...]]:
    """Everything that root's writing could change. The number of links and its time are left out, because the
    attacker's own hard links change them."""
    found: dict[str, tuple[object, ...]] = {}
    for path in (folder, *sorted(folder.rglob("*"))):
        status = path.lstat()
        content = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
        name = str(path.relative_to(folder))
        found[name] = (status.st_mode, status.st_uid, status.st_gid, status.st_size, status.st_mtime_ns, content)
    return found


@contextmanager
def _stage() -> Iterator[tuple[Path, Path]]:
    """The attacker's folder, and root's."""
    stage = Path(tempfile.mkdtemp(prefix="zctorture-swap-"))
    stage.chmod(0o755)
    home, canary = stage / "home", stage / "canary"
    try:
        for folder in (home, home / "out", canary, canary / "below"):
            folder.mkdir()
        for name, mode in (("precious", 0o600), ("open", 0o666), ("below/precious", 0o600)):
            (canary / name).write_text(f"root's {name}\n")
            (canary / name).chmod(mode)
        os.utime(canary / "precious", (1, 1))
        for folder in (home, home / "out"):
            os.chown(folder, _USER, _USER)
        yield home, canary
    finally:
        shutil.rmtree(stage, ignore_errors=True)


@contextmanager
def _attacker(home: Path, canary: Path, seed: int) -> Iterator[None]:
    words = [sys.executable, str(Path(__file__).parent / "_swapper.py"), str(home), str(canary), str(seed), str(_USER)]
    process = subprocess.Popen(words)
    try:
        yield
    finally:
        process.kill()
        process.wait()


def _environment() -> dict[str, str]:
    return {**os.environ, "SUDO_UID": str(_USER), "SUDO_GID": str(_USER), "PYTHONPATH": str(_TREE)}


def _call(words: list[str], home: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(words, cwd=home, env=_environment(), capture_output=True, text=True, timeout=300, check=False)


def _changes(before: dict[str, tuple[object, ...]], canary: Path) -> list[str]:
    after = _fingerprint(canary)
    return [
        f"{name}: was {before.get(name)}, is {after.get(name)}"
        for name in sorted(before.keys() | after.keys())
        if before.get(name) != after.get(name)
    ]


def _tidy(home: Path) -> None:
    """Removes folders and files that were moved away, which would only accumulate."""
    for path in home.glob("*/moved-*"):
        if not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)


def attack(rounds: int, seed: int) -> list[str]:
    findings: list[str] = []
    choices = random.Random(seed)
    with _stage() as (home, canary):
        before = _fingerprint(canary)
        succeeded = passes = 0
        with _attacker(home, canary, seed):
            for number in range(rounds):
                words = _COMMANDS[number % len(_COMMANDS)]
                time.sleep(choices.random() / 10)
                done = _call([sys.executable, "-m", "zcprobe", *words], home)
                succeeded += done.returncode == 0
                if done.returncode not in range(5) or "Traceback" in done.stderr:
                    findings.append(f"round {number}: {' '.join(words)}: {done.returncode}: {done.stderr[-500:]}")
                driven = _call([sys.executable, "-c", _DRIVER, str(_PASSES), str(number)], home)
                if driven.returncode:
                    findings.append(f"round {number}: driven alone: {driven.stderr[-500:]}")
                else:
                    passes += int(driven.stdout.split()[0])
                changes = _changes(before, canary)
                if changes:
                    return [*findings, f"round {number}: {' '.join(words)}: {'; '.join(changes)}"]
                _tidy(home)
        swaps = int((home / "swaps").read_text()) if (home / "swaps").exists() else 0
    if not swaps or not succeeded or not passes:
        findings.append(f"nothing was tried: {swaps} swaps, {succeeded} commands and {passes} passes that succeeded")
    return findings
