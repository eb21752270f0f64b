# SPDX-License-Identifier: GPL-2.0-only
import os
import subprocess
import sys

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
    # in a separate process, because other tests may have loaded it into this one
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


def test_root_without_a_capability_is_told_which_and_not_to_be_root() -> None:
    check = _checks_in("setpriv", "--bounding-set=-net_admin", "--inh-caps=-net_admin")["privileges"]
    assert check.status == "missing"
    assert "CAP_NET_ADMIN" in check.hint
    assert "run as root" not in check.hint


def test_what_runs_do_without_is_not_missing() -> None:
    checks = _checks_in("setpriv", "--bounding-set=-ipc_lock", "--inh-caps=-ipc_lock")
    assert checks["privileges"].status == checks["memlock"].status == "limited"
    assert "without CAP_IPC_LOCK" in checks["privileges"].found


def test_an_optmem_max_without_room_for_a_notification_is_not_ok() -> None:
    script = 'ip link set lo up; echo 575 >/proc/sys/net/core/optmem_max; exec "$@"'
    checks = _checks_in("unshare", "--net", "sh", "-ec", script, "sh")
    assert checks["optmem"].status == checks["zerocopy send"].status == "limited"
    assert "575 bytes, but a notification takes at least 576" in checks["optmem"].found
    assert "see optmem" in checks["zerocopy send"].hint


def test_without_loopback_sends_work_in_a_run_s_namespaces_only() -> None:
    checks = _checks_in("unshare", "--net")
    assert checks["zerocopy send"].status == "limited"
    assert "loopback interface up" in checks["zerocopy send"].hint
    assert checks["SO_ZEROCOPY"].status == "ok"
