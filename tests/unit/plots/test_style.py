# SPDX-License-Identifier: GPL-2.0-only
from zcprobe.plots.style import FILLS, POLICY_STYLES, style_of
from zcprobe.policies import POLICIES


def test_every_policy_has_a_style() -> None:
    assert set(POLICIES) <= set(POLICY_STYLES)


def test_policies_can_be_told_apart_without_colour() -> None:
    markers = [style.marker for style in POLICY_STYLES.values()]
    assert len(set(markers)) == len(markers)
    pairs = {(style.color, style.linestyle) for style in POLICY_STYLES.values()}
    assert len(pairs) == len(POLICY_STYLES)


def test_areas_that_touch_have_different_hatches() -> None:
    hatches = [fill.hatch for fill in FILLS.values()]
    assert len(set(hatches)) == len(hatches)


def test_an_unknown_policy_still_has_a_style() -> None:
    assert style_of("of tomorrow").marker not in {style.marker for style in POLICY_STYLES.values()}
