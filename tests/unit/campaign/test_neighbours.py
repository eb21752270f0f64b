# SPDX-License-Identifier: GPL-2.0-only
from zcprobe.campaign.neighbours import neighbours_of
from zcprobe.format.campaign import Point, PointValue


def points(*axes: dict[str, PointValue]) -> list[Point]:
    return [Point(key=str(number), axes=one) for number, one in enumerate(axes)]


def groups(found: list[Point]) -> list[tuple[str, list[str]]]:
    return [(one.axis, [point.key for point in one.points]) for one in neighbours_of(found)]


def test_the_values_of_one_axis_are_compared_with_its_first() -> None:
    assert groups(points({"policy": "a"}, {"policy": "b"}, {"policy": "c"})) == [("policy", ["0", "1", "2"])]


def test_of_two_axes_each_is_compared_where_the_other_is_the_same() -> None:
    axes: list[dict[str, PointValue]] = [
        {"policy": policy, "length": size} for policy in "ab" for size in ("4K", "64K", "1M")
    ]
    table = points(*axes)
    assert groups(table) == [
        ("policy", ["0", "3"]),
        ("policy", ["1", "4"]),
        ("policy", ["2", "5"]),
        ("length", ["0", "1", "2"]),
        ("length", ["3", "4", "5"]),
    ]


def test_a_point_without_an_axis_has_no_neighbours_there() -> None:
    found = points(
        {"policy": "merged", "length": "4K"},
        {"policy": "merged", "length": "8K"},
        {"policy": "drain", "length": "4K", "set.every": 8},
        {"policy": "drain", "length": "4K", "set.every": 9},
        {"length": "4K"},
    )
    assert groups(found) == [("length", ["0", "1"]), ("set.every", ["2", "3"])]


def test_one_point_has_nothing_to_be_compared_with() -> None:
    assert groups(points({})) == []
