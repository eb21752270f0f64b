# SPDX-License-Identifier: GPL-2.0-only
"""The seam between a channel and a way of sending."""

import errno
import re
from pathlib import Path

import pytest

from zcprobe.native import ffi, lib

CORE = Path(__file__).parents[3] / "zcprobe/native"
CALLS_OF_AN_ENGINE = re.compile(r"\bPOLL[A-Z]+|\b(?:poll|ppoll|sendmsg|recvmsg)\(|MSG_ZEROCOPY|MSG_ERRQUEUE|io_uring")
ABOVE = ("policy", "flush", "completions", "channel", "wait", "stall", "buffers", "traffic", "migration")


def test_the_error_queue_is_an_engine_and_an_unknown_name_is_not() -> None:
    assert lib.zc_find_engine(b"errqueue") != ffi.NULL
    assert lib.zc_find_engine(b"errqueu") == lib.zc_find_engine(b"") == ffi.NULL


def test_a_channel_without_an_engine_is_refused() -> None:
    config = ffi.new("struct zc_channel_config *", {"policy": lib.zc_find_policy(b"kill")})
    assert lib.zc_channel_open(config, ffi.new("struct zc_result *")) == ffi.NULL
    assert ffi.errno == errno.EINVAL


def test_what_an_engine_calls_is_found_in_the_engine() -> None:
    """So that the test below would find it elsewhere."""
    code = without_comments("engine_errqueue.c")
    assert {"POLLERR", "poll(", "sendmsg(", "recvmsg(", "MSG_ZEROCOPY"} <= set(CALLS_OF_AN_ENGINE.findall(code))


@pytest.mark.parametrize("name", ABOVE)
def test_above_the_seam_no_call_and_no_flag_of_an_engine_is_named(name: str) -> None:
    assert CALLS_OF_AN_ENGINE.findall(without_comments(f"{name}.c")) == []


def without_comments(name: str) -> str:
    """The C file with its comments removed, which may explain what an engine does."""
    return re.sub(r"/\*.*?\*/", "", (CORE / name).read_text(), flags=re.DOTALL)
