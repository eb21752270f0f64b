# SPDX-License-Identifier: GPL-2.0-only
import numpy as np

from zcprobe.native import ffi
from zcprobe.native.structs import dtype_of, enum_names


def test_a_dtype_has_the_compilers_layout() -> None:
    event = ffi.new("struct zc_kernel_event *", {"lo": 7, "stack_id": -1, "kind": 3, "cpu": 1, "time_ns": 2**63})
    record = np.frombuffer(ffi.buffer(event), dtype_of("zc_kernel_event"))[0]
    assert (record["lo"], record["stack_id"], record["kind"], record["cpu"]) == (7, -1, 3, 1)
    assert record["time_ns"] == 2**63


def test_the_event_is_what_the_bpf_side_reserves() -> None:
    assert dtype_of("zc_kernel_event").itemsize == 80


def test_enums_are_named_as_in_the_header() -> None:
    assert enum_names("zc_outcome", "ZC_OUTCOME_")[1] == "dead_enobufs"
