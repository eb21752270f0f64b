# SPDX-License-Identifier: GPL-2.0-only
"""A function that the probes need is hidden, as it is when the compiler inlines every call.

The tests edit what zcprobe reads (the symbol table and BTF), so that it must do without the function. The kernel's own
tables still have it, so these tests do not show how the kernel refuses a function that it lacks.
"""

import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.guests.inside.conftest import answer, measure, read_json, tracefs_has

pytestmark = pytest.mark.usefixtures("nothing_left")

KALLSYMS = Path("/proc/kallsyms")
BTF = Path("/sys/kernel/btf/vmlinux")
LAYOUTS = Path("/run/zcprobe-layout")

INLINED = "__msg_zerocopy_callback"
COUNT = 1009

Hide = Callable[[str], None]


@contextmanager
def mounted(*words: str) -> Iterator[None]:
    subprocess.run(["mount", *words], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", words[-1]], check=True)


@pytest.fixture
def hide(tmp_path: Path) -> Iterator[Hide]:
    """Removes a function from both until the test ends, and also what was computed from them before."""
    symbols, types = KALLSYMS.read_text(), BTF.read_bytes()
    with ExitStack() as mounts:

        def take(function: str) -> None:
            name = b"\0" + function.encode() + b"\0"
            assert types.count(name) == 1
            (tmp_path / "btf").write_bytes(types.replace(name, name[:-2] + b"_\0"))
            lines = [line for line in symbols.splitlines(keepends=True) if line.split()[2] != function]
            (tmp_path / "kallsyms").write_text("".join(lines))
            LAYOUTS.mkdir(exist_ok=True)
            mounts.enter_context(mounted("-t", "tmpfs", "-o", "mode=700", "none", str(LAYOUTS)))
            mounts.enter_context(mounted("--bind", str(tmp_path / "btf"), str(BTF)))
            mounts.enter_context(mounted("--bind", str(tmp_path / "kallsyms"), str(KALLSYMS)))

        yield take


def test_a_completion_that_is_inlined_is_watched_where_it_is_called(hide: Hide, tmp_path: Path) -> None:
    hide(INLINED)
    has_callback = " msg_zerocopy_callback\n" in KALLSYMS.read_text()
    caller = "msg_zerocopy_callback" if has_callback else "msg_zerocopy_complete"
    probes = {row["probe"]: row for row in read_json("probes")["probes"]}
    assert probes["uarg"]["mechanism"] == "fentry"
    assert probes["uarg"]["attaches"] == ["msg_zerocopy_realloc()", caller, f"{caller}()"]
    run = measure(tmp_path, "run", "--scenario", "in-order", "-n", str(COUNT))
    assert {caller, f"{caller}()"} < set(run["attached"])
    assert not {INLINED, f"{INLINED}()"} & set(run["attached"])
    assert run["complete"]
    assert run["sender"]["sends"] == run["sender"]["completions"] == COUNT
    assert run["kernel"]["true_copied_completions"] == COUNT


def test_without_a_function_that_has_no_other_the_tracepoints_do(hide: Hide, tmp_path: Path) -> None:
    """Where too few probes are left, a run without probes works; each mechanism names the function that it lacks."""
    hide("sock_omalloc")
    lack = "optmem: no function sock_omalloc (inlined or absent)"
    words: tuple[str, ...] = ("run", "--scenario", "in-order", "-n", str(COUNT))
    refusals = read_json("probes")["probes"][0]["refusals"]  # as in doctor; they take long
    assert refusals["fentry"] == refusals["kprobe"] == lack
    if not tracefs_has("sock_send_length"):
        code, out, err = answer(*words, "-J", "-o", str(tmp_path))
        assert (code, out) == (3, b"")
        what, hint = err.splitlines()
        assert f"fentry: {lack}; kprobe: {lack}; tracepoint: " in what
        assert "no tracepoint sock_send_length (Linux 6.3)" in what
        assert "--probes none" in hint
        words = (*words, "--probes", "none")
    run = measure(tmp_path, *words)
    assert run["complete"]
    assert run["sender"]["sends"] == run["sender"]["completions"] == COUNT
    assert set(run["probes"].values()) == (set() if "--probes" in words else {"tracepoint"})
