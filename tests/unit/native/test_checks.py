# SPDX-License-Identifier: GPL-2.0-only
from zcprobe.native.checks import CHECK_TEXTS
from zcprobe.native.structs import enum_names


def test_every_check_of_the_core_has_a_sentence_of_its_own() -> None:
    assert {"none"} == {name for check, name in enum_names("zc_check", "ZC_CHECK_").items() if check not in CHECK_TEXTS}
    assert len(set(CHECK_TEXTS.values())) == len(CHECK_TEXTS) == len(enum_names("zc_check", "ZC_CHECK_")) - 1
