# SPDX-License-Identifier: GPL-2.0-only
"""The C core under AddressSanitizer, UndefinedBehaviorSanitizer and ThreadSanitizer, and its decoder under a fuzzer."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fuzzers import FUZZERS, fuzz
from zcprobe.native.structs import enum_names

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces and BPF need root")

ROOT = Path(__file__).parents[3]
HERE = Path(__file__).parent
CORE = ROOT / "zcprobe/native"
CORE_TESTS = ("tests/unit/native", "tests/kernel/native/test_channel.py", "tests/kernel/benchmark/test_traffic.py")
C_FLAGS = ("-g", "-O1", "-fno-omit-frame-pointer", "-fno-sanitize-recover=undefined")
FUZZER_INPUTS = 2_000_000
FEW_INPUTS = 50_000
FUZZER_SEED = 20


def run(*words: object, cwd: Path = ROOT, **environment: str) -> "subprocess.CompletedProcess[str]":
    """Runs a command with both outputs in one, which a failure shows."""
    result = subprocess.run(
        [str(word) for word in words],
        cwd=cwd,
        env=os.environ | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert result.returncode == 0, result.stdout
    return result


def find_runtime(name: str) -> str:
    return run("gcc", f"-print-file-name={name}").stdout.strip()


def compile_program(target: Path, sanitizer: str) -> Path:
    """Builds many_channels with all files of the core, instrumented."""
    sources = sorted(path for path in CORE.glob("*.c") if path.name != "_core.c")
    words = [
        "gcc",
        "-std=gnu11",
        *C_FLAGS,
        f"-fsanitize={sanitizer}",
        "-D_GNU_SOURCE",
        f"-I{CORE}",
        f"-I{ROOT / 'bpf'}",
    ]
    run(*words, "-o", target, HERE / "many_channels.c", *sources, "-lbpf", "-lseccomp", "-lpthread")
    return target


@pytest.fixture
def instrumented(tmp_path: Path) -> Path:
    """The package and its tests beside a core that is built with both sanitizers."""
    for name in ("zcprobe", "bpf", "tests"):
        unwanted = shutil.ignore_patterns("_core.*", "*.o", "__pycache__")
        shutil.copytree(ROOT / name, tmp_path / name, ignore=unwanted)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    flags = "-fsanitize=address,undefined"
    run(
        *(sys.executable, "zcprobe/native/build.py"),
        cwd=tmp_path,
        CFLAGS=" ".join([flags, *C_FLAGS]),
        LDFLAGS=flags,
        PYTHONPATH=str(tmp_path),
    )
    (library,) = (tmp_path / "zcprobe/native").glob("_core.*.so")
    assert b"__asan_report_load8" in library.read_bytes()
    return tmp_path


def test_the_core_s_tests_pass_under_address_and_undefined_behavior_sanitizer(instrumented: Path) -> None:
    """The interpreter is not instrumented, so the runtime is preloaded. The interpreter never frees everything, so
    leaks are not checked."""
    result = run(
        *(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *CORE_TESTS),
        cwd=instrumented,
        LD_PRELOAD=f"{find_runtime('libasan.so')} {find_runtime('libubsan.so')}",
        PYTHONPATH=str(instrumented),
        ASAN_OPTIONS="detect_leaks=0",
        UBSAN_OPTIONS="print_stacktrace=1",
    )
    assert re.search(r"\d+ passed", result.stdout), result.stdout
    assert "skipped" not in result.stdout, result.stdout
    assert "Sanitizer" not in result.stdout, result.stdout
    assert "runtime error" not in result.stdout, result.stdout


@pytest.mark.parametrize("sanitizer", ["thread", "address,undefined"])
def test_many_channels_and_their_sinks_in_one_process(sanitizer: str, tmp_path: Path) -> None:
    """Finds races and leaks. Runs in a new namespace, with little optmem if a namespace has its own limit, and without
    address randomization, because ThreadSanitizer needs some fixed addresses."""
    program = compile_program(tmp_path / "many_channels", sanitizer)
    set_up = "ip link set lo up && limit=/proc/sys/net/core/optmem_max && { [ ! -w $limit ] || echo 20480 >$limit; }"
    result = run("unshare", "--net", "sh", "-c", f"{set_up} && exec setarch --addr-no-randomize {program}")
    assert "Sanitizer" not in result.stdout, result.stdout
    assert len(result.stdout.splitlines()) == 6, result.stdout


def test_the_decoder_is_fuzzed(tmp_path: Path) -> None:
    """Coverage-guided fuzzing from one valid message of each family. Every check must have occurred, and the right one
    each time: the target compares each verdict with that of a second parser."""
    met = fuzz("notification", FUZZER_INPUTS, FUZZER_SEED, tmp_path)
    names = enum_names("zc_check", "ZC_CHECK_")
    assert {names[check] for check, count in met.items() if count} == {"none", "cmsg", "errno", "origin", "bounds"}


@pytest.mark.parametrize("name", ["sink", "btf"])
def test_what_reads_a_peer_s_bytes_and_a_kernel_s_types_is_fuzzed(name: str, tmp_path: Path) -> None:
    """A stream in pieces of any size gives the same result as when read as a whole. A search in type information that
    is circular or nameless ends."""
    met = fuzz(name, FEW_INPUTS, FUZZER_SEED, tmp_path)
    assert sum(count > 0 for count in met.values()) == FUZZERS[name].kinds
