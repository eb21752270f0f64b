"""Nothing is imported from the current folder, nor, by root, from PYTHONPATH or a user's own packages."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from zcprobe.isolation import current_folder

SCRIPT = Path(sys.executable).parent / "zcprobe"
NEEDED = ("argparse", "msgspec", "rich", "zcprobe_example")


@pytest.fixture
def hostile(tmp_path: Path) -> Path:
    """A folder whose modules say that they are executed, and end the process."""
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
    """From main() on: what Python itself executes before is for its option -I to keep away."""
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
