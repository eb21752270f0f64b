import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from zcprobe.lab.journal import JOURNAL_FOLDER, clean_leftovers, find_leftovers, journal
from zcprobe.lab.namespace import list_namespaces, make_namespace, remove_namespace
from zcprobe.lab.netns import namespace_pair

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root")

DYING_RUN = """
import sys, time
from pathlib import Path
from zcprobe.lab.journal import journal
from zcprobe.lab.netns import namespace_pair

with journal(sys.argv[1]) as opened, namespace_pair(opened):
    opened.add_folder(Path(sys.argv[2]))
    Path(sys.argv[2]).mkdir()
    print("made", flush=True)
    time.sleep(60)
"""


def test_what_a_killed_run_left_is_removed_and_a_live_run_is_left_alone(tmp_path: Path) -> None:
    dead, live = f"dead{os.getpid()}", f"live{os.getpid()}"
    folder = tmp_path / "partial"
    command = [sys.executable, "-c", DYING_RUN, dead, str(folder)]
    with journal(live) as opened, namespace_pair(opened) as pair:
        with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == b"made\n"
            assert all(dead not in leftover.name for leftover in find_leftovers())
            process.send_signal(signal.SIGKILL)
        mine = [leftover.name for leftover in find_leftovers() if dead in leftover.run_id]
        names = [f"zcprobe-{dead}-tx", f"zcprobe-{dead}-rx"]
        assert mine == [*names, str(folder), str(JOURNAL_FOLDER / f"{dead}.json")]

        lines = clean_leftovers()
        assert [line for line in lines if dead in line or str(folder) in line] == [
            *(f"removed network namespace {name}" for name in names),
            f"removed unfinished run folder {folder}",
            f"removed journal of dead run {dead}",
        ]
        assert not folder.exists()
        assert not set(names) & set(list_namespaces())
        assert all(dead not in line for line in clean_leftovers())
        assert {pair.sender.name, pair.sink.name} <= set(list_namespaces())
    assert pair.sender.name not in list_namespaces()


def test_a_namespace_without_any_journal_is_a_leftover() -> None:
    name = f"zcprobe-lost{os.getpid()}-tx"
    make_namespace(name)
    try:
        assert name in {leftover.name for leftover in find_leftovers()}
        assert f"removed network namespace {name}" in clean_leftovers()
        assert name not in list_namespaces()
    finally:
        remove_namespace(name)
