# SPDX-License-Identifier: GPL-2.0-only
import os

import pytest

from zcprobe.errors import UsageError
from zcprobe.journal import journal
from zcprobe.lab.limits import OPTMEM_MAX_PATH, changed_optmem_max, read_optmem_max
from zcprobe.lab.namespace import run_in_namespace
from zcprobe.lab.netns import namespace_pair

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root")

RUN_ID = f"limits{os.getpid()}"


def test_the_limit_is_set_for_the_sender_and_gone_with_it() -> None:
    before = OPTMEM_MAX_PATH.read_text()
    with journal(RUN_ID) as opened, namespace_pair(opened) as pair:
        per_namespace = run_in_namespace(pair.sender.name, OPTMEM_MAX_PATH.exists)
        with changed_optmem_max(pair.sender.name, 20480, opened) as in_force:
            assert in_force == 20480 == read_optmem_max(pair.sender.name)
            if per_namespace:
                assert OPTMEM_MAX_PATH.read_text() == before
    assert OPTMEM_MAX_PATH.read_text() == before


def test_none_leaves_the_value_of_the_kernel() -> None:
    with journal(RUN_ID) as opened, namespace_pair(opened) as pair:
        default = read_optmem_max(pair.sender.name)
        with changed_optmem_max(pair.sender.name, None, opened) as in_force:
            assert in_force == default >= 20480


def test_a_value_no_kernel_could_use_is_refused() -> None:
    with journal(RUN_ID) as opened, namespace_pair(opened) as pair:
        limit = changed_optmem_max(pair.sender.name, 100, opened)
        with pytest.raises(UsageError, match="out of range"), limit:
            pass
