# SPDX-License-Identifier: GPL-2.0-only
import os
import subprocess
import threading
from pathlib import Path

import pytest

from zcprobe.journal import JOURNAL_FOLDER, journal

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="the journals are root's")


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o777])
def test_a_journal_is_roots_alone_with_any_umask(umask: int) -> None:
    before = os.umask(umask)
    try:
        with journal(f"mode{os.getpid()}") as opened:
            opened.add_namespace("zcprobe-never", 1)
            assert opened.path.stat().st_mode & 0o7777 == 0o600
            assert JOURNAL_FOLDER.stat().st_mode & 0o7777 == 0o700
            assert (JOURNAL_FOLDER.stat().st_uid, opened.path.stat().st_uid) == (0, 0)
            opened.drop_namespace("zcprobe-never")
    finally:
        os.umask(before)


def test_nobody_else_can_read_or_lock_it(tmp_path: Path) -> None:
    with journal(f"seen{os.getpid()}") as opened:
        for words in (["cat", str(opened.path)], ["flock", "-n", str(JOURNAL_FOLDER), "true"]):
            result = subprocess.run(["setpriv", "--reuid=65534", "--clear-groups", *words], capture_output=True)
            assert result.returncode != 0
            assert b"Permission denied" in result.stderr


def test_runs_that_start_at_once_each_have_theirs() -> None:
    """Making a journal and asking which are live do not disturb each other."""
    failures: list[BaseException] = []

    def make(number: int) -> None:
        try:
            for round_number in range(20):
                with journal(f"many{os.getpid()}-{number}-{round_number}") as opened:
                    assert opened.path.exists()
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=make, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
