# SPDX-License-Identifier: GPL-2.0-only
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from zcprobe.errors import HostError
from zcprobe.host import bcc
from zcprobe.host.bcc import find_bcc
from zcprobe.host.packages import install_command


@pytest.fixture
def only(monkeypatch: pytest.MonkeyPatch) -> Callable[[Path], None]:
    """Python looks for modules in that folder alone, and bcc was not imported yet."""

    def look(folder: Path) -> None:
        monkeypatch.setattr(sys, "path", [str(folder)])
        monkeypatch.setattr(sys, "meta_path", [finder for finder in sys.meta_path if "editable" not in repr(finder)])
        monkeypatch.delitem(sys.modules, "bcc", raising=False)

    return look


def _distribution(folder: Path) -> Path:
    real = folder / "python3" / "dist-packages" / "bcc"
    real.mkdir(parents=True)
    (real / "__init__.py").write_text("raise AssertionError('it is not imported')\n")
    (real / "libbcc.py").touch()
    return real


def test_the_distribution_s_is_found_without_being_imported(tmp_path: Path, only: Callable[[Path], None]) -> None:
    real = _distribution(tmp_path)
    only(real.parent)
    assert find_bcc() == real


@pytest.mark.parametrize("name", ["bcc.py", "bcc/__init__.py"])
def test_another_project_is_told_by_its_file_whatever_importing_it_does(
    name: str, tmp_path: Path, only: Callable[[Path], None]
) -> None:
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text("import pytest_that_is_not_there\n")
    only(tmp_path)
    with pytest.raises(HostError, match="is another project") as caught:
        find_bcc()
    assert f"{tmp_path}/bcc" in str(caught.value)
    assert sys.executable in str(caught.value)
    assert f"remove {tmp_path} from the folders in which this Python looks" in caught.value.hint


def test_one_that_pip_installed_is_for_pip_to_remove(
    tmp_path: Path, only: Callable[[Path], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "bcc.py").touch()
    only(tmp_path)
    monkeypatch.setattr("sysconfig.get_path", lambda name: str(tmp_path))
    with pytest.raises(HostError) as caught:
        find_bcc()
    assert caught.value.hint.startswith(f"{sys.executable} -m pip uninstall bcc, then ")


@pytest.mark.parametrize("is_there", [True, False])
def test_installed_by_pip_the_advice_names_no_make_and_apt_only_where_it_helps(
    is_there: bool, tmp_path: Path, only: Callable[[Path], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    real = _distribution(tmp_path / "lib") if is_there else None
    monkeypatch.setattr(bcc, "checkout", lambda: None)
    monkeypatch.setattr(bcc, "_LIBRARIES", tmp_path / "lib")
    only(tmp_path / "nothing")
    with pytest.raises(HostError, match="finds no module bcc") as caught:
        find_bcc()
    hint = caught.value.hint
    assert "make" not in hint
    assert (install_command("bcc") in hint) is not is_there
    assert (f"ln -s {real} " in hint) is is_there


def test_a_checkout_has_make_do_it(
    tmp_path: Path, only: Callable[[Path], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bcc, "checkout", lambda: tmp_path)
    only(tmp_path / "nothing")
    with pytest.raises(HostError) as caught:
        find_bcc()
    assert f"make -C {tmp_path} setup" in caught.value.hint
