# SPDX-License-Identifier: GPL-2.0-only
"""A kernel in its strictest lockdown. Nothing can undo that, so these tests are the last in a guest.

tests/kernel/cli/test_hostile.py tests what a process may lack, rather than a kernel.
"""

import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from tests.guests.inside.conftest import answer, measure, tracefs_has
from tests.kernel.attach.conftest import PUPPET, Puppet
from tests.kernel.probes.conftest import detach_all

LOCKDOWN = Path("/sys/kernel/security/lockdown")


@pytest.fixture(scope="module", autouse=True)
def confidentiality() -> None:
    """Locks the kernel down as lockdown=confidentiality on its command line does. Kprobes that Linux 6.1 attached by
    tracefs could not be detached afterwards."""
    detach_all()
    LOCKDOWN.write_text("confidentiality")
    assert "[confidentiality]" in LOCKDOWN.read_text()


def test_doctor_names_lockdown_and_what_it_takes_away(checks: dict[str, dict[str, str]]) -> None:
    assert (checks["lockdown"]["status"], checks["lockdown"]["found"]) == ("limited", "confidentiality")
    refused = {name for name, check in checks.items() if check["status"] != "ok"}
    refused -= {"lockdown", "optmem", "optmem need"}
    assert refused == {"BPF fentry", "BPF kprobe", *([] if tracefs_has("sock_send_length") else ["BPF tracepoint"])}
    assert "locked down (confidentiality)" in checks["BPF fentry"]["found"]
    assert "Operation not permitted" in checks["BPF kprobe"]["found"]


@pytest.mark.usefixtures("nothing_left")
def test_tracepoints_still_tell_everything_and_without_them_runs_go_without_probes(tmp_path: Path) -> None:
    """Tracepoints with typed arguments: their programs read members that the verifier has checked, without the
    helper."""
    words: tuple[str, ...] = ("run", "--scenario", "in-order", "-n", "1009")
    if not tracefs_has("sock_send_length"):
        code, out, err = answer(*words, "-J", "-o", str(tmp_path))
        assert (code, out) == (3, b"")
        what, hint = err.splitlines()
        assert "no mechanism of the kernel lets the probes in" in what
        assert "measures without probes" in hint
        words = (*words, "--probes", "none")
    run = measure(tmp_path, *words)
    assert run["complete"]
    assert run["sender"]["sends"] == run["sender"]["completions"] == 1009
    if "--probes" not in words:
        assert set(run["probes"].values()) == {"tracepoint"}
        assert run["send_results"]["0"] == 1009
        assert run["kernel"]["true_copied_completions"] == 1009


@pytest.mark.usefixtures("nothing_left")
def test_a_look_from_outside_still_counts() -> None:
    """Iterators read through pointers that the verifier knows, without the helper."""
    words = [sys.executable, "-u", str(PUPPET)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            puppet = Puppet(process)
            fd = int(puppet.do("open", "a"))
            taken = puppet.send("a", 101)
            code, out, err = answer("attach", "-p", str(process.pid), "--once", "-j")
            refused = answer("attach", "-p", str(process.pid), "--detail", "causes", "1", "1")
        finally:
            process.kill()
    assert (code, err) == (1, "")  # loopback, and small sends
    (seen,) = [one for one in msgspec.json.decode(out)["sockets"] if one["zerocopy_enabled"]]
    assert (seen["fd"], seen["sends"], seen["bytes_sent"]) == (fd, taken, taken * 4096)
    if not tracefs_has("sock_send_length"):
        code, out, err = refused
        assert (code, out, len(err.splitlines())) == (3, b"", 2)
        assert "no mechanism of the kernel lets the probes in" in err
    else:
        assert refused[0] in (0, 1), refused[2]
