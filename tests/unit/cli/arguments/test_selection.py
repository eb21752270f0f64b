# SPDX-License-Identifier: GPL-2.0-only
"""An id that is none is refused under the option that it was given to."""

import pytest

from zcprobe.cli.parser import make_parser
from zcprobe.errors import UsageError


@pytest.mark.parametrize("option", ["-p", "-t"])
@pytest.mark.parametrize(("ids", "told"), [("1,x", "takes a whole number"), ("0", "is out of range")])
def test_an_id_that_is_wrong_names_its_option(option: str, ids: str, told: str) -> None:
    with pytest.raises(UsageError, match=f"^{option} .*{told}"):
        make_parser(("attach",)).parse_args(["attach", option, ids])
