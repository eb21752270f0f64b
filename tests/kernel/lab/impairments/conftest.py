# SPDX-License-Identifier: GPL-2.0-only
"""A path to impair."""

import os
from collections.abc import Iterator

import pytest

from zcprobe.journal import journal
from zcprobe.lab.netns import NamespacePair, namespace_pair


@pytest.fixture
def pair() -> Iterator[NamespacePair]:
    with journal(f"impair{os.getpid()}") as opened, namespace_pair(opened) as made:
        yield made
