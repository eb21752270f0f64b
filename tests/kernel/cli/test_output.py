import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

Command = Callable[..., "subprocess.CompletedProcess[str]"]

_RUN = next((Path(__file__).parents[2] / "data" / "in-order").glob("*-qemu-pre-*"))


@pytest.mark.parametrize(
    "words", [("report",), ("plot", "--figure", "goodput"), ("export", "--format", "csv")], ids=" ".join
)
def test_what_root_writes_belongs_to_the_user_behind_sudo(
    zcprobe: Command, tmp_path: Path, words: tuple[str, ...]
) -> None:
    target = tmp_path / "written.svg"
    for environment, owner in (({}, (0, 0)), ({"SUDO_UID": "65534", "SUDO_GID": "65533"}, (65534, 65533))):
        result = zcprobe(words[0], str(_RUN), *words[1:], "-o", str(target), **environment)
        assert result.returncode == 0, result.stderr
        assert (target.stat().st_uid, target.stat().st_gid) == owner
