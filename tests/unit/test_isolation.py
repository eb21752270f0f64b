# SPDX-License-Identifier: GPL-2.0-only
"""Nothing is imported from the current folder; root also imports nothing from PYTHONPATH or a user's own packages."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from zcprobe import isolation
from zcprobe.isolation import current_folder

SCRIPT = Path(sys.executable).parent / "zcprobe"
NEEDED = ("argparse", "msgspec", "rich", "zcprobe_example")


@pytest.fixture
def hostile(tmp_path: Path) -> Path:
    """A folder whose modules report that they are executed, and end the process."""
    folder = tmp_path / "hostile"
    folder.mkdir()
    for name in (*NEEDED, "sitecustomize", "usercustomize"):
        (folder / f"{name}.py").write_text("import os\nos.write(1, b'EXECUTED')\nos._exit(99)\n")
    return folder


def call(words: list[str], folder: Path, **environment: str) -> "subprocess.CompletedProcess[str]":
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    return subprocess.run(
        words, cwd=folder, env={**kept, **environment}, capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.parametrize("named", ["{folder}", ":", ".", ":/none"])
def test_the_installed_script_executes_nothing_of_pythonpath(named: str, hostile: Path) -> None:
    result = call([str(SCRIPT), "policies"], hostile, PYTHONPATH=named.format(folder=hostile))
    assert (result.returncode, result.stderr) == (0, "")
    assert "EXECUTED" not in result.stdout


def test_the_installed_script_executes_nothing_of_a_user_s_packages(hostile: Path, tmp_path: Path) -> None:
    place = tmp_path / "home/lib" / f"python3.{sys.version_info.minor}" / "site-packages"
    place.parent.mkdir(parents=True)
    hostile.rename(place)
    result = call([str(SCRIPT), "policies"], tmp_path, PYTHONUSERBASE=str(tmp_path / "home"))
    assert (result.returncode, result.stderr) == (0, "")
    assert "EXECUTED" not in result.stdout


@pytest.mark.parametrize("named", ["", "{folder}", ":/none"])
def test_a_python_that_is_not_isolated_imports_nothing_from_there_either(named: str, hostile: Path) -> None:
    """Holds from main() on. Only Python's option -I stops what Python executes before."""
    for name in ("sitecustomize", "usercustomize", "argparse"):
        (hostile / f"{name}.py").unlink()
    where = {"PYTHONPATH": named.format(folder=hostile)} if named and os.geteuid() == 0 else {}
    result = call([sys.executable, "-m", "zcprobe", "policies"], hostile, **where)
    assert (result.returncode, result.stderr) == (0, "")
    assert "EXECUTED" not in result.stdout


def test_it_comes_back_to_a_folder_that_is_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    before = os.stat(".").st_ino
    with current_folder("/"):
        assert os.stat(".").st_ino == os.stat("/").st_ino
    assert os.stat(".").st_ino == before
    monkeypatch.undo()


def test_it_leaves_a_folder_that_may_be_searched_but_not_listed(tmp_path: Path) -> None:
    (tmp_path / "closed").mkdir(0o311)
    without = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"] if os.geteuid() == 0 else []
    script = "import os; from zcprobe.isolation import current_folder as c\nwith c('/'): print(os.getcwd())"
    result = call([*without, sys.executable, "-P", "-c", script], tmp_path / "closed")
    assert result.stdout == "/\n", result.stderr


@pytest.mark.parametrize("context", ["own_settings()", "nullcontext()"])
def test_matplotlib_takes_no_settings_from_the_current_folder(context: str, tmp_path: Path) -> None:
    (tmp_path / "matplotlibrc").write_text("axes.facecolor: red\n")
    script = f"""if True:
        from contextlib import nullcontext
        from zcprobe.isolation import own_settings
        with {context}:
            import matplotlib
        print(matplotlib.rcParams["axes.facecolor"])"""
    result = call([sys.executable, "-P", "-c", script], tmp_path)
    assert result.stdout == ("white\n" if context == "own_settings()" else "red\n"), result.stderr


def test_an_old_lock_of_matplotlibs_is_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MPLCONFIGDIR", str(tmp_path))
    for name, age_s in (("old.json.matplotlib-lock", 120), ("new.json.matplotlib-lock", 0), ("old.json", 120)):
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (time.time() - age_s,) * 2)
    isolation._remove_old_locks(str(tmp_path))
    assert {path.name for path in tmp_path.iterdir()} == {"new.json.matplotlib-lock", "old.json"}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root writes where others can put links")
@pytest.mark.parametrize("is_theirs", [True, False])
def test_root_keeps_matplotlibs_list_of_fonts_where_nobody_else_can_write(is_theirs: bool, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / ".cache").mkdir()
    # the folders above it do not belong to root alone on every machine
    alone = isolation._is_roots_alone(str(tmp_path))
    os.chown(home, 65534 if is_theirs else 0, 0)
    assert isolation._is_roots_alone(str(home / ".cache" / "matplotlib")) == (alone and not is_theirs)
    script = "import os; from zcprobe.isolation import own_settings as o\nwith o(): print(os.environ['MPLCONFIGDIR'])"
    if is_theirs:
        environment = {**os.environ, "HOME": str(home)}
        environment.pop("MPLCONFIGDIR", None)
        found = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True)
        assert found.stdout == "/run/zcprobe-matplotlib\n", found.stderr


@pytest.mark.parametrize("path", ["/dev/null/.cache/matplotlib", "/" + "x" * 300], ids=["no folder", "too long a name"])
def test_a_cache_that_cannot_be_looked_at_is_not_roots_alone(path: str) -> None:
    assert not isolation._is_roots_alone(path)
