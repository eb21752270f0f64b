# SPDX-License-Identifier: GPL-2.0-only
"""Which processes a selection means, with a control group that a test makes up."""

from pathlib import Path

import pytest

from zcprobe.attach import selection
from zcprobe.attach.selection import Selection
from zcprobe.errors import UsageError


def test_a_group_that_goes_while_it_is_watched_has_no_processes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """systemd removes the group of a service that has died, and the diagnosis of that death is wanted."""
    monkeypatch.setattr(selection, "CGROUPS", tmp_path)
    chosen = Selection(cgroup="/qemu.service")
    with pytest.raises(UsageError, match="there is no control group"):
        chosen.first()
    processes = tmp_path / "qemu.service" / "cgroup.procs"
    processes.parent.mkdir()
    processes.write_text("11\n")
    assert chosen.first() == {11}
    processes.unlink()
    processes.parent.rmdir()
    assert chosen.grown() == set()
