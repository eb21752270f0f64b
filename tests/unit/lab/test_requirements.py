# SPDX-License-Identifier: GPL-2.0-only
import errno

import pytest
from pyroute2.netlink.exceptions import NetlinkError

from zcprobe.errors import HostError
from zcprobe.lab.requirements import CLSACT, IFB, MIRRED, NETEM, NETNS, TBF, VETH, Requirement, requires


@pytest.mark.parametrize(
    ("requirement", "code", "config"),
    [
        (IFB, errno.EOPNOTSUPP, "CONFIG_IFB"),
        (VETH, errno.EOPNOTSUPP, "CONFIG_VETH"),
        (TBF, errno.ENOENT, "CONFIG_NET_SCH_TBF"),
        (NETEM, errno.ENOENT, "CONFIG_NET_SCH_NETEM"),
        (CLSACT, errno.ENOENT, "CONFIG_NET_SCH_INGRESS"),
        (MIRRED, errno.ENOENT, "CONFIG_NET_ACT_MIRRED"),
        (MIRRED, errno.ENOENT, "CONFIG_NET_CLS_U32"),
    ],
)
def test_what_the_kernel_lacks_is_named_with_its_option(requirement: Requirement, code: int, config: str) -> None:
    with pytest.raises(HostError, match=f"this kernel has no {requirement.name}") as caught, requires(requirement):
        raise NetlinkError(code, "text of the kernel")
    assert config in caught.value.hint


def test_an_unshare_without_network_namespaces_is_named() -> None:
    with pytest.raises(HostError, match="this kernel has no network namespaces") as caught, requires(NETNS):
        raise OSError(errno.EINVAL, "Invalid argument", "unshare")
    assert "CONFIG_NET_NS" in caught.value.hint


@pytest.mark.parametrize("error", [NetlinkError(errno.EPERM, "denied"), PermissionError(errno.EPERM, "denied")])
def test_missing_rights_ask_for_root(error: Exception) -> None:
    with pytest.raises(HostError, match="not allowed") as caught, requires(TBF):
        raise error
    assert "root" in caught.value.hint


def test_any_other_refusal_keeps_the_words_of_the_kernel() -> None:
    with pytest.raises(HostError, match="Exclusivity flag on"), requires(TBF):
        raise NetlinkError(errno.EEXIST, "Exclusivity flag on, cannot modify")
