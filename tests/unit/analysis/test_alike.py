# SPDX-License-Identifier: GPL-2.0-only
"""Runs that were made in different ways are never combined into one number."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from tests.unit.changed import changed_run, run_with
from zcprobe.analysis.crossover import df_crossover
from zcprobe.analysis.enobufs_causes import df_enobufs_causes
from zcprobe.analysis.optmem_map import df_optmem_map
from zcprobe.analysis.policies import df_policies
from zcprobe.dataset.load import Comparison, Run, load_collection
from zcprobe.errors import UsageError
from zcprobe.format.calibration import Calibration
from zcprobe.plots.goodput import plot_goodput
from zcprobe.plots.late_completions import plot_late_completions
from zcprobe.plots.sendmsg_results import count_results

_CAMPAIGNS = Path(__file__).parents[2] / "data" / "version_1" / "campaigns"

OTHER_WAYS: list[tuple[dict[str, Any], str]] = [
    ({"socket_pacing_bps": 100_000_000}, "not paced or paced to 100 Mbit/s"),
    ({"channels": 4}, "1 channel or 4 channels"),
    ({"family": "ipv6"}, "IPv4 or IPv6"),
    ({"traffic_model": "rpc"}, "stream traffic or rpc traffic"),
    ({"traffic_reuse": "at-once"}, "buffers written again: never or buffers written again: at once"),
    ({"socket_cork": True}, "no TCP_CORK or TCP_CORK"),
    ({"probe_level": "full"}, "probes at level full"),
    ({"link": ["eth1", "eth2"]}, "over a veth pair or over the devices eth1 and eth2"),
]


@pytest.mark.parametrize(("way", "said"), OTHER_WAYS)
@pytest.mark.parametrize(
    "combine", [df_policies, df_enobufs_causes, count_results, plot_goodput, plot_late_completions]
)
def test_a_run_made_in_another_way_is_refused_by_name(
    combine: Callable[[Sequence[Run]], object], way: dict[str, Any], said: str, shipped: dict[str, Comparison]
) -> None:
    runs = shipped["held-completions"].runs
    combine(runs)
    with pytest.raises(UsageError) as caught:
        combine([*runs, changed_run(runs[0], **way)])
    assert said in str(caught.value)


@pytest.mark.parametrize(("way", "said"), OTHER_WAYS)
def test_no_crossover_has_a_throttled_run_and_a_free_one(way: dict[str, Any], said: str) -> None:
    runs = load_collection(_CAMPAIGNS / "crossover").runs
    with pytest.raises(UsageError, match="one ratio"):
        df_crossover([*runs[1:], changed_run(runs[0], **way)])
    plain = next(run for run in runs if not run.meta.config.zerocopy)
    with pytest.raises(UsageError, match="5,001 writes"):
        df_crossover(
            [*(run for run in runs if run is not plain), changed_run(plain, send_bytes=65536, send_count=5001)]
        )


def test_the_copying_side_of_a_crossover_has_no_policy_to_differ_in() -> None:
    runs = load_collection(_CAMPAIGNS / "crossover").runs
    plain = [changed_run(run, policy="grpc") for run in runs if not run.meta.config.zerocopy]
    with_zerocopy = [run for run in runs if run.meta.config.zerocopy]
    assert len(df_crossover([*plain, *with_zerocopy])) == 5
    with pytest.raises(UsageError, match="qemu-merged or grpc"):
        df_crossover([*plain, *with_zerocopy[1:], changed_run(with_zerocopy[0], policy="grpc")])


@pytest.mark.parametrize(("way", "said"), OTHER_WAYS)
def test_a_map_varies_in_its_two_axes_alone(way: dict[str, Any], said: str) -> None:
    runs = load_collection(_CAMPAIGNS / "optmem-by-size").runs
    with pytest.raises(UsageError, match="one map"):
        df_optmem_map([*runs[1:], changed_run(runs[0], **way)])
    with pytest.raises(UsageError, match="sends of 64 KiB"):
        df_optmem_map(runs, "hold_one_in_count")


def test_another_kernel_or_machine_is_another_way(shipped: dict[str, Comparison]) -> None:
    runs = shipped["in-order"].runs
    for name, value in (("kernel_release", "6.1.0"), ("cpu_model", "another"), ("cpu_count", 64)):
        other = run_with(runs[0], host=replace(runs[0].meta.host, **{name: value}))
        with pytest.raises(UsageError, match=str(value)):
            df_policies([*runs, other])


CALIBRATION = Calibration(
    goodput_bps=1e9, duration_ns=10**8, sends=1009, charge_bytes=768, optmem_max_bytes=65536, notifications_max=86
)


def test_what_a_calibrated_scenario_chose_by_the_speed_of_the_machine_is_no_other_way(
    shipped: dict[str, Comparison],
) -> None:
    def calibrated(run: Run, rate_bps: int) -> Run:
        lab = replace(run.meta.lab, impairment={**run.meta.lab.impairment, "hold_rate_bps": rate_bps})
        return run_with(run, lab=lab, calibration=replace(CALIBRATION, goodput_bps=10.0 * rate_bps))

    runs = shipped["held-completions"].runs
    df_policies([calibrated(run, 1009 * place) for place, run in enumerate(runs, 1)])
    fixed = run_with(calibrated(runs[0], 1009), calibration=None)
    with pytest.raises(UsageError, match=r"let go at 600 Mbit/s or let go at 1,009 bit/s"):
        df_policies([*runs, fixed])


def test_the_amount_and_the_deadline_that_follow_from_calibration_are_no_other_way(
    shipped: dict[str, Comparison],
) -> None:
    def calibrated(run: Run, count: int, asked: int) -> Run:
        changed = changed_run(run, send_count=asked, deadline_s=None)
        scenario = replace(run.meta.scenario, send_count=count)
        return run_with(changed, scenario=scenario, calibration=replace(CALIBRATION, deadline_s=count / 100))

    runs = shipped["held-completions"].runs
    df_policies([calibrated(run, count, count) for run, count in zip(runs, (1009, 2003, 3001), strict=True)])
    with pytest.raises(UsageError, match="23 writes on each channel"):
        df_policies([calibrated(runs[0], 1009, 1009), calibrated(runs[1], 1009, 23)])
