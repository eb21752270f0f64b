# SPDX-License-Identifier: GPL-2.0-only
"""A verb does not import what it does not need: each of these modules takes long to import, or maps much memory."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
RUN = str(next((ROOT / "tests" / "data" / "version_1" / "in-order").glob("*/run.json")).parent)

WRITING = {"pyroute2", "bcc"}
TABLES = {"numpy", "pandas", "pyarrow"}
DRAWING = {"matplotlib", "scipy", "jinja2"}
OTHERS = {
    "asyncio",
    "duckdb",
    "importlib.metadata",
    "prometheus_client",
    "rich",
    "textual",
    "traceback",
    "typing_extensions",
}
SLOW = WRITING | TABLES | DRAWING | OTHERS

PRINT_MODULES = """
import sys
before = set(sys.modules)
from zcprobe.cli.main import main
try:
    code = main(sys.argv[1:])
except SystemExit as end:
    code = end.code
print(code, *set(sys.modules) - before, file=sys.stderr)
"""


def imported(*words: str, before: tuple[str, ...] = ()) -> set[str]:
    """The modules that a verb which succeeds imports."""
    command = [*before, sys.executable, "-c", PRINT_MODULES, *words]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    code, *names = result.stderr.splitlines()[-1].split()
    assert code in ("0", "None"), result.stderr
    return set(names)


@pytest.mark.parametrize(
    "words",
    [("-h",), ("--version",), ("run", "-h"), ("export", "-h"), ("campaign", "-h"), ("live", "-h"), ("policies", "-J")],
)
def test_help_and_lists_import_nothing_slow_and_no_core(words: tuple[str, ...]) -> None:
    assert imported(*words) & (SLOW | {"zcprobe.native"}) == set()


def test_a_dry_run_of_a_plan_imports_nothing_slow(tmp_path: Path) -> None:
    (tmp_path / "plan.toml").write_text('length = ["4K", "64K"]\n[plan]\nname = "sizes"\n')
    found = imported("campaign", str(tmp_path / "plan.toml"), "--dry-run", "-o", str(tmp_path))
    assert found & (WRITING | DRAWING | {"pandas"}) == set()


def test_the_help_of_all_verbs_needs_nothing_that_one_of_them_needs() -> None:
    assert not {"msgspec", "zcprobe.config", "zcprobe.policies"} & imported("-h")


def test_a_table_of_text_needs_rich_alone() -> None:
    assert imported("policies") & (SLOW - {"traceback"}) == {"rich"}


def test_an_export_draws_nothing() -> None:
    assert imported("export", RUN) & (WRITING | DRAWING | {"asyncio", "duckdb", "prometheus_client", "rich"}) == set()


def test_a_figure_has_no_report_and_no_lab(tmp_path: Path) -> None:
    found = imported("plot", RUN, "-o", str(tmp_path / "figure.svg"))
    assert "matplotlib" in found
    assert found & (WRITING | {"asyncio", "duckdb", "jinja2", "prometheus_client", "rich"}) == set()
