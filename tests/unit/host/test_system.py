# SPDX-License-Identifier: GPL-2.0-only
from zcprobe.host.system import parse_os_release

DEBIAN = """\
PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"
NAME="Debian GNU/Linux"
VERSION_ID="12"
VERSION_CODENAME=bookworm
ID=debian
HOME_URL="https://www.debian.org/"
"""
QUOTING = """\
# a comment with = in it

NAME='A single-quoted name'
PRETTY_NAME="Ubuntu \\"Noble\\" 24.04 LTS"
ID_LIKE="rhel centos fedora"
EMPTY=
"""


def test_parses_debian() -> None:
    release = parse_os_release(DEBIAN)
    assert release["PRETTY_NAME"] == "Debian GNU/Linux 12 (bookworm)"
    assert release["ID"] == "debian"
    assert len(release) == 6


def test_quotes_are_those_of_a_shell() -> None:
    assert parse_os_release(QUOTING) == {
        "NAME": "A single-quoted name",
        "PRETTY_NAME": 'Ubuntu "Noble" 24.04 LTS',
        "ID_LIKE": "rhel centos fedora",
        "EMPTY": "",
    }
