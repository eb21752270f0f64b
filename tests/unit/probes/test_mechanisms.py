# SPDX-License-Identifier: GPL-2.0-only
import errno

import pytest

from zcprobe.probes.mechanisms import explain


@pytest.mark.parametrize(
    ("number", "lacking", "lockdown", "expected"),
    [
        (errno.EPERM, ["CAP_BPF", "CAP_PERFMON"], "none", "lacks CAP_BPF, CAP_PERFMON"),
        (errno.EPERM, ["CAP_BPF"], "integrity", "lacks CAP_BPF"),
        (errno.EPERM, [], "integrity", "locked down (integrity)"),
        (errno.EPERM, [], None, "lockdown unknown"),
        (524, [], None, "CONFIG_DYNAMIC_FTRACE_WITH_DIRECT_CALLS"),
        (errno.ENOENT, [], None, "BTF"),
        (errno.EBUSY, [], None, "Device or resource busy"),
    ],
)
def test_a_refusal_is_explained_by_its_true_reason(
    number: int, lacking: list[str], lockdown: str | None, expected: str
) -> None:
    assert expected in explain(number, lacking, lockdown)
