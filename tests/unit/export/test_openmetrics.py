# SPDX-License-Identifier: GPL-2.0-only
"""The output is read by the parser of prometheus_client, which refuses what the OpenMetrics rules forbid."""

import io

import numpy as np
import pandas as pd
import pytest
from prometheus_client import Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from tests.unit.changed import changed_run, store_metadata
from zcprobe.analysis.stalls import df_stalls
from zcprobe.dataset.load import Comparison, Run, load_run
from zcprobe.export.openmetrics import write_openmetrics
from zcprobe.format.outcomes import OUTCOMES


def _text(runs: list[Run]) -> str:
    file = io.BytesIO()
    write_openmetrics(runs, file)
    return file.getvalue().decode()


def _families(runs: list[Run]) -> dict[str, Metric]:
    return {family.name: family for family in text_string_to_metric_families(_text(runs))}


def _value(family: Metric, sample: str, run: Run, **labels: str) -> float:
    wanted = {"run": run.folder.name, "scenario": run.scenario, "policy": run.policy, **labels}
    return next(found.value for found in family.samples if found.name == sample and found.labels == wanted)


def test_the_text_ends_as_it_must_and_units_end_the_names(comparison: Comparison) -> None:
    assert _text(comparison.runs).endswith("\n# EOF\n")
    families = _families(comparison.runs)
    assert {family.unit for family in families.values()} >= {"bytes", "seconds", "bytes_per_second"}
    assert all(name.startswith("zcprobe_") for name in families)
    for family in families.values():
        assert not family.unit or family.name.endswith(f"_{family.unit}")


def test_the_numbers_are_those_of_the_summary_in_base_units(comparison: Comparison) -> None:
    families = _families(comparison.runs)
    for run in comparison.runs:
        sender = run.sender
        assert _value(families["zcprobe_sends"], "zcprobe_sends_total", run) == sender.sends
        assert _value(families["zcprobe_sent_bytes"], "zcprobe_sent_bytes_total", run) == sender.bytes_sent
        goodput = _value(families["zcprobe_goodput_bytes_per_second"], "zcprobe_goodput_bytes_per_second", run)
        assert sender.goodput_bps is not None
        assert goodput == pytest.approx(sender.goodput_bps / 8)
        stalled = _value(families["zcprobe_stall_seconds"], "zcprobe_stall_seconds_total", run)
        assert stalled == pytest.approx(sender.stall_ns_total / 1e9)
        outcomes = families["zcprobe_outcome"]
        assert _value(outcomes, "zcprobe_outcome", run, zcprobe_outcome=sender.outcome) == 1
        enobufs = sum(s.value for s in families["zcprobe_enobufs"].samples if s.labels["run"] == run.folder.name)
        assert enobufs == sender.enobufs_count


def test_what_the_probes_alone_know_is_left_out_without_them(shipped: dict[str, Comparison]) -> None:
    families = _families(shipped["no-probes"].runs)
    assert "zcprobe_errqueue_depth_max_notifications" not in families
    causes = {sample.labels["cause"] for sample in families["zcprobe_enobufs"].samples}
    assert causes == {"unknown"}
    assert "zcprobe_errqueue_depth_max_notifications" in _families(shipped["in-order"].runs)


def test_histograms_count_every_send_and_every_stall(run: Run) -> None:
    families = _families([run])
    sends, stalls = families["zcprobe_send_latency_seconds"], families["zcprobe_stall_length_seconds"]
    latencies = run.sends["latency_ns"]
    assert _value(sends, f"{sends.name}_count", run) == len(run.sends)
    assert _value(sends, f"{sends.name}_sum", run) == pytest.approx(latencies.sum() / 1e9)
    for bound in ("1e-05", "0.0005", "0.01"):
        assert _value(sends, f"{sends.name}_bucket", run, le=bound) == (latencies <= float(bound) * 1e9).sum()
    assert _value(stalls, f"{stalls.name}_count", run) == len(df_stalls(run))


def test_sent_received_and_missing_are_families_and_no_goodput_is_made_up(
    lossy: Comparison, silent: Comparison
) -> None:
    families = _families(lossy.runs)
    for what, count in (("sent", 2018), ("received", 1009), ("missing", 1009)):
        name = f"zcprobe_{what}_datagrams"
        assert _value(families[name], f"{name}_total", lossy[0]) == count
    assert _value(families["zcprobe_missing_bytes"], "zcprobe_missing_bytes_total", lossy[0]) == 1009 * 1400
    unknown = _families(silent.runs)
    assert not {"zcprobe_goodput_bytes_per_second", "zcprobe_received_bytes", "zcprobe_missing_bytes"} & set(unknown)
    assert "zcprobe_sent_bytes" in unknown


def test_a_stall_need_not_have_met_enobufs(current_run: Run) -> None:
    """A policy that waits before anything fails has stalls and no flush that ENOBUFS triggered."""
    stalls = pd.DataFrame(current_run.stalls)
    flushes = current_run.flushes.assign(trigger="periodic")
    stalls.assign(enobufs_count=np.uint32(0)).to_parquet(current_run.folder / "stalls.parquet")
    flushes.to_parquet(current_run.folder / "flushes.parquet")
    store_metadata(current_run.folder, current_run.meta)
    run = load_run(current_run.folder)
    lengths = _families([run])["zcprobe_stall_length_seconds"]
    assert len(stalls) > 0
    assert _value(lengths, f"{lengths.name}_count", run) == len(stalls)
    assert _value(lengths, f"{lengths.name}_sum", run) == pytest.approx(stalls["duration_ns"].sum() / 1e9)


def test_how_a_run_was_made_are_labels_of_the_info(shipped: dict[str, Comparison]) -> None:
    run = changed_run(shipped["held-completions"].runs[0], socket_pacing_bps=100_000_000, channels=4)
    (sample,) = _families([run])["zcprobe_run"].samples
    told = {"channels": "4", "socket_pacing_bps": "100000000", "send_bytes": "65536", "hold_one_in_count": "16"}
    assert told.items() <= sample.labels.items()
    assert sample.labels["socket_nodelay"] == "true"


def test_every_outcome_is_a_state(run: Run) -> None:
    states = {sample.labels["zcprobe_outcome"] for sample in _families([run])["zcprobe_outcome"].samples}
    assert states == set(OUTCOMES)
