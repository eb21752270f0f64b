# SPDX-License-Identifier: GPL-2.0-only
"""A sample as named values: the members of a line of JSON, and the columns of CSV."""

from zcprobe.attach.sampler import Sample

__all__ = ["sample_members"]


def sample_members(sample: Sample) -> dict[str, int | str | bool | None]:
    """One socket over one interval. Peaks are the highest of the looks of the interval, other levels are of its last
    look; `sends` and `bytes_sent` are those of the interval. docs/attach.md describes each."""
    history, look = sample.history, sample.history.look
    is_tcp = look.protocol_name == "tcp"
    return {
        "time_ns": sample.time_ns,
        "interval_ns": sample.interval_ns,
        "socket": history.number,
        "pid": history.pid,
        "fd": look.fd,
        "protocol": look.protocol_name,
        "local": look.local_text,
        "remote": look.remote_text,
        "state": look.state_name if history.is_open else "gone",
        "sends": sample.sends,
        "bytes_sent": sample.bytes_sent if is_tcp else None,
        "optmem_bytes": look.optmem_bytes,
        "optmem_peak_bytes": history.recent.optmem_bytes,
        "optmem_max_bytes": history.optmem_max_bytes,
        "charge_bytes": history.charge_bytes or None,
        "in_flight_peak_bytes": history.recent.in_flight_bytes,
        "unread_peak_bytes": history.recent.unread_bytes,
        "errqueue_depth": look.errqueue_depth,
        "errqueue_depth_max": history.recent.errqueue_depth,
        "tail_lo": look.tail_lo if look.has_tail else None,
        "tail_hi": look.tail_hi if look.has_tail else None,
    }
