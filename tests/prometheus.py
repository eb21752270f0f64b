# SPDX-License-Identifier: GPL-2.0-only
"""Debian's Prometheus, run from where it was unpacked: nothing is installed into the host."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.parse import urlencode
from urllib.request import urlopen

import msgspec
import pytest

__all__ = ["Prometheus", "programs", "running_prometheus"]

_START_S = 60.0
_CONFIG = """\
global: {{scrape_interval: 500ms, evaluation_interval: 500ms}}
rule_files: [{rules}]
scrape_configs: [{{job_name: zcprobe, static_configs: [{{targets: ["{target}"]}}]}}]
"""


def _cache() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "zcprobe" / "prometheus"


def _unpacked() -> Path:
    """The folder with the programs, fetched with the host's own apt client. Skips the test where that fails."""
    folder = _cache() / "usr" / "bin"
    if folder.exists():
        return folder
    partial = _cache().with_name(f"prometheus.{os.getpid()}.partial")
    partial.mkdir(parents=True)
    try:
        get = ["apt-get", "-q", "--option=APT::Sandbox::User=root", "download", "prometheus"]
        subprocess.run(get, cwd=partial, capture_output=True, check=True, timeout=300)
        (package,) = partial.glob("*.deb")
        subprocess.run(["dpkg-deb", "-x", package, partial], check=True)
        package.unlink()
        if not folder.exists():
            partial.rename(_cache())
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        pytest.skip(f"no Prometheus here, and apt does not fetch Debian's: {error}")
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return folder


def programs() -> tuple[str, str]:
    """Paths of `prometheus` and `promtool`: the host's own, or those of Debian's package, which is unpacked once."""
    installed = shutil.which("prometheus"), shutil.which("promtool")
    if installed[0] and installed[1]:
        return installed[0], installed[1]
    folder = _unpacked()
    return str(folder / "prometheus"), str(folder / "promtool")


class Prometheus:
    """A running server."""

    def __init__(self, base: str) -> None:
        self._base = base

    def ask(self, path: str, **parameters: str) -> Any:
        """The member `data` of an answer of its API."""
        with urlopen(f"{self._base}/api/v1/{path}?{urlencode(parameters)}", timeout=10) as answer:
            content = msgspec.json.decode(answer.read())
        assert content["status"] == "success", content
        return content["data"]

    def query(self, expression: str) -> list[dict[str, Any]]:
        """The series of an instant query, each with `metric` and `value`."""
        series: list[dict[str, Any]] = self.ask("query", query=expression)["result"]
        return series

    def firing(self) -> set[str]:
        return {alert["labels"]["alertname"] for alert in self.ask("alerts")["alerts"] if alert["state"] == "firing"}

    def is_ready(self) -> bool:
        try:
            with urlopen(f"{self._base}/-/ready", timeout=10):
                return True
        except (URLError, ConnectionError):
            return False


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


@contextmanager
def running_prometheus(folder: Path, target: str, rules: Path) -> Iterator[Prometheus]:
    """A server that keeps its data in `folder`, asks `target` twice a second, and evaluates the alerts of `rules`."""
    config, address = folder / "prometheus.yml", f"127.0.0.1:{_free_port()}"
    config.write_text(_CONFIG.format(rules=rules, target=target))
    words = [programs()[0], f"--config.file={config}", f"--storage.tsdb.path={folder / 'data'}"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([*words, f"--web.listen-address={address}"], stdout=log, stderr=log)
    try:
        server, deadline = Prometheus(f"http://{address}"), time.monotonic() + _START_S
        while not server.is_ready():
            assert process.poll() is None, (folder / "log").read_text()
            assert time.monotonic() < deadline, "Prometheus does not become ready"
            time.sleep(0.1)
        yield server
    finally:
        process.terminate()
        process.wait(timeout=60)
