# SPDX-License-Identifier: GPL-2.0-only
"""A run's configuration as the C core's structs."""

from typing import Any

from zcprobe.config import RunConfig
from zcprobe.native import lib
from zcprobe.native.structs import enum_names
from zcprobe.policies import PolicyParameters
from zcprobe.workloads import PAGE_BYTES

__all__ = ["enum_value", "fill_channel_config", "fill_parameters", "fill_traffic"]


def enum_value(enum: str, prefix: str, name: str) -> int:
    """The value of the constant that the command line calls `name`: in lower case, with dashes for underscores."""
    return {text.replace("_", "-"): value for value, text in enum_names(enum, prefix).items()}[name]


def fill_parameters(target: Any, parameters: PolicyParameters) -> None:
    """Fills `struct zc_policy_parameters`."""
    for name in ("drain_every", "threshold_bytes", "max_in_flight", "reenable_after"):
        setattr(target, name, getattr(parameters, name))
    for name in ("resume_percent", "watermark_percent", "copy_above", "flush_once", "off_on_copied"):
        setattr(target, name, getattr(parameters, name))
    target.wait_ns = parameters.wait_ms * 1_000_000


def fill_channel_config(target: Any, config: RunConfig, flush_variant: str) -> None:
    """Fills `struct zc_channel_config`, but for what belongs to one socket: descriptor, number, limits, recorder."""
    target.policy = lib.zc_find_policy(config.policy.encode())
    target.engine = lib.zc_find_engine(b"errqueue")
    target.flush_variant = enum_value("zc_flush_variant", "ZC_FLUSH_", flush_variant)
    target.wait_for = enum_value("zc_wait_for", "ZC_WAIT_FOR_", config.wait_for)
    fill_parameters(target.parameters, config.parameters)
    target.deadline_ns = int(config.limit_s * 1e9)
    target.settle_ns = int(config.settle_s * 1e9)
    target.meminfo_interval_ns = config.meminfo_interval_ns
    target.zerocopy = config.zerocopy
    target.is_datagram = config.protocol == "udp"
    target.is_corked = config.socket.cork and config.is_tcp
    target.hugepages = config.buffers == "hugepages"
    target.cpu = config.affinity[0] if config.affinity else -1


def fill_traffic(target: Any, config: RunConfig) -> None:
    """Fills `struct zc_traffic`."""
    traffic = config.traffic
    target.model = enum_value("zc_model", "ZC_MODEL_", traffic.model)
    target.reuse = enum_value("zc_reuse", "ZC_REUSE_", traffic.reuse)
    target.write_count = config.send_count or 0
    target.duration_ns = int((config.duration_s or 0) * 1e9)
    target.size_count = len(config.sizes)
    for index, (size, weight) in enumerate(config.sizes):
        target.sizes[index], target.weights[index] = size, weight
    target.pacing_bps = 0 if config.is_tcp else config.socket.pacing_bps or 0
    target.header_bytes = traffic.header_length
    target.copy_below_bytes = traffic.copy_below_bytes
    target.page_bytes = PAGE_BYTES
    target.downtime_ns = traffic.downtime_ms * 1_000_000
    for name in ("seed", "pages_per_packet", "zero_percent", "max_rounds", "guest_bytes", "dirty_bytes_per_s"):
        setattr(target, name, getattr(traffic, name))
