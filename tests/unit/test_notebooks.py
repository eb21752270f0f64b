# SPDX-License-Identifier: GPL-2.0-only
"""The notebooks, executed: on the shipped runs, and on others after changing the one line that says which."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from jupyter_core.utils import run_sync
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbformat import NotebookNode

from tests.unit.test_reading import PACKAGES, WITHOUT

_ROOT = Path(__file__).parents[2]
_NOTEBOOKS = sorted((_ROOT / "notebooks").glob("*.ipynb"))
_TIMEOUT_S = 120

_VERSIONS = sorted((_ROOT / "tests" / "data").glob("version_*"))

_OTHER_RUNS = {
    "01_first_run": ("channels/*-qemu-merged-*", "runs/channels"),
    "02_with_and_without_the_fix": ("no-probes",),
    "03_why_enobufs": ("channels", "runs/channels"),
    "04_choosing_a_policy": ("in-flight", "no-probes"),
}
"""Notebooks on benchmarks, and runs for each below a version's folder: the first that is there."""

_ON_AN_ATTACHMENT = "05_reading_an_attachment"
"""Attachments are there since version 3 only."""

_ON_BENCHMARKS = [path for path in _NOTEBOOKS if path.stem in _OTHER_RUNS]

_VERSION = re.compile(r"(?<=tests/data/)version_\d+")
_CHOICE = re.compile(r'^RUNS? = "(.*)"$', re.MULTILINE)

# jupyter_client and nbclient start event loops and sockets in ways that newer Pythons warn of; not ours to change
pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]


def _read(path: Path) -> NotebookNode:
    return nbformat.read(path, as_version=4)


def _code(notebook: NotebookNode) -> list[NotebookNode]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def _client(notebook: NotebookNode, kernel: Any = None) -> NotebookClient:
    resources = {"metadata": {"path": str(_ROOT / "notebooks")}}
    return NotebookClient(notebook, kernel, timeout=_TIMEOUT_S, kernel_name="python3", resources=resources)


def _execute(notebook: NotebookNode) -> None:
    """Executes it in the notebooks' folder, as JupyterLab does; raises the error of a cell."""
    _client(notebook).execute()


@pytest.fixture(scope="module")
def kernel() -> Iterator[Any]:
    """The manager of a kernel for many notebooks, because starting one takes longer than most cells."""
    client = _client(nbformat.v4.new_notebook())
    client.create_kernel_manager()
    client.start_new_kernel(cwd=str(_ROOT / "notebooks"))
    manager: Any = client.km
    yield manager
    run_sync(manager.shutdown_kernel)(now=True)


def _pictures(cell: NotebookNode) -> int:
    return sum("image/png" in output.get("data", {}) for output in cell.outputs)


def _errors(notebook: NotebookNode) -> str:
    return "".join(output.text for cell in _code(notebook) for output in cell.outputs if output.get("name") == "stderr")


def test_there_are_five() -> None:
    assert [path.stem for path in _NOTEBOOKS] == [*sorted(_OTHER_RUNS), _ON_AN_ATTACHMENT]


@pytest.mark.parametrize("path", _NOTEBOOKS, ids=lambda path: path.stem)
def test_it_runs_and_shows_what_it_speaks_of(path: Path) -> None:
    notebook = _read(path)
    _execute(notebook)
    assert _errors(notebook) == ""
    for cell in _code(notebook):
        last = cell.source.splitlines()[-1]
        shows = last.startswith("draw_") or last.endswith(".figure") or last == "figure"
        assert _pictures(cell) == shows, last
        assert cell.outputs or not re.search(r"^print", last), last


def _choose(notebook: NotebookNode, runs: str) -> None:
    cell = next(cell for cell in _code(notebook) if _CHOICE.search(cell.source))
    cell.source = _CHOICE.sub(lambda match: match[0].replace(match[1], runs), cell.source)


@pytest.mark.parametrize("path", _NOTEBOOKS, ids=lambda path: path.stem)
def test_it_opens_runs_of_the_newest_version(path: Path) -> None:
    named = [name for cell in _code(_read(path)) for name in _VERSION.findall(cell.source)]
    assert set(named) == {_VERSIONS[-1].name}


_RUN = """
import sys
sys.modules.update(dict.fromkeys(sys.argv[1].split()))  # None: each import fails
import matplotlib
matplotlib.use("agg")
exec(compile(sys.stdin.read(), "notebook", "exec"), {})
"""


@pytest.mark.parametrize("version", _VERSIONS[:1], ids=lambda version: version.name)
@pytest.mark.parametrize("path", _ON_BENCHMARKS, ids=lambda path: path.stem)
def test_its_code_reads_the_oldest_version_without_anything_that_writes(path: Path, version: Path) -> None:
    notebook = _read(path)
    _choose(notebook, str(next(runs for pattern in _OTHER_RUNS[path.stem] for runs in sorted(version.glob(pattern)))))
    code = _VERSION.sub(version.name, "\n".join(cell.source for cell in _code(notebook)))
    command = [sys.executable, "-W", "ignore", "-c", _RUN, " ".join([*WITHOUT, *PACKAGES])]
    result = subprocess.run(command, cwd=path.parent, input=code, capture_output=True, text=True, check=False)
    assert (result.returncode, result.stderr) == (0, "")


def _execute_on(path: Path, runs: str, kernel: Any) -> None:
    """Executes it in that kernel, which first forgets what earlier notebooks named."""
    notebook = _read(path)
    _choose(notebook, runs)
    notebook.cells.insert(0, nbformat.v4.new_code_cell("%reset -f"))
    client = _client(notebook, kernel)
    try:
        client.execute()
    finally:
        client.kc.stop_channels()


@pytest.mark.parametrize("path", _ON_BENCHMARKS[1:], ids=lambda path: path.stem)
def test_it_runs_on_a_single_run(path: Path, kernel: Any) -> None:
    _execute_on(path, str(next((_ROOT / "tests" / "data" / "version_1" / "in-order").glob("*-qemu-pre-*"))), kernel)


@pytest.mark.parametrize(
    ("stem", "runs", "message"),
    [
        (
            "02_with_and_without_the_fix",
            "../tests/data/version_1",
            "made in different ways and cannot be put into one comparison",
        ),
        ("03_why_enobufs", "../tests/data/version_1/no-probes", "these runs have no kernel events"),
        ("04_choosing_a_policy", "../tests/data/version_1/campaigns", "made in different ways"),
        ("04_choosing_a_policy", "", "an empty path does not name a run"),
        (_ON_AN_ATTACHMENT, "../tests/data/version_3/runs/in-order", "not a run folder of zcprobe attach"),
    ],
)
def test_runs_that_it_cannot_show_are_one_line(stem: str, runs: str, message: str, kernel: Any) -> None:
    with pytest.raises(CellExecutionError) as caught:
        _execute_on(next(path for path in _NOTEBOOKS if path.stem == stem), runs, kernel)
    assert caught.value.ename in ("UsageError", "OutputError")
    assert message in caught.value.evalue


def test_an_error_of_ours_is_two_lines_and_no_traceback() -> None:
    cell = nbformat.v4.new_code_cell('import zcprobe\nzcprobe.load("nothing")', metadata={"tags": ["raises-exception"]})
    notebook = nbformat.v4.new_notebook(cells=[cell])
    _execute(notebook)
    assert [len(output.traceback) for output in cell.outputs] == [2]
    assert cell.outputs[0].traceback[0] == "OutputError: nothing is not a run folder and does not hold one"
    assert cell.outputs[0].traceback[1].startswith("hint: ")


@pytest.mark.parametrize("path", _NOTEBOOKS, ids=lambda path: path.stem)
def test_it_is_kept_without_results(path: Path) -> None:
    notebook = _read(path)
    nbformat.validate(notebook)
    for cell in _code(notebook):
        assert cell.outputs == []
        assert cell.execution_count is None
        assert cell.metadata == {}
    assert set(notebook.metadata) == {"kernelspec", "language_info"}
    assert set(notebook.metadata.language_info) == {"name"}


@pytest.mark.parametrize("path", _NOTEBOOKS, ids=lambda path: path.stem)
def test_one_line_says_which_runs_and_the_end_what_to_try(path: Path) -> None:
    notebook = _read(path)
    choices = [cell.source for cell in _code(notebook) if _CHOICE.search(cell.source)]
    assert len(choices) == 1
    assert len(choices[0].splitlines()) == 1
    assert "## What to try next" in notebook.cells[-1].source
