# SPDX-License-Identifier: GPL-2.0-only
"""The order of runs: each block has every point once, shuffled, so that drift affects all points alike."""

import random
from collections.abc import Sequence

__all__ = ["block_order"]


def block_order(keys: Sequence[str], seed: int, block: int) -> list[str]:
    """The keys in the order in which the block of that number makes them. It depends on nothing but the arguments, so
    that a resumed campaign goes on in the same order."""
    order = sorted(keys)
    random.Random(f"{seed}:{block}").shuffle(order)
    return order
