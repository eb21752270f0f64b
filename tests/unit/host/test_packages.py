# SPDX-License-Identifier: GPL-2.0-only
from pathlib import Path

import pytest

from zcprobe.host.packages import install_command

SETUP = Path(__file__).parents[3] / "tools" / "setup.sh"


@pytest.mark.parametrize(
    ("os_release", "expected"),
    [
        ({"ID": "debian"}, "apt-get install python3-bpfcc"),
        ({"ID": "ubuntu", "ID_LIKE": "debian"}, "apt-get install python3-bpfcc"),
        ({"ID": "rocky", "ID_LIKE": "rhel centos fedora"}, "dnf install python3-bcc"),
        ({"ID": "arch"}, "pacman -S python-bcc"),
    ],
)
def test_bcc_has_a_name_in_each_family(os_release: dict[str, str], expected: str) -> None:
    assert install_command("bcc", os_release) == expected


def test_an_unknown_distribution_gets_all_names() -> None:
    command = install_command("bcc", {"ID": "homemade"})
    assert command == "install python3-bpfcc (Debian), python3-bcc (Fedora), python-bcc (Arch)"


@pytest.mark.parametrize("thing", ["bcc", "libbpf", "libseccomp", "iproute2"])
def test_set_up_uses_the_same_names(thing: str) -> None:
    script = SETUP.read_text()
    names = [install_command(thing, {"ID": family}).split(maxsplit=2)[2] for family in ("debian", "fedora", "arch")]
    assert f'[{thing}]="{"|".join(names)}"' in script
