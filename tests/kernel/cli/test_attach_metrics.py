# SPDX-License-Identifier: GPL-2.0-only
"""A real Prometheus asks an attachment to a real run; the dashboard's queries and the alerts answer."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import msgspec
import pytest

from tests.kernel.attach.conftest import Puppet, Start, start  # noqa: F401  # a fixture
from tests.prometheus import Prometheus, programs, running_prometheus

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="BPF needs root")

Command = Callable[..., "subprocess.CompletedProcess[str]"]
Begin = Callable[..., "subprocess.Popen[str]"]

_METRICS = Path(__file__).parents[3] / "docs" / "metrics"
_LONGEST_S = 100
_DEADLINE_S = 60.0
PRIME = 101


def _until(condition: Callable[[], Any]) -> Any:
    """What `condition` returns as soon as that is true; fails after a minute."""
    deadline = time.monotonic() + _DEADLINE_S
    while not (found := condition()):
        assert time.monotonic() < deadline
        time.sleep(0.2)
    return found


def _address_of(process: "subprocess.Popen[str]") -> str:
    """Where the metrics are, as zcprobe says."""
    assert process.stderr is not None
    found = re.search(r"http://(\S+)/metrics", process.stderr.readline())
    assert found is not None
    return found[1]


def _total(text: str, name: str) -> float:
    return sum(float(line.split()[-1]) for line in text.splitlines() if re.match(rf"{name}[ {{]", line))


def _end_run(watched: "subprocess.Popen[str]") -> None:
    (pid,) = map(int, Path(f"/proc/{watched.pid}/task/{watched.pid}/children").read_text().split())
    os.kill(pid, signal.SIGINT)


@pytest.fixture
def watched(start_zcprobe: Begin, tmp_path: Path) -> Iterator["subprocess.Popen[str]"]:
    """An attachment to a run of ours whose sender fills optmem."""
    run = [sys.executable, "-m", "zcprobe", "run", "--scenario", "held-completions", "--policy", "wait-progress", "-J"]
    limits = ["-t", str(_LONGEST_S), "--optmem", "20480", "--probe-level", "off", "--no-record"]
    metrics = ["--metrics-port", "0", "--metrics-file", str(tmp_path / "zcprobe.prom")]
    process = start_zcprobe("attach", "-f", "-j", "--detail", "causes", *metrics, "0.5", "--", *run, *limits)
    yield process
    if process.poll() is None:
        _end_run(process)


def test_the_queries_of_the_dashboard_and_the_alerts_answer_for_a_real_run(
    watched: "subprocess.Popen[str]", tmp_path: Path
) -> None:
    target = _address_of(watched)
    assert watched.stdout is not None
    with ThreadPoolExecutor(1) as reader, running_prometheus(tmp_path, target, _METRICS / "rules.yml") as server:
        output = reader.submit(watched.stdout.read)  # its lines on refused calls would fill the pipe
        _until(lambda: _sum(server, "zcprobe_attach_sends_total") > 0)
        _until(lambda: "ZerocopySenderDiagnosed" in server.firing())
        _until(lambda: _sum(server, "rate(zcprobe_attach_sends_total[5s])") > 0)
        for title, expression in _expressions():
            assert server.query(expression), title
        assert _sum(server, 'zcprobe_attach_enobufs_total{cause="optmem"}') > 0
        _end_run(watched)
        told = output.result(timeout=120)
        scraped = _sum(server, "max_over_time(zcprobe_attach_sends_total[5m])")
    lines = [msgspec.json.decode(line) for line in told.splitlines()]
    run = next(line for line in lines if "type" not in line)
    sockets = [one for one in lines[-1]["sockets"] if one["number"] is not None]
    seen = sum(one["sends"] for one in sockets)
    text = (tmp_path / "zcprobe.prom").read_text()
    assert _total(text, "zcprobe_attach_sends_total") == seen, sockets
    assert seen >= run["sender"]["sends"]  # calibration sends too
    assert 0 < scraped <= seen
    told_enobufs = sum(one["enobufs"] for one in sockets)
    assert _total(text, "zcprobe_attach_enobufs_total") == told_enobufs >= run["sender"]["enobufs_count"] > 0


def _sum(server: Prometheus, expression: str) -> float:
    return sum(float(series["value"][1]) for series in server.query(expression))


def _expressions() -> list[tuple[str, str]]:
    """(title of the panel, query) of each query of the dashboard."""
    dashboard = msgspec.json.decode((_METRICS / "dashboard.json").read_bytes())
    return [
        (panel["title"], target["expr"].replace("$__rate_interval", "5s"))
        for panel in dashboard["panels"]
        for target in panel["targets"]
    ]


def test_promtool_accepts_the_alerts_and_they_fire_when_they_should(tmp_path: Path) -> None:
    promtool = programs()[1]
    subprocess.run([promtool, "check", "rules", str(_METRICS / "rules.yml")], check=True)
    (tmp_path / "test.yml").write_text(_CASES.format(rules=_METRICS / "rules.yml"))
    result = subprocess.run([promtool, "test", "rules", "test.yml"], cwd=tmp_path, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr


_CASES = """\
rule_files: ["{rules}"]
evaluation_interval: 15s
tests:
  - interval: 15s
    input_series:
      - {{series: 'zcprobe_attach_enobufs_total{{comm="qemu", cause="optmem", instance="h"}}', values: '0x8 1x20'}}
      - {{series: 'zcprobe_attach_optmem_used_ratio{{comm="qemu"}}', values: '0.5x8 0.9x20'}}
      - {{series: 'zcprobe_attach_finding{{id="memlock"}}', values: '0x8 1x20'}}
      - {{series: 'zcprobe_attach_finding{{id="all-copied"}}', values: '1x28'}}
    promql_expr_test:
      - {{expr: 'count(ALERTS)', eval_time: 2m, exp_samples: []}}
      - expr: count by (alertname) (ALERTS{{alertstate="firing"}})
        eval_time: 4m
        exp_samples:
          - {{labels: '{{alertname="ZerocopySendsRefused"}}', value: 1}}
          - {{labels: '{{alertname="ZerocopyOptmemNearlyFull"}}', value: 1}}
          - {{labels: '{{alertname="ZerocopySenderDiagnosed"}}', value: 1}}
"""


@pytest.fixture
def puppet(start: Start) -> Puppet:  # noqa: F811
    made = start()
    made.do("open", "a")
    made.send("a", PRIME)
    return made


def test_one_look_writes_a_file_that_promtool_accepts(puppet: Puppet, zcprobe: Command, tmp_path: Path) -> None:
    for _ in range(2):  # the second takes the place of the first
        zcprobe("attach", "--once", "-p", str(puppet.pid), "--metrics-file", "look.prom")
    text = (tmp_path / "look.prom").read_text()
    checked = subprocess.run(
        [programs()[1], "check", "metrics"], input=text, capture_output=True, text=True, check=False
    )
    assert (checked.returncode, checked.stderr) == (0, "")
    assert _total(text, "zcprobe_attach_sends_total") == PRIME
    assert (tmp_path / "look.prom").stat().st_mode & 0o777 == 0o644


def test_labels_are_those_that_were_asked_for(puppet: Puppet, zcprobe: Command, tmp_path: Path) -> None:
    words = ("attach", "--once", "-p", str(puppet.pid), "--metrics-file", "look.prom")
    zcprobe(*words)
    assert str(puppet.pid) not in (tmp_path / "look.prom").read_text()
    zcprobe(*words, "--metrics-labels", "pid,remote")
    assert f'pid="{puppet.pid}",remote="127.0.0.1:' in (tmp_path / "look.prom").read_text()


def test_metrics_are_offered_on_loopback_only_and_the_port_is_free_afterwards(
    puppet: Puppet, start_zcprobe: Begin
) -> None:
    process = start_zcprobe("attach", "-p", str(puppet.pid), "--metrics-port", "0", "0.2", "5")
    host, _, port = _address_of(process).rpartition(":")
    assert host == "127.0.0.1"
    listening = Path(f"/proc/{process.pid}/net/tcp").read_text()
    assert f" 0100007F:{int(port):04X} " in listening
    assert f" 00000000:{int(port):04X} " not in listening
    with urlopen(f"http://{host}:{port}/metrics", timeout=10) as answer:
        assert answer.status == 200
    process.communicate(timeout=60)
    assert process.returncode == 0
    with socket.create_server((host, int(port))):
        pass


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (("--metrics-port", "70000"), 2, "--metrics-port '70000' is out of range"),
        (("--metrics-port", "0", "--once"), 2, "--once ends before anybody could ask a port"),
        (("--metrics-labels", "comm"), 2, "--metrics-labels has no effect alone"),
        (("--metrics-address", "::1"), 2, "--metrics-address has no effect alone"),
        (("--metrics-file", "a.prom", "--metrics-labels", "inode"), 2, "--metrics-labels does not know 'inode'"),
        (("--metrics-port", "0", "--metrics-address", "192.0.2.1"), 3, "cannot be used for metrics"),
        (("--metrics-file", "no/such/folder/a.prom"), 2, "choose another file with --metrics-file"),
    ],
)
def test_what_cannot_be_is_said_in_two_lines(
    words: tuple[str, ...], code: int, told: str, puppet: Puppet, zcprobe: Command
) -> None:
    result = zcprobe("attach", "-p", str(puppet.pid), *words, "0.1", "1")
    assert result.returncode == code
    assert told in result.stderr
    assert len(result.stderr.splitlines()) == 2
