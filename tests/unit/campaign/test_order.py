# SPDX-License-Identifier: GPL-2.0-only
from zcprobe.campaign.order import block_order

KEYS = [f"{number:012x}" for number in range(40)]


def test_each_block_has_every_point_once_in_an_order_of_its_own() -> None:
    orders = [block_order(KEYS, 1, block) for block in range(1, 7)]
    assert all(sorted(order) == KEYS for order in orders)
    assert len({tuple(order) for order in orders}) == 6


def test_the_order_depends_on_the_seed_and_not_on_the_order_of_the_plan() -> None:
    assert block_order(KEYS, 1, 2) == block_order(KEYS[::-1], 1, 2)
    assert block_order(KEYS, 1, 2) != block_order(KEYS, 2, 2)


def test_no_point_is_always_early() -> None:
    """Drift over a block is then shared by all: over many blocks each point stands in its middle on average."""
    places = dict.fromkeys(KEYS, 0.0)
    for block in range(1, 401):
        for place, key in enumerate(block_order(KEYS, 7, block)):
            places[key] += place / 400
    assert max(abs(place - 19.5) for place in places.values()) < 2.5
