# SPDX-License-Identifier: GPL-2.0-only
from pathlib import Path

import pytest

from zcprobe.errors import HostError
from zcprobe.host.limits import CAPABILITIES, Limits, effective_capabilities, read_optmem_max

ROOT = """\
Name:\tcat
Uid:\t0\t0\t0\t0
CapInh:\t0000000000000000
CapPrm:\t000001fffeffffff
CapEff:\t000001fffeffffff
CapBnd:\t000001fffeffffff
NoNewPrivs:\t0
"""
DOCKER_DEFAULT = "CapPrm:\t00000000a80425fb\nCapEff:\t00000000a80425fb\n"


def _limits(soft: int | None, capabilities: tuple[str, ...], *, initial: bool) -> Limits:
    return Limits(
        optmem_max_bytes=131072,
        optmem_per_namespace=True,
        memlock_soft_bytes=soft,
        memlock_hard_bytes=soft,
        capabilities=capabilities,
        initial_user_namespace=initial,
    )


def test_root_has_all_capabilities_that_matter() -> None:
    assert effective_capabilities(ROOT) == tuple(CAPABILITIES)


def test_a_default_container_has_none_of_them() -> None:
    assert effective_capabilities(DOCKER_DEFAULT) == ()


def test_only_the_effective_set_counts() -> None:
    text = f"CapPrm:\t{1 << 14:016x}\nCapEff:\t{1 << 12:016x}\n"
    assert effective_capabilities(text) == ("CAP_NET_ADMIN",)


def test_a_status_without_capabilities_is_an_error() -> None:
    with pytest.raises(HostError, match="CapEff"):
        effective_capabilities("Name:\tcat\n")


def test_optmem_max_may_not_exist(tmp_path: Path) -> None:
    path = tmp_path / "optmem_max"
    assert read_optmem_max(path) is None
    path.write_text("20480\n")
    assert read_optmem_max(path) == 20480


@pytest.mark.parametrize(
    ("limits", "applies"),
    [
        (_limits(8388608, (), initial=True), True),
        (_limits(8388608, ("CAP_IPC_LOCK",), initial=True), False),
        (_limits(8388608, ("CAP_IPC_LOCK",), initial=False), True),
        (_limits(None, (), initial=False), False),
        (_limits(0, (), initial=True), True),
    ],
)
def test_when_memlock_applies(limits: Limits, applies: bool) -> None:
    assert limits.memlock_applies is applies
