# SPDX-License-Identifier: GPL-2.0-only
from zcprobe.analysis.enobufs import ENOBUFS_DTYPES, df_enobufs
from zcprobe.dataset.load import Comparison, Run


def test_rows_causes_and_holders_are_those_of_the_summary(run: Run) -> None:
    table, kernel = df_enobufs(run), run.kernel
    assert table.dtypes.astype(str).to_dict() == ENOBUFS_DTYPES
    assert len(table) == run.sender.enobufs_count
    if kernel.enobufs_causes is not None:
        assert table["cause"].value_counts().to_dict() == {k: v for k, v in kernel.enobufs_causes.items() if v}
        full = table[table["cause"] == "optmem"]
        assert full["unread_bytes"].sum() == kernel.enobufs_unread_bytes
        assert full["in_flight_bytes"].sum() == kernel.enobufs_in_flight_bytes


def test_without_probes_the_moments_are_known_but_not_the_causes(shipped: dict[str, Comparison]) -> None:
    table = df_enobufs(shipped["no-probes"].runs_of("qemu-pre")[0])
    assert table["cause"].tolist() == ["unknown"]
    assert table["unread_bytes"].isna().all()


def test_memlock_is_told_from_optmem(shipped: dict[str, Comparison]) -> None:
    assert set(df_enobufs(shipped["memlock"].runs_of("qemu-merged")[0])["cause"]) == {"memlock"}
    assert set(df_enobufs(shipped["held-completions"].runs_of("qemu-merged")[0])["cause"]) == {"optmem"}


def test_nothing_recorded_is_an_empty_table(empty_run: Run) -> None:
    assert df_enobufs(empty_run).dtypes.astype(str).to_dict() == ENOBUFS_DTYPES
