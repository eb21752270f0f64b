# SPDX-License-Identifier: GPL-2.0-only
"""Headless Chromium, controlled over a pipe by the DevTools protocol (JSON messages that end in a zero byte)."""

import fcntl
import os
import select
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--remote-debugging-pipe",
)
_ANSWER_S = 60.0

Message = dict[str, Any]


class Browser:
    """One page. `events` are the protocol's events so far, in order."""

    def __init__(self, reading: int, writing: int) -> None:
        self._reading, self._writing = reading, writing
        self._buffer = b""
        self._sent = 0
        self._session: str | None = None
        self.events: list[Message] = []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def _receive(self) -> Message:
        deadline = time.monotonic() + _ANSWER_S
        while b"\0" not in self._buffer:
            ready, _, _ = select.select([self._reading], [], [], max(deadline - time.monotonic(), 0))
            assert ready, "chromium does not answer"
            data = os.read(self._reading, 1 << 20)
            assert data, "chromium has ended"
            self._buffer += data
        text, _, self._buffer = self._buffer.partition(b"\0")
        message: Message = msgspec.json.decode(text)
        return message

    def call(self, method: str, **parameters: Any) -> Message:
        self._sent += 1
        message: Message = {"id": self._sent, "method": method, "params": parameters}
        if self._session is not None:
            message["sessionId"] = self._session
        os.write(self._writing, msgspec.json.encode(message) + b"\0")
        while (answer := self._receive()).get("id") != self._sent:
            self.events.append(answer)
        assert "error" not in answer, answer
        result: Message = answer["result"]
        return result

    def open(self, url: str) -> None:
        """Opens a page and waits for it and its images; forgets the events of the previous page."""
        self.events.clear()
        answer = self.call("Page.navigate", url=url)
        assert "errorText" not in answer, answer
        while not any(event["method"] == "Page.loadEventFired" for event in self.events):
            self.events.append(self._receive())

    def evaluate(self, expression: str) -> Any:
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def resize(self, width: int, height: int, *, mobile: bool = False) -> None:
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=mobile)


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """Ends with the module, because other tests look at the children of this process."""
    program = shutil.which("chromium")
    assert program is not None, "chromium is missing: make browser"
    # the protocol's pipes are its descriptors 3 and 4; ours are moved away from these
    (to_read, to_write), (from_read, from_write) = os.pipe(), os.pipe()
    its_input, its_output = (fcntl.fcntl(fd, fcntl.F_DUPFD, 20) for fd in (to_read, from_write))
    os.close(to_read)
    os.close(from_write)
    profile: Path = tmp_path_factory.mktemp("profile")
    process = subprocess.Popen(
        [
            "bash",
            "-c",
            f'exec "$@" 3<&{its_input} 4>&{its_output}',
            "bash",
            program,
            *_FLAGS,
            f"--user-data-dir={profile}",
        ],
        pass_fds=(its_input, its_output),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(its_input)
    os.close(its_output)
    try:
        yield Browser(from_read, to_write)
    finally:
        # Chromium ends when its pipe is closed
        os.close(to_write)
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        os.close(from_read)
