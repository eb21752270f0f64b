from pathlib import Path
from typing import Any

from zcprobe.dataset.load import Comparison
from zcprobe.report.method import method_rows

OVERHEAD: dict[str, Any] = {
    "send_bytes": 65536,
    "mechanism": "tracepoint",
    "rounds": 5,
    "levels": [{"level": "timeline", "estimate": {"n": 5, "median": 0.987, "low": 0.975, "high": 1.012}}],
}


def own_cost(comparison: Comparison, **changes: object) -> str:
    changed = Comparison(Path("elsewhere"), {**comparison.meta, **changes}, comparison.runs)
    return dict(method_rows(changed))["own cost"]


def test_the_own_cost_is_what_the_comparison_measured(shipped: dict[str, Comparison]) -> None:
    text = own_cost(shipped["held-completions"], overhead=OVERHEAD)
    assert "0.987 [0.975 .. 1.012] at level timeline" in text
    assert "64 KiB sends" in text
    assert "by tracepoint, n = 5 rounds" in text


def test_where_it_was_not_measured_the_method_says_so(shipped: dict[str, Comparison]) -> None:
    for changes in ({}, {"overhead": None}):
        assert "not measured" in own_cost(shipped["held-completions"], **changes)
