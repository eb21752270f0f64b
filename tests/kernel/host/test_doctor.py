import os
import subprocess
import sys
from pathlib import Path

import msgspec

from zcprobe.host.doctor import Check, check_host

CHECK_AND_PRINT = """
import sys
import msgspec
from zcprobe.host.doctor import check_host
sys.stdout.buffer.write(msgspec.json.encode(check_host()))
"""


def _checks_in(*launcher: str, **environment: str) -> dict[str, Check]:
    command = [*launcher, sys.executable, "-c", CHECK_AND_PRINT]
    result = subprocess.run(command, capture_output=True, check=True, env={**os.environ, **environment})
    return {check.name: check for check in msgspec.json.decode(result.stdout, type=list[Check])}


def test_a_set_up_host_lacks_nothing() -> None:
    checks = check_host()
    assert [check for check in checks if check.status == "missing"] == []
    assert len({check.name for check in checks}) == len(checks)


def test_bcc_is_not_imported_into_this_process() -> None:
    # in a process of its own: other tests may have loaded it into this one
    statement = """if True:
        import pathlib, sys
        from zcprobe.host.doctor import check_host
        check_host()
        assert "bcc" not in sys.modules
        assert "libbcc" not in pathlib.Path("/proc/self/maps").read_text()"""
    subprocess.run([sys.executable, "-c", statement], check=True)


def test_every_shortfall_has_a_hint() -> None:
    checks = _checks_in("setpriv", "--bounding-set=-all", "--inh-caps=-all")
    assert checks["privileges"].status == "missing"
    assert checks["namespaces"].status == "missing"
    assert checks["memlock"].status == "limited"
    assert all(check.hint for check in checks.values() if check.status != "ok")


def test_a_package_that_only_shares_the_name_is_recognised(tmp_path: Path) -> None:
    (tmp_path / "bcc.py").write_text("__version__ = '0.0'\n")
    check = _checks_in(PYTHONPATH=f"{tmp_path}:{os.environ.get('PYTHONPATH', '')}")["bcc"]
    assert check.status == "missing"
    assert "without a BPF class" in check.found
    assert "pip uninstall bcc" in check.hint


def test_without_loopback_the_send_is_missing_and_the_rest_stays() -> None:
    checks = _checks_in("unshare", "--net")
    assert checks["zerocopy send"].status == "missing"
    assert checks["SO_ZEROCOPY"].status == "ok"
