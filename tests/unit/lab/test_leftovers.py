# SPDX-License-Identifier: GPL-2.0-only
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from zcprobe import journal as module
from zcprobe.directory import identity_of
from zcprobe.journal import journal, read_start_ticks
from zcprobe.lab import undo
from zcprobe.lab.leftovers import clean_leftovers, find_leftovers

PARTIAL = ".20260102T030405Z-in-order-qemu-pre-old.partial"
KEPT = "20260102T030405Z-in-order-compare-old"
FILE = ".zcprobe-0123456789abcdef.partial"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A journal folder of the test's own, and a file in the place of the host's sysctl."""
    monkeypatch.setattr(module, "JOURNAL_FOLDER", tmp_path / "run")
    monkeypatch.setattr(undo, "_SYSCTL_RANGES", {str(tmp_path / "optmem_max"): range(2**31)})
    (tmp_path / "optmem_max").write_text("20480")
    return tmp_path / "run"


@pytest.fixture
def dead_pid() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def write_record(folder: Path, run_id: str, pid: int, written_ns: int = 0, **things: object) -> Path:
    folder.mkdir(exist_ok=True, mode=0o700)
    path = folder / f"{run_id}.json"
    process = {"pid": pid, "start_ticks": 1, "pid_namespace": os.stat("/proc/self/ns/pid").st_ino}
    path.write_text(json.dumps({"run_id": run_id, "written_ns": written_ns, **process, **things}))
    path.chmod(0o600)
    return path


def identity(path: Path) -> list[int]:
    return list(identity_of(path.stat(follow_symlinks=False)))


def made_partial(tmp_path: Path) -> Path:
    partial = tmp_path / PARTIAL
    partial.mkdir()
    (partial / "sends.bin").write_bytes(b"x")
    return partial


def test_a_live_run_has_no_leftovers(folder: Path, tmp_path: Path) -> None:
    partial = made_partial(tmp_path)
    with journal("old") as opened:
        opened.add_folder(partial)
        assert find_leftovers() == []
        assert (clean_leftovers().undone, clean_leftovers().kept) == ([], [])
        opened.drop_folder(partial)


def test_a_run_whose_lock_says_nothing_is_live_while_its_process_is(folder: Path) -> None:
    write_record(folder, "old", os.getpid(), start_ticks=read_start_ticks(os.getpid()))
    assert find_leftovers() == []


def test_a_recycled_pid_is_not_taken_for_alive(folder: Path, tmp_path: Path) -> None:
    partial = made_partial(tmp_path)
    write_record(folder, "old", os.getpid(), folders={str(partial): identity(partial)})
    assert [leftover.kind for leftover in find_leftovers()] == ["folder", "journal"]


def test_cleaning_says_what_it_removed_and_is_idempotent(folder: Path, tmp_path: Path, dead_pid: int) -> None:
    partial, sysctl, file = made_partial(tmp_path), tmp_path / "optmem_max", tmp_path / FILE
    file.write_text("half a report")
    write_record(
        folder, "old", dead_pid,
        folders={str(partial): identity(partial)}, files={str(file): identity(file)}, sysctls={str(sysctl): 131072},
    )  # fmt: skip
    assert clean_leftovers().undone == [
        f"removed unfinished file {file}",
        f"removed unfinished run folder {partial}",
        f"restored {sysctl} to 131072",
        "removed journal of dead run old",
    ]
    assert not partial.exists()
    assert not file.exists()
    assert sysctl.read_text() == "131072"
    assert clean_leftovers().undone == []


@pytest.mark.parametrize(
    ("modes", "expected"),
    [({"modes": [0o750, 0o640]}, [0o750, 0o750, 0o640]), ({}, [0o700, 0o700, 0o600])],
)
def test_what_was_kept_is_given_to_its_user(
    modes: dict[str, list[int]], expected: list[int], folder: Path, tmp_path: Path, dead_pid: int
) -> None:
    kept = tmp_path / KEPT
    (kept / "run").mkdir(parents=True)
    (kept / "run" / "run.json").write_text("{}")
    owner = [65534, 65533] if os.geteuid() == 0 else [os.getuid(), os.getgid()]
    result = {"identity": identity(kept), "owner": owner, **modes}
    write_record(folder, "old", dead_pid, results={str(kept): result})
    assert clean_leftovers().undone[0] == f"gave {kept} to user {owner[0]}"
    owners = {(path.stat().st_uid, path.stat().st_gid) for path in (kept, *kept.rglob("*"))}
    assert owners == {tuple(owner)}
    assert [path.stat().st_mode & 0o7777 for path in (kept, kept / "run", kept / "run" / "run.json")] == expected


def test_the_oldest_of_two_dead_runs_has_the_last_word(folder: Path, tmp_path: Path, dead_pid: int) -> None:
    sysctl = tmp_path / "optmem_max"
    write_record(folder, "a-newer", dead_pid, written_ns=2, sysctls={str(sysctl): 20480})
    write_record(folder, "b-older", dead_pid, written_ns=1, sysctls={str(sysctl): 131072})
    clean_leftovers()
    assert sysctl.read_text() == "131072"


def test_what_a_live_run_holds_now_is_left_to_it(folder: Path, tmp_path: Path, dead_pid: int) -> None:
    sysctl = tmp_path / "optmem_max"
    write_record(folder, "old", dead_pid, sysctls={str(sysctl): 131072})
    with journal("live") as opened:
        opened.add_sysctl(sysctl, 131072)
        assert clean_leftovers().undone == ["removed journal of dead run old"]
        assert sysctl.read_text() == "20480"
        opened.drop_sysctl(sysctl)


def test_a_journal_without_a_whole_line_is_a_leftover(folder: Path) -> None:
    folder.mkdir()
    (folder / "torn.json").touch(0o600)
    (folder / "torn.json").write_text('{"run_id": "to')
    assert clean_leftovers().undone == ["removed journal of dead run torn"]


def test_one_that_cannot_be_undone_does_not_block_the_others(folder: Path, tmp_path: Path, dead_pid: int) -> None:
    partial, sysctl = tmp_path / PARTIAL, tmp_path / "optmem_max"
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "file").write_text("mine")
    partial.symlink_to(tmp_path / "precious")
    journalled = write_record(folder, "old", dead_pid, folders={str(partial): [1, 2]}, sysctls={str(sysctl): 131072})
    for undone in ([f"restored {sysctl} to 131072"], []):
        cleaned = clean_leftovers()
        assert cleaned.undone == undone
        assert [(item.name, item.refusal) for item in cleaned.kept] == [
            (str(partial), "something else stands in its place")
        ]
        assert partial.is_symlink()
        assert (tmp_path / "precious" / "file").read_text() == "mine"
        assert journalled.exists()
    partial.unlink()
    assert clean_leftovers().undone == ["removed journal of dead run old"]


def test_a_failed_deletion_is_tried_again(
    folder: Path, tmp_path: Path, dead_pid: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    partial = made_partial(tmp_path)
    write_record(folder, "old", dead_pid, folders={str(partial): identity(partial)})
    with monkeypatch.context() as patched:
        patched.setattr(os, "rmdir", lambda *_, **__: (_ for _ in ()).throw(OSError(16, "Device or resource busy")))
        assert [item.refusal for item in clean_leftovers().kept] == ["Device or resource busy"]
    assert clean_leftovers().undone == [f"removed unfinished run folder {partial}", "removed journal of dead run old"]


@pytest.mark.parametrize(
    ("things", "reason"),
    [
        ({"folders": {"{tmp}/precious": "{precious}"}}, "not the name of something of that run"),
        ({"folders": {"{tmp}/x/../" + PARTIAL: "{precious}"}}, "not the name of something of that run"),
        ({"folders": {"{tmp}/.20260102T030405Z-in-order-x-other.partial": "{precious}"}}, "not the name of"),
        ({"folders": {"relative/" + PARTIAL: "{precious}"}}, "not the name of something of that run"),
        ({"files": {"{tmp}/precious/file": "{precious}"}}, "not the name of something of that run"),
        ({"results": {"{tmp}/precious": {"identity": "{precious}", "owner": [65534, 65534]}}}, "not the name of"),
        (
            {"results": {"{tmp}/" + KEPT: {"identity": [1, 1], "owner": [0, 0], "modes": [0o4755, 0o644]}}},
            "no run gives the modes 4755 and 0644",
        ),
        ({"namespaces": {"somebody": 4026531833}}, "not the name of one of that run"),
        ({"namespaces": {"../zcprobe-old-tx": 4026531833}}, "not the name of one of that run"),
        ({"sysctls": {"{tmp}/precious/file": 7}}, "no run sets it to 7"),
        ({"sysctls": {"{tmp}/optmem_max": -1}}, "no run sets it to -1"),
        ({"sysctls": {"{tmp}/optmem_max": 2**31}}, "no run sets it to 2147483648"),
        ({"devices": {"eth0": {"namespace": "somebody", "up": True}}}, "not a device in a namespace of that run"),
        ({"devices": {"../eth0": {"namespace": "zcprobe-old-tx", "up": True}}}, "not a device in a namespace"),
    ],
)
def test_what_no_run_can_have_made_is_told_and_left(
    things: dict[str, dict[str, object]], reason: str, folder: Path, tmp_path: Path, dead_pid: int
) -> None:
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "file").write_text("mine")
    text = json.dumps(things).replace("{tmp}", str(tmp_path)).replace('"{precious}"', json.dumps(identity(precious)))
    path = write_record(folder, "old", dead_pid, **json.loads(text))
    cleaned = clean_leftovers()
    assert cleaned.undone == []
    assert [reason in item.refusal for item in cleaned.kept] == [True]
    assert (precious / "file").read_text() == "mine"
    assert (tmp_path / "optmem_max").read_text() == "20480"
    assert path.exists()


def test_a_folder_that_took_the_name_is_left(folder: Path, tmp_path: Path, dead_pid: int) -> None:
    partial = made_partial(tmp_path)
    write_record(folder, "old", dead_pid, folders={str(partial): [identity(partial)[0], identity(partial)[1] + 1]})
    assert [item.refusal for item in clean_leftovers().kept] == ["something else stands in its place"]
    assert (partial / "sends.bin").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_a_whole_run_that_was_given_and_has_no_name_yet_is_left(folder: Path, tmp_path: Path, dead_pid: int) -> None:
    partial = made_partial(tmp_path)
    os.chown(partial, 65534, 65534)
    write_record(folder, "old", dead_pid, folders={str(partial): identity(partial)})
    assert ["it is complete" in item.refusal for item in clean_leftovers().kept] == [True]
    assert (partial / "sends.bin").exists()
    partial.rename(tmp_path / "named")
    assert clean_leftovers().undone == ["removed journal of dead run old"]


def test_one_that_was_about_to_be_made_is_removed_only_empty(folder: Path, tmp_path: Path, dead_pid: int) -> None:
    partial = made_partial(tmp_path)
    write_record(folder, "old", dead_pid, folders={str(partial): None})
    assert [item.refusal for item in clean_leftovers().kept] == ["Directory not empty"]
    (partial / "sends.bin").unlink()
    assert clean_leftovers().undone[0] == f"removed unfinished run folder {partial}"


@pytest.mark.parametrize("spoil", ["mode", "link", "fifo", "owner", "name", "version"])
def test_a_journal_that_is_not_ours_is_told_and_left(spoil: str, folder: Path, tmp_path: Path, dead_pid: int) -> None:
    partial = made_partial(tmp_path)
    path = write_record(folder, "old", dead_pid, folders={str(partial): identity(partial)})
    if spoil == "mode":
        path.chmod(0o666)
    elif spoil == "link":
        path.rename(tmp_path / "elsewhere.json")
        path.symlink_to(tmp_path / "elsewhere.json")
    elif spoil == "fifo":
        path.unlink()
        os.mkfifo(path, 0o600)
    elif spoil == "owner":
        if os.geteuid() != 0:
            pytest.skip("only root can give a file away")
        os.chown(path, 65534, 65534)
    elif spoil == "name":
        path.rename(folder / "other.json")
    else:
        path.write_text('{"run_id":"old","pid":1,"start_ticks":1,"written_ns":1,"folders":["' + str(partial) + '"]}')
    cleaned = clean_leftovers()
    assert cleaned.undone == []
    assert [item.kind for item in cleaned.kept] == ["journal"]
    assert cleaned.kept[0].refusal
    assert (partial / "sends.bin").exists()


def test_a_journal_with_a_second_name_is_left(folder: Path, tmp_path: Path, dead_pid: int) -> None:
    partial = made_partial(tmp_path)
    path = write_record(folder, "old", dead_pid, folders={str(partial): identity(partial)})
    os.link(path, tmp_path / "planted")
    assert [item.refusal for item in clean_leftovers().kept] == ["it has another name as well"]
    assert partial.exists()
