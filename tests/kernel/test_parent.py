# SPDX-License-Identifier: GPL-2.0-only
"""The life that a run's child processes share: each of them says what keeps it from its task."""

import pytest

from zcprobe.child import Child
from zcprobe.config import RunConfig
from zcprobe.errors import HostError
from zcprobe.wire import SenderReady, SenderTask, SinkReady, SinkTask

pytestmark = pytest.mark.usefixtures("nothing_left")

TASKS = {
    "zcprobe.sink.process": SinkTask(address="127.0.0.1", port=0, netns_path="/run/netns/not-there"),
    "zcprobe.sender.process": SenderTask(
        address="127.0.0.1",
        port=1,
        config=RunConfig(),
        flush_variant="sticky",
        optmem_max_bytes=131072,
        netns_path="/run/netns/not-there",
    ),
}


@pytest.mark.parametrize("module", TASKS)
def test_a_namespace_that_is_gone_is_an_error_for_people(module: str) -> None:
    with Child(module, TASKS[module]) as child:
        with pytest.raises(HostError, match="network namespace /run/netns/not-there cannot be entered: No such file"):
            child.expect(SinkReady if "sink" in module else SenderReady, 20)
        child.wait()
        assert child.process.returncode == HostError.exit_code
