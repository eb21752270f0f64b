"""A kernel locked down as far as it goes. Nothing can undo that, so these tests are a guest's last.

What a process may lack, rather than a kernel, is in tests/kernel/cli/test_hostile.py.
"""

from pathlib import Path

import pytest

from tests.guests.inside.conftest import read_json

LOCKDOWN = Path("/sys/kernel/security/lockdown")


@pytest.fixture(scope="module", autouse=True)
def confidentiality() -> None:
    """As the option lockdown=confidentiality of the kernel's command line does."""
    LOCKDOWN.write_text("confidentiality")
    assert "[confidentiality]" in LOCKDOWN.read_text()


def test_doctor_names_lockdown_and_what_it_takes_away(checks: dict[str, dict[str, str]]) -> None:
    assert checks["lockdown"]["found"] == "confidentiality"
    assert {name for name, check in checks.items() if check["status"] == "limited"} - {"optmem"} == {
        "lockdown",
        "BPF kprobe",
    }
    assert "Operation not permitted" in checks["BPF kprobe"]["found"]
    assert "missing" not in {check["status"] for check in checks.values()}


@pytest.mark.usefixtures("nothing_left")
def test_runs_are_what_they_were(tmp_path: Path) -> None:
    run = read_json("run", "--scenario", "in-order", "-n", "1009", "-o", str(tmp_path))
    assert run["complete"]
    assert run["summary"]["sends"] == run["summary"]["completions"] == 1009
    assert run["send_results"]["0"] == 1009
    assert run["summary"]["true_copied_completions"] == 1009
