# SPDX-License-Identifier: GPL-2.0-only
"""`make browser` on a host without chromium."""

import shutil
import subprocess
from pathlib import Path

SCRIPT = Path(__file__).parents[2] / "tools" / "browser.sh"


def _run(folder: Path, *commands: str, before: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    """Runs with a PATH that has exactly these commands."""
    for command in ("bash", "env", *commands):
        found = shutil.which(command, path="/usr/sbin:/usr/bin:/sbin:/bin")
        assert found is not None, command
        (folder / command).symlink_to(found)
    path = {"PATH": str(folder)}
    return subprocess.run([*before, str(SCRIPT)], env=path, capture_output=True, text=True, check=False)


def test_without_apt_get_the_package_is_named(tmp_path: Path) -> None:
    result = _run(tmp_path)
    assert result.returncode == 3
    assert result.stderr.splitlines() == ["browser: missing: chromium", "browser: install it. Fedora, Arch: chromium."]


def test_without_root_the_command_to_run_is_named(tmp_path: Path) -> None:
    # a user namespace without a mapping gives any user id but 0
    result = _run(tmp_path, "apt-get", before=("/usr/bin/unshare", "--user"))
    assert result.returncode == 3
    assert "as root: apt-get install chromium" in result.stderr


def test_where_it_is_there_is_nothing_to_do(tmp_path: Path) -> None:
    result = _run(tmp_path, "chromium")
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
