# SPDX-License-Identifier: GPL-2.0-only
"""The C loops that send: their settings, and their results."""

from typing import Any, NamedTuple

from zcprobe.native import ffi, lib
from zcprobe.native.recorder import Recorder
from zcprobe.native.settings import fill_channel_config, fill_traffic
from zcprobe.native.status import require
from zcprobe.native.structs import struct_to_dict
from zcprobe.sender.buffers import room_hint
from zcprobe.sender.connection import Link
from zcprobe.wire import SenderTask

__all__ = ["LoopResult", "run_loops"]


class LoopResult(NamedTuple):
    """`members`: of struct zc_result. `latencies`: slot (`zc_latency_slot`) -> requests, of rpc traffic."""

    members: dict[str, int]
    latencies: dict[int, int]


def run_loops(
    task: SenderTask,
    links: list[Link],
    files: list[int],
    recorders: list[Recorder],
    charge_bytes: int,
    results: Any = None,
) -> list[LoopResult]:
    """What each connection's loop did, once all have ended.

    `files` are the files of the buffers; `recorders` has one for each connection, or is empty. `results`: an array of
    `struct zc_result` in which the loops count, if another process reads it. HostError if no loop can start.
    """
    config = task.config
    channels = ffi.new("struct zc_channel_config[]", len(links))
    if results is None:
        results = ffi.new("struct zc_result[]", len(links))
    latencies = [ffi.new("uint32_t[]", lib.ZC_LATENCY_SLOTS) for _ in links]
    traffic = ffi.new("struct zc_traffic *")
    fill_traffic(traffic, config)
    for number, link in enumerate(links):
        channel = channels[number]
        fill_channel_config(channel, config, task.flush_variant)
        channel.fd = link.data.fileno()
        channel.idle_ns, channel.ends_idle = int(task.idle_s * 1e9), task.ends_idle
        channel.channel = number
        channel.optmem_max_bytes = task.optmem_max_bytes
        channel.charge_bytes = charge_bytes
        channel.buffer_fd = files[number]
        channel.request_latencies = latencies[number]
        channel.recorder = recorders[number].handle if recorders else ffi.NULL
    status = lib.zc_sender_run(channels, results, len(links), traffic)
    require(status, "the sender cannot start", room_hint(config))
    return [
        LoopResult(
            struct_to_dict(ffi.addressof(results, number)),
            {slot: int(count) for slot, count in enumerate(own) if count},
        )
        for number, own in enumerate(latencies)
    ]
